"""What the best setting saves against the reference."""

from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.linear_model import OLS

from segsweep.analysis.claims import Evidence, Verdict, undecided, words
from segsweep.analysis.linear import t_interval
from segsweep.config.components import ColumnClaim
from segsweep.config.settings import key
from segsweep.planning.plan_file import RANKED_ROLES


class ReducedBy(ColumnClaim):
    """A column is lower at the best setting than at the reference."""

    reduced_by: float = key(..., "Share by which `of` is lower than `against`.", gt=0, lt=1)
    against: Literal["reference"] = key(..., "What `reduced_by` compares with.")


def judge(claim: ReducedBy, evidence: Evidence) -> Verdict:
    """The best setting against the reference: the ratio of what the claim speaks of, with its interval.

    For each combination of the axes that the reference leaves open, the best setting of the design by the study's
    metric is taken. Logarithms are compared, combinations and folds are blocks. Supported if the whole 95 % interval of
    the ratio lies at or below 1 - share, refuted if it lies above.
    """
    results = evidence.results
    column, _ = results.column_of(claim.of)
    reference = results.plan.study.get("reference")
    if not reference or column not in results.runs:
        return undecided("The study has no reference." if not reference else f"There is no column {column}.")
    runs = results.runs.assign(of=pd.to_numeric(results.runs[column], errors="coerce"))
    runs = runs[runs["usable"] & np.isfinite(runs["of"]) & runs["role"].isin(RANKED_ROLES)]
    if runs.empty:
        return undecided(f"No usable run has a value of {column}.")
    where = results.cells_where(claim.where).reindex(runs.index)
    at_reference = results.cells_where(reference).reindex(runs.index)
    open_axes = [name for name in results.plan.axes if name not in reference and name in runs]
    combinations = runs[open_axes].astype(str).agg(" ".join, axis=1) if open_axes else pd.Series("", index=runs.index)
    parts = []
    for combination, group in runs[where].groupby(combinations[where]):
        ours = group[~at_reference[group.index] & (group["role"] != "reference")]
        theirs = group[at_reference[group.index]]
        if len(ours) and len(theirs):
            best = (ours.groupby("cell")["score"].mean() * results.sign).idxmax()
            for side, group in ((ours[ours["cell"] == best], 1.0), (theirs, 0.0)):
                parts.append(side.assign(group=group, block=[f"{combination} {fold}" for fold in side["fold"]]))
    if not parts:
        return undecided("The reference, or a setting to compare it with, has no usable run.")
    table = pd.concat(parts)
    counts = {"n_runs": len(table), "n_cells": table["cell"].nunique()}
    threshold = 1 - claim.reduced_by
    first, second = (table.loc[table["group"] == side, "of"].mean() for side in (1.0, 0.0))
    shown = f"{words.column(results, column)} is {first:.4g} at the best setting and {second:.4g} at the reference"
    if not (table["of"] > 0).all():
        return undecided(f"{shown}; ratios need values above 0.", **counts)
    if results.one_seed or len(table) - table["block"].nunique() - 1 < 2:
        return undecided(f"{shown}, ratio {first / second:.3g}: too few runs to judge it.", estimate=first / second,
                         threshold=threshold, **counts)  # fmt: skip
    blocks = pd.get_dummies(table["block"], dtype=float)
    fit = OLS(np.log(table["of"].to_numpy()), np.column_stack([table["group"], blocks])).fit()
    low, high = t_interval(fit.params[0], fit.bse[0], fit.df_resid)
    ratio, low, high = (float(np.exp(value)) for value in (fit.params[0], low, high))
    statistic = float((fit.params[0] - np.log(threshold)) / fit.bse[0])
    verdict = "supported" if high <= threshold else "refuted" if low > threshold else "undecided"
    return Verdict(
        verdict, f"{shown}: ratio {ratio:.3g} (95 % interval {low:.3g} to {high:.3g}), claim: at most {threshold:.3g}.",
        estimate=ratio, low=low, high=high, threshold=threshold, test="t of the logarithm's difference, blocked",
        statistic=statistic, df=float(fit.df_resid), p=float(2 * stats.t.sf(abs(statistic), fit.df_resid)),
        scope="seeds", **counts,
    )  # fmt: skip
