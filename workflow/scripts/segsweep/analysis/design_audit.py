"""The design's audit: what was tried together, what was not, and which effects cannot be separated therefore."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from segsweep.analysis.level_numbers import as_number
from segsweep.analysis.linear import Terms, dense, sum_coded
from segsweep.analysis.study_results import Axis, StudyResults
from segsweep.formatting import plural
from segsweep.tables import NO_RUN, Column, Document, Table

STEP_AXES = ("batch_size", "accumulate", "data.train_subset")
LISTED = 12


class Design(Table):
    """A pair of axes: which combinations of their levels were tried, and how evenly usable runs lie on them."""

    file = "design.csv"
    rules = ("analyze_study",)
    rows = "design_rows"
    columns = (
        Column("axis_a", "text", "The one axis."),
        Column("axis_b", "text", "The other axis."),
        Column("levels_a", "integer", "Levels of the one axis."),
        Column("levels_b", "integer", "Levels of the other axis."),
        Column("combinations", "integer", "Combinations of their levels."),
        Column("filled", "integer", "Combinations that were tried; one in which an axis does not apply coincides with "
               "another that was."),
        Column("usable", "integer", "Combinations with usable runs."),
        Column("empty", "integer", "Combinations that were not tried."),
        Column("empty_list", "text", "The latter: `a x b; a x c`, the first twelve of them.", empty="all were tried"),
        Column("cramers_v", "number", "Association of the two axes over the usable runs, 0 to 1.",
               empty="no run has both"),
        Column("relation", "text",
               "How the usable runs lie: `balanced`, `crossed`, `partial`, `a nested in b`, `b nested in a`, `aliased` "
               "or `none`."),
    )  # fmt: skip


class Audit(Document):
    """What was tried together, what was not, and which effects cannot be separated therefore."""

    file = "audit.json"
    rules = ("analyze_study",)
    keys = (
        Column("cells", "integer", "Cells of the design."),
        Column("runs", "integer", "Their runs."),
        Column("usable", "integer", "Those that enter means."),
        Column("replicates", "mapping", "Usable runs a cell: `min`, `max`.", empty=NO_RUN),
        Column("levels", "mapping", "Axis: level: number of cells."),
        Column("constant", "list", "Axes with one value in all cells."),
        Column("not_estimable", "mapping", "Axis whose effect cannot be separated: from which others."),
        Column("budget", "list", "Sentences on axes that change how many optimizer steps a run takes."),
        Column("notes", "list", "Findings in words: `topic`, `axes`, `text`."),
    )


def design_rows(results: StudyResults) -> list[dict[str, Any]]:
    """Rows of design.csv."""
    cells, runs = cell_codes(results), results.codes[results.usable]
    return [_pair(results, cells, runs, a, b) for a, b in combinations([axis.name for axis in results.axes], 2)]


def audit(results: StudyResults, design: list[dict[str, Any]]) -> dict[str, Any]:
    """The contents of audit.json; `design` are the rows of design.csv."""
    cells = cell_codes(results)
    confounded = not_estimable(results, cell_codes(results, results.usable))
    notes = [*_pair_notes(design), *_confounding(results, confounded), *_constant(results)]
    budget = budget_notes(results)
    notes += [{"topic": "budget", "axes": [axis], "text": text} for axis, text in budget]
    counts = {
        axis.name: {level: int((cells[axis.name] == i).sum()) for i, level in enumerate(axis.levels)}
        for axis in results.axes
    }
    replicates = results.runs.loc[results.usable].groupby("cell").size()
    return {
        "cells": len(cells), "runs": int(results.design.sum()), "usable": int(results.usable.sum()),
        "replicates": {"min": int(replicates.min()), "max": int(replicates.max())} if len(replicates) else None,
        "levels": counts, "constant": results.constant, "not_estimable": confounded,
        "budget": [text for _, text in budget], "notes": notes,
    }  # fmt: skip


def unexplored(design: list[dict[str, Any]], most: int = 5) -> list[dict[str, Any]]:
    """Pairs of axes with the most combinations that were never tried."""
    rows = [row for row in design if row["empty"] and row["relation"] != "aliased"]
    rows = sorted(rows, key=lambda row: -row["empty"] / row["combinations"])[:most]
    return [{key: row[key] for key in ("axis_a", "axis_b", "empty", "combinations")} for row in rows]


def cell_codes(results: StudyResults, mask: pd.Series | None = None) -> pd.DataFrame:
    """Level codes of the cells (one row each) that have runs in `mask`, those of the design if not given.

    -1 where an axis does not apply to a cell.
    """
    mask = results.design if mask is None else mask
    first = ~results.runs.loc[mask, "cell"].duplicated()
    codes = results.codes[mask][first.to_numpy()]
    codes.index = results.runs.loc[mask, "cell"][first.to_numpy()]
    return codes


def cramers_v(table: np.ndarray) -> float:
    """Strength of association of a contingency table, 0 (independent) to 1.

    Source: Cramér (1946), Mathematical methods of statistics, chapter 21.
    """
    total = table.sum()
    expected = np.outer(table.sum(1), table.sum(0)) / total
    chi2 = ((table - expected) ** 2 / np.where(expected > 0, expected, 1)).sum()
    return float(np.sqrt(chi2 / total / max(min(table.shape) - 1, 1)))


def relation_of(table: np.ndarray) -> str:
    """How two axes stand to each other, from the cells of each pair of levels."""
    filled = table > 0
    if table.size == 1:  # one pair of levels is left: nothing changes with anything
        return "partial"
    a_in_b, b_in_a = bool((filled.sum(1) == 1).all()), bool((filled.sum(0) == 1).all())
    if a_in_b and b_in_a:
        return "aliased"
    if a_in_b:
        return "a nested in b"
    if b_in_a:
        return "b nested in a"
    if not filled.all():
        return "partial"
    return "balanced" if cramers_v(table) < 1e-6 else "crossed"


def not_estimable(results: StudyResults, cells: pd.DataFrame) -> dict[str, list[str]]:
    """Axes whose effect, wholly or partly, cannot be separated from others, and from which ones.

    An axis counts if its columns of the additive model are not all new beside those of the other axes; the others it is
    confounded with are those whose removal makes more of it estimable.
    """
    coded = {axis.name: dense(cells[axis.name].to_numpy(int)) for axis in results.axes}
    names = [name for name, (_, levels) in coded.items() if levels > 1]
    if not names:
        return {}
    terms = Terms({name: sum_coded(*coded[name]) for name in names})
    full = _rank(terms, names)
    gain = {name: full - _rank(terms, [other for other in names if other != name]) for name in names}
    found = {}
    for name in names:
        if gain[name] < terms.blocks[name].shape[1]:
            found[name] = [
                other
                for other in names
                if other != name
                and _rank(terms, [n for n in names if n != other])
                - _rank(terms, [n for n in names if n not in (name, other)])
                > gain[name]
            ]
    return found


def budget_notes(results: StudyResults) -> list[tuple[str, str]]:
    """Axes that change how many optimizer steps a run takes while all runs have the same epochs."""
    epochs = {run.epochs for run in results.plan.runs} - {None}
    notes = []
    for axis in results.axes:
        if (
            axis.name not in STEP_AXES
            or axis.binned
            or len(epochs) != 1
            or any(as_number(x) is None for x in axis.levels)
        ):
            continue
        low, high = axis.levels[0], axis.levels[-1]
        ratio = as_number(high) / as_number(low)
        fewer = "fewer" if axis.name != "data.train_subset" else "more"
        notes.append(
            (
                axis.name,
                f"All runs have the same number of epochs, so {axis.name} = {high} takes {ratio:.3g} times {fewer} "
                f"optimizer steps than {low}: its effect and that of the number of steps cannot be separated.",
            )
        )
    return notes


def _rank(terms: Terms, names: list[str]) -> int:
    matrix = terms.matrix(names)
    return int(np.linalg.matrix_rank(matrix.T @ matrix, hermitian=True))


def _pair(results: StudyResults, cells: pd.DataFrame, runs: pd.DataFrame, a: str, b: str) -> dict[str, Any]:
    first, second = results.axis(a), results.axis(b)
    tried = _crossed(cells, first, second)
    tried = tried[:-1, :-1] + tried[:-1, -1:] + tried[-1:, :-1]  # where one does not apply, its levels coincide
    usable = _crossed(runs, first, second)[:-1, :-1]
    empty = [f"{first.levels[i]} x {second.levels[j]}" for i, j in np.argwhere(tried == 0)]
    listed = "; ".join(empty[:LISTED]) + (f"; and {len(empty) - LISTED} more" if len(empty) > LISTED else "")
    used = usable[usable.sum(1) > 0][:, usable.sum(0) > 0]
    return {
        "axis_a": a, "axis_b": b, "levels_a": len(first.levels), "levels_b": len(second.levels),
        "combinations": tried.size, "filled": int((tried > 0).sum()), "usable": int((usable > 0).sum()),
        "empty": len(empty), "empty_list": listed, "cramers_v": cramers_v(used) if used.size else None,
        "relation": relation_of(used) if used.size else "none",
    }  # fmt: skip


def _crossed(codes: pd.DataFrame, first: Axis, second: Axis) -> np.ndarray:
    """How many rows have each pair of levels; the last row and column are those to which an axis does not apply."""
    table = np.zeros((len(first.levels) + 1, len(second.levels) + 1), int)
    np.add.at(table, (codes[first.name].to_numpy(int), codes[second.name].to_numpy(int)), 1)
    return table


def _pair_notes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    notes = []
    for row in rows:
        a, b = row["axis_a"], row["axis_b"]
        text = {
            "aliased": f"{a} and {b} change together in every cell: their effects cannot be separated.",
            "a nested in b": f"Each level of {a} occurs with one level of {b} only: {a} is nested in {b}.",
            "b nested in a": f"Each level of {b} occurs with one level of {a} only: {b} is nested in {a}.",
        }.get(row["relation"])
        if text is None and row["empty"]:
            text = f"{row['empty']} of {row['combinations']} combinations of {a} and {b} were not tried."
        elif text is None and row["usable"] < row["combinations"] and row["relation"] in ("partial", "none"):
            lost = row["combinations"] - row["usable"]
            text = f"{lost} of {row['combinations']} combinations of {a} and {b} have no usable run."
        if text is None and row["relation"] == "crossed" and row["cramers_v"] > 0.3:
            text = (
                f"{a} and {b} are unevenly combined (Cramér's V {row['cramers_v']:.2f}): raw means mix their effects."
            )
        if text:
            topic = "empty" if row["relation"] in ("partial", "none") else row["relation"]
            topic = "nested" if "nested" in topic else "uneven" if topic == "crossed" else topic
            notes.append({"topic": topic, "axes": [a, b], "text": text})
    return notes


def _confounding(results: StudyResults, confounded: dict[str, list[str]]) -> list[dict[str, Any]]:
    notes = []
    for name, others in confounded.items():
        with_what = " and ".join(others) if others else "a combination of the other axes"
        notes.append(
            {
                "topic": "confounded",
                "axes": [name, *others],
                "text": f"Levels of {name} are confounded with {with_what}.",
            }
        )
    return notes


def _constant(results: StudyResults) -> list[dict[str, Any]]:
    if not results.constant:
        return []
    names = ", ".join(results.constant)
    text = f"{plural(len(results.constant), 'axis').replace('axiss', 'axes')} with one value in all cells: {names}."
    return [{"topic": "constant", "axes": results.constant, "text": text}]
