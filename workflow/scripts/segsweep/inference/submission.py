"""Predictions as files that the evaluation of a task takes: masks as PNG or GeoTIFF, boxes as VOC's lists, text as
ICDAR's zip."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from segsweep.data.classes import ClassTable
from segsweep.data.label_masks import unpack
from segsweep.data.palettes import color_of
from segsweep.inference.image_writing import save_geotiff
from segsweep.io import write_bytes
from segsweep.text.geometry import rotated_box

NO_TAGS: Mapping[str, Any] = {}
NO_DATE = (1980, 1, 1, 0, 0, 0)  # the same predictions give the same bytes

Shape = tuple[int, int]  # height, width
Tags = Mapping[int, tuple]  # GeoTIFF tags, see `segsweep.data.image_files.geo_tags`


def class_numbers(table: ClassTable) -> np.ndarray:
    """uint8 (C,): the number of each class in the data set's `classes`."""
    return np.array([table.index.index(position) for position in range(len(table.names))], np.uint8)


def values_of(table: ClassTable) -> np.ndarray:
    """What stands for each class in the data set's own masks; of several values or colors the first.

    Returns:
        (C,) uint8, or uint16 of a palette that needs it; (C, 3) uint8 of one of colors. Where a palette has values that
        no PNG can hold, or each class has a file, the numbers of the classes.
    """
    if table.palette is None or table.class_of_file:
        return class_numbers(table)
    first = {index: value for value, _, index in reversed(table.palette.ranges)}
    values = [first[position] for position in range(len(table.names))]
    if table.palette.colors:
        return np.array([color_of(value) for value in values], np.uint8)
    if not 0 <= min(values) <= max(values) < 1 << 16:
        return class_numbers(table)
    return np.array(values, np.min_scalar_type(max(values)))


def write_text(path: Path, predictions: dict[str, Any], shapes: dict[str, tuple[Shape, Shape]]) -> None:
    """A zip of `res_NAME.txt`, one quad a line: x1,y1,x2,y2,x3,y3,x4,y4, clockwise, whole pixels of the original image.

    Args:
        path: file to write.
        predictions: name of each image (`img_7`) to its `Detections`; an image without text has an empty file.
        shapes: name to the prepared and the original image's shape.

    Source: ICDAR 2015 robust reading, challenge 4, task 1 (text localization): submission format.
    """
    files = {}
    for name, found in predictions.items():
        made, own = shapes[name]
        factor = (own[1] / made[1], own[0] / made[0])
        own_size = [np.asarray(polygon, np.float64) * factor for polygon in found.polygons]
        files[f"res_{name}.txt"] = quad_lines(own_size).encode()
    _write(path, files)


def quad_lines(polygons: Iterable[np.ndarray]) -> str:
    """A line for each polygon (k, 2) of x and y in pixels; see `write_text`."""
    return "".join(f"{_quad_line(polygon)}\r\n" for polygon in polygons)


def write_masks(
    path: Path,
    masks: dict[str, np.ndarray],
    shapes: dict[str, tuple[Shape, Shape]],
    values: np.ndarray,
    tags: Mapping[str, Tags] = NO_TAGS,
) -> None:
    """A zip of `NAME.png`, in the data set's own values or colors and the original images' sizes; of `NAME.tif` with
    the GeoTIFF tags of the image, where it has some.

    Args:
        path: file to write.
        masks: name to uint8 (H, W) of classes.
        shapes: name to the prepared and the original image's shape.
        values: of each class, see `values_of`.
        tags: name to the original image's GeoTIFF tags.
    """
    _write(path, dict(_image(name, mask, shapes[name][1], values, tags.get(name)) for name, mask in masks.items()))


def write_labels(
    path: Path,
    masks: dict[str, np.ndarray],
    shapes: dict[str, tuple[Shape, Shape]],
    labels: list[str],
    tags: Mapping[str, Tags] = NO_TAGS,
) -> None:
    """A zip of `LABEL/NAME.png`, 8-bit grey, 255 where a pixel carries the label, in the original images' sizes;
    `LABEL/NAME.tif` as `write_masks` has it.

    Args:
        path: file to write.
        masks: name to uint8 (H, W) of labels as bits.
        shapes: name to the prepared and the original image's shape.
        labels: names of the labels.
        tags: name to the original image's GeoTIFF tags.
    """
    values = np.array([0, 255], np.uint8)
    _write(
        path,
        dict(
            _image(f"{label}/{name}", one, shapes[name][1], values, tags.get(name))
            for name, mask in masks.items()
            for label, one in zip(labels, unpack(mask, len(labels)), strict=True)
        ),
    )


def write_voc(
    path: Path,
    predictions: dict[str, dict[str, np.ndarray]],
    shapes: dict[str, tuple[Shape, Shape]],
    values: np.ndarray,
    classes: list[str],
    split: str,
) -> None:
    """A zip as VOC's server takes it: results/VOC2012/Main/comp4_det_<split>_<class>.txt and, of the masks,
    results/VOC2012/Segmentation/comp6_<split>_cls/NAME.png.

    A line of the text files is `NAME score x1 y1 x2 y2`; corners are pixels counted from 1, the last one included.

    Args:
        path: file to write.
        predictions: name to "mask", "boxes", "scores", "labels" (see `segsweep.tasks.multitask`).
        shapes: name to the prepared and the original image's shape.
        values: of each class in masks, see `class_numbers`.
        classes: names, the background first.
        split: in the files' names.

    Source: Everingham, Winn, The PASCAL VOC 2012 development kit, sections 8.2 and 10.2: competitions 4 and 6 are
    those with training data of one's own, and pretrained weights are such.
    """
    root = "results/VOC2012"
    lines: dict[int, list[str]] = {label: [] for label in range(len(classes) - 1)}
    files = {}
    for name, one in predictions.items():
        made, own = shapes[name]
        factor = np.array([own[1] / made[1], own[0] / made[0]] * 2)
        for box, score, label in zip(one["boxes"], one["scores"], one["labels"], strict=True):
            x1, y1, x2, y2 = np.asarray(box, np.float64) * factor + (1, 1, 0, 0)
            lines[int(label)].append(f"{name} {score:.6f} {x1:.2f} {y1:.2f} {x2:.2f} {y2:.2f}\n")
        files[f"{root}/Segmentation/comp6_{split}_cls/{name}.png"] = _png(one["mask"], own, values)
    for label, text in lines.items():
        files[f"{root}/Main/comp4_det_{split}_{classes[label + 1]}.txt"] = "".join(text).encode()
    _write(path, files)


def _image(name: str, mask: np.ndarray, shape: Shape, values: np.ndarray, tags: Tags | None) -> tuple[str, bytes]:
    """Name and content of the file of a mask: a GeoTIFF where there are tags, else a PNG."""
    if not tags:
        return f"{name}.png", _png(mask, shape, values)
    buffer = io.BytesIO()
    save_geotiff(buffer, _own_size(mask, shape, values), tags)
    return f"{name}.tif", buffer.getvalue()


def _png(mask: np.ndarray, shape: Shape, values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(_own_size(mask, shape, values)).save(buffer, "PNG")
    return buffer.getvalue()


def _own_size(mask: np.ndarray, shape: Shape, values: np.ndarray) -> np.ndarray:
    """A mask of classes in the original size, in the data set's values; classes are never interpolated."""
    if mask.shape != shape:
        mask = np.asarray(Image.fromarray(mask).resize(shape[::-1], Image.Resampling.NEAREST))
    return values[mask]


def _quad_line(polygon: np.ndarray) -> str:
    quad = polygon if len(polygon) == 4 else rotated_box(polygon)[0]
    x, y = quad[:, 0], quad[:, 1]
    if (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() < 0:  # y points down: clockwise on screen is positive
        quad = quad[::-1]
    return ",".join(str(value) for value in np.maximum(np.round(quad), 0).astype(int).ravel())


def _write(path: Path, files: dict[str, bytes]) -> None:
    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name in sorted(files):
                entry = zipfile.ZipInfo(name, NO_DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, files[name])

    write_bytes(path, write)
