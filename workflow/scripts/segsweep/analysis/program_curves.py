"""Curves of runs that a program of the user's own trained: its columns, called and checked as its study says."""

import math
from pathlib import Path

from segsweep import metrics
from segsweep.analysis.curves import Curve, read_curve
from segsweep.config.program import ProgramResults
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError


def read_program_curve(paths: list[Path], results: ProgramResults, metric: str) -> Curve:
    """The epochs of a run, put together from the epochs.csv files of its segments.

    Args:
        paths: of the files, in order.
        results: what the study calls the program's columns.
        metric: that the study ranks by.

    Raises:
        InputError: a file cannot be read, there is no column for the metric, or a score lies outside of its range.
    """
    own = read_curve(paths)
    curve = own.renamed(results)
    if curve.fields and metric not in curve.header:
        raise InputError(
            f"{paths[0]}: no column for the study's metric {metric}. Name the program's column in `results.columns` of "
            f"the study: `{metric}: COLUMN`. {nearest(metric, own.header)}"
        )
    for name in curve.header:
        _check_range(name, curve, paths)
    return curve


def _check_range(name: str, curve: Curve, paths: list[Path]) -> None:
    """Raises: InputError if a column is called like a metric, but has a value that this cannot have."""
    known = metrics.metric_of(name)
    if known is None:
        return
    low, high = (
        bound if bound is not None else sign * math.inf for bound, sign in zip(known.range, (-1, 1), strict=True)
    )
    wrong = next((value for value in curve.column(name) if value < low or value > high), None)
    if wrong is not None:
        raise InputError(
            f"{paths[-1].parent}: {name} is {wrong:g}, but a {known.title} lies between {low:g} and {high:g}. If the "
            f"program writes per cent, say so in `results.columns` of the study: `{name}: {{column: COLUMN, unit: "
            "percent}`; if it is something else, give it another name."
        )
