"""The additive model of what a claim speaks of: adjusted means of an axis's levels, and weighted sums of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from segsweep.analysis.anova import Anova, analyse_variance
from segsweep.analysis.linear import t_interval
from segsweep.analysis.study_results import Axis, StudyResults
from segsweep.config.components import ColumnClaim


@dataclass
class LevelMeans:
    """Levels of an axis in the cells that a claim speaks of.

    levels: texts of those that occur; values: their numbers, of a numeric axis.
    means: adjusted means, nan where one cannot be estimated.
    sign: 1 if high values are good, -1 if low ones are.
    counts: `n_runs` and `n_cells` that they rest on.
    """

    axis: Axis
    variance: Anova
    column: str
    sign: float
    counts: dict[str, int]
    levels: list[str]
    values: list[float]
    means: np.ndarray

    @classmethod
    def of(cls, results: StudyResults, claim: ColumnClaim, name: str) -> "LevelMeans | str":
        """Of the axis of this name; or in words why there are none."""
        column, sign = results.column_of(claim.of)
        if column not in results.runs:
            return f"There is no column {column} in runs.csv."
        if name not in [axis.name for axis in results.axes]:
            return f"{name} does not vary."
        response = pd.to_numeric(results.runs[column], errors="coerce")
        mask = results.usable & results.cells_where(claim.where) & np.isfinite(response)
        counts = {"n_runs": int(mask.sum()), "n_cells": int(results.runs.loc[mask, "cell"].nunique())}
        variance = analyse_variance(results, response, mask)
        if variance.additive is None or name not in variance.additive.terms.blocks:
            return f"{counts['n_runs']} usable runs are too few to compare levels of {name}."
        axis = results.axis(name)
        codes = results.codes.loc[mask, name]
        codes = np.unique(codes[codes >= 0])
        means, _ = variance.additive.combine(variance.additive.level_rows(name, len(codes)))
        if not np.isfinite(means).any():
            return f"Levels of {name} cannot be separated from those of another axis."
        values = [axis.values[code] for code in codes] if axis.kind == "number" else []
        return cls(axis, variance, column, sign, counts, [axis.levels[code] for code in codes], values, means)

    def contrast(self, first: int, second: int) -> dict[str, Any]:
        """The mean of one level minus that of another, by their indices; see `combine`."""
        weights = np.zeros(len(self.levels))
        weights[first], weights[second] = 1, -1
        return self.combine(weights)

    def combine(self, weights: np.ndarray) -> dict[str, Any]:
        """Weighted sum of the means: estimate, low, high (95 %), t, df, p, and the test in words.

        By aligned ranks where the residuals are not normal.
        """
        fit, robust = self.variance.additive, self.variance.robust
        row = weights @ fit.level_rows(self.axis.name, len(self.levels))
        estimate, error = (float(part[0]) for part in fit.combine(row, robust))
        test = "contrast of the additive model"
        if fit.df <= 0 or not error > 0:
            nothing = dict.fromkeys(("low", "high", "t", "p"), np.nan)
            return {"estimate": estimate, "df": fit.df, "test": test} | nothing
        low, high = t_interval(estimate, error, fit.df)
        t = estimate / error
        p = float(2 * stats.t.sf(abs(t), fit.df))
        test += ", HC3 errors" if robust else ""
        if self.axis.name in self.variance.ranked:
            ranked, rank_error = (float(part[0]) for part in self.variance.ranked[self.axis.name].combine(row))
            agree = np.sign(ranked) == np.sign(estimate)
            rank_p = float(2 * stats.t.sf(abs(ranked / rank_error), fit.df)) if agree else 1.0
            p, test = (max(p, rank_p) if robust else rank_p), "contrast of aligned ranks"
        return {
            "estimate": estimate, "low": float(low), "high": float(high), "t": t, "df": fit.df, "p": p, "test": test,
        }  # fmt: skip
