"""Predictions as files that the evaluation of a task takes: masks as PNG, boxes as VOC's lists, text as ICDAR's zip."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segsweep.text.submission import NO_DATE, write_submission

Shape = tuple[int, int]  # height, width


def values_of(index: np.ndarray, classes: int) -> np.ndarray:
    """uint8 (C,): the value in the data set's own masks of each class. `index`: `ClassTable.index`, (256,)."""
    return np.array([int(np.flatnonzero(index == one)[0]) for one in range(classes)], np.uint8)


def write_text(path: Path, predictions: dict[str, Any], shapes: dict[str, tuple[Shape, Shape]]) -> None:
    """`predictions`: name to `Detections`. `shapes`: name to the prepared and the original picture's shape."""
    scale = {name: (own[1] / made[1], own[0] / made[0]) for name, (made, own) in shapes.items()}
    write_submission(path, {name: one.polygons for name, one in predictions.items()}, scale)


def write_masks(
    path: Path, masks: dict[str, np.ndarray], shapes: dict[str, tuple[Shape, Shape]], values: np.ndarray
) -> None:
    """A zip of `NAME.png`, 8-bit grey, in the data set's own values and the original pictures' sizes.

    Args:
        path: file to write.
        masks: name to uint8 (H, W) of classes.
        shapes: name to the prepared and the original picture's shape.
        values: of each class, see `values_of`.
    """
    _write(path, {f"{name}.png": _png(mask, shapes[name][1], values) for name, mask in masks.items()})


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
        shapes: name to the prepared and the original picture's shape.
        values: of each class in masks.
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


def _png(mask: np.ndarray, shape: Shape, values: np.ndarray) -> bytes:
    """A mask of classes in the original size; classes are never interpolated."""
    picture = Image.fromarray(values[mask])
    if mask.shape != shape:
        picture = picture.resize(shape[::-1], Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _write(path: Path, files: dict[str, bytes]) -> None:
    part = path.with_name(path.name + ".part")
    with zipfile.ZipFile(part, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, NO_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    part.replace(path)
