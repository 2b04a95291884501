"""The columns of a program's epochs, called as its study calls them now.

A segment's epochs.csv has the program's own names, so that a column whose name is written down later, or otherwise,
is there for all that was trained.
"""

from collections.abc import Sequence

from segsweep.config.program import ProgramColumn, ProgramResults
from segsweep.programs.columns import renamed


def named_columns(
    header: Sequence[str], rows: Sequence[Sequence[str]], results: ProgramResults
) -> tuple[list[str], list[list[str]]]:
    """Header and fields with the study's names, per cent divided by 100; what it does not name keeps its own name.

    Args:
        header: names of the columns, the program's own.
        rows: the fields of each epoch, as texts; empty where there is no number.
        results: of the study.
    """
    names = renamed(header, results)
    ours = [names.get(name, name) for name in header]
    percent = [i for i, name in enumerate(ours) if _is_percent(results.columns.get(name))]
    fields = [list(row) for row in rows]
    for row in fields:
        for i in percent:
            row[i] = repr(float(row[i]) / 100) if row[i] else ""
    return ours, fields


def named_rows(rows: Sequence[dict[str, str]], results: ProgramResults) -> list[dict[str, str]]:
    """Rows of epochs.csv under the study's names; see `named_columns`."""
    header, fields = named_columns(list(rows[0]) if rows else [], [list(row.values()) for row in rows], results)
    return [dict(zip(header, own, strict=True)) for own in fields]


def _is_percent(column: ProgramColumn | str | None) -> bool:
    return isinstance(column, ProgramColumn) and column.unit == "percent"
