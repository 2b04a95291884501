"""PASCAL VOC: JPEGImages, SegmentationClass, Annotations, and lists at the root or in ImageSets/Segmentation.

Source: Everingham et al., The PASCAL Visual Object Classes Challenge 2012 development kit.
"""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from segsweep.config.dataset import Dataset
from segsweep.data.classes import class_table
from segsweep.data.name_lists import names_by_split
from segsweep.data.raw_item import Item

LISTS = ("", "ImageSets/Segmentation", "ImageSets/Main")


def read(dataset: Dataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split, in the order of the lists; boxes for the task `multitask`, where a picture has any."""
    labels = {name: label for label, name in enumerate(class_table(dataset).names[1:])}
    with_boxes = dataset.task == "multitask"
    return {
        split: [_item(root, name, place, labels, with_boxes) for name, place in names]
        for split, names in names_by_split(dataset, root, LISTS).items()
    }


def _item(root: Path, name: str, place: str, labels: dict[str, int], with_boxes: bool) -> Item:
    item = Item(
        name=name,
        image=root / "JPEGImages" / f"{name}.jpg",
        mask=root / "SegmentationClass" / f"{name}.png",
        place=place,
    )
    annotation = root / "Annotations" / f"{name}.xml"
    if with_boxes and annotation.is_file():
        item.truth = annotation
        item.boxes, item.labels, item.ignored, item.problems = read_annotation(annotation, labels)
    return item


def read_annotation(path: Path, labels: dict[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Boxes of an annotation.

    VOC counts pixels from 1 and a box includes its last ones: xmin and ymin are lowered by one and xmax and ymax
    stay, which makes them 0-based and exclusive.

    Args:
        path: the XML file.
        labels: label of each class name.

    Returns:
        float32 (n, 4) boxes; int64 (n,) labels; bool (n,) marked as difficult; problems.
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
    return (
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(found, np.int64),
        np.array(difficult, bool),
        problems,
    )
