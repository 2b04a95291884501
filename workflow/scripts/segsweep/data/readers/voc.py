"""PASCAL VOC: JPEGImages, SegmentationClass, Annotations, and lists at the root or in ImageSets/Segmentation.

Source: Everingham et al., The PASCAL Visual Object Classes Challenge 2012 development kit.
"""

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import ClassVar, Literal

from segsweep.config.mask_dataset import MaskDataset
from segsweep.config.settings import key
from segsweep.data.classes import class_table
from segsweep.data.name_lists import names_by_split
from segsweep.data.raw_item import Item

LISTS = ("", "ImageSets/Segmentation", "ImageSets/Main")

Box = tuple[float, float, float, float]


class VocDataset(MaskDataset):
    """PASCAL VOC as it is unpacked, or of the same layout."""

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multitask")
    names_select: ClassVar[tuple[str, ...]] = ("multitask",)  # an annotation names the class of each box

    split_forms: ClassVar[tuple[str, ...]] = ("lists", "table", "random")  # one folder holds the images of all splits

    reader: Literal["voc"] = key("voc", "Format of the files.")

    @property
    def revision(self) -> int:
        """2 for boxes: the difficult ones are scored, and the best epoch is chosen, by VOC's rule since then."""
        return 2 if self.task == "multitask" else 1


def read(dataset: VocDataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split, in the order of the lists; boxes for the task `multitask`, where an image has any."""
    labels = {name: label for label, name in enumerate(class_table(dataset).names[1:])}
    return {
        split: [_item(name, paths, location, labels) for name, paths, location in found]
        for split, found in _found(dataset, root).items()
    }


def files(dataset: VocDataset, root: Path) -> dict[str, list[tuple[str, list[Path]]]]:
    """Image and mask of each name; for the task `multitask` its annotation as well, where there is one."""
    return {split: [(name, paths) for name, paths, _ in found] for split, found in _found(dataset, root).items()}


def _found(dataset: VocDataset, root: Path) -> dict[str, list[tuple[str, list[Path], str]]]:
    """Name, files and location of each item."""
    annotations = {path.name for path in (root / "Annotations").glob("*.xml")} if dataset.task == "multitask" else ()
    return {
        split: [
            (
                name,
                [
                    root / "JPEGImages" / f"{name}.jpg",
                    root / "SegmentationClass" / f"{name}.png",
                    *([root / "Annotations" / f"{name}.xml"] if f"{name}.xml" in annotations else []),
                ],
                location,
            )
            for name, location in names
        ]
        for split, names in names_by_split(dataset, root, LISTS, lambda _: _every(root)).items()
    }


def _every(root: Path) -> list[tuple[str, str]]:
    """Name and file of all images with a mask."""
    return [(path.stem, str(path)) for path in sorted((root / "SegmentationClass").glob("*.png"))]


def _item(name: str, paths: list[Path], location: str, labels: dict[str, int]) -> Item:
    image, mask, *annotation = paths
    item = Item(name, image, mask, location=location)
    for path in annotation:
        item.labels_file = path
        item.boxes, item.labels, item.ignored, item.problems = read_annotation(path, labels)
    return item


def read_annotation(path: Path, labels: dict[str, int]) -> tuple[list[Box], list[int], list[bool], list[str]]:
    """Boxes of an annotation.

    VOC counts pixels from 1 and a box includes its last ones: xmin and ymin are lowered by one and xmax and ymax
    stay, which makes them 0-based and exclusive.

    Args:
        path: the XML file.
        labels: label of each class name.

    Returns:
        Boxes (left, top, right, bottom); their labels; whether each is marked as difficult; problems.
    """
    boxes, found, difficult, problems = [], [], [], []
    try:
        objects = ElementTree.parse(path).getroot().findall("object")
    except (ElementTree.ParseError, OSError) as error:
        objects, problems = [], [f"{path}: not valid XML ({error}). Replace the file, or delete it: no boxes then."]
    for number, thing in enumerate(objects, 1):
        name = (thing.findtext("name") or "").strip()
        try:
            left, top, right, bottom = (float(thing.findtext(f"bndbox/{e}")) for e in ("xmin", "ymin", "xmax", "ymax"))
        except (TypeError, ValueError):
            problems.append(f"{path}: object {number} ({name}) has no bndbox with four numbers. Add it.")
            continue
        if name not in labels:
            allowed = ", ".join(labels)
            problems.append(
                f"{path}: object {number} is a {name!r}, which is no class of the data set; classes are {allowed}. "
                "Correct the name, add the class, or take the object out."
            )
            continue
        boxes.append((left - 1, top - 1, right, bottom))
        found.append(labels[name])
        difficult.append((thing.findtext("difficult") or "0").strip() == "1")
    return boxes, found, difficult, problems
