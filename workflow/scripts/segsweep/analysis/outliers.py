"""Runs far from what the others lead to expect, and what the study would say without them.

The externally studentized residual of a run is its distance from the additive model of the others, in standard errors;
its p is that of the t distribution, corrected by Bonferroni over all runs. The furthest are left out in turn, and
all findings are worked out again.

Source: Cook and Weisberg (1982), Residuals and influence in regression, sections 2.2.1 and 2.2.2.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from segsweep.analysis.anova import Anova
from segsweep.analysis.linear import Fit
from segsweep.analysis.study_results import StudyResults
from segsweep.analysis.verdicts import STATED
from segsweep.tables import Column, Table

ALPHA = 0.05
MOST_REFITTED = 5
MOST_RUNS = 2000  # of a study whose findings are worked out again
MOST_CHANGES = 5
FEWEST_DF = 3
NOT_LOOKED_AT = "what changes was not worked out"


class Outliers(Table):
    """A usable run whose score lies far from what the additive model of the other runs gives, the furthest first."""

    file = "outliers.csv"
    rules = ("analyze_study",)
    rows = "outlier_rows"
    columns = (
        Column("run", "text", "The run."),
        Column("cell", "text", "Its cell."),
        Column("score", "number", "Its score."),
        Column("fitted", "number", "What the additive model of all other runs gives for it."),
        Column("studentized", "number", "The distance, in standard errors (externally studentized residual)."),
        Column("p", "number", "Two-sided, corrected by Bonferroni over all runs; at most 0.05."),
        Column("changes", "text",
               "Findings whose verdict is another one without the run, and whether the best setting is; or that it was "
               "not worked out.", empty="nothing changes"),
    )  # fmt: skip


def outlier_rows(
    results: StudyResults, variance: Anova, findings: list[dict[str, Any]], best: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """Rows of outliers.csv.

    findings are the rows of this table, best is the recommended setting (its `cell`), None if there is none.
    """
    fit = variance.additive
    if fit is None or fit.df <= FEWEST_DF or not fit.leaves_noise:
        return []
    runs = _fitted_runs(results)
    studentized, p, fitted = studentized_residuals(fit)
    found = np.flatnonzero(p <= ALPHA)
    rows = []
    for place, index in enumerate(found[np.argsort(-np.abs(studentized[found]), kind="stable")]):
        run = runs.iloc[index]
        row = {"run": run["run"], "cell": run["cell"], "score": fit.y[index], "fitted": fitted[index],
               "studentized": studentized[index], "p": p[index], "changes": NOT_LOOKED_AT}  # fmt: skip
        if place < MOST_REFITTED and len(results.runs) <= MOST_RUNS:
            row["changes"] = "; ".join(changes_without(results, run, findings, best))
        rows.append(row)
    return rows


def studentized_residuals(fit: Fit) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Externally studentized residuals (n,), their p by Bonferroni, and values fitted without the run itself.

    p is 1, the other two nan for a run that alone decides a coefficient.
    """
    leverage = np.einsum("ij,ji->i", fit.matrix, fit.ols.model.pinv_wexog)
    known = leverage < 1 - 1e-8
    rest, df = fit.residuals, fit.df - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (fit.ssr - rest**2 / (1 - leverage)) / df
        studentized = np.where(known, rest / np.sqrt(np.maximum(variance, 0) * (1 - leverage)), np.nan)
        fitted = np.where(known, fit.y - rest / (1 - leverage), np.nan)
    p = np.minimum(2 * stats.t.sf(np.abs(studentized), df) * known.sum(), 1.0)
    return studentized, np.where(np.isfinite(p), p, 1.0), fitted


def changes_without(
    results: StudyResults, run: pd.Series, findings: list[dict[str, Any]], best: dict[str, Any] | None
) -> list[str]:
    """In words, which findings have another verdict without a run, and whether another setting is the best."""
    from segsweep.analysis.analyze import Analysis

    rest = Analysis(_without(results, run))
    now, then = ({_what(row): row for row in rows} for rows in (findings, rest.rows("findings")))
    said = []
    for key in dict.fromkeys([*now, *then]):
        if key[0] == "cells" and not (key in now and key in then):  # another cell is the first: said below
            continue
        verdicts = [one[key]["verdict"] if key in one else "undecided" for one in (now, then)]
        if verdicts[0] != verdicts[1] and set(verdicts) & set(STATED):
            row = now.get(key) or then[key]
            said.append(f"{_in_words(row, results)}: {verdicts[1]} instead of {verdicts[0]}")
    if len(said) > MOST_CHANGES:
        said = [*said[:MOST_CHANGES], f"and {len(said) - MOST_CHANGES} more findings"]
    chosen = rest.best["cell"] if rest.best else None
    if best and chosen and chosen != best["cell"]:
        said.append(f"the best setting is {results.label(chosen)} instead of {results.label(best['cell'])}")
    return said


def _fitted_runs(results: StudyResults) -> pd.DataFrame:
    """Runs in the order of the additive model's rows; where a setting counts once, its first run stands for it."""
    runs = results.runs[results.usable]
    return runs if results.error_basis == "replicates" else runs[~runs["cell"].duplicated()]


def _without(results: StudyResults, run: pd.Series) -> StudyResults:
    """The study without the score of a run, or of its setting where this counts once; ranges of axes stay."""
    name = "run" if results.error_basis == "replicates" else "cell"
    scores = results.runs["score"].where(results.runs[name] != run[name])
    return replace(results, runs=results.runs.assign(**{results.metric: scores}))


def _what(row: dict[str, Any]) -> tuple:
    return tuple(row[name] for name in ("kind", "axis", "axis_b", "a", "b"))


def _in_words(row: dict[str, Any], results: StudyResults) -> str:
    if row["kind"] == "cells":
        return f"{results.label(row['a'])} against {results.label(row['b'])}"
    if row["kind"] == "levels":
        return f"{row['axis']}, {row['a']} against {row['b']}"
    if row["kind"] == "edge":
        return f"{row['axis']}, its {row['b']} end"
    return f"{row['axis']} and {row['axis_b']}" if row["kind"] == "interaction" else f"{row['axis']} and the score"
