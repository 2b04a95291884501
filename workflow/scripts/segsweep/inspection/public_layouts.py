"""Layouts of public data sets, by the names of their folders."""

from segsweep.inspection import split_layouts
from segsweep.inspection.file_tree import FileTree
from segsweep.inspection.guess import Guess


def voc(tree: FileTree) -> Guess | None:
    """Pascal VOC: JPEGImages and SegmentationClass, and Annotations where there are boxes."""
    if not {"JPEGImages", "SegmentationClass"} <= tree.folders:
        return None
    found = split_layouts.lists(tree, ("", "ImageSets/Segmentation"))
    keys = {"reader": "voc", "splits": found or {"train": "train.txt", "val": "val.txt"}}
    task = "multitask" if "Annotations" in tree.folders else "multiclass"
    said = {"classes": "the 20 classes of VOC; of your own: {0: background, 1: cat}"}
    return Guess(keys | {"task": task, "classes": "voc", "void": [255]}, said)


def cityscapes(tree: FileTree) -> Guess | None:
    """Cityscapes: leftImg8bit and gtFine."""
    if not {"leftImg8bit", "gtFine"} <= tree.folders:
        return None
    splits = {"train": "train", "val": "val"}
    return Guess({"reader": "cityscapes", "splits": splits, "task": "multiclass", "classes": "cityscapes"})


def icdar(tree: FileTree) -> Guess | None:
    """ICDAR: images and gt, a text file gt_NAME.txt for each."""
    if not any(path.parts[0] == "gt" and path.name.startswith("gt_") for path in tree.with_suffix(".txt")):
        return None
    found = split_layouts.lists(tree)
    keys = {"reader": "icdar", "splits": found or {"train": "train.txt", "val": "val.txt"}, "task": "text"}
    return Guess(keys, {} if found else {"splits": "write these lists: one name a line"})
