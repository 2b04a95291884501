"""YOLO segmentation: data.yaml, folders of images, and labels/NAME.txt with a polygon a line, in shares of the image.

A line is `class x1 y1 x2 y2 x3 y3 ...`. What data.yaml names is looked for as Ultralytics does it.

Source: https://docs.ultralytics.com/datasets/segment.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from segsweep.config.annotated_dataset import AnnotatedDataset
from segsweep.config.settings import key
from segsweep.config.split_keys import FolderSplits, Splits
from segsweep.data.annotations import AnnotatedImage, Annotation, annotated_items, unknown_image
from segsweep.data.image_names import SUFFIXES
from segsweep.data.image_sources import MISSING, Source, names_with_sources
from segsweep.data.raw_item import Item
from segsweep.errors import InputError
from segsweep.formatting import plural
from segsweep.io import read_text

SPLITS = ("train", "val", "test")  # that data.yaml names
OF_A_BOX = 4  # numbers of a line that is a box: x and y of its center, width, height
CORNERS = 3  # least of a polygon


class YoloDataset(AnnotatedDataset):
    """Images with polygons as YOLO's segmentation models are trained on them. The labels are the names of data.yaml."""

    reader: Literal["yolo"] = key("yolo", "Format of the files.")
    splits: Splits = key(
        FolderSplits(folders=["train", "val"]),
        "Splits of data.yaml: `{folders: [train, val, test]}`; or lists of names, a table, or drawn from all of them.",
        outcome=False,
        validate_default=True,
    )
    data: str = key("data.yaml", "The file that names folders and classes.", outcome=False)
    missing_labels: Literal["refuse", "background"] = key(
        "refuse", "What an image without a file of labels is: a problem, or an image on which there is nothing."
    )


class YoloFile:
    """A data.yaml: the names of its classes, and the images of its splits."""

    def __init__(self, path: Path):
        """
        Args:
            path: the file.

        Raises:
            InputError: it cannot be read, or does not name classes.
        """
        self.path = path
        try:
            content = yaml.safe_load(read_text(path, "Put it there, or correct `data` in the data set's file."))
        except (yaml.YAMLError, RecursionError) as error:  # the latter of a thousand brackets
            raise InputError(f"{path}: is no YAML ({' '.join(str(error).split())}). Correct it.") from error
        self.content: dict[str, Any] = content if isinstance(content, dict) else {}
        names = self.content.get("names")
        names = dict(enumerate(names)) if isinstance(names, list) else names
        if not isinstance(names, dict) or not names or not all(str(number).isdecimal() for number in names):
            raise InputError(f"{path}: no `names`; it says {{names: {{0: cat, 1: dog}}}}, or a list. Add it.")
        if odd := [number for number, name in names.items() if isinstance(name, bool | None | list | dict)]:
            raise InputError(
                f"{path}: `names` calls class {odd[0]} {names[odd[0]]!r}, as YAML reads it. Write names in quotes."
            )
        if "kpt_shape" in self.content:
            raise InputError(
                f"{path}: `kpt_shape` says that labels are boxes with keypoints; masks are drawn from polygons. Export "
                "the data set for segmentation."
            )
        self.names = {int(number): str(name) for number, name in names.items()}

    def images(self, split: str = "") -> dict[str, Path]:
        """Images of a split, or of all splits, by name: their paths under its folder, without endings.

        Raises:
            InputError: the file does not name it, nothing is there, or two images have one name.
        """
        named = [one for one in SPLITS if self.content.get(one)]
        if not named or (split and not self.content.get(split)):
            raise InputError(
                f"{self.path}: names no images for {split or 'any split'!r}, but for: {', '.join(named) or 'none'}. "
                f"Add `{split or 'train'}: images/...`, or correct `splits` in the data set's file."
            )
        found: dict[str, Path] = {}
        for entry in [split] if split else named:
            for name, image in self._entry(entry):
                if found.setdefault(name, image) != image:
                    raise InputError(f"{image}: {found[name]} has the name {name!r} as well. Rename one of them.")
        return found

    def _entry(self, split: str) -> list[tuple[str, Path]]:
        places = self.content[split]
        paths = [self._resolved(_path(place)) for place in (places if isinstance(places, list) else [places])]
        found = [one for path in paths for one in (_listed(path) if path.suffix == ".txt" else _in_folder(path))]
        if not found:
            raise InputError(
                f"{self.path}: `{split}: {places}` leads to {', '.join(map(str, paths))}, where no image lies "
                f"({' '.join(sorted(SUFFIXES))}). Put them there, or correct it."
            )
        return found

    def _resolved(self, place: str) -> Path:
        """Where an entry leads, from `path` where that exists, else from the file's folder.

        Roboflow writes `../train/images` beside the folder `train`, and Ultralytics finds it.
        """
        folder = self.path.parent
        base = folder / _path(self.content.get("path") or "")
        base = base if base.is_dir() else folder
        without_parent = base / place.removeprefix("../")
        return without_parent if not (base / place).exists() and without_parent.exists() else base / place


def _path(place: Any) -> str:
    """A path as data.yaml or a list has it, which may have been written on Windows."""
    return str(place).replace("\\", "/")


def _listed(path: Path) -> list[tuple[str, Path]]:
    """Name and path of the images that a list names, one a line, from the list's folder."""
    lines = read_text(path, "Put it there, or correct the data.yaml that names it.").split("\n")
    images = [path.parent / _path(line.strip()) for line in lines if line.strip()]
    return [(image.stem, image) for image in images]


def _in_folder(folder: Path) -> list[tuple[str, Path]]:
    """Name and path of the images under a folder; what begins with a dot is hidden."""
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    shown = [path for path in paths if not any(part.startswith(".") for part in path.parts)]
    return [(path.with_suffix("").as_posix(), folder / path) for path in shown if not (folder / path).is_dir()]


def read(dataset: YoloDataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split, by name, or in the order of the lists.

    Raises:
        InputError: data.yaml or the images that it names are missing, or lists. What is wrong with labels stands in the
            problems of their item.
    """
    file = YoloFile(root / dataset.data)
    found = {
        split: [_annotated(dataset, file, name, location, source) for name, location, source in members]
        for split, members in _found(dataset, root, file).items()
    }
    return annotated_items(dataset, found)


def files(dataset: YoloDataset, root: Path) -> dict[str, list[tuple[str, list[Path | str]]]]:
    """Image and labels of each name, and what the numbers in the labels mean."""
    file = YoloFile(root / dataset.data)
    names = json.dumps(file.names, sort_keys=True)
    return {
        split: [(name, _files(source.images.get(name), names)) for name, _, source in members]
        for split, members in _found(dataset, root, file).items()
    }


def _found(dataset: YoloDataset, root: Path, file: YoloFile) -> dict[str, list[tuple[str, str, Source]]]:
    """Name and location of each item, and the images among which it is to be found: of a split, or all of them."""
    images = cache(file.images)
    of_folders = isinstance(dataset.splits, FolderSplits)
    return names_with_sources(dataset, root, lambda split: Source(file.path, images(split if of_folders else "")))


def _files(image: Path | None, names: str) -> list[Path | str]:
    if image is None:
        return MISSING
    labels = _labels_of(image)
    return [image, labels, names] if labels.is_file() else [image, labels]


def _labels_of(image: Path) -> Path:
    """The file of an image's labels: in a folder `labels` instead of the last one that is named `images`."""
    folders = list(image.parts[:-1])
    if "images" in folders:
        folders[-1 - folders[::-1].index("images")] = "labels"
    return Path(*folders, image.name).with_suffix(".txt")


def _annotated(dataset: YoloDataset, file: YoloFile, name: str, location: str, source: Source) -> AnnotatedImage:
    image = source.images.get(name)
    if image is None:
        return unknown_image(name, location, source)
    labels = _labels_of(image)
    if labels.is_file():
        annotations, problems = read_labels(labels, file)
        return AnnotatedImage(name, image, annotations, None, location, labels, problems)
    if dataset.missing_labels == "background" and not os.path.lexists(labels):  # a broken link is a problem
        return AnnotatedImage(name, image, (), location=location)
    return AnnotatedImage(name, image, None, location=location, labels_file=labels)


def read_labels(path: Path, file: YoloFile) -> tuple[list[Annotation], list[str]]:
    """Polygons of a file of labels, in shares of the image; and problems, one for each bad line."""
    try:
        lines = read_text(path, "Replace the file.").split("\n")
    except InputError as error:
        return [], error.problems
    annotations, problems, box_lines = [], [], []
    for number, line in enumerate(lines, 1):
        location = f"{path}:{number}"
        try:
            numbers = [float(part) for part in line.split()]
        except ValueError:
            problems.append(f"{location}: found {line!r:.80}; a line holds numbers: class x1 y1 x2 y2 ... Correct it.")
            continue
        if not numbers:
            continue
        kind, *coordinates = numbers
        if len(coordinates) == OF_A_BOX:
            box_lines.append(number)
        elif len(coordinates) % 2 or len(coordinates) < 2 * CORNERS:
            problems.append(
                f"{location}: {len(numbers)} numbers; a line holds the class and x and y of {CORNERS} or more corners. "
                "Correct it."
            )
        elif kind not in file.names:
            known = ", ".join(f"{number} ({name})" for number, name in file.names.items())
            problems.append(f"{location}: class {kind:g}, but {file.path} names {known}. Correct one of them.")
        else:
            ring = list(zip(coordinates[::2], coordinates[1::2], strict=True))
            annotations.append(Annotation(file.names[int(kind)], [ring], relative=True, location=location))
    if box_lines:
        problems.append(
            f"{path}:{box_lines[0]}: a box (class x y width height){_more(box_lines)}; masks are drawn from polygons "
            "(class x1 y1 x2 y2 x3 y3 ...). Export the data set for segmentation."
        )
    return annotations, problems


def _more(lines: list[int]) -> str:
    return f", and on {plural(len(lines) - 1, 'further line')}" if len(lines) > 1 else ""
