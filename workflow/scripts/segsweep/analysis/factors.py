"""Levels of each axis: raw means beside adjusted ones, comparisons of pairs, and what may be said of an axis.

Adjusted means are estimated marginal means of the additive linear model. Pairs are compared by contrasts of that model,
by contrasts of aligned ranks where the residuals are not normal, with HC3 errors where their spread differs. Holm's
correction runs over all pairs of all axes of the study. `better` needs an adjusted p of at most `LEVELS_ALPHA`: half of
5 %, since the comparison of cells in the ranking has the other half; so a study without any effect says `better`
anywhere in at most 5 % of cases.

Source: Holm (1979); Hedges and Olkin (1985), Statistical methods for meta-analysis, chapter 5.
"""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

from segsweep.analysis.anova import Anova
from segsweep.analysis.linear import t_interval
from segsweep.analysis.multiple_testing import holm
from segsweep.analysis.study_results import Axis, StudyResults
from segsweep.tables import NO_RUN, NOT_ESTIMABLE, NOT_TESTED, Column, Table

LEVELS_ALPHA = 0.025
MEASURED_OF_LEVEL = ("stability/val_loss_std", "convergence/epochs_to_best", "overfit/gap", "cost/train_seconds")
MOST_PAIRS = 60


class Factors(Table):
    """A level of an axis; levels in the order in which they are shown."""

    file = "factors.csv"
    rules = ("analyze_study",)
    rows = "level_rows"
    columns = (
        Column("axis", "text", "The axis."),
        Column("level", "text", "Its level, or a range of a continuous axis (`2.5e-4..4e-4`)."),
        Column("position", "integer", "Index of the level, from 0."),
        Column("n_cells", "integer", "Cells with usable runs."),
        Column("n_runs", "integer", "Usable runs."),
        Column("n_pruned", "integer", "Runs that the pruner ended; in no mean."),
        Column("n_diverged", "integer", "Runs that diverged; in no mean."),
        Column("n_oom", "integer", "Runs that ran out of memory; in no mean."),
        Column("mean", "number", "Raw mean score of the usable runs.", empty=NO_RUN),
        Column("sd", "number", "Standard deviation of their scores.", empty="fewer than two usable runs"),
        Column("low", "number", "Lower end of the t interval over the means of cells.", empty="fewer than two cells"),
        Column("high", "number", "Upper end.", empty="fewer than two cells"),
        Column("adjusted", "number", "Estimated marginal mean of the additive linear model.", empty=NOT_ESTIMABLE),
        Column("adjusted_low", "number", "Lower end of its 95 % interval.", empty=NOT_ESTIMABLE),
        Column("adjusted_high", "number", "Upper end.", empty=NOT_ESTIMABLE),
        Column("best_cell", "text", "Cell of the best run of the level.", empty=NO_RUN),
        Column("best_run", "text", "That run.", empty=NO_RUN),
        Column("best_score", "number", "Its score.", empty=NO_RUN),
        Column("worst_cell", "text", "Cell of the worst run of the level.", empty=NO_RUN),
        Column("worst_run", "text", "That run.", empty=NO_RUN),
        Column("worst_score", "number", "Its score.", empty=NO_RUN),
        Column("<measured_of_level>", "number", "Raw mean of another column of runs.csv.", empty=NO_RUN),
        Column("note", "text", "What has to be known to read the row.", empty="nothing"),
    )  # fmt: skip


def level_rows(results: StudyResults, variance: Anova) -> list[dict[str, Any]]:
    """Rows of factors.csv."""
    return [
        _level(results, variance, axis, code, adjusted)
        for axis in results.axes
        for code, adjusted in enumerate(adjusted_means(results, variance, axis))
    ]


def measured_of_level(results: StudyResults) -> list[str]:
    """Columns of runs.csv, the study's metric aside, whose means stand in factors.csv."""
    scores = [name for name in results.runs if name.startswith("val/") and name != results.metric]
    return [name for name in MEASURED_OF_LEVEL if name in results.runs] + scores


def adjusted_means(results: StudyResults, variance: Anova, axis: Axis) -> list[tuple[float, float, float]]:
    """(mean, low, high) of each level by the additive model; nan where it cannot be estimated."""
    nothing = (np.nan, np.nan, np.nan)
    fit = variance.additive
    if fit is None or axis.name not in fit.terms.blocks:
        return [nothing] * len(axis.levels)
    present = np.unique(results.codes.loc[results.usable, axis.name])
    estimate, error = fit.combine(fit.level_rows(axis.name, len(present)), variance.robust)
    low, high = t_interval(estimate, error, fit.df) if fit.df > 0 else (np.full_like(estimate, np.nan),) * 2
    found = dict(zip(present, zip(estimate, low, high, strict=True), strict=True))
    return [found.get(code, nothing) for code in range(len(axis.levels))]


def _level(results: StudyResults, variance: Anova, axis: Axis, code: int, adjusted) -> dict[str, Any]:
    at = (results.codes[axis.name] == code) & results.design
    runs = results.runs[at & results.usable]
    cells = runs.groupby("cell")["score"].mean()
    row: dict[str, Any] = {
        "axis": axis.name, "level": axis.levels[code], "position": code,
        "n_cells": len(cells), "n_runs": len(runs),
    }  # fmt: skip
    for status in ("pruned", "diverged", "oom"):
        row[f"n_{status}"] = int((results.runs.loc[at, "status"] == status).sum())
    if len(runs):
        score = runs["score"]
        row |= {"mean": score.mean(), "sd": score.std() if len(score) > 1 else np.nan}
        if len(cells) > 1:
            row["low"], row["high"] = t_interval(cells.mean(), cells.sem(), len(cells) - 1)
        order = score * results.sign
        for word, index in (("best", order.idxmax()), ("worst", order.idxmin())):
            row |= {
                f"{word}_cell": runs.at[index, "cell"], f"{word}_run": runs.at[index, "run"],
                f"{word}_score": score[index],
            }  # fmt: skip
        row |= {name: pd.to_numeric(runs[name], errors="coerce").mean() for name in measured_of_level(results)}
    row["adjusted"], row["adjusted_low"], row["adjusted_high"] = adjusted
    notes = []
    fit = variance.additive
    if not len(runs):
        notes.append("no usable run")
    elif not np.isfinite(adjusted[0]):
        notes.append("the adjusted mean cannot be estimated")
    elif how := fit.marginal(axis.name, fit.terms.blocks[axis.name].shape[1] + 1)[1]:
        notes.append(f"other axes {how}")
    return row | {"note": "; ".join(notes)}


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


class FactorSummary(Table):
    """An axis, most influential first."""

    file = "factor_summary.csv"
    rules = ("analyze_study",)
    rows = "summary_rows"
    columns = (
        Column("axis", "text", "The axis."),
        Column("kind", "text", "`number` or `category`."),
        Column("scale", "text", "`log`, `linear` or `category`."),
        Column("binned", "boolean", "Whether its levels are ranges of a continuous axis."),
        Column("levels", "integer", "Number of levels."),
        Column("best_level", "text", "By adjusted mean, by raw mean where too few of those can be estimated.",
               empty="no level has a mean"),
        Column("second_level", "text", "The next one.", empty="fewer than two levels have a mean"),
        Column("range", "number", "Best minus worst of these means, positive.",
               empty="fewer than two levels have a mean"),
        Column("relation", "text",
               "`distinct` (the best level is better than all others), `partly` (better than some), `undecided` (no "
               "significant difference), `confounded` (its effect cannot be separated from another axis), `described` "
               "(one seed, or too few runs: numbers without a test)."),
        Column("F", "number", "As in anova.csv.", empty=NOT_TESTED),
        Column("df", "integer", "As in anova.csv.", empty=NOT_TESTED),
        Column("p", "number", "As in anova.csv.", empty=NOT_TESTED),
        Column("partial_eta2", "number", "As in anova.csv.", empty=NOT_TESTED),
        Column("rank_p", "number", "As in anova.csv.", empty="the residuals pass the check of their shape"),
        Column("raw_and_adjusted", "text", "`agree`, or `disagree`: they name different best levels.",
               empty="too few levels have both"),
        Column("edge", "text", "`low` or `high`: the best level lies at this end of a numeric axis of three or more.",
               empty="it does not"),
        Column("note", "text", "What has to be known to read the row.", empty="nothing"),
    )  # fmt: skip


def summary_rows(results: StudyResults, variance: Anova, factors: list, pairwise: list) -> list[dict[str, Any]]:
    """Rows of factor_summary.csv, the axes with the largest share of the variance first.

    factors and pairwise are the rows of these tables.
    """
    tests = {row["term"]: row for row in variance.table if row["kind"] == "main"}
    rows = [
        _summary(results, axis, tests.get(axis.name, {}), [r for r in factors if r["axis"] == axis.name],
                 [r for r in pairwise if r["axis"] == axis.name])
        for axis in results.axes
    ]  # fmt: skip

    def influence(row):
        share = row["partial_eta2"]
        return (-share if share is not None and np.isfinite(share) else 1.0, -np.nan_to_num(row["range"] or 0.0))

    return sorted(rows, key=influence)


def _summary(results: StudyResults, axis: Axis, test: dict, levels: list, pairs: list) -> dict[str, Any]:
    raw = _order([(row["level"], row.get("mean", np.nan)) for row in levels], results.sign)
    adjusted = _order([(row["level"], row["adjusted"]) for row in levels], results.sign)
    usable = len(adjusted) > 1 and 2 * len(adjusted) >= len(raw)
    order = adjusted if usable else raw
    both = [(level, value) for level, value in raw if level in dict(adjusted)]
    agree = ("agree" if adjusted[0][0] == both[0][0] else "disagree") if usable else ""
    best = order[0][0] if order else ""
    row = {
        "axis": axis.name, "kind": axis.kind, "scale": axis.scale, "binned": axis.binned, "levels": len(axis.levels),
        "best_level": best, "second_level": order[1][0] if len(order) > 1 else "",
        "range": abs(order[0][1] - order[-1][1]) if len(order) > 1 else np.nan,
        "relation": relation(best, len(order), pairs),
    }  # fmt: skip
    row |= {key: test.get(key, np.nan) for key in ("F", "df", "p", "partial_eta2", "rank_p")}
    return row | {
        "raw_and_adjusted": agree, "edge": edge_of(axis, best), "note": _notes(test, len(raw), len(adjusted)),
    }  # fmt: skip


def _notes(test: dict, known: int, adjusted: int) -> str:
    notes = [test.get("note", "")]
    if 0 < adjusted < known:
        notes.append(f"{known - adjusted} of {known} levels have no adjusted mean")
    return "; ".join(filter(None, notes))


def _order(levels: list[tuple[str, float]], sign: float) -> list[tuple[str, float]]:
    known = [(level, value) for level, value in levels if np.isfinite(value)]
    return sorted(known, key=lambda pair: -sign * pair[1])


def relation(best: str, levels: int, pairs: list[dict[str, Any]]) -> str:
    """What the comparisons of an axis allow to say of its best level."""
    verdicts = [_towards(best, row) for row in pairs if best in (row["level_a"], row["level_b"])]
    if not verdicts or any(verdict == "described" for verdict in verdicts):
        return "described"
    better = sum(verdict == "better" for verdict in verdicts)
    if better == levels - 1 and better == len(verdicts):
        return "distinct"
    if better:
        return "partly"
    return "confounded" if "confounded" in verdicts else "undecided"


def _towards(best: str, row: dict[str, Any]) -> str:
    turned = {"better": "worse", "worse": "better"}
    return row["verdict"] if row["level_a"] == best else turned.get(row["verdict"], row["verdict"])


def edge_of(axis: Axis, level: str) -> str:
    """Whether a level is the lowest or the highest of a numeric axis with at least three; ranges have no edge."""
    if axis.kind != "number" or axis.binned or len(axis.levels) < 3 or level not in (axis.levels[0], axis.levels[-1]):
        return ""
    return "low" if level == axis.levels[0] else "high"


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
