"""What the study was trained and judged on: splits, sizes, classes and their shares of the pixels."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.markdown import blocks, bullets, capital, listed, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults

MOST_CLASSES = 40
OBJECTS = {"text": "texts", "multitask": "boxes"}


class Data(Section):
    """What the study was trained and judged on: splits, sizes, classes and their shares of the pixels."""

    title: ClassVar[str] = "Data"
    order: ClassVar[int] = 25


def write(results: QuotedResults) -> str:
    """If the data were described: a table of splits, one of classes."""
    if not len(results.table("data")):
        return ""
    return blocks(
        paragraph(where_from(results), images(results), groups(results), subsets(results), patches(results)),
        splits(results),
        paragraph(unlabeled(results)),
        classes(results),
        warnings(results),
    )


def images(results: QuotedResults) -> str:
    """Always: channels and depth of the images; of 16 bits, what of them is used."""
    table = results.table("data")
    said = f"Images have {table.quote(0, 'channels', 'plural:channel')} ({table.quote(0, 'dtype', 'code')})"
    if table.frame.at[0, "dtype"] != "uint16":
        return f"{said}."
    return f"{said}; networks see their values divided by {table.quote(0, 'scale', 'int')}."


def groups(results: QuotedResults) -> str | None:
    """If images belong to groups."""
    table = results.table("data")
    first = table.frame[table.frame["data"] == table.frame["data"].iloc[0]]
    said = [
        f"{table.quote(i, 'groups', 'int')} in the {_split(first.at[i, 'split'])} split"
        for i in first.index[first["groups"].notna()]
    ]
    return f"They belong to groups, none of which lies in two splits or folds: {listed(said)}." if said else None


def unlabeled(results: QuotedResults) -> str | None:
    """If there are splits without ground truth."""
    table = results.table("data")
    hidden = table.frame[table.frame["labeled"].astype(str) == "False"].drop_duplicates("split")
    said = [table.quote(i, "split") for i in hidden.index]
    if not said:
        return None
    return f"The ground truth of {listed(said)} is not known: what is predicted of these images is scored nowhere."


def warnings(results: QuotedResults) -> str:
    """If the preparation found something odd: what it said, once each."""
    table = results.table("data_warnings")
    if not len(table):
        return ""
    rows = table.frame.drop_duplicates("warning").index
    head = "The preparation of the data found:\n"
    return blocks(head, bullets(*(table.quote(i, "warning", "sentence") for i in rows)))


def where_from(results: QuotedResults) -> str | None:
    """If the data set says where it comes from."""
    said = []
    for key, words in (("source", "It comes from"), ("licence", "Its licence is")):
        if (results.plan.dataset or {}).get(key):
            said.append(f"{words} {results.quote_plan(f'dataset.{key}').rstrip('.')}.")
    return " ".join(said) or None


def subsets(results: QuotedResults) -> str | None:
    """If all settings train or are judged on a part that is drawn by the seed."""
    data, said = (results.study.get("train") or {}).get("data") or {}, []
    cut, frame = patches(results) is not None, results.table("data").frame
    for split, words, counted in (
        ("train", "trains on", "patches" if cut else "images"),
        ("val", "is judged on", "images"),
    ):
        key, noun = f"{split}_subset", "patch" if counted == "patches" else "image"
        there = frame.loc[frame["split"] == split, counted].max()
        if data.get(key) and not results.varies(f"data.{key}") and data[key] < there:
            said.append(f"{words} {results.quote_plan(f'study.train.data.{key}', f'plural:{noun}')}")
    return f"Each run {' and '.join(said)} of these, drawn by its seed." if said else None


def patches(results: QuotedResults) -> str | None:
    """If images were cut."""
    frame = results.table("data").frame
    if "patches" not in frame or not frame["patches"].notna().any():
        return None
    said = (
        "Images are cut into patches, whose sizes are given. Networks see patches; scores are of whole images, "
        "stitched from what is predicted of their patches."
    )
    return f"{said} {enlarged(results)}".strip()


def enlarged(results: QuotedResults) -> str:
    """If pages were enlarged before cutting: how many, and by how much at most."""
    table, said = results.table("data"), []
    frame = table.frame[table.frame["enlarged"].fillna(0) > 0]
    for i in frame.drop_duplicates(["split", "enlarged", "enlarged_most"]).index:  # prepared several times
        split = _split(table.frame.at[i, "split"])
        said.append(
            f"{table.quote(i, 'enlarged', 'plural:image')} of the {split} split, up to "
            f"{table.quote(i, 'enlarged_most', 'fixed:1')} times"
        )
    if not said:
        return ""
    return f"Smaller images were enlarged to the page size: {'; '.join(said)}. `page_size: null` keeps their own scale."


def splits(results: QuotedResults) -> str:
    """Always: images, sizes and pixels of each split."""
    table = results.table("data")
    frame = table.frame
    several = frame["data"].nunique() > 1
    cut = frame["patches"].notna().any()
    objects = frame["objects"].notna().any()
    masks, void = frame["pixels"].notna().any(), (frame["void"].fillna(0) > 0).any()
    word = OBJECTS.get((results.plan.dataset or {}).get("task", ""), "objects")
    head = ["Split", "Images", *(["Patches"] if cut else []), "Height × width in pixels"]
    head += [*(["Pixels with a class"] if masks else []), *(["Void"] if void else [])]
    head += [*([capital(word)] if objects else []), *(["Prepared as"] if several else [])]
    rows = []
    for i in frame.index:
        row = [table.quote(i, "split"), table.quote(i, "images", "int")]
        row += [table.quote(i, "patches", "int")] if cut else []
        row.append(f"{_span(results, i, 'height')} × {_span(results, i, 'width')}")
        row += [table.quote(i, "pixels", "int")] if masks else []
        row += [table.quote(i, "void", "percent:1")] if void else []
        row += [table.quote(i, "objects", "int")] if objects else []
        rows.append([*row, *([results.quote_code("data", i, "data")] if several else [])])
    right = [i for i, name in enumerate(head) if name not in ("Split", "Prepared as")]
    return markdown_table(head, rows, right=right)


def _span(results: QuotedResults, i: int, side: str) -> str:
    table = results.table("data")
    low, high = (table.frame.at[i, f"{side}_{end}"] for end in ("min", "max"))
    said = table.quote(i, f"{side}_min", "int")
    return said if low == high or pd.isna(low) else f"{said} to {table.quote(i, f'{side}_max', 'int')}"


def classes(results: QuotedResults) -> str:
    """If there are masks: the share of pixels of each class in each split, and in how many images it occurs."""
    table = results.table("data_classes")
    if not len(table):
        return ""
    frame = table.frame[table.frame["data"] == table.frame["data"].iloc[0]]
    names, parts = list(dict.fromkeys(frame["split"])), dict(iter(frame.groupby("split", sort=False)))
    first = parts[names[0]].reset_index(names="at")
    shown = first if len(first) <= MOST_CLASSES else first.nlargest(MOST_CLASSES, "pixels")
    head = ["Class"]
    for name in names:
        head += [f"{capital(_split(name))} pixels", f"{capital(_split(name))} images"]
    rows = []
    for position, row in shown.iterrows():
        cells = [results.quote_code("data_classes", int(row["at"]), "class")]
        for name in names:
            at = int(parts[name].index[position])
            cells += [table.quote(at, "share", "percent:1"), table.quote(at, "images", "int")]
        rows.append(cells)
    rest = "Further classes are in `data_classes.csv`.\n" if len(shown) < len(first) else ""
    return blocks(
        paragraph(rarest(results, parts), absent(results, parts)),
        markdown_table(head, rows, right=range(1, len(head))),
        rest,
    )


def _split(name: str) -> str:
    return {"train": "training", "val": "validation"}.get(name, name)


def rarest(results: QuotedResults, parts: dict[str, pd.DataFrame]) -> str | None:
    """If the training split has pixels: its most and its least frequent class."""
    frame = parts.get("train", pd.DataFrame())
    found = frame[frame["pixels"] > 0] if len(frame) else frame
    if len(found) < 2:
        return None
    most, least = int(found["pixels"].idxmax()), int(found["pixels"].idxmin())
    table = results.table("data_classes")
    frequent, rare = (
        f"{table.quote(i, 'share', 'percent:1')} are {results.quote_code('data_classes', i, 'class')}"
        for i in (most, least)
    )
    return f"Of the training pixels, {frequent}, the most frequent class, and {rare}, the rarest."


def absent(results: QuotedResults, parts: dict[str, pd.DataFrame]) -> str | None:
    """If classes occur in no image of a split."""
    said = []
    for split, frame in parts.items():
        gone = [results.quote_code("data_classes", int(i), "class") for i in frame.index[frame["pixels"] == 0]]
        if gone:
            shown = ", ".join(gone[:5]) + (", …" if len(gone) > 5 else "")
            said.append(f"No pixel of the {_split(split)} split is of the class {shown}.")
    return " ".join(said) or None
