"""A table with a row for each image that says to which split, and to which group, it belongs."""

import csv
import io
import posixpath
from pathlib import Path

from segsweep.config.split_keys import TEST, TRAIN, VAL, TableSplits
from segsweep.data.file_kinds import not_a_file
from segsweep.data.image_names import usable_name
from segsweep.errors import InputError
from segsweep.formatting import plural
from segsweep.io import read_text

DELIMITERS = ",;\t"
USUAL = {split: split for split in (TRAIN, VAL, TEST)}


def names_of_table(splits: TableSplits, root: Path) -> dict[str, list[tuple[str, str]]]:
    """Names and locations ("split.csv:17") of each split, in the order of the rows.

    Raises:
        InputError: with a problem for each kind of row that is wrong, or one for the file.
    """
    values = splits.values or USUAL
    found = {split: [] for split in values.values() if split is not None}
    rows, problems = _rows(splits, root)
    unknown: dict[str, list[str]] = {}
    for location, row in rows:
        value = row[splits.split]
        if value not in values:
            unknown.setdefault(value, []).append(location)
        elif values[value] is not None:
            found[values[value]].append((row[splits.name], location))
    for value, (location, *more) in unknown.items():
        problems.append(
            f"{location}: {splits.split} is {value!r}, which stands for no split{_and(more)}; known: "
            f"{', '.join(values)}. Correct it, or say in the data set's file what it means: splits: {{..., values: "
            f"{{{value}: train, ...}}}} (null leaves such images out)."
        )
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
    """Location and cells of each row whose cells are there as far as they are asked for; what is wrong with others.

    Raises:
        InputError: the file cannot be read, or lacks a column.
    """
    path = root / splits.table
    wanted = [splits.name, splits.split, *([splits.group] if splits.group else [])]
    (_, head), *table = _cells(path, wanted) or [(1, [])]
    for name in wanted:
        if head.count(name) != 1:
            there = f"{'no' if name not in head else 'more than one'} column {name!r}; there are: {', '.join(head)}"
            raise InputError(
                f"{path}:1: {there if head else 'the table is empty'}. Its first line names the columns, each once; "
                "the data set's file says which are meant: splits: {table: ..., name: file, split: subset}."
            )
    rows, problems = [], []
    empty: dict[str, list[str]] = {}
    for number, cells in table:
        row = dict(zip(head, cells, strict=False))
        if not any(cells):
            continue
        location = f"{path}:{number}"
        if lacking := [name for name in wanted if not row.get(name)]:
            empty.setdefault(lacking[0], []).append(location)
            continue
        name = usable_name(row[splits.name], location, problems)
        row[splits.name] = posixpath.splitext(name)[0] if splits.stems else name
        rows.append((location, row))
    for name, (location, *more) in empty.items():
        problems.append(f"{location}: {name} is empty{_and(more)}. Fill it in, or delete the row.")
    return rows, problems


def _cells(path: Path, wanted: list[str]) -> list[tuple[int, list[str]]]:
    """The number of the line and the cells of each row, without blanks around them. The first names the columns.

    Args:
        path: the table.
        wanted: columns; the delimiter is the one by which most of them are found.

    Raises:
        InputError: the file cannot be read.
    """
    if wrong := not_a_file(path):
        raise InputError(f"{path}: the table of splits: {wrong}. Add it, or correct `splits`.")
    text = read_text(path, "Correct `splits`.")
    heads = {mark: next(csv.reader([text.partition("\n")[0]], delimiter=mark), []) for mark in DELIMITERS}
    mark = max(DELIMITERS, key=lambda one: len(set(wanted) & set(map(str.strip, heads[one]))))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        return [(rows.line_num, [*map(str.strip, cells)]) for cells in rows]
    except csv.Error as error:
        raise InputError(
            f"{path}:{rows.line_num}: no CSV ({error}). Close the quotation marks, or correct `splits`."
        ) from error


def _and(more: list[str]) -> str:
    """What follows a problem of a row that others have as well."""
    return f" (and in {plural(len(more), 'more row')})" if more else ""
