"""One item decoded and checked: its image, its mask as class indices, its boxes and polygons."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from segsweep.data.classes import NOT_ALLOWED, ClassTable
from segsweep.data.label_masks import pack
from segsweep.data.raw_item import Item
from segsweep.data.sample import Sample

SHOWN = 3  # problems of one kind about one image


def decode(item: Item, table: ClassTable, with_mask: bool) -> tuple[Sample | None, list[str]]:
    """Read an item's files.

    Args:
        item: from a reader.
        table: what the mask's values mean.
        with_mask: whether the task needs a mask.

    Returns:
        The sample, None where image or mask cannot be used; and all problems about the item.
    """
    problems = list(item.problems)
    image = _read(item, item.image, problems, _read_image)
    channels = _channels(item, table, problems) if with_mask else []
    if image is None or any(values is None for _, values in channels):
        return None, problems
    height, width = image.shape[:2]
    boxes = np.array(item.boxes, np.float32).reshape(-1, 4)
    polygons = [np.asarray(points, np.float32) for points in item.polygons]
    problems += _check_boxes(item, boxes, height, width) + _check_polygons(item, polygons, height, width)
    masks = [_indices(where, values, image.shape[:2], table, problems) for where, values in channels]
    if any(mask is None for mask in masks):
        return None, problems
    mask = (pack(masks) if table.by_label else masks[0]) if with_mask else None
    labels = np.array(item.labels, np.int64)
    ignored = np.array(item.ignored if len(item.ignored) else [False] * (len(polygons) or len(boxes)), bool)
    return Sample(image, mask, boxes, labels, polygons, ignored), problems


def _read(
    item: Item, source: Path | np.ndarray | None, problems: list[str], load: Callable[[Path], np.ndarray]
) -> np.ndarray | None:
    if isinstance(source, np.ndarray):
        return source
    if source is None:
        problems.append(f"{item.location}: {item.name!r} has no mask, and the task needs one. Add it.")
        return None
    named = f", though {item.location} names {item.name!r}" if item.location else ""
    if not source.is_file():
        problems.append(f"{source}: no such file{named}. Add it, or take the name out of the list.")
        return None
    try:
        return load(source)
    except Exception as error:  # Pillow raises errors of many kinds on broken files
        problems.append(
            f"{source}: cannot be used as an image ({error}){named}. "
            "Replace the file, or take the name out of the list."
        )
        return None


def _read_image(path: Path) -> np.ndarray:
    """uint8 (H, W, 3)."""
    with Image.open(path) as image:
        image.load()
        return _rgb(image)


def _read_mask(path: Path) -> np.ndarray:
    """The values as they stand in the file: (H, W) of an image, any shape of a .npy file."""
    if path.suffix == ".npy":
        return _whole_numbers(np.load(path, allow_pickle=False))
    with Image.open(path) as image:
        image.load()
        return _values(image)


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"mode {image.mode}: more than 8 bits a channel; convert it to 8 bits")
    return np.asarray(image.convert("RGB"))


def _values(image: Image.Image) -> np.ndarray:
    """The values of a mask as they stand in the file: of a palette the indices, not the colours."""
    values = np.asarray(image)
    if values.ndim == 3:
        if (
            image.mode not in ("RGB", "LA", "RGBA")
            or (values[..., :1] != values[..., : 3 - (image.mode == "LA") * 2]).any()
        ):
            raise ValueError(f"mode {image.mode}: a mask has one channel of class values, not colours")
        values = values[..., 0]
    return values.astype(np.uint8) if values.dtype == bool else values


def _whole_numbers(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind not in "biu":
        raise ValueError(f"type {values.dtype}: a mask holds whole numbers")
    return values


def _channels(item: Item, table: ClassTable, problems: list[str]) -> list[tuple[str | Path, np.ndarray | None]]:
    """Where it stands, and (H, W) of values as in the files: of the one mask, or of the mask of each label."""
    if isinstance(item.mask, list):
        return [(path, _read(item, path, problems, _read_mask)) for path in item.mask]
    where = item.mask if isinstance(item.mask, Path) else f"mask of {item.name}"
    values = _read(item, item.mask, problems, _read_mask)
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


def _indices(
    where: str | Path, values: np.ndarray, size: tuple[int, int], table: ClassTable, problems: list[str]
) -> np.ndarray | None:
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim != 2:
        problems.append(
            f"{where}: an array of the shape {values.shape}; a mask is (height, width) or (height, width, 1). "
            "Write it again."
        )
        return None
    if values.shape != tuple(size):
        problems.append(
            f"{where}: {values.shape[1]}x{values.shape[0]} pixels, its image has {size[1]}x{size[0]} "
            "(width x height). A mask has the size of its image; export it again without resizing."
        )
        return None
    of_value = np.array(table.index, np.int16)
    if values.dtype == np.uint8:
        indices = of_value[values]
    else:
        inside = (values >= 0) & (values <= 255)
        indices = np.where(inside, of_value[np.clip(values, 0, 255)], NOT_ALLOWED)
    bad = indices == NOT_ALLOWED
    if bad.any():
        wrong = np.unique(values[bad])
        for value in wrong[:SHOWN]:
            rows, columns = np.nonzero(values == value)
            problems.append(
                f"{where}: value {value} at row {rows[0]}, column {columns[0]} ({len(rows)} pixels) is no class "
                f"and not void; allowed: {table.allowed}. Correct the mask, or add the value to `classes` or `void`."
            )
        if len(wrong) > SHOWN:
            problems.append(f"{where}: {len(wrong) - SHOWN} more values that are not allowed, up to {wrong[-1]}.")
        return None
    return indices.astype(np.uint8)


def _check_boxes(item: Item, boxes: np.ndarray, height: int, width: int) -> list[str]:
    where = item.labels_file or item.location or item.name
    problems = []
    for number, (left, top, right, bottom) in enumerate(boxes.tolist(), 1):
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            kind = "is empty" if right <= left or bottom <= top else "reaches outside of the image"
            problems.append(
                f"{where}: box {number} of {item.name!r} {kind}: left {left:g}, top {top:g}, right {right:g}, bottom "
                f"{bottom:g} (from 0, right and bottom exclusive); the image has {width}x{height} pixels. "
                "Correct the box."
            )
    return problems


def _check_polygons(item: Item, polygons: list[np.ndarray], height: int, width: int) -> list[str]:
    where = item.labels_file or item.location or item.name
    problems = []
    for number, points in enumerate(polygons, 1):
        beyond = (points.min(0) >= (width, height)).any() or (points.max(0) <= 0).any()
        if len(points) < 3 or not np.isfinite(points).all() or beyond:
            problems.append(
                f"{where}: polygon {number} of {item.name!r} has fewer than three corners or lies outside of the "
                f"image of {width}x{height} pixels: {np.round(points, 1).tolist()}. Correct or delete it."
            )
    return problems
