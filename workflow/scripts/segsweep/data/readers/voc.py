"""PASCAL VOC: JPEGImages, SegmentationClass, Annotations, and lists at the root or in ImageSets/Segmentation.

Boxes come from Annotations, or are the extents of the objects in SegmentationObject.

Source: Everingham et al., The PASCAL Visual Object Classes Challenge 2012 development kit.
"""

from pathlib import Path
from typing import ClassVar, Literal

from segsweep.config.mask_dataset import MaskDataset
from segsweep.config.settings import key
from segsweep.data.classes import class_table
from segsweep.data.found_names import found_names
from segsweep.data.image_names import image_of_name
from segsweep.data.name_lists import names_by_split
from segsweep.data.raw_item import Item
from segsweep.errors import InputError
from segsweep.io import read_xml

LISTS = ("", "ImageSets/Segmentation", "ImageSets/Main")
SIDES = ("xmin", "ymin", "xmax", "ymax")


class VocDataset(MaskDataset):
    """PASCAL VOC as it is unpacked, or of the same layout."""

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multitask")
    names_select: ClassVar[tuple[str, ...]] = ("multitask",)  # an annotation names the class of each box
    split_forms: ClassVar[tuple[str, ...]] = ("lists", "table", "random")  # one folder holds the images of all splits

    reader: Literal["voc"] = key("voc", "Format of the files.")
    boxes_from: Literal["annotations", "instances"] = key(
        "annotations",
        "Where boxes stand: Annotations, or SegmentationObject, of whose objects they are the extents.",
        tasks=("multitask",),
    )
    box_origin: Literal[0, 1] = key(
        1, "What annotations count the first row and column of pixels as; VOC's do from 1.", tasks=("multitask",)
    )
    box_end: Literal["included", "excluded"] = key(
        "included",
        "Whether the pixels xmax and ymax belong to a box, as in VOC, or are the first ones beyond it.",
        tasks=("multitask",),
    )

    @property
    def revision(self) -> int:
        """2 for boxes: the difficult ones are scored, and the best epoch is chosen, by VOC's rule since then."""
        return 2 if self.task == "multitask" else 1


def read(dataset: VocDataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split, in the order of the lists; boxes for the task `multitask`, where an image has any."""
    read_boxes = _read_annotation if dataset.boxes_from == "annotations" else _read_instances
    found = {}
    for split, named in _found(dataset, root).items():
        found[split] = []
        for name, (image, mask, *labels), location in named:
            item = Item(name, image, mask, location=location)
            if labels:
                (item.labels_file,) = labels
                read_boxes(item, dataset)
            found[split].append(item)
    return found


def files(dataset: VocDataset, root: Path) -> dict[str, list[tuple[str, list[Path]]]]:
    """Image and mask of each name; for the task `multitask` what its boxes come from, an annotation if there is one."""
    return {split: [(name, paths) for name, paths, _ in found] for split, found in _found(dataset, root).items()}


def _found(dataset: VocDataset, root: Path) -> dict[str, list[tuple[str, list[Path], str]]]:
    """Name, files and location of each item."""
    annotations = {path.name for path in (root / "Annotations").glob("*.xml")}

    def labels(name: str) -> list[Path]:
        if dataset.task != "multitask":
            return []
        if dataset.boxes_from == "instances":
            return [root / "SegmentationObject" / f"{name}.png"]
        return [root / "Annotations" / f"{name}.xml"] if f"{name}.xml" in annotations else []

    return {
        split: [
            (
                name,
                [image_of_name(root / "JPEGImages", name), root / "SegmentationClass" / f"{name}.png", *labels(name)],
                location,
            )
            for name, location in names
        ]
        for split, names in names_by_split(dataset, root, LISTS, lambda _: _every(root)).items()
    }


def _every(root: Path) -> list[tuple[str, str]]:
    """Name and file of all images with a mask."""
    return found_names(root, "SegmentationClass/{name}.png", "")


def _read_annotation(item: Item, dataset: VocDataset) -> None:
    """Boxes of an item's annotation; those marked as difficult are ignored."""
    path = item.labels_file
    names = class_table(dataset).names[1:]
    item.boxes, item.labels, item.ignored, item.written = [], [], [], []
    try:
        root = read_xml(path, "Replace the file, or delete it: no boxes then.")
    except InputError as error:
        item.problems += error.problems
        return
    size = [(root.findtext(f"size/{side}") or "").strip() for side in ("height", "width")]
    if all(side.isdecimal() and int(side) for side in size):  # labelImg wrote 0 at times
        item.size, item.size_binds = (int(size[0]), int(size[1])), False
    for number, thing in enumerate(root.findall("object"), 1):
        name = (thing.findtext("name") or "").strip()
        texts = [(thing.findtext(f"bndbox/{side}") or "").strip() for side in SIDES]
        try:
            left, top, right, bottom = map(float, texts)
        except ValueError:
            item.problems.append(f"{path}: object {number} ({name}) has no bndbox with four numbers. Add it.")
            continue
        if name not in names:
            item.problems.append(
                f"{path}: object {number} is a {name!r}, which is no class of the data set; classes are "
                f"{', '.join(names)}. Correct the name, add the class, or take the object out."
            )
            continue
        origin, beyond = dataset.box_origin, int(dataset.box_end == "included")
        written = ", ".join(f"{side} {text}" for side, text in zip(SIDES, texts, strict=True))
        if min(left, top) < origin:
            remedy = ", or write `box_origin: 0` in the data set's file if all of its annotations count from 0"
            item.problems.append(
                f"{path}: object {number} ({name}) has {written}, but pixels are counted from {origin}. Correct the "
                f"box{remedy if origin else ''}."
            )
            continue
        item.boxes.append((left - origin, top - origin, right - origin + beyond, bottom - origin + beyond))
        item.labels.append(names.index(name))
        item.ignored.append((thing.findtext("difficult") or "0").strip() == "1")
        item.written.append(f"{written} (counted from {origin}, the last pixel {dataset.box_end})")


def _read_instances(item: Item, dataset: VocDataset) -> None:
    """Boxes of an item's objects, each of the class of its pixels. Of files that decoding refuses there are none."""
    from segsweep.data.instance_masks import boxes_of_instances
    from segsweep.data.mask_classes import class_indices
    from segsweep.data.mask_files import read_mask

    table, path = class_table(dataset), item.labels_file
    if not path.exists():  # as decoding says
        return
    try:
        objects = read_mask(path)
    except InputError as error:
        item.problems += error.problems
        return
    except (OSError, ValueError, SyntaxError) as error:  # as Pillow and NumPy have it
        item.problems.append(f"{path}: cannot be read ({error}). Replace it, or write `boxes_from: annotations`.")
        return
    try:
        values = read_mask(item.mask, table.palette)
    except (InputError, OSError, ValueError, SyntaxError):
        return
    if objects.shape != values.shape[:2]:
        item.problems.append(
            f"{path}: an array of {objects.shape}, {item.mask} has {values.shape[:2]}. Both are numbers of the image's "
            "height and width; export them again."
        )
        return
    classes = class_indices(item.mask, values, objects.shape, table, [])
    if classes is not None:
        item.boxes, item.labels, wrong = boxes_of_instances(objects, classes, table.names)
        item.problems += [
            f"{path}: {one} in {item.mask}; an object has one class. Correct one of both masks." for one in wrong
        ]
