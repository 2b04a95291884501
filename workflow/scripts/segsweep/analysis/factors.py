"""Levels of each axis: raw means beside adjusted ones, and what may be said of the axis as a whole.

Adjusted means are estimated marginal means of the additive linear model.
"""

from typing import Any

import numpy as np
import pandas as pd

from segsweep.analysis.anova import Anova
from segsweep.analysis.linear import t_interval
from segsweep.analysis.study_results import Axis, StudyResults
from segsweep.tables import NO_RUN, NOT_ESTIMABLE, NOT_TESTED, Column, Table

MEASURED_OF_LEVEL = ("stability/val_loss_std", "convergence/epochs_to_best", "overfit/gap", "cost/train_seconds")


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
