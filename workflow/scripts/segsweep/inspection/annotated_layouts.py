"""Layouts of annotation tools and exports: COCO, YOLO, LabelMe, CVAT, and Parquet files of images and masks."""

import json
import os
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import yaml
from PIL import Image

from segsweep.errors import InputError
from segsweep.inspection import split_layouts
from segsweep.inspection.file_tree import FileTree
from segsweep.inspection.guess import Guess
from segsweep.inspection.mask_values import classes_of, counted
from segsweep.inspection.path_patterns import Pattern, patterns_of, splits_of

MOST_READ = 200  # annotations of which labels are taken, where each image has its own
MOST_BYTES = 300_000_000  # of a file that is read as a whole
# A part of a path that names a split: train, val2017, instances_train.
SPLIT_PART = re.compile(r"(?<![A-Za-z])(train|training|val|valid|validation|test)(\d{4})?(?![A-Za-z0-9])")
MASK_COLUMNS = ("mask", "label", "annotation", "segmentation", "semantic_segmentation", "labels", "masks")
BACKGROUND = "background"
LINES = Guess({"line_width": 3}, {"line_width": "lines were found; how wide they are, in pixels"})


def coco(tree: FileTree) -> Guess | None:
    """COCO JSON: a file for each split (COCO, Roboflow), or one for all images."""
    found = {path: content for path in tree.with_suffix(".json")[:MOST_READ] if (content := _coco(tree.root / path))}
    if not found:
        return None
    by_pattern: dict[str, dict[str, PurePosixPath]] = {}
    for path in found:
        pattern, token = _with_split(str(path))
        by_pattern.setdefault(pattern, {})[token] = path
    pattern, files = max(by_pattern.items(), key=lambda item: len(item[1]))
    splits = split_layouts.of_folders(files, _split_of)
    if splits is None:  # without a file of validation images one file is taken, and splits are drawn
        pattern = str(next(iter(files.values())))
        names = {PurePosixPath(str(image.get("file_name"))).stem for image in found[PurePosixPath(pattern)]["images"]}
        splits = split_layouts.guessed(tree, names)
    path = next(iter(files.values()))
    some = next((str(image.get("file_name")) for image in found[path]["images"]), "")
    folder = tree.folder_of(some, near=path.parent)
    keys = {"reader": "coco", "annotations": pattern}
    if folder is not None:
        keys["images"] = _with_split(folder)[0] if "{split}" in pattern else folder
    labels, unused = _coco_labels(found.values())
    meaning, said = _classes(labels)
    if unused:
        said[next(iter(said))] += f"; left out, as without annotations: {', '.join(unused)}"
    return Guess(keys | splits.keys | meaning, splits.comments | said)


def yolo(tree: FileTree) -> Guess | None:
    """YOLO segmentation: a YAML file that names classes and folders, labels in text files."""
    for path in tree.with_suffix(".yaml", ".yml"):
        content = _yaml(tree.root / path)
        names = content.get("names") if isinstance(content, dict) else None
        if not isinstance(names, dict | list) or "train" not in content:
            continue
        labels = names.values() if isinstance(names, dict) else names
        there = [split for split in ("train", "val", "test") if content.get(split)]
        splits = Guess({"splits": {"folders": there}}) if "val" in there else split_layouts.drawn()
        meaning, said = _classes(dict.fromkeys(map(str, labels)))
        return Guess({"reader": "yolo", "data": str(path)} | splits.keys | meaning, splits.comments | said)
    return None


def labelme(tree: FileTree) -> Guess | None:
    """LabelMe: a JSON file with shapes for each image."""
    contents = {}
    for path in tree.with_suffix(".json")[:MOST_READ]:
        content = _json(tree.root / path)
        if isinstance(content, dict) and isinstance(content.get("shapes"), list):
            contents[path] = content
    if not contents:
        return None
    patterns = [one for one in patterns_of(tree.with_suffix(".json")) if set(one.paths.values()) & set(contents)]
    annotations = patterns[0] if len(patterns) == 1 or patterns[0].splits else _of_all_folders(patterns)
    splits, fill = splits_of(tree, annotations)
    shapes = [shape for content in contents.values() for shape in content["shapes"] if isinstance(shape, dict)]
    meaning, said = _classes(dict.fromkeys(str(shape.get("label")) for shape in shapes))
    keys: dict[str, Any] = {"reader": "labelme", "annotations": fill(annotations.text)}
    if any(shape.get("shape_type") in ("line", "linestrip") for shape in shapes):
        keys |= LINES.keys
        said |= LINES.comments
    return Guess(keys | splits.keys | meaning, splits.comments | said)


def _of_all_folders(patterns: list[Pattern]) -> Pattern:
    """The pattern of files in several folders, whose names begin with the folder then: `p1/a`."""
    paths = [path for one in patterns for path in one.paths.values()]
    folder = PurePosixPath(os.path.commonpath([path.parent for path in paths]))
    named = {("", str(path.relative_to(folder).with_suffix(""))): path for path in paths}
    return Pattern(str(folder / f"{{name}}{paths[0].suffix}"), named)


def cvat(tree: FileTree) -> Guess | None:
    """CVAT for images: one XML file with the shapes of all images."""
    for path in tree.with_suffix(".xml"):
        images, labels, lines = _cvat(tree.root / path)
        if not images:
            continue
        name, subset = next(iter(images.items()))
        folder = tree.folder_of(name, near=path.parent)
        splits = split_layouts.of_folders(dict.fromkeys(images.values()))
        if splits is None:
            splits = split_layouts.guessed(tree, {str(PurePosixPath(name).with_suffix("")) for name in images})
        elif folder is not None and PurePosixPath(folder).name == subset:
            folder = str(PurePosixPath(folder).with_name("{split}"))
        keys: dict[str, Any] = {"reader": "cvat", "annotations": str(path)}
        if folder is not None:
            keys["images"] = folder
        meaning, said = _classes(labels)
        if lines:
            keys |= LINES.keys
            said |= LINES.comments
        return Guess(keys | splits.keys | meaning, splits.comments | said)
    return None


def parquet(tree: FileTree) -> Guess | None:
    """Parquet files of images and masks, as the Hugging Face Hub has them."""
    files = tree.with_suffix(".parquet")
    if not files:
        return None
    import pyarrow.parquet

    try:
        names = pyarrow.parquet.read_schema(tree.root / files[0]).names
    except (OSError, ValueError) as error:
        raise InputError(f"{tree.root / files[0]}: cannot be read as Parquet ({error}). Replace the file.") from error
    mask = next((name for name in MASK_COLUMNS if name in names), None)
    if "image" not in names or mask is None:
        return None
    by_split: dict[str, PurePosixPath] = {}
    for path in files:
        if match := SPLIT_PART.search(path.name):
            by_split.setdefault(match[0], path)
    splits = split_layouts.of_folders(by_split, _split_of)
    if splits is None:
        splits = split_layouts.drawn()
        shards = str(files[0].parent / "*.parquet")
    else:
        shards = str(files[0].parent / "{split}-*.parquet")
    found: Counter = Counter()
    table = next(pyarrow.parquet.ParquetFile(tree.root / files[0]).iter_batches(batch_size=8, columns=[mask]))
    for value in table.column(mask).to_pylist():
        encoded = value.get("bytes") if isinstance(value, dict) else value
        if isinstance(encoded, bytes):
            try:
                with Image.open(BytesIO(encoded)) as image:
                    counted(np.asarray(image), found)
            except (OSError, ValueError):
                continue  # the look at the data set that follows names the row
    meaning, said = classes_of(found)
    keys = {"reader": "parquet", "shards": shards, "image": "image", "mask": mask}
    return Guess(keys | splits.keys | meaning, splits.comments | said)


def _classes(labels: Iterable[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Keys that say what labels mean, and a comment on them."""
    names = [label for label in labels if label != BACKGROUND]
    keys: dict[str, Any] = {"task": "binary" if len(names) == 1 else "multiclass"}
    keys["classes"] = dict(enumerate([BACKGROUND, *names]))
    if len(names) == 1:
        keys["foreground"] = names[0]
    said = "the labels that were found; what is no class goes into background_labels or void_labels"
    return keys, {"classes": said}


def _with_split(path: str) -> tuple[str, str]:
    """A path with {split} for what names its split, and that; the path itself where nothing does."""
    match = SPLIT_PART.search(path)
    return (path.replace(match[0], "{split}"), match[0]) if match else (path, "")


def _split_of(token: str) -> str | None:
    """The split that `val2017` means."""
    return split_layouts.SPLIT_OF.get(re.sub(r"\d+$", "", token))


def broken_json(tree: FileTree) -> list[PurePosixPath]:
    """Files that are called JSON, but cannot be read as such."""
    return [path for path in tree.with_suffix(".json")[:MOST_READ] if _json(tree.root / path) is None]


def _json(path: Path) -> Any:
    """The content of a JSON file; None where it is none, or too large to be read for a guess."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig")) if path.stat().st_size <= MOST_BYTES else None
    except (OSError, ValueError, RecursionError):
        return None


def _coco(path: Path) -> dict[str, list[dict[str, Any]]] | None:
    """The lists of a COCO file; what in them is no mapping is left for the reader to refuse."""
    content = _json(path)
    keys = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in keys):
        return None
    return {key: [one for one in content[key] if isinstance(one, dict)] for key in keys}


def _coco_labels(contents: Iterable[dict[str, Any]]) -> tuple[dict[str, None], list[str]]:
    """The names of categories that have annotations, and those of the others (Roboflow adds one above all)."""
    names, used = {}, set()
    for content in contents:
        by_id = {str(one.get("id")): str(one.get("name")) for one in content["categories"]}
        names |= dict.fromkeys(by_id.values())
        used |= {by_id.get(str(one.get("category_id"))) for one in content["annotations"]}
    if not used & set(names):  # nothing is annotated yet
        return names, []
    return {name: None for name in names if name in used}, [name for name in names if name not in used]


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None


def _cvat(path: Path) -> tuple[dict[str, str], dict[str, None], bool]:
    """Subsets of images by name, labels of shapes, and whether there are lines; nothing where it is no such file."""
    images, labels, lines = {}, {}, False
    try:
        for event, element in ElementTree.iterparse(path, events=("start", "end")):
            if event == "start" and element.tag == "image" and element.get("name"):
                images[element.get("name")] = element.get("subset", "")
            elif event == "end" and images and element.get("label") and element.tag != "tag":
                labels[element.get("label")] = None
                lines = lines or element.tag == "polyline"
            if event == "end" and element.tag == "image":
                element.clear()
    except (OSError, ElementTree.ParseError):
        return {}, {}, False
    return images, labels, lines
