"""What was found of a data set as files: a page in Markdown, tables, sheets of images with their labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from segsweep.analysis.data_tables import class_rows, split_rows, write_tables
from segsweep.data.display import ImageDisplay, display_of
from segsweep.data.prepared import Split
from segsweep.formatting import plural
from segsweep.inspection.findings import Findings
from segsweep.inspection.label_sheets import label_sheet
from segsweep.io import write_text
from segsweep.report.images.sheets import save
from segsweep.report.markdown import blocks, bullets, image, listed, markdown_table
from segsweep.report.value_styles import escape

PAGE, SHEET = "data.md", "labels_{split}.jpg"
MOST_SIDE = 4000  # of a sheet, pixels
MADE = (PAGE, "data.csv", "data_classes.csv", "data_warnings.csv", SHEET.format(split="*"))

# Header and rows of texts; columns of numbers are flush right.
TextTable = tuple[list[str], list[list[str]]]


def write_page(findings: Findings, folder: Path) -> Path:
    """Write the page of a data set, and beside it tables and sheets; what an earlier look left is removed.

    Raises:
        InputError: `display` names a channel that the images do not have.
    """
    for old in (path for pattern in MADE for path in folder.glob(pattern)):
        old.unlink()
    dataset, prepared = findings.dataset, findings.prepared
    head = f"# {escape(dataset.title or dataset.name)}\n"
    if prepared is None:
        text = blocks(head, found_wrong(findings), bullets(*map(escape, findings.problems)))
    else:
        write_tables([prepared], folder)
        display = display_of(prepared, dataset.display)
        shown = [split.name for split in prepared.splits.values() if len(split)]
        for split in shown:
            save(label_sheet(prepared, split, display), folder / SHEET.format(split=split), MOST_SIDE)
        text = blocks(
            head,
            " ".join(facts(findings)) + "\n",
            _markdown(splits_table(findings)),
            _markdown(classes_table(findings)),
            "## Notes\n" if prepared.warnings else "",
            bullets(*map(escape, prepared.warnings)),
            *(
                part
                for split in shown
                for part in (
                    f"## {split}\n",
                    image(SHEET.format(split=split), sheet_caption(prepared.splits[split], display)),
                )
            ),
        )
    write_text(folder / PAGE, text)
    return folder / PAGE


def found_wrong(findings: Findings) -> str:
    """That a data set cannot be used, and what its lists name."""
    named = listed(f"{plural(count, 'image')} in {split}" for split, count in findings.listed.items())
    found = f" Its lists name {named}." if named else ""
    return f"It cannot be used: {plural(len(findings.problems), 'problem')}, nothing is trained on it.{found}\n"


def facts(findings: Findings) -> list[str]:
    """Sentences about all images of a data set."""
    dataset, prepared = findings.dataset, findings.prepared
    where = "Drawn by the project itself" if dataset.drawn_by else f"Read as {dataset.reader} from {findings.root}"
    said = [
        f"Task: {dataset.task}. {where}.",
        f"Images have {plural(prepared.channels, 'channel')} ({prepared.dtype}).",
    ]
    if prepared.dtype == "uint16":
        said.append(f"Networks see their values divided by {prepared.scale:.0f}.")
    if hidden := [split.name for split in prepared.splits.values() if not split.labeled]:
        said.append(f"Without labels, so predicted and scored nowhere: {listed(hidden)}.")
    return said


def splits_table(findings: Findings) -> TextTable:
    """Images, sizes, groups, pixels and objects of each split; columns without a value are left out."""
    columns = {
        "Split": lambda row: row["split"],
        "Images": lambda row: _count(row["images"]),
        "Groups": lambda row: _count(row["groups"]),
        "Height": lambda row: _span(row, "height"),
        "Width": lambda row: _span(row, "width"),
        "Pixels with a class": lambda row: _count(row.get("pixels")),
        "Void": lambda row: _percent(row.get("void")),
        "Objects": lambda row: _count(row.get("objects")),
    }
    rows = [[write(row) for write in columns.values()] for row in split_rows([findings.prepared])]
    kept = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    return [list(columns)[i] for i in kept], [[row[i] for i in kept] for row in rows]


def classes_table(findings: Findings) -> TextTable:
    """Of each class its share of the pixels, and the images that show it, by split; empty without masks."""
    frame = pd.DataFrame(class_rows([findings.prepared]))
    if frame.empty:
        return [], []
    splits = list(dict.fromkeys(frame["split"]))
    head = ["Class", *(f"{split} {what}" for split in splits for what in ("pixels", "images"))]
    rows = []
    for name in findings.prepared.classes:
        of_class = frame[frame["class"] == name].set_index("split")
        rows.append([name])
        for split in splits:
            rows[-1] += [_percent(of_class.at[split, "share"]), _count(of_class.at[split, "images"])]
    return head, rows


def sheet_caption(split: Split, display: ImageDisplay) -> str:
    """What a sheet shows."""
    labels = "each beside its labels." if split.labeled else "without labels."
    return f"Images of {split.name}, {len(split)} in all, {labels} {display.in_words}".strip()


def _markdown(table: TextTable) -> str:
    head, rows = table
    return markdown_table(head, [list(map(escape, row)) for row in rows], right=range(1, len(head))) if head else ""


def _count(value: Any) -> str:
    return "" if value is None else f"{int(value):,}"


def _percent(value: Any) -> str:
    if value is None or pd.isna(value):
        return ""
    return "< 0.01 %" if 0 < value < 1e-4 else f"{100 * value:.2f} %"


def _span(row: dict[str, Any], side: str) -> str:
    ends: Sequence[int] = [row[f"{side}_{end}"] for end in ("min", "max") if f"{side}_{end}" in row]
    return " to ".join(str(end) for end in dict.fromkeys(ends))
