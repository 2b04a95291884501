"""Levels in pairs: comparisons of two levels of an axis, and the combinations of levels of two axes.

Levels are compared by contrasts of the additive linear model, by contrasts of aligned ranks where the residuals are not
normal, with HC3 errors where their spread differs. Holm's correction runs over all pairs of all axes of the study.
`better` needs an adjusted p of at most `LEVELS_ALPHA`: half of 5 %, since the comparison of cells in the ranking has
the other half; so a study without any effect says `better` anywhere in at most 5 % of cases.

Source: Holm (1979); Hedges and Olkin (1985), Statistical methods for meta-analysis, chapter 5.
"""

from itertools import combinations
from typing import Any

import numpy as np
from scipy import special, stats

from segsweep.analysis.anova import Anova
from segsweep.analysis.linear import t_interval
from segsweep.analysis.multiple_testing import holm
from segsweep.analysis.study_results import Axis, StudyResults
from segsweep.tables import NO_RUN, NOT_ESTIMABLE, Column, Table

LEVELS_ALPHA = 0.025
MOST_PAIRS = 60


class Pairwise(Table):
    """A comparison of two levels of an axis; of an axis with many levels, only those with its best level."""

    file = "pairwise.csv"
    rules = ("analyze_study",)
    rows = "pairwise"
    columns = (
        Column("axis", "text", "The axis."),
        Column("level_a", "text", "The one level."),
        Column("level_b", "text", "The other level."),
        Column("n_a", "integer", "Usable runs of the one level."),
        Column("n_b", "integer", "Usable runs of the other level."),
        Column("difference", "number", "Adjusted mean of a minus that of b.", empty=NOT_ESTIMABLE),
        Column("low", "number", "Lower end of its 95 % interval.", empty=NOT_ESTIMABLE),
        Column("high", "number", "Upper end.", empty=NOT_ESTIMABLE),
        Column("t", "number", "Difference over its standard error.", empty=NOT_ESTIMABLE),
        Column("df", "integer", "Residual degrees of freedom."),
        Column("p", "number", "Of the test that `test` names, two-sided.", empty=NOT_ESTIMABLE),
        Column("p_holm", "number", "Corrected by Holm over all comparisons of all axes.", empty=NOT_ESTIMABLE),
        Column("hedges_g", "number", "Standardized difference, corrected for small samples.", empty=NOT_ESTIMABLE),
        Column("g_low", "number", "Lower end of its 95 % interval.", empty=NOT_ESTIMABLE),
        Column("g_high", "number", "Upper end.", empty=NOT_ESTIMABLE),
        Column("test", "text", "The test."),
        Column("verdict", "text", "`better` (a is better than b), `worse`, `undecided`, `confounded` or `described`."),
        Column("note", "text", "What has to be known to read the row.", empty="nothing"),
    )


def pairwise(results: StudyResults, variance: Anova) -> list[dict[str, Any]]:
    """Rows of pairwise.csv: all pairs of levels of each axis; of axes with many levels, those with the best level."""
    rows = []
    for axis in results.axes:
        rows += _pairs_of(results, variance, axis)
    tested = [row for row in rows if np.isfinite(row["p"])]
    if tested:
        for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
            row["p_holm"] = float(p)
    for row in rows:
        row["verdict"] = _verdict(row, results)
    return rows


def _pairs_of(results: StudyResults, variance: Anova, axis: Axis) -> list[dict[str, Any]]:
    fit = variance.additive
    counts = results.codes.loc[results.usable, axis.name].value_counts()
    present = [code for code in range(len(axis.levels)) if counts.get(code, 0)]
    if len(present) < 2 or fit is None or axis.name not in fit.terms.blocks:
        return []
    rows = fit.level_rows(axis.name, len(present))
    pairs = list(combinations(range(len(present)), 2))
    note = ""
    if len(pairs) > MOST_PAIRS:
        means = fit.combine(rows)[0] * results.sign
        best = int(np.nanargmax(means)) if np.isfinite(means).any() else 0
        pairs = [(best, other) for other in range(len(present)) if other != best]
        note = "many levels: only pairs with the best one, which was chosen by the same scores"
    first, second = np.array(pairs).T
    contrasts = rows[first] - rows[second]
    estimate, error = fit.combine(contrasts, variance.robust)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = estimate / error
        p = 2 * stats.t.sf(np.abs(t), fit.df) if fit.df > 0 else np.full(len(t), np.nan)
    low, high = t_interval(estimate, error, fit.df) if fit.df > 0 else (np.full(len(t), np.nan),) * 2
    test = "contrast of the additive model" + (", HC3 errors" if variance.robust else "")
    if axis.name in variance.ranked:
        p, test = _ranked(variance, axis.name, contrasts, estimate, p), "contrast of aligned ranks"
    found = []
    for i, (a, b) in enumerate(pairs):
        n_a, n_b = int(counts[present[a]]), int(counts[present[b]])
        g, g_low, g_high = hedges_g(estimate[i], fit.mse, n_a, n_b, fit.df)
        found.append(
            {
                "axis": axis.name, "level_a": axis.levels[present[a]], "level_b": axis.levels[present[b]],
                "n_a": n_a, "n_b": n_b, "difference": estimate[i], "low": low[i], "high": high[i],
                "t": t[i], "df": fit.df, "p": p[i], "p_holm": np.nan, "hedges_g": g, "g_low": g_low, "g_high": g_high,
                "test": test, "note": note,
            }
        )  # fmt: skip
    return found


def _ranked(variance: Anova, name: str, contrasts, estimate, plain) -> np.ndarray:
    """p of contrasts of aligned ranks; 1 where ranks and scores point in different directions.

    Where the spread differs as well, the larger of both p: neither ranks nor HC3 errors alone stand both.
    """
    fit = variance.ranked[name]
    ranks, error = fit.combine(contrasts)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stats.t.sf(np.abs(ranks / error), fit.df)
    p = np.where(np.sign(ranks) == np.sign(estimate), p, np.where(np.isfinite(p), 1.0, np.nan))
    return np.maximum(p, plain) if variance.robust else p


def hedges_g(difference: float, variance: float, n_a: int, n_b: int, df: float) -> tuple[float, float, float]:
    """Standardised difference, corrected for small samples, with its 95 % interval (normal approximation).

    Source: Hedges and Olkin (1985), chapter 5, equations 10 and 15.
    """
    if not (df > 1 and variance > 0 and np.isfinite(difference)):
        return (np.nan, np.nan, np.nan)
    correction = np.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2)) / np.sqrt(df / 2)
    g = correction * difference / np.sqrt(variance)
    reach = stats.norm.ppf(0.975) * np.sqrt(1 / n_a + 1 / n_b + g**2 / (2 * df))
    return float(g), float(g - reach), float(g + reach)


def _verdict(row: dict[str, Any], results: StudyResults) -> str:
    if not np.isfinite(row["difference"]):
        row["note"] = row["note"] or "this difference cannot be separated from that of another axis"
        return "confounded"
    if results.one_seed or not np.isfinite(row["p"]):
        return "described"
    if row["p_holm"] > LEVELS_ALPHA or row["low"] <= 0 <= row["high"]:
        return "undecided"
    return "better" if row["difference"] * results.sign > 0 else "worse"


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
        if len(first.levels) * len(second.levels) > 2500:
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
