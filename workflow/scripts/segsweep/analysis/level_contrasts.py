"""Levels of an axis compared in pairs, by contrasts of the additive linear model.

By contrasts of aligned ranks where the residuals are not normal, with HC3 errors where their spread differs. What they
come to, corrected over the whole study, is decided in `analysis.findings`.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from segsweep.analysis.anova import Anova
from segsweep.analysis.linear import t_interval
from segsweep.analysis.study_results import Axis, StudyResults

MOST_PAIRS = 60
ROUNDING = 1e-12  # share of the largest score below which a difference is none
MANY_LEVELS = "many levels: only pairs with the best one; the correction counts all pairs"
NOT_SEPARABLE = "this difference cannot be separated from that of another axis"


@dataclass
class LevelContrast:
    """Two levels of an axis.

    axis, a, b: the axis and its levels.
    n: runs that have one of them.
    estimate, error: difference of the model means a - b and its standard error; nan where it is not estimable.
    statistic, df, p: of the test, two-sided.
    by_ranks: whether aligned ranks decide; `excludes_zero` then says whether the plain 95 % interval does.
    """

    axis: str
    a: str
    b: str
    n: int
    estimate: float
    error: float
    statistic: float
    df: int
    p: float
    test: str
    by_ranks: bool
    excludes_zero: bool
    note: str = ""


def contrasts(results: StudyResults, variance: Anova) -> tuple[list[LevelContrast], int]:
    """Comparisons of levels of all axes, and how many there would be of all pairs.

    All pairs of each axis; of one with many levels, those with its best level alone.
    """
    found, possible = [], 0
    for axis in results.axes:
        rows, pairs = _of_axis(results, variance, axis)
        found += rows
        possible += pairs
    return found, possible


def _of_axis(results: StudyResults, variance: Anova, axis: Axis) -> tuple[list[LevelContrast], int]:
    fit = variance.additive
    counts = results.codes.loc[results.usable, axis.name].value_counts()
    present = [code for code in range(len(axis.levels)) if counts.get(code, 0)]
    if len(present) < 2 or fit is None or axis.name not in fit.terms.blocks:
        return [], 0
    rows = fit.level_rows(axis.name, len(present))
    pairs = list(combinations(range(len(present)), 2))
    possible, note = len(pairs), ""
    if possible > MOST_PAIRS:
        means = fit.combine(rows)[0] * results.sign
        best = int(np.nanargmax(means)) if np.isfinite(means).any() else 0
        pairs, note = [(best, other) for other in range(len(present)) if other != best], MANY_LEVELS
    first, second = np.array(pairs).T
    weights = rows[first] - rows[second]
    estimate, error = fit.combine(weights, variance.robust)
    estimate = np.where(np.abs(estimate) < ROUNDING * np.abs(fit.y).max(), 0.0, estimate)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(error > 0, estimate / error, np.nan)
        p = 2 * stats.t.sf(np.abs(t), fit.df) if fit.df > 0 else np.full(len(t), np.nan)
    low, high = t_interval(estimate, error, fit.df) if fit.df > 0 else (np.full(len(t), np.nan),) * 2
    test, by_ranks = "contrast of the additive model" + (", HC3 errors" if variance.robust else ""), False
    if results.error_basis == "lack of fit":
        test += ", error from its lack of fit"
    if axis.name in variance.ranked:
        p, test, by_ranks = _ranked(variance, axis.name, weights, estimate, p), "contrast of aligned ranks", True
    return [
        LevelContrast(
            axis.name, axis.levels[present[a]], axis.levels[present[b]],
            int(counts[present[a]] + counts[present[b]]), float(estimate[i]), float(error[i]), float(t[i]), fit.df,
            float(p[i]), test, by_ranks, bool(low[i] > 0 or high[i] < 0),
            note if np.isfinite(estimate[i]) else NOT_SEPARABLE,
        )
        for i, (a, b) in enumerate(pairs)
    ], possible  # fmt: skip


def _ranked(variance: Anova, name: str, weights, estimate, plain) -> np.ndarray:
    """p of contrasts of aligned ranks; 1 where ranks and scores point in different directions.

    Where the spread differs as well, the larger of both p: neither ranks nor HC3 errors alone stand both.
    """
    fit = variance.ranked[name]
    ranks, error = fit.combine(weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stats.t.sf(np.abs(ranks / error), fit.df)
    p = np.where(np.sign(ranks) == np.sign(estimate), p, np.where(np.isfinite(p), 1.0, np.nan))
    return np.maximum(p, plain) if variance.robust else p
