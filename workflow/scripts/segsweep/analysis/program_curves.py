"""Curves of runs that a program of the user's own trained: its columns, called and checked as its study says."""

from collections.abc import Collection, Sequence
from pathlib import Path

from segsweep.analysis.curves import Curve, curve_of_rows
from segsweep.config.program import ProgramResults
from segsweep.errors import InputError
from segsweep.programs.columns import missing_columns, range_remedy, renamed, renamed_rows
from segsweep.store.value_ranges import check_column


def named_curve(own: Curve, folder: Path, results: ProgramResults, metric: str) -> Curve:
    """A run's curve under the names that the study has for the program's columns; other columns are left out.

    Args:
        own: the curve with the program's own names.
        folder: of the run's last segment, for messages.
        results: what the study calls the columns.
        metric: that the study ranks by.

    Raises:
        InputError: there is no column for the metric, or a score lies outside of its range.
    """
    rows = renamed_rows((dict(zip(own.header, fields, strict=True)) for fields in own.fields), results)
    curve = curve_of_rows(list(renamed(own.header, results).values()), rows)
    if rows and metric not in curve.header:
        raise InputError(*_lacking([metric], own.header, results, folder))
    epochs = [f"{epoch:g}" for epoch in curve.column("epoch")]
    for name in curve.header:
        remedy = range_remedy(name, results)
        check_column(folder / "epochs.csv", name, epochs, curve.column(name), remedy, own_loop=False)
    return curve


def check_columns(results: ProgramResults, found: Collection[str], header: Sequence[str], folder: Path) -> None:
    """A column that the study names and that no run has is a mistake; one that some runs lack was added later.

    Args:
        results: what the study calls the columns.
        found: columns of all runs, under the study's names.
        header: columns of one of these runs, under the program's own names.
        folder: of a segment of that run, for messages.

    Raises:
        InputError: a problem for each column that no run has.
    """
    names = [name for name in results.columns if name != "epoch" and name not in found]
    if names:
        raise InputError(*_lacking(names, header, results, folder))


def _lacking(names: Sequence[str], header: Sequence[str], results: ProgramResults, folder: Path) -> list[str]:
    part = {name: column for name, column in results.columns.items() if name in names}
    problems = missing_columns(header, results.model_copy(update={"columns": part}), names)
    return [f"{folder / 'epochs.csv'}: {problem}" for problem in problems]
