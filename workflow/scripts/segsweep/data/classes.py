"""What the values in masks mean: the classes of a data set and their order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segsweep.config.dataset import parse_dataset
from segsweep.config.dataset_keys import BY_LABEL, Dataset
from segsweep.config.mask_dataset import MaskDataset
from segsweep.config.yaml_documents import nearest
from segsweep.data.palettes import Palette, palette_in_words, palette_of
from segsweep.data.void import VOID
from segsweep.errors import InputError

NOT_ALLOWED = -1

# Source: Everingham et al., The PASCAL Visual Object Classes Challenge 2012 development kit.
VOC = dict(
    enumerate(
        (
            "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
            "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
        )
    )
)  # fmt: skip

# The 19 classes that are scored, by labelId; all other ids are void.
# Source: Cordts et al., CVPR 2016; cityscapesScripts, helpers/labels.py.
CITYSCAPES = {
    7: "road", 8: "sidewalk", 11: "building", 12: "wall", 13: "fence", 17: "pole", 19: "traffic_light",
    20: "traffic_sign", 21: "vegetation", 22: "terrain", 23: "sky", 24: "person", 25: "rider", 26: "car",
    27: "truck", 28: "bus", 31: "train", 32: "motorcycle", 33: "bicycle",
}  # fmt: skip
CITYSCAPES_VOID = [*(set(range(34)) - set(CITYSCAPES)), 255]


@dataclass(frozen=True)
class ClassTable:
    """The classes of a data set.

    Attributes:
        names: of the C classes, in the order of the network's outputs.
        index: for each of the 256 values in a file the index of its class, 255 for void or -1 where not allowed. With
            a palette, or files for each class, no mask is read by it, but predictions are written in its values.
        must_occur: whether a class without a training pixel is a mistake. A class that a person wrote out is; one of
            the known lists may be missing in a part of that data set.
        allowed: the values in words, for problems.
        by_label: whether each class has a mask of its own, whose values `index` makes 0, 1 or 255.
        palette: what is read instead of `index`; of files for each class it makes 0, 1 or 255.
        class_of_file: index of the class of each of an image's masks, where each class has one of its own and a pixel
            has one class; else empty.
    """

    names: list[str]
    index: list[int]
    must_occur: bool
    allowed: str
    by_label: bool = False
    palette: Palette | None = None
    class_of_file: tuple[int, ...] = ()

    @property
    def other_class(self) -> int | None:
        """Index of the class of pixels that no class's file shows; None where each class has a file."""
        return next((index for index in range(len(self.names)) if index not in self.class_of_file), None)


def class_names(dataset: Dataset | Mapping[str, Any]) -> list[str]:
    """Names of the C classes in the order of the network's outputs, of a data set's settings or their dump in a plan.

    Raises:
        InputError: as `class_table`.
    """
    return class_table(dataset if isinstance(dataset, Dataset) else parse_dataset(dataset)).names


def task_and_classes(dataset: Mapping[str, Any] | None) -> tuple[str, list[str]]:
    """Task and `class_names` of a data set in a plan; nothing where a program of the user's own reads its data."""
    return (dataset["task"], class_names(dataset)) if dataset else ("", [])


def class_table(dataset: Dataset) -> ClassTable:
    """The classes of a data set; for text the one class `text`, without values.

    Raises:
        InputError: a value that does not fit into a mask, or that is both a class and void; or a palette, or files of
            classes, that do not fit the classes.
    """
    index = [NOT_ALLOWED] * 256
    if dataset.task == "text":
        return ClassTable(["text"], index, False, "")
    if dataset.task in BY_LABEL:
        return _label_table(dataset)
    values, void = _classes_and_void(dataset)
    if dataset.task == "binary":
        (background,) = (name for name in values.values() if name != dataset.foreground)
        names = [background, dataset.foreground]
    else:
        names = list(values.values())
    for value, name in values.items():
        index[value] = names.index(name)
    for value in void:
        index[value] = VOID
    must_occur = not isinstance(dataset.classes, str)
    if isinstance(dataset, MaskDataset) and dataset.palette is not None:
        palette = palette_of(f"data set {dataset.name}", names, dataset.palette)
        return ClassTable(names, index, must_occur, palette_in_words(dataset.palette), palette=palette)
    if isinstance(dataset, MaskDataset) and dataset.classes_with_files:
        return _table_of_files(dataset, names, index, must_occur)
    classes = ", ".join(f"{value} ({name})" for value, name in values.items())
    allowed = f"classes {classes}; void {', '.join(map(str, sorted(set(void)))) or 'none'}"
    return ClassTable(names, index, must_occur, allowed)


def _classes_and_void(dataset: Dataset) -> tuple[dict[int, str], list[int]]:
    """Value and name of each class, and the values that are void."""
    values, void = dataset.classes, list(dataset.void)
    if values == "voc":
        values = VOC
    elif values == "cityscapes":
        values, void = CITYSCAPES, [*CITYSCAPES_VOID, *void]
    where = f"data set {dataset.name}"
    larger = ", or say with `palette` what stands in the masks" if isinstance(dataset, MaskDataset) else ""
    problems = [
        f"{where}: `classes` or `void` holds the value {value}; values in masks are 0 to 255. Correct it{larger}."
        for value in [*values, *void]
        if not 0 <= value <= 255
    ]
    problems += [
        f"{where}: the value {value} is the class {values[value]!r} and void as well. Take it out of one of the two."
        for value in void
        if value in values
    ]
    if problems:
        raise InputError(*problems)
    return values, void


def _table_of_files(dataset: MaskDataset, names: list[str], index: list[int], must_occur: bool) -> ClassTable:
    """Of classes with a file each: what 0, 1 and 255 say in one is as in those of labels."""
    where, files = f"data set {dataset.name}", dataset.classes_with_files
    problems = [
        f"{where}: `masks` names {name!r}, which is no class. {nearest(name, names)}"
        for name in files
        if name not in names
    ]
    others = [name for name in names if name not in files]
    if len(others) > 1:
        problems.append(
            f"{where}: the classes {', '.join(others)} have no file in `masks`, but at most one may: its pixels are "
            "those of no file. Add files for the others."
        )
    if problems:
        raise InputError(*problems)
    in_files, allowed = _label_values(dataset)
    ranges = tuple((value, value, meaning) for value, meaning in enumerate(in_files) if meaning != NOT_ALLOWED)
    return ClassTable(
        names, index, must_occur, allowed, palette=Palette(ranges), class_of_file=tuple(map(names.index, files))
    )


def _label_table(dataset: Dataset) -> ClassTable:
    """Of labels, each with a mask of its own."""
    index, allowed = _label_values(dataset)
    return ClassTable(list(dataset.classes.values()), index, True, allowed, by_label=True)


def _label_values(dataset: Dataset) -> tuple[list[int], str]:
    """What each of the 256 values of a label's mask means, and in words: 1 and 255 say that a pixel carries it."""
    void = sorted(set(dataset.void))
    present = [value for value in (1, 255) if value not in void]
    if not present or any(not 1 <= value <= 255 for value in void):
        raise InputError(
            f"data set {dataset.name}: `void` holds {void}; it may hold values of 1 to 255, but not both 1 and 255, as "
            "0 is a pixel without the label, and 1 or 255 one with it. Correct it."
        )
    meaning = {0: 0} | dict.fromkeys(present, 1) | dict.fromkeys(void, VOID)
    index = [meaning.get(value, NOT_ALLOWED) for value in range(256)]
    allowed = f"0 (without the label), {' or '.join(map(str, present))} (with it); void "
    allowed += ", ".join(map(str, void)) or "none"
    return index, allowed
