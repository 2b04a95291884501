"""A table with a row for each image that says to which split, and to which group, it belongs."""

import csv
from pathlib import Path

from segsweep.config.split_keys import TEST, TRAIN, VAL, TableSplits
from segsweep.errors import InputError

DELIMITERS = ",;\t"
USUAL = {split: split for split in (TRAIN, VAL, TEST)}


def names_of_table(splits: TableSplits, root: Path) -> dict[str, list[tuple[str, str]]]:
    """Names and locations ("split.csv:17") of each split, in the order of the rows.

    Raises:
        InputError: with a problem for each row that is wrong, or one for the file.
    """
    values = splits.values or USUAL
    found = {split: [] for split in values.values() if split is not None}
    rows, problems = _rows(splits, root)
    for location, row in rows:
        value = row[splits.split]
        if value not in values:
            problems.append(
                f"{location}: {splits.split} is {value!r}, which stands for no split; known: {', '.join(values)}. "
                f"Correct it, or say in the data set's file what it means: splits: {{..., values: {{{value}: train, "
                "...}} (null leaves such images out)."
            )
        elif values[value] is not None:
            found[values[value]].append((row[splits.name], location))
    if problems:
        raise InputError(*problems)
    return {split: names for split, names in found.items() if names or splits.values}


def groups_of_table(splits: TableSplits, root: Path) -> dict[str, str]:
    """Group of each name; of a table without a column of groups none.

    Raises:
        InputError: the file cannot be read.
    """
    return {row[splits.name]: row[splits.group] for _, row in _rows(splits, root)[0]} if splits.group else {}


def _rows(splits: TableSplits, root: Path) -> tuple[list[tuple[str, dict[str, str]]], list[str]]:
    """Location and cells of each row whose cells are there as far as they are asked for; a problem for each other one.

    Raises:
        InputError: the file cannot be read, or lacks a column.
    """
    path = root / splits.table
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = {mark: list(csv.reader(text.split("\n"), delimiter=mark)) for mark in DELIMITERS}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path}: the table of splits cannot be read ({error}). Add it, or correct `splits`."
        ) from error
    wanted = [splits.name, splits.split, *([splits.group] if splits.group else [])]
    heads = {mark: list(map(str.strip, table[0])) for mark, table in lines.items()}
    mark = max(DELIMITERS, key=lambda one: len(set(wanted) & set(heads[one])))
    if missing := [name for name in wanted if name not in heads[mark]]:
        raise InputError(
            f"{path}:1: no column {missing[0]!r}; there are: {', '.join(heads[mark])}. Name the columns in the data "
            "set's file: splits: {table: ..., name: file, split: subset}."
        )
    rows, problems = [], []
    for number, cells in enumerate(lines[mark][1:], 2):
        row = dict(zip(heads[mark], map(str.strip, cells), strict=False))
        if not any(row.values()):
            continue
        location = f"{path}:{number}"
        if empty := [name for name in wanted if not row.get(name)]:
            problems.append(f"{location}: {empty[0]} is empty. Fill it in, or delete the row.")
            continue
        if splits.stems:
            row[splits.name] = row[splits.name].rpartition(".")[0] or row[splits.name]
        rows.append((location, row))
    return rows, problems
