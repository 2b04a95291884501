"""Preparation: every file of a data set decoded and checked once, for all cells of all studies."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.config.dataset_keys import Dataset
from segsweep.config.split_keys import POOL, RandomSplits
from segsweep.config.train import Data
from segsweep.data import patches
from segsweep.data.classes import ClassTable, class_table
from segsweep.data.decoding import decode, decode_unlabeled
from segsweep.data.drawn_splits import deal_out, far_from_asked
from segsweep.data.duplicates import Signature, check_duplicates, signature
from segsweep.data.groups import assign_groups, groups_of_one
from segsweep.data.hidden_labels import unlabeled_splits
from segsweep.data.image_arrays import disagreement, fill_of
from segsweep.data.image_files.image_file import Reading
from segsweep.data.prepared import FORMAT, MANIFEST
from segsweep.data.raw_item import Item
from segsweep.data.readers import read
from segsweep.data.sample import Sample, resized, window
from segsweep.data.split_checks import NEEDED, check_classes, check_groups, check_splits, enlarged, hidden, odd_images
from segsweep.data.split_writer import SplitWriter
from segsweep.errors import InputError

AHEAD = 4  # images decoded ahead, for each worker


def prepare(
    dataset: Dataset, root: Path, data: Data | None, output: Path, fingerprint: str, *, workers: int = 1
) -> dict[str, Any]:
    """Prepare a data set: memory-mapped arrays, an index and a manifest with checksums (see `prepared`).

    The folder appears under its name only when it is complete.

    Args:
        dataset: what the files mean.
        root: folder of the data set.
        data: `image_size` or `patches` are applied here; None for the images as they are.
        output: folder to make; one that exists is replaced.
        fingerprint: of the data, kept in the manifest.
        workers: threads that decode.

    Returns:
        The manifest.

    Raises:
        InputError: with all that is wrong in the whole data set.
    """
    table = class_table(dataset)
    items = read(dataset, Path(root))
    assign_groups(dataset, Path(root), items)
    if POOL in items:
        samples = (sample for _, sample, *_ in _decoded(items[POOL], table, dataset, True, workers))
        items = deal_out(dataset, table, items[POOL], samples)
    part = output.with_name(output.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        manifest = _write(dataset, table, items, data or Data(), part, workers)
        manifest["fingerprint"] = fingerprint
        (part / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        if output.exists():
            shutil.rmtree(output)
        part.rename(output)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return manifest


def _write(
    dataset: Dataset, table: ClassTable, items: dict[str, list[Item]], data: Data, folder: Path, workers: int
) -> dict[str, Any]:
    unlabeled = unlabeled_splits(items)
    seen = _Seen(check_splits(dataset, items) + check_groups(items, unlabeled))
    files, splits, writers = {}, {}, {}
    for split, members in items.items():
        writer = SplitWriter(folder, split, len(table.names), dataset.task != "text", table.by_label)
        decoded = _decoded(members, table, dataset, split not in unlabeled, workers)
        splits[split] = _write_split(writer, decoded, data, seen) | ({"labeled": False} if split in unlabeled else {})
        files |= writer.close()
        writers[split] = writer
    problems = seen.problems
    found, warnings = check_duplicates(seen.signatures, unlabeled, dataset.allow_duplicates)
    problems += disagreement(seen.first_of) + found
    if not problems:
        counted = {split: splits[split]["objects"] for split in NEEDED}
        problems, found = check_classes(dataset, table, writers, counted)
        warnings += [*odd_images(items), *groups_of_one(items), *found, *enlarged(splits, data), *hidden(unlabeled)]
        if isinstance(dataset.splits, RandomSplits):
            warnings += far_from_asked(dataset, items)
    if problems:
        raise InputError(*dict.fromkeys(problems))  # the slices of a volume have the same ones
    ((channels, dtype),) = seen.first_of
    return {
        "format": FORMAT,
        "dataset": dataset.name,
        "task": dataset.task,
        "num_classes": len(table.names),
        "channels": channels,
        "dtype": dtype,
        "scale": writers["train"].statistics.scale(),
        "bounds": writers["train"].statistics.bounds().tolist(),
        "settings": data.model_dump(mode="json", include={"image_size", "patches"}),
        "statistics": _statistics(writers["train"]),
        "splits": splits,
        "files": files,
        "warnings": warnings,
    }


@dataclass
class _Seen:
    """What the images of all splits together are checked by.

    Attributes:
        problems: of splits and images so far.
        signatures: of the images of each split.
        first_of: where the first image of each number of channels and type of values stands.
    """

    problems: list[str]
    signatures: dict[str, list[tuple[Item, Signature]]] = field(default_factory=dict)
    first_of: dict[tuple[int, str], str] = field(default_factory=dict)


def _write_split(writer: SplitWriter, decoded: Iterator, data: Data, seen: _Seen) -> dict[str, Any]:
    """Write the images of a split, as long as nothing is wrong; its entry in the manifest."""
    objects, scales, groups, sizes = 0, [], [], []
    signatures = seen.signatures.setdefault(writer.split, [])
    for item, sample, problems, one in decoded:
        seen.problems += problems
        if one is not None:
            signatures.append((item, one))
        if sample is None:
            continue
        seen.first_of.setdefault((sample.image.shape[2], sample.image.dtype.name), item.image_place)
        if seen.problems or len(seen.first_of) > 1:
            continue
        objects += len(sample.labels) + int((~sample.ignored[: len(sample.polygons)]).sum())
        if data.patches is not None:
            scales.append(patches.scale(*sample.size, data.patches.page_size))
        for name, piece, *patch in _pieces(item, sample, data):
            writer.add(name, piece, *patch)
            groups.append(item.group)
            sizes.append(piece.size)
    entry = {"names": writer.names, "pages": None, "objects": objects}
    if any(writer.pages):
        entry |= {"pages": writer.pages, "enlarged": [scale for scale in scales if scale > 1]}
    if sizes:
        entry["largest"] = [max(sides) for sides in zip(*sizes, strict=True)]
    return entry | ({"groups": groups} if any(groups) else {})


def _decoded(items: list[Item], table: ClassTable, dataset: Dataset, labeled: bool, workers: int) -> Iterator:
    """(item, sample, problems, signature) in order; only a few images are held in memory."""
    how, reading = decode if labeled else decode_unlabeled, Reading.of(dataset)

    def decoded(item: Item) -> tuple:
        sample, problems = how(item, table, dataset.task != "text", reading)
        return item, sample, problems, None if sample is None else signature(sample.image)

    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        step = AHEAD * max(1, workers)
        for first in range(0, len(items), step):
            yield from pool.map(decoded, items[first : first + step])


def _pieces(item: Item, sample: Sample, data: Data) -> Iterator[tuple]:
    """What `SplitWriter.add` takes of what becomes of an image: itself, resized, or patches."""
    if data.patches is None:
        yield item.name, resized(sample, *data.image_size) if data.image_size else sample, None
        return
    size, overlap = data.patches.size, data.patches.overlap
    height, width = patches.page_size(*sample.size, data.patches.page_size)
    sample = resized(sample, height, width)
    fill = fill_of(sample.image)
    for y, x in patches.corners(height, width, size, overlap):
        page = {"page": item.name, "y": y, "x": x, "height": height, "width": width}
        name, patch = f"{item.name}_y{y:04d}_x{x:04d}", window(sample, y, x, size, size, fill)
        yield name, patch, page, patches.own_pixels(page, overlap)


def _statistics(train: SplitWriter) -> dict[str, Any]:
    """Mean and deviation of the training images by channel, and pixels by class."""
    mean, deviation = train.statistics.mean_and_std()
    return {
        "mean": mean.tolist(),
        "std": deviation.tolist(),
        "pixel_counts": np.sum(train.class_counts, axis=0).tolist(),
    }
