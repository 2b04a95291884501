"""Levels of each axis: raw means beside adjusted ones, and what may be said of the axis as a whole.

Adjusted means are estimated marginal means of the additive linear model.
"""

from typing import Any

import numpy as np
import pandas as pd

from segsweep.analysis.anova import Anova
from segsweep.analysis.linear import FEWEST_OF_INTERVAL, t_interval
from segsweep.analysis.study_results import Axis, StudyResults
from segsweep.statuses import FAILED
from segsweep.tables import NO_RUN, NOT_ESTIMABLE, NOT_TESTED, Column, Table

INCOMPLETE = "not every level with runs has an adjusted mean"
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
        Column("n_failed", "integer", "Runs that failed; in no mean."),
        Column("mean", "number", "Raw mean score of the usable runs.", empty=NO_RUN),
        Column("sd", "number", "Standard deviation of their scores.", empty="fewer than two usable runs"),
        Column("adjusted", "number", "Estimated marginal mean of the additive linear model.", empty=NOT_ESTIMABLE),
        Column("adjusted_low", "number", "Lower end of its 95 % interval, never beyond the metric's range.",
               empty=NOT_ESTIMABLE),
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
    codes = results.codes.loc[results.usable, axis.name]
    present = np.unique(codes[codes >= 0])
    estimate, error = fit.combine(fit.level_rows(axis.name, len(present)), variance.robust)
    known = fit.df >= FEWEST_OF_INTERVAL and not results.one_seed
    low, high = t_interval(estimate, error, fit.df) if known else (np.full_like(estimate, np.nan),) * 2
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
    for status in ("pruned", *FAILED):
        row[f"n_{status}"] = int((results.runs.loc[at, "status"] == status).sum())
    if len(runs):
        score = runs["score"]
        row |= {"mean": score.mean(), "sd": score.std() if len(score) > 1 else np.nan}
        order = score * results.sign
        for word, index in (("best", order.idxmax()), ("worst", order.idxmin())):
            row |= {
                f"{word}_cell": runs.at[index, "cell"], f"{word}_run": runs.at[index, "run"],
                f"{word}_score": score[index],
            }  # fmt: skip
        row |= {name: pd.to_numeric(runs[name], errors="coerce").mean() for name in measured_of_level(results)}
    bottom, top = results.metric_range
    low, high = float(np.maximum(adjusted[1], bottom)), float(np.minimum(adjusted[2], top))
    row["adjusted"], row["adjusted_low"], row["adjusted_high"] = adjusted[0], low, high
    notes = []
    if low > adjusted[1] or high < adjusted[2]:
        notes.append("the interval is cut at the metric's range")
    fit = variance.additive
    if not len(runs):
        notes.append("no usable run")
    elif not np.isfinite(adjusted[0]):
        notes.append("the adjusted mean cannot be estimated")
    elif how := fit.marginal(axis.name, fit.terms.blocks[axis.name].shape[1] + 1)[1]:
        notes.append(f"other axes {how}")
    return row | {"note": "; ".join(notes)}


class FactorSummary(Table):
    """An axis; first those with the surest finding, then those with the largest range."""

    file = "factor_summary.csv"
    rules = ("analyze_study",)
    rows = "summary_rows"
    columns = (
        Column("axis", "text", "The axis."),
        Column("kind", "text", "`number` or `category`."),
        Column("scale", "text", "`log`, `linear` or `category`."),
        Column("binned", "boolean", "Whether its levels are ranges of a continuous axis."),
        Column("levels", "integer", "Number of levels."),
        Column("best_level", "text", "The level with the best adjusted mean.", empty=INCOMPLETE),
        Column("second_level", "text", "The next one.", empty=INCOMPLETE),
        Column("range", "number", "Best minus worst of these means, positive.", empty=INCOMPLETE),
        Column("n_failed", "integer", "Runs of the best level that diverged, failed or ran out of memory.",
               empty=INCOMPLETE),
        Column("relation", "text",
               "`distinct` (the best level is better than all others), `partly` (better than some), `some` (levels "
               "differ, but none from the best), `undecided` (no significant difference), `confounded` (its effect "
               "cannot be separated from another axis), `described` (there is nothing to test with)."),
        Column("p_study", "number", "The smallest of its findings.", empty=NOT_TESTED),
        Column("F", "number", "As in anova.csv.", empty=NOT_TESTED),
        Column("df", "integer", "As in anova.csv.", empty=NOT_TESTED),
        Column("p", "number", "As in anova.csv.", empty=NOT_TESTED),
        Column("partial_eta2", "number", "As in anova.csv.", empty=NOT_TESTED),
        Column("rank_p", "number", "As in anova.csv.", empty="the residuals pass the check of their shape"),
        Column("raw_and_adjusted", "text", "`agree`, or `disagree`: they name different best levels.",
               empty=INCOMPLETE),
        Column("edge", "text", "`low` or `high`: the best level lies at this end of a numeric axis of three or more, "
               "and is better than every other one.", empty="it is not so"),
        Column("note", "text", "What has to be known to read the row.", empty="nothing"),
    )  # fmt: skip


def summary_rows(
    results: StudyResults, variance: Anova, factors: list[dict[str, Any]], findings: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Rows of factor_summary.csv; factors and findings are the rows of these tables."""
    tests = {row["term"]: row for row in variance.table if row["kind"] == "main"}
    rows = []
    for axis in results.axes:
        own = [row for row in findings if row["axis"] == axis.name]
        levels = [row for row in factors if row["axis"] == axis.name]
        rows.append(_summary(results, axis, tests.get(axis.name, {}), levels, own))
    return sorted(rows, key=lambda row: (np.nan_to_num(row["p_study"], nan=2.0), -np.nan_to_num(row["range"])))


def _summary(results: StudyResults, axis: Axis, test: dict, levels: list, findings: list) -> dict[str, Any]:
    raw = _order([(row["level"], row.get("mean", np.nan)) for row in levels], results.sign)
    adjusted = _order([(row["level"], row["adjusted"]) for row in levels], results.sign)
    complete = len(adjusted) > 1 and len(adjusted) == len(raw)
    order = adjusted if complete else []
    best = order[0][0] if order else ""
    pairs = [row for row in findings if row["kind"] == "levels"]
    edge = next((row["b"] for row in findings if row["kind"] == "edge"), "")
    row = {
        "axis": axis.name, "kind": axis.kind, "scale": axis.scale, "binned": axis.binned, "levels": len(axis.levels),
        "best_level": best, "second_level": order[1][0] if order else "",
        "range": abs(order[0][1] - order[-1][1]) if order else np.nan,
        "n_failed": _failed(levels, best), "relation": relation(best, pairs), "edge": edge,
        "p_study": min((row["p_study"] for row in pairs if np.isfinite(row["p_study"])), default=np.nan),
    }  # fmt: skip
    row |= {key: test.get(key, np.nan) for key in ("F", "df", "p", "partial_eta2", "rank_p")}
    agree = ("agree" if adjusted[0][0] == raw[0][0] else "disagree") if complete else ""
    return row | {"raw_and_adjusted": agree, "note": _notes(test, len(raw), len(adjusted))}


def _failed(levels: list[dict[str, Any]], best: str) -> int | None:
    found = next((row for row in levels if row["level"] == best), None)
    return None if found is None else sum(found[f"n_{status}"] for status in FAILED)


def _notes(test: dict, known: int, adjusted: int) -> str:
    notes = [test.get("note", "")]
    if 0 < adjusted < known:
        notes.append(f"{known - adjusted} of {known} levels have no adjusted mean")
    return "; ".join(filter(None, notes))


def _order(levels: list[tuple[str, float]], sign: float) -> list[tuple[str, float]]:
    known = [(level, value) for level, value in levels if np.isfinite(value)]
    return sorted(known, key=lambda pair: -sign * pair[1])


def relation(best: str, pairs: list[dict[str, Any]]) -> str:
    """What the comparisons of an axis (rows of findings.csv) allow to say of its levels."""
    verdicts = {row["verdict"] for row in pairs}
    differ = verdicts & {"better", "worse"}
    own = [_towards(best, row) for row in pairs if best in (row["a"], row["b"])]
    if not differ:
        return next((word for word in ("undecided", "confounded") if word in verdicts), "described")
    if own and all(verdict == "better" for verdict in own):
        return "distinct"
    return "partly" if "better" in own else "some"


def _towards(best: str, row: dict[str, Any]) -> str:
    turned = {"better": "worse", "worse": "better"}
    return row["verdict"] if row["a"] == best else turned.get(row["verdict"], row["verdict"])
