"""How a folder says which image lies in which split: lists, folders, a table; else splits are to be drawn."""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from segsweep.inspection.file_tree import FileTree
from segsweep.inspection.guess import Guess

# Names of folders and values of columns that people use for the splits.
NAMES = {
    "train": ("train", "training", "Train", "Training", "TRAIN"),
    "val": ("val", "valid", "validation", "Val", "Valid", "Validation", "VAL", "dev"),
    "test": ("test", "testing", "Test", "Testing", "TEST"),
}
SPLIT_OF = {name: split for split, names in NAMES.items() for name in names}
DRAWN = "no lists and no folders of splits were found: drawn; of several images of one patient or scene, add group"


def lists(tree: FileTree, folders: tuple[str, ...] = ("",)) -> dict[str, str]:
    """Split: list of names, of the lists that are there."""
    return {
        split: f"{name}.txt"
        for split, names in NAMES.items()
        for name in names
        if any(tree.has(f"{folder}/{name}.txt" if folder else f"{name}.txt") for folder in folders)
    }


def of_folders(folders: Iterable[str], split_of: Callable[[str], str | None] = SPLIT_OF.get) -> Guess | None:
    """Splits by folders with these names; None where none of them holds images to validate on."""
    by_split = {split_of(folder): folder for folder in folders}
    if not {"train", "val"} <= set(by_split):
        return None
    ordered = {split: by_split[split] for split in NAMES if split in by_split}
    same = all(split == folder for split, folder in ordered.items())
    return Guess({"splits": {"folders": list(ordered) if same else ordered}})


def drawn() -> Guess:
    """Splits that are drawn, as nothing says which image lies in which."""
    return Guess({"splits": {"random": {"val": 0.2, "seed": 0}}}, {"splits": DRAWN})


def drawn_from_training(left_out: list[str]) -> Guess:
    """Splits that are drawn from a folder of training images, as there is none of validation images."""
    comment = "there is no folder of validation images, so they are drawn from the training images"
    return Guess(drawn().keys, {"splits": f"{comment}; left out: {', '.join(left_out)}" if left_out else comment})


def guessed(tree: FileTree, names: set[str]) -> Guess:
    """Splits of images with these names: lists, else a table that names them, else drawn."""
    if {"train", "val"} <= set(found := lists(tree)):
        return Guess({"splits": found})
    for path in tree.with_suffix(".csv", ".tsv"):
        if len(path.parts) == 1 and (keys := _of_table(tree.root / path, names)):
            return Guess({"splits": {"table": str(path)} | keys})
    return drawn()


def _of_table(path: Path, names: set[str]) -> dict[str, Any] | None:
    """The columns of a table that hold names of images and splits, else None."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(text.split("\n"), dialect=csv.Sniffer().sniff(text[:4096])))
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
    columns = {column: [row.get(column) or "" for row in rows] for column in (rows[0] if rows else {}) if column}
    of_names = [(column, stems) for column, values in columns.items() for stems in (False, True)
                if _stems(values, stems) & names and len(set(values)) == len(values)]  # fmt: skip
    of_splits = [column for column, values in columns.items() if values and set(values) <= set(SPLIT_OF)]
    if not of_names or not of_splits:
        return None
    name, stems = of_names[0]
    values = {value: SPLIT_OF[value] for value in dict.fromkeys(columns[of_splits[0]])}
    renamed = {"values": values} if any(value != split for value, split in values.items()) else {}
    return {"name": name, "split": of_splits[0]} | renamed | ({"stems": True} if stems else {})


def _stems(values: list[str], stems: bool) -> set[str]:
    return {value.rpartition(".")[0] for value in values} if stems else set(values)
