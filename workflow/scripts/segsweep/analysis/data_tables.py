"""What a study was trained and judged on: its splits, their images, and how often each class occurs in them.

It is counted from the prepared data, so it holds for what the models saw: resized or cut into patches where the study
asks for that, void pixels left out. A study that varies how images are prepared has rows for each preparation.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from segsweep.data.classes import class_names
from segsweep.data.patches import whole_images
from segsweep.data.prepared import Prepared, Split, read_manifest
from segsweep.data.prepared_checks import open_checked
from segsweep.planning.plan_file import StudyPlan
from segsweep.tables import Column, Table

HAVE_OBJECTS = ("multitask", "text")
NO_MASKS = "the task has no masks, or no label is known"


class DataSplits(Table):
    """A split of the data, as it was prepared."""

    file = "data.csv"
    rules = ("describe_data",)
    columns = (
        Column("data", "text", "The folder of prepared data, below results/data."),
        Column("split", "text", "The split: `train`, `val`, `test`, as the data set names them."),
        Column("labeled", "boolean", "Whether its ground truth is known; if not, it is predicted and scored nowhere."),
        Column("images", "integer", "Images; of images that are cut into patches, the whole ones."),
        Column("groups", "integer", "Groups of images that never lie in two splits or folds.",
               empty="the data set has no groups"),
        Column("channels", "integer", "Channels of the images."),
        Column("dtype", "text", "Depth of the images: `uint8`, `uint16` or `float32`."),
        Column("scale", "number", "What values are divided by before networks see them: 255; of 16 bits, the largest "
               "value of as many bits as the training images need; 1 of floats."),
        Column("patches", "integer", "Patches that they are cut into.", empty="images are not cut"),
        Column("height_min", "integer", "Least height of an image, of a patch where they are cut.", unit="px"),
        Column("height_max", "integer", "Greatest height.", unit="px"),
        Column("width_min", "integer", "Least width.", unit="px"),
        Column("width_max", "integer", "Greatest width.", unit="px"),
        Column("enlarged", "integer", "Pages that were enlarged to `page_size` before cutting.",
               empty="images are not cut"),
        Column("enlarged_most", "number", "The greatest factor by which a page was enlarged.",
               empty="no page was enlarged"),
        Column("pixels", "integer", "Pixels that are not void; of overlapping patches each counts once.",
               empty=NO_MASKS),
        Column("void", "number", "Share of the pixels without a class.", empty=NO_MASKS),
        Column("objects", "integer", "Boxes, or texts, that count.", empty="the task has none, or no label is known"),
    )  # fmt: skip


class DataClasses(Table):
    """A class in a split of the data whose ground truth is known."""

    file = "data_classes.csv"
    rules = ("describe_data",)
    columns = (
        Column("data", "text", "The folder of prepared data, below results/data."),
        Column("split", "text", "The split."),
        Column("class", "text", "Name of the class."),
        Column("pixels", "integer", "Its pixels."),
        Column("share", "number", "Share of the pixels that have a class.", empty="there are none"),
        Column("images", "integer", "Images in which it occurs; of images that are cut, the whole ones."),
    )


class DataWarnings(Table):
    """What the preparation of the data found odd and let pass."""

    file = "data_warnings.csv"
    rules = ("describe_data",)
    columns = (
        Column("data", "text", "The folder of prepared data, below results/data."),
        Column("warning", "text", "What was found."),
    )


def write_data_tables(plan: StudyPlan, output: Path, root: Path = Path()) -> int:
    """Write the tables of a study's data into a folder.

    Args:
        plan: the study as it was planned; its folders of prepared data are read.
        output: the folder of the study's tables.
        root: what the plan's paths are relative to.

    Returns:
        How many splits there are.

    Raises:
        InputError: a prepared folder is missing or damaged.
    """
    names = class_names(plan.dataset) if plan.dataset else []
    return write_tables([open_checked(root / folder, names) for folder in plan.data], output)


def write_tables(prepared: list[Prepared], output: Path) -> int:
    """Write the tables of prepared data into a folder; returns how many splits there are."""
    rows = split_rows(prepared)
    DataSplits.write(output, rows)
    DataClasses.write(output, class_rows(prepared))
    DataWarnings.write(output, warning_rows(prepared))
    return len(rows)


def split_rows(prepared: Iterable[Prepared]) -> list[dict[str, Any]]:
    """Rows of data.csv."""
    rows = []
    for one in prepared:
        for split in one.splits.values():
            images = whole_images(split)
            cut = any(split.page(i) for i in range(len(split)))
            groups = {split.group(image[0]) for image in images} - {None}
            row: dict[str, Any] = {"data": one.folder.name, "split": split.name, "labeled": split.labeled}
            row |= {"images": len(images), "groups": len(groups) or None}
            row |= {"channels": one.channels, "dtype": one.dtype, "scale": one.scale}
            row["patches"] = len(split) if cut else None
            enlarged = read_manifest(one.folder)["splits"][split.name].get("enlarged")
            if enlarged is not None:
                row |= {"enlarged": len(enlarged), "enlarged_most": max(enlarged, default=None)}
            if len(split):
                low, high = split.sizes.min(0).tolist(), split.sizes.max(0).tolist()
                row |= {"height_min": low[0], "height_max": high[0], "width_min": low[1], "width_max": high[1]}
            if one.has_masks and split.labeled:
                pixels, whole = int(split.scored_pixels.sum()), sum(_pixels(split, image[0]) for image in images)
                row |= {"pixels": pixels, "void": 1 - pixels / whole if whole else None}
            if one.task in HAVE_OBJECTS and split.labeled:
                row["objects"] = read_manifest(one.folder)["splits"][split.name]["objects"]
            rows.append(row)
    return rows


def _pixels(split: Split, i: int) -> int:
    """Pixels of the image that an index belongs to: of a patch, those of its page."""
    page = split.page(i)
    return page["height"] * page["width"] if page else int(split.sizes[i].prod())


def class_rows(prepared: Iterable[Prepared]) -> list[dict[str, Any]]:
    """Rows of data_classes.csv; none of a task without masks, or of a split whose ground truth is hidden."""
    return [
        {
            "data": one.folder.name,
            "split": split.name,
            "class": name,
            "pixels": int(split.class_counts[:, i].sum()),
            "share": float(split.class_counts[:, i].sum() / total) if (total := split.scored_pixels.sum()) else None,
            "images": sum(bool(split.class_counts[image, i].any()) for image in whole_images(split)),
        }
        for one in prepared
        if one.has_masks
        for split in one.splits.values()
        if split.labeled
        for i, name in enumerate(one.classes)
    ]


def warning_rows(prepared: Iterable[Prepared]) -> list[dict[str, Any]]:
    """Rows of data_warnings.csv."""
    return [{"data": one.folder.name, "warning": warning} for one in prepared for warning in one.warnings]
