"""LabelMe: a JSON file for each image, beside it or elsewhere, with shapes and their labels.

The image is the file that `imagePath` names, else what the annotation embeds as `imageData`. Read are the annotations
of all versions of LabelMe, and those of X-AnyLabeling.

Source: Wada, Labelme: Image Polygonal Annotation with Python, https://github.com/wkentaro/labelme.
"""

import math
import os
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from glob import escape
from itertools import chain
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from pydantic import field_validator, model_validator

from segsweep.config.annotated_dataset import AnnotatedDataset
from segsweep.config.name_patterns import checked_pattern
from segsweep.config.settings import key
from segsweep.config.split_keys import check_patterns, folder_of
from segsweep.data.found_names import found_names
from segsweep.data.name_lists import names_by_split
from segsweep.data.raw_item import Item
from segsweep.errors import InputError
from segsweep.io import read_json

if TYPE_CHECKING:
    import numpy as np

    from segsweep.data.annotations import Annotation

Points = list[tuple[float, float]]

LINES = ("line", "linestrip")
# Least and most points of each kind of shape that has an area.
POINTS = {
    "polygon": (3, math.inf),
    "rectangle": (2, 4),  # opposite corners; X-AnyLabeling writes all four
    "rotation": (4, 4),  # X-AnyLabeling's rectangle that is turned
    "oriented_rectangle": (4, 4),
    "circle": (2, 2),  # its center, and a point on it
    "line": (2, 2),
    "linestrip": (2, math.inf),
    "mask": (2, 2),  # first and last pixel of the box that it fills
}
# What may reach beyond the image, as nobody draws all of its outline.
CUT_OFF = (*LINES, "circle", "rotation", "oriented_rectangle")


class LabelmeDataset(AnnotatedDataset):
    """Annotations of LabelMe."""

    reader: Literal["labelme"] = key("labelme", "Format of the files.")
    annotations: str = key(
        "{name}.json", "Pattern of the annotations; {split} and {name} are filled in.", outcome=False
    )
    images: str | None = key(
        None,
        "Pattern of the images, of all that there are; without it each annotation says where its image lies.",
        outcome=False,
    )
    line_width: float | None = key(None, "Width of lines; without it they are refused.", unit="pixels", gt=0)
    missing_labels: Literal["refuse", "background"] = key(
        "refuse", "What an image without an annotation is: a problem, or an image on which there is nothing."
    )

    @field_validator("annotations", "images")
    @classmethod
    def _is_a_pattern(cls, pattern: str | None) -> str | None:
        return pattern and checked_pattern(pattern)

    @property
    def names_from(self) -> str:
        """Pattern of the files that say which images there are, where no list does."""
        return self.images or self.annotations

    @model_validator(mode="after")
    def _splits_fit(self):
        check_patterns(self.splits, self.names_from, self.annotations, *filter(None, [self.images]))
        return self


def read(dataset: LabelmeDataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split.

    Raises:
        InputError: lists that are missing. What is wrong with an annotation stands in its item's `problems`.
    """
    from segsweep.data.annotations import AnnotatedImage, annotated_items

    found = {}
    for split, names in _names(dataset, root).items():
        found[split] = []
        for name, location in names:
            path = _path(dataset.annotations, dataset, root, split, name)
            content, problems = _content(path)
            image = _image(dataset, root, split, name, content)
            annotations, wrong = _annotations(path, content["shapes"], dataset.line_width)
            size, odd = _size(path, content)
            wrong += odd
            if not os.path.lexists(path):  # a broken link is a problem
                annotations, path = ((), None) if dataset.missing_labels == "background" else (None, path)
            found[split].append(AnnotatedImage(name, image, annotations, size, location, path, [*problems, *wrong]))
    return annotated_items(dataset, found)


def files(dataset: LabelmeDataset, root: Path) -> dict[str, list[tuple[str, list[Path]]]]:
    """Image and annotation of each name; the annotation for both where it embeds the image.

    Raises:
        InputError: lists that are missing.
    """
    found = {}
    for split, names in _names(dataset, root).items():
        found[split] = []
        for name, _ in names:
            path = _path(dataset.annotations, dataset, root, split, name)
            image = _image(dataset, root, split, name, {} if dataset.images else _content(path)[0])
            found[split].append((name, [image if isinstance(image, Path) else path, path]))
    return found


def _names(dataset: LabelmeDataset, root: Path) -> dict[str, list[tuple[str, str]]]:
    return names_by_split(dataset, root, every=lambda folder: found_names(root, dataset.names_from, folder))


def _path(pattern: str, dataset: LabelmeDataset, root: Path, split: str, name: str) -> Path:
    return root / pattern.format(split=folder_of(dataset.splits, split), name=name)


def _content(path: Path) -> tuple[dict[str, Any], list[str]]:
    """What an annotation holds, `shapes` at least, and what is wrong with it."""
    remedy = "Save it again with LabelMe, or take its name out of the list"
    if not path.is_file():  # as decoding says
        return {"shapes": []}, []
    try:
        content = read_json(path, f"{remedy}.", f"{remedy}.")
    except InputError as error:
        return {"shapes": []}, error.problems
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        found = f"the keys {', '.join(list(content)[:6])}" if isinstance(content, dict) else type(content).__name__
        return {"shapes": []}, [f"{path}: is no annotation of LabelMe: a list `shapes` lacks, found {found}. {remedy}."]
    return content, []


def _size(path: Path, content: dict[str, Any]) -> tuple[tuple[int, int] | None, list[str]]:
    """Height and width that an annotation says, which early versions do not; and what is wrong with them."""
    size = content.get("imageHeight"), content.get("imageWidth")
    if None in size:
        return None, []
    if not all(type(side) in (int, float) for side in size):
        return None, [
            f"{path}: imageHeight is {size[0]!r:.40}, imageWidth {size[1]!r:.40}; both are numbers. Correct them."
        ]
    return size, []


def _image(
    dataset: LabelmeDataset, root: Path, split: str, name: str, content: dict[str, Any]
) -> Path | Callable[[], bytes]:
    """The file of the image, or what gives the embedded one."""
    annotation = _path(dataset.annotations, dataset, root, split, name)
    if dataset.images:
        return _path(dataset.images, dataset, root, split, name)
    said = PureWindowsPath(str(content.get("imagePath") or f"{name}.*"))  # which reads / and \ alike
    beside = annotation.parent / said.name
    places = [annotation.parent / said.as_posix(), beside]
    if not content.get("imagePath"):
        places += sorted(annotation.parent.glob(f"{escape(annotation.stem)}.*"))
    if there := next((path for path in places if path.is_file() and path != annotation), None):
        return there
    if content.get("imageData"):
        return partial(b64decode, content["imageData"])
    return partial(_no_image, annotation, said.as_posix()) if content.get("imagePath") else beside


def _no_image(annotation: Path, said: str) -> NoReturn:
    raise InputError(
        f"{annotation}: imagePath is {said!r}, but there is no such file, nor one of its name beside the annotation. "
        'Correct it, or write `images: "{name}.png"` in the data set\'s file if images are named like annotations.'
    )


def _annotations(path: Path, shapes: list[Any], line_width: float | None) -> tuple[list["Annotation"], list[str]]:
    """The shapes in the order in which they are drawn, those of one label and group being one object; and problems."""
    from segsweep.data.annotations import Annotation

    found, problems = [], []
    for number, shape in enumerate(shapes, 1):
        where = f"{path}: shape {number}"
        label = shape.get("label") if isinstance(shape, dict) else None
        if not isinstance(label, str) or not label:
            problems.append(f"{where} has no label, but {label!r}. Give it one, or delete it.")
            continue
        try:
            kind, points = _kind(shape), _points(shape)
            outline = _mask(shape, points) if kind == "mask" else {"rings": _rings(kind, points, line_width)}
            found.append(Annotation(label, **outline, cut_off=kind in CUT_OFF, group=_group(shape), location=where))
        except ValueError as error:
            problems.append(f"{where} ({label}) {error}.")
    return found, problems


def _group(shape: dict[str, Any]) -> float | str | None:
    group = shape.get("group_id")
    if not isinstance(group, int | float | str | None):
        raise ValueError(f"has the group_id {group!r:.60}; it is a number. Correct it, or write null")
    return group


def _kind(shape: dict[str, Any]) -> str:
    kind = shape.get("shape_type") or "polygon"  # early versions know no others
    if not isinstance(kind, str) or kind not in POINTS:
        raise ValueError(f"is a {kind!r}; shapes with an area are {', '.join(POINTS)}. Draw such a one, or delete it")
    return kind


def _points(shape: dict[str, Any]) -> Points:
    """The points of a shape; ValueError says what is wrong with them."""
    try:
        points = [(float(x), float(y)) for x, y in shape.get("points")]
    except (TypeError, ValueError):
        raise ValueError("has points that are not pairs of numbers. Draw it again, or delete it") from None
    if not all(map(math.isfinite, chain(*points))):
        raise ValueError("has a point that is not finite. Draw it again, or delete it")
    least, most = POINTS[kind := _kind(shape)]
    if not least <= len(points) <= most:
        needs = f"at least {least}" if most > 4 else " or ".join(map(str, dict.fromkeys((least, most))))
        raise ValueError(f"is a {kind} with {len(points)} points; it needs {needs}. Draw it again, or delete it")
    return points


def _rings(kind: str, points: Points, line_width: float | None) -> list["np.ndarray"]:
    """The outlines of a shape, (k, 2) of x and y each."""
    import numpy as np

    from segsweep.data.annotations import outlines

    if kind in LINES:
        return outlines.line(kind, points, line_width)
    if kind == "circle":
        radius = math.dist(*points)
        return [outlines.ellipse(*points[0], radius, radius)]
    if len(points) == 2:
        (left, right), (top, bottom) = (sorted(values) for values in zip(*points, strict=True))
        return [outlines.rectangle(left, top, right, bottom)]
    return [np.array(points)]


def _mask(shape: dict[str, Any], points: Points) -> dict[str, Any]:
    """The mask of a shape, and the pixel that is its first."""
    from segsweep.data.mask_files import read_mask

    try:
        mask = read_mask(b64decode(shape["mask"])) != 0
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ValueError(f"is a mask that cannot be read ({error!r}). Draw it again, or delete it") from None
    (left, top), (right, bottom) = ((round(x), round(y)) for x, y in points)
    if mask.shape != (bottom - top + 1, right - left + 1):
        raise ValueError(
            f"is a mask of {mask.shape[1]}x{mask.shape[0]} pixels, its points say that it reaches from {left}, {top} "
            f"to {right}, {bottom}. Draw it again, or delete it"
        )
    return {"mask": mask, "corner": (left, top)}
