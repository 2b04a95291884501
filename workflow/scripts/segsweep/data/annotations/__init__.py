"""Annotations: outlines, masks and boxes with the name of a label each, checked and drawn.

Readers of files that hold such annotations collect an `AnnotatedImage` for each image, and `annotated_items` makes
items of them. Coordinates are those of pixel edges, as in `segsweep.data.raw_item`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from segsweep.config.annotated_dataset import AnnotatedDataset
from segsweep.config.yaml_documents import nearest
from segsweep.data.annotations.annotation import Annotation
from segsweep.data.annotations.checks import check
from segsweep.data.annotations.drawing import boxes, draw
from segsweep.data.annotations.label_table import LabelTable, label_table
from segsweep.data.image_sources import Source, no_such_image
from segsweep.data.raw_item import Item
from segsweep.errors import InputError
from segsweep.formatting import plural

if TYPE_CHECKING:  # planning imports readers, and does without numpy
    import numpy as np


@dataclass(frozen=True)
class AnnotatedImage:
    """An image as a reader finds it.

    Attributes:
        name, image, size, location, labels_file, problems: as of `Item`.
        annotations: in the order in which they are drawn, a later one over an earlier one; None where the image has no
            file of annotations, as in a test split whose labels are kept secret.
    """

    name: str
    image: Path | Callable[[], np.ndarray | bytes]
    annotations: Sequence[Annotation] | None
    size: tuple[int, int] | None = None
    location: str = ""
    labels_file: Path | None = None
    problems: Sequence[str] = ()


def annotated_items(dataset: AnnotatedDataset, images: dict[str, list[AnnotatedImage]]) -> dict[str, list[Item]]:
    """Items of each split, with masks that are drawn from annotations, and boxes for the task `multitask`.

    What is wrong with labels stands in the items' `problems`: a label that means nothing once for the whole data set.
    What is wrong with outlines follows when the size of the image is known.

    Raises:
        InputError: as `class_table`.
    """
    table = label_table(dataset)
    places: dict[str, list[str]] = {}  # of labels that mean nothing
    for image in chain.from_iterable(images.values()):
        for one in image.annotations or ():
            if table.value(one.label) is None:
                places.setdefault(one.label, []).append(one.location)
    return {split: [_item(dataset, table, image, places) for image in members] for split, members in images.items()}


def _item(dataset: AnnotatedDataset, table: LabelTable, image: AnnotatedImage, places: dict[str, list[str]]) -> Item:
    """An item; the labels that mean nothing are taken out of `places` by the first image that has them."""
    item = Item(
        image.name,
        image.image,
        size=image.size,
        location=image.location,
        labels_file=image.labels_file,
        problems=list(image.problems),
    )
    if image.annotations is None:
        return item
    for label in dict.fromkeys(one.label for one in image.annotations):
        if found := places.pop(label, None):
            item.problems.append(_unknown_label(label, found, table))
    known = [one for one in image.annotations if table.value(one.label) is not None]
    item.mask = partial(_checked_mask, known, table, dataset.overlaps == "smaller")
    if dataset.task == "multitask":
        objects = _objects([one for one in known if one.label in table.boxes])
        item.boxes = partial(boxes, objects)
        item.labels = [table.boxes[parts[0].label] for parts in objects]
        item.ignored = [all(part.ignored for part in parts) for parts in objects]
    return item


def unknown_image(name: str, location: str, source: Source) -> AnnotatedImage:
    """An image that a list or table names, but its source does not: opening it says so."""
    return AnnotatedImage(name, partial(no_such_image, name, location, source), (), location=location)


def _objects(annotations: Sequence[Annotation]) -> list[list[Annotation]]:
    """The parts of each object."""
    found: dict[tuple, list[Annotation]] = {}
    for number, one in enumerate(annotations):
        key = (number,) if one.group is None else (one.label, one.group)
        found.setdefault(key, []).append(one)
    return list(found.values())


def _unknown_label(label: str, places: list[str], table: LabelTable) -> str:
    more = f" and {plural(len(places) - 1, 'further annotation')}" if len(places) > 1 else ""
    return (
        f"{places[0]}{more}: the label {label!r} means nothing in this data set. {nearest(label, table.values)} "
        "Correct it, or add it to `classes`, `background_labels` or `void_labels`."
    )


def _checked_mask(
    annotations: Sequence[Annotation], table: LabelTable, smaller_last: bool, height: int, width: int
) -> np.ndarray:
    if problems := [problem for one in annotations for problem in check(one, height, width)]:
        raise InputError(*problems)
    return draw(annotations, height, width, table, smaller_last)
