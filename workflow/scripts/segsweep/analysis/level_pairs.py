"""Combinations of levels of two axes: what heatmaps show."""

from itertools import combinations
from typing import Any

from segsweep.analysis.study_results import StudyResults
from segsweep.tables import NO_RUN, Column, Table

MOST_COMBINATIONS = 2500


class Pairs(Table):
    """A combination of levels of two axes, those that were not tried included: what a heatmap shows."""

    file = "pairs.csv"
    rules = ("analyze_study",)
    rows = "pair_rows"
    columns = (
        Column("axis_a", "text", "The axis that comes first in the plan."),
        Column("level_a", "text", "Its level."),
        Column("axis_b", "text", "The other axis."),
        Column("level_b", "text", "Its level."),
        Column("n_cells", "integer", "Cells with usable runs."),
        Column("n_runs", "integer", "Usable runs."),
        Column("mean", "number", "Their mean score.", empty=NO_RUN),
        Column("sd", "number", "Standard deviation of their scores.", empty="fewer than two usable runs"),
    )


def pair_rows(results: StudyResults) -> list[dict[str, Any]]:
    """Rows of pairs.csv: number of cells and runs, mean and deviation of each combination of two levels."""
    runs = results.runs[results.usable]
    codes = results.codes[results.usable]
    rows = []
    for first, second in combinations(results.axes, 2):
        if len(first.levels) * len(second.levels) > MOST_COMBINATIONS:
            continue
        groups = runs.groupby([codes[first.name], codes[second.name]])
        table = groups["score"].agg(["size", "mean", "std"])
        table["cells"] = groups["cell"].nunique()
        known = table.to_dict("index")
        for i, a in enumerate(first.levels):
            for j, b in enumerate(second.levels):
                found = known.get((i, j), {})
                rows.append(
                    {
                        "axis_a": first.name, "level_a": a, "axis_b": second.name, "level_b": b,
                        "n_cells": found.get("cells", 0), "n_runs": found.get("size", 0),
                        "mean": found.get("mean"), "sd": found.get("std"),
                    }
                )  # fmt: skip
    return rows
