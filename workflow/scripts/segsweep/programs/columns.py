"""Columns of a program's results under the names that they have here.

epochs.csv of a segment that a program trained holds its own columns, under its own names. They are renamed when it is
read, so that a column that is mapped later needs no training.
"""

from collections.abc import Iterable, Mapping, Sequence

from segsweep.config.program import ProgramColumn, ProgramResults, has_place
from segsweep.config.yaml_documents import nearest


def column_of(results: ProgramResults, name: str) -> ProgramColumn:
    """The program's column that a name here stands for: what `results.columns` says, else the one of the same name."""
    return results.columns.get(name) or ProgramColumn(column=name)


def renamed(header: Iterable[str], results: ProgramResults) -> dict[str, str]:
    """Names here of the columns that have one: theirs to ours. `results.columns` goes before equal names.

    Args:
        header: the program's columns, or those of epochs.csv, where `epoch` is counted from 1 already.
        results: of the study.
    """
    ours = {column_of(results, name).column: name for name in results.columns if name != "epoch"}
    found = {}
    for theirs in header:
        if theirs in ours:
            found[theirs] = ours[theirs]
        elif has_place(theirs) and theirs not in ours.values():
            found[theirs] = theirs
    return found


def renamed_rows(rows: Iterable[Mapping[str, str]], results: ProgramResults) -> list[dict[str, str]]:
    """Rows of epochs.csv with the columns that have a name here, under it, and with percent as shares of 1."""
    rows = list(rows)
    names = renamed(dict.fromkeys(name for row in rows for name in row), results)
    percent = {name for name in names.values() if column_of(results, name).unit == "percent"}

    def value(row: Mapping[str, str], theirs: str) -> str:
        text = row.get(theirs, "")
        return repr(float(text) / 100) if text and names[theirs] in percent else text

    return [{ours: value(row, theirs) for theirs, ours in names.items()} for row in rows]


def range_remedy(name: str, results: ProgramResults) -> str:
    """What a person can do where a column is called like a metric, but has a value that this metric cannot have."""
    return (
        "If the program writes percent, say so in `results.columns` of the study: "
        f"`{name}: {{column: {column_of(results, name).column}, unit: percent}}`; if it is something else, give it "
        "another name."
    )


def missing_columns(header: Sequence[str], results: ProgramResults, needed: Iterable[str]) -> list[str]:
    """What there is to say of names here whose columns a program does not write, a sentence each.

    Args:
        header: the program's columns.
        results: of the study.
        needed: names here that must be there, besides those of `results.columns`.
    """
    there = set(header)
    found = []
    for name in dict.fromkeys([*results.columns, *needed]):
        column = column_of(results, name).column
        if column not in there and name != "epoch":
            found.append(
                f"results.columns: no column {column!r} of numbers for {name}. {nearest(column, list(header))} "
                f"Write `columns: {{{name}: COLUMN}}`."
            )
    return found
