"""COCO JSON: images, annotations and categories in one file, or in one for each split.

Polygons, run lengths (compressed or not), and crowds, whose boxes are ignored.

Source: Lin et al. 2014, "Microsoft COCO: Common Objects in Context"; https://cocodataset.org/#format-data.
"""

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Literal

from pydantic import field_validator, model_validator

from segsweep.config.annotated_dataset import AnnotatedDataset
from segsweep.config.name_patterns import checked_pattern
from segsweep.config.settings import key
from segsweep.config.split_keys import FolderSplits, Splits, folder_of, form_of
from segsweep.data.annotations import AnnotatedImage, annotated_items
from segsweep.data.coco_file import CocoFile, CocoImage, annotations_of, read_file, text_of
from segsweep.data.found_names import no_such_image
from segsweep.data.name_lists import names_by_split
from segsweep.data.raw_item import Item
from segsweep.errors import InputError


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
        form, of_each = form_of(self.splits), "{split}" in self.annotations
        if form == "folders" and not of_each:
            raise ValueError(
                f"splits names folders, but annotations has no {{split}} that they stand for: {self.annotations!r}. "
                "Write annotations: annotations/instances_{split}.json, or say which images of the one file make a "
                "split: splits: {random: {val: 0.2}}, a table, or lists of names"
            )
        if form == "random" and (of_each or "{split}" in self.images):
            raise ValueError(
                f"the splits are drawn, so no file has their names: {self.annotations}, {self.images}. Leave out "
                "{split}, or write splits: {folders: [train, val]}"
            )
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
        for name, file, folder, location in members:
            image = _annotated(dataset, name, file, root / folder, location)
            if file.path not in reported:
                reported.add(file.path)
                image = replace(image, problems=[*file.problems, *image.problems])
            found[split].append(image)
    return annotated_items(dataset, found)


def files(dataset: CocoDataset, root: Path) -> dict[str, list[tuple[str, list[Path | str]]]]:
    """Image of each name, and what the file says of it."""
    return {
        split: [(name, _files(dataset, file.images.get(name), root / folder)) for name, file, folder, _ in members]
        for split, members in _found(dataset, root).items()
    }


def _found(dataset: CocoDataset, root: Path) -> dict[str, list[tuple[str, CocoFile, str, str]]]:
    """Name, file, folder of the images and location of each item."""
    opened = cache(read_file)

    def file_of(folder: str) -> CocoFile:
        return opened(root / dataset.annotations.format(split=folder))

    def every(folder: str) -> list[tuple[str, str]]:
        file = file_of(folder)
        return [(name, str(file.path)) for name in file.images]

    found, problems = {}, []
    for split, names in names_by_split(dataset, root, every=every).items():
        folder = folder_of(dataset.splits, split)
        try:
            file = file_of(folder)
        except InputError as error:
            problems += [problem for problem in error.problems if problem not in problems]
            continue
        found[split] = [(name, file, dataset.images.format(split=folder), where) for name, where in names]
    if problems:
        raise InputError(*problems)
    return found


def _has_boxes(dataset: CocoDataset) -> bool:
    return dataset.task == "multitask"


def _annotated(dataset: CocoDataset, name: str, file: CocoFile, folder: Path, location: str) -> AnnotatedImage:
    image = file.images.get(name)
    if image is None:
        return AnnotatedImage(
            name, partial(no_such_image, name, location, file.path, file.images), (), location=location
        )
    if image.entries is None:
        return AnnotatedImage(name, folder / image.file, None, image.size, location)
    annotations, problems = annotations_of(image, _has_boxes(dataset))
    return AnnotatedImage(name, folder / image.file, annotations, image.size, location, file.path, problems)


def _files(dataset: CocoDataset, image: CocoImage | None, folder: Path) -> list[Path | str]:
    if image is None:
        return ["missing"]
    if image.entries is None:
        return [folder / image.file]
    return [folder / image.file, text_of(image, _has_boxes(dataset))]
