"""One item decoded and checked: its image, its mask as class indices, its boxes and polygons."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from segsweep.data.classes import ClassTable
from segsweep.data.file_kinds import not_a_file
from segsweep.data.image_arrays import as_stored
from segsweep.data.image_files import read_image
from segsweep.data.image_files.image_file import DEFAULT, Reading
from segsweep.data.image_names import not_a_name
from segsweep.data.label_checks import check_boxes, check_polygons, check_size
from segsweep.data.label_masks import pack
from segsweep.data.mask_classes import class_indices, class_mask
from segsweep.data.mask_files import read_mask
from segsweep.data.raw_item import Item
from segsweep.data.sample import Sample
from segsweep.data.void import VOID
from segsweep.errors import InputError


def decode(
    item: Item, table: ClassTable, with_mask: bool, reading: Reading = DEFAULT
) -> tuple[Sample | None, list[str]]:
    """Read an item's files.

    Args:
        item: from a reader.
        table: what the mask's values mean.
        with_mask: whether the task needs a mask.
        reading: what the data set's file says of its images.

    Returns:
        The sample, None where image or mask cannot be used; and all problems about the item.
    """
    problems = list(item.problems)
    if wrong := not_a_name(item.name):
        return None, [*problems, f"{item.location!a}: the name {item.name!a} {wrong}. Rename the file."]
    if _lacks_labels_file(item):
        problems.append(
            f"{item.labels_file}: no such file; each image of the lists needs one (empty if there is nothing on "
            "it). Add it, or leave the image out."
        )
    image = _image(item, reading, problems)
    size = None if image is None else image.shape[:2]
    if size and (found := check_size(item, *size, reading)):
        if item.size_binds:
            return None, [*problems, *found]
        item.warnings.append("the annotation says another size than the image has; look whether its boxes fit")
    # Without the image, its ground truth is looked at all the same; what is drawn needs a size.
    drawn, channels = size or item.size or (), []
    if with_mask and (drawn or not callable(item.mask)):
        channels = _channels(item, drawn, table, reading, problems)
    if image is None or any(values is None for _, values in channels):
        return None, problems
    height, width = size
    boxes = item.boxes(height, width) if callable(item.boxes) else item.boxes
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    polygons = [np.asarray(points, np.float32) for points in item.polygons]
    problems += check_boxes(item, boxes, height, width) + check_polygons(item, polygons, height, width)
    mask = _mask(channels, size, table, problems) if with_mask else None
    if mask is None and with_mask:
        return None, problems
    labels = np.array(item.labels, np.int64)
    ignored = np.array(item.ignored if len(item.ignored) else [False] * (len(polygons) or len(boxes)), bool)
    return Sample(image, mask, boxes, labels, polygons, ignored), problems


def decode_unlabeled(
    item: Item, table: ClassTable, with_mask: bool, reading: Reading = DEFAULT
) -> tuple[Sample | None, list[str]]:
    """As `decode`, of an item whose ground truth is hidden: only the image is read, and all of its mask is void."""
    sample, problems = decode(replace(item, mask=None, labels_file=None), table, False, reading)
    if sample is not None and with_mask:
        sample.mask = np.full(sample.size, VOID, np.uint8)
    return sample, problems


def _lacks_labels_file(item: Item) -> bool:
    return item.labels_file is not None and not item.labels_file.is_file()


def _image(item: Item, reading: Reading, problems: list[str]) -> np.ndarray | None:
    where = item.image_place

    def load(source: Path | bytes) -> np.ndarray:
        return read_image(source, reading, item.warnings, where)

    found = _read(item, item.image, problems, load)
    if found is None:
        return None
    try:
        return as_stored(found, reading.channels, where)
    except InputError as error:
        problems += error.problems
        return None


def _read(
    item: Item,
    source: Path | np.ndarray | Callable | None,
    problems: list[str],
    load: Callable[[Path | bytes], np.ndarray],
    *size: int,
) -> np.ndarray | None:
    """The source itself, what it gives when it is called, or what `load` makes of a file or its content."""
    if isinstance(source, np.ndarray):
        return source
    if source is None:
        if not _lacks_labels_file(item):
            problems.append(f"{item.location}: {item.name!r} has no mask, and the task needs one. Add it.")
        return None
    named, left_out = _named(item, source)
    if isinstance(source, Path) and (wrong := not_a_file(source)):
        problems.append(f"{source}: {wrong}{named}. Correct the name, put the file there, or {left_out}.")
        return None
    try:
        found = source(*size) if callable(source) else source
        return found if isinstance(found, np.ndarray) else load(found)
    except InputError as error:
        problems += error.problems
    except Exception as error:  # Pillow raises errors of many kinds on broken files
        where = source if isinstance(source, Path) else item.labels_place
        problems.append(f"{where}: cannot be used as an image ({error}){named}. Replace the file, or {left_out}.")
    return None


def _named(item: Item, source: Path | Callable) -> tuple[str, str]:
    """By what a file of an item is asked for, and how the item is left out."""
    if item.location and item.location != str(item.image):
        return f", though {item.location} names {item.name!r}", "take the name out there"
    return ("" if source is item.image else f", as the mask of {item.image_place}"), "remove the image"


def _mask(
    channels: list[tuple[str | Path, np.ndarray]], size: tuple[int, int], table: ClassTable, problems: list[str]
) -> np.ndarray | None:
    """uint8 (H, W): the one mask, or the masks of all labels or classes as one; None where one cannot be used."""
    masks = [class_indices(where, values, size, table, problems) for where, values in channels]
    if any(mask is None for mask in masks):
        return None
    if table.class_of_file:
        return class_mask([where for where, _ in channels], masks, table, problems)
    return pack(masks) if table.by_label else masks[0]


def _channels(
    item: Item, size: tuple[int, ...], table: ClassTable, reading: Reading, problems: list[str]
) -> list[tuple[str | Path, np.ndarray | None]]:
    """Where it stands, and (H, W) of values as in the files: of the one mask, or of the mask of each label."""
    load = partial(read_mask, palette=table.palette, turned=reading.orientation == "exif")
    if isinstance(item.mask, list):
        return [(path, _read(item, path, problems, load)) for path in item.mask]
    where = item.mask if isinstance(item.mask, Path) else item.labels_place
    values = _read(item, item.mask, problems, partial(load, where=where), *size)
    if not table.by_label:
        return [(where, values)]
    if values is not None and (values.ndim != 3 or values.shape[2] != len(table.names)):
        problems.append(
            f"{where}: an array of the shape {values.shape}; of {len(table.names)} labels it is (height, width, "
            f"{len(table.names)}), in the order {', '.join(table.names)}. Write it again."
        )
        values = None
    if values is None:
        return [(where, None)]
    return [(f"{where} ({name})", values[..., i]) for i, name in enumerate(table.names)]
