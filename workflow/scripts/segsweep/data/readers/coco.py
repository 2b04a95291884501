"""COCO JSON: images, annotations and categories in one file, or in one for each split.

Polygons, run lengths (compressed or not), and crowds, whose boxes are ignored.

Source: Lin et al. 2014, "Microsoft COCO: Common Objects in Context"; https://cocodataset.org/#format-data.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import field_validator, model_validator

from segsweep.config.annotated_dataset import AnnotatedDataset
from segsweep.config.name_patterns import checked_pattern
from segsweep.config.settings import key
from segsweep.config.split_keys import FolderSplits, Splits, check_patterns, form_of
from segsweep.data.annotations import AnnotatedImage, annotated_items, unknown_image
from segsweep.data.coco_file import CocoFile, annotations_of, read_file, text_of
from segsweep.data.image_sources import MISSING, names_with_sources
from segsweep.data.raw_item import Item


class CocoDataset(AnnotatedDataset):
    """Images with the annotations of COCO's JSON, from COCO itself or an export (Roboflow, CVAT, Label Studio, ...)."""

    reader: Literal["coco"] = key("coco", "Format of the files.")
    splits: Splits = key(
        FolderSplits(folders={"train": "train2017", "val": "val2017"}),
        "What is filled in for {split}: `{folders: {train: train, val: valid}}`; or lists of names, a table, or drawn.",
        outcome=False,
        validate_default=True,
    )
    annotations: str = key(
        "annotations/instances_{split}.json", "The JSON file, or one for each split by {split}.", outcome=False
    )
    images: str = key("{split}", "Folder of the images, to which `file_name` is relative.", outcome=False)

    @field_validator("annotations", "images")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        return checked_pattern(pattern, fields=("split",), needed=())

    @model_validator(mode="after")
    def _splits_fit(self):
        if form_of(self.splits) == "folders" and "{split}" not in self.annotations:
            raise ValueError(
                f"splits names folders, but annotations has no {{split}} that they stand for: {self.annotations!r}. "
                "Write annotations: annotations/instances_{split}.json, or say which images of the one file make a "
                "split: splits: {random: {val: 0.2}}, a table, or lists of names"
            )
        check_patterns(self.splits, self.annotations, self.images)
        return self


def read(dataset: CocoDataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split, in the order of the file, or of the lists.

    Raises:
        InputError: a file that is missing or no such JSON, or the lists. What is wrong with annotations stands in
            the problems of their image, and what belongs to no image in those of the first one.
    """
    found: dict[str, list[AnnotatedImage]] = {}
    reported: set[Path] = set()
    for split, members in _found(dataset, root).items():
        found[split] = []
        for name, location, file in members:
            image = _annotated(dataset, name, location, file)
            if file.path not in reported:
                reported.add(file.path)
                image = replace(image, problems=[*file.problems, *image.problems])
            found[split].append(image)
    return annotated_items(dataset, found)


def files(dataset: CocoDataset, root: Path) -> dict[str, list[tuple[str, list[Path | str]]]]:
    """Image of each name, and what the file says of it."""
    return {
        split: [(name, _files(dataset, name, file)) for name, _, file in members]
        for split, members in _found(dataset, root).items()
    }


def _found(dataset: CocoDataset, root: Path) -> dict[str, list[tuple[str, str, CocoFile]]]:
    """Name, location and file of each item."""
    opened = cache(read_file)

    def file_of(folder: str) -> CocoFile:
        file = opened(root / dataset.annotations.format(split=folder))
        return replace(file, folder=root / dataset.images.format(split=folder))

    return names_with_sources(dataset, root, file_of)


def _has_boxes(dataset: CocoDataset) -> bool:
    return dataset.task == "multitask"


def _annotated(dataset: CocoDataset, name: str, location: str, file: CocoFile) -> AnnotatedImage:
    image = file.images.get(name)
    if image is None:
        return unknown_image(name, location, file)
    path = file.folder / image.file
    if image.entries is None:
        return AnnotatedImage(name, path, None, image.size, location)
    annotations, problems = annotations_of(image, _has_boxes(dataset))
    return AnnotatedImage(name, path, annotations, image.size, location, file.path, problems)


def _files(dataset: CocoDataset, name: str, file: CocoFile) -> list[Path | str]:
    image = file.images.get(name)
    if image is None:
        return MISSING
    said = [] if image.entries is None else [text_of(image, _has_boxes(dataset))]
    return [file.folder / image.file, *said]
