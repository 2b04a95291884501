"""The first cell of the ranking against the others, and which cells do not differ.

Cells are compared by the Tukey-Kramer procedure over the pooled deviation; by Bonferroni's bound for more than
`MOST_TUKEY` cells; and, where the spread differs between cells, by Welch's t with Bonferroni's bound. With two or three
runs a cell such a spread is seldom seen. Therefore two cells must also differ by their own runs, by Welch's t at
`PAIR_ALPHA`: a cell that is first because its runs spread more than others' does not. Of two runs the deviation is all
but unknown, so the pooled one counts as one degree of freedom more (moderated variances).

Source: Tukey (1953), Kramer (1956); Welch (1947); Smyth (2004), Linear models and empirical Bayes methods, section 4.
Shares of wrong statements: tests/benchmarks/null_studies.py.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

if TYPE_CHECKING:
    from segsweep.analysis.ranking import Noise

MOST_TUKEY = 100
PAIR_ALPHA = 0.05
# Degrees of freedom that the pooled deviation counts for beside a cell's own. With one, 8 sd between cells of two runs
# are found in all of drawn studies in place of 81 %; with more, no more are.
PRIOR_DF = 1


@cache
def reach(cells: int, df: int, alpha: float) -> float:
    """Standard errors of a difference that two of so many cells have to be apart."""
    if cells <= MOST_TUKEY:
        return float(stats.studentized_range.ppf(1 - alpha, cells, df) / np.sqrt(2))
    return float(stats.t.ppf(1 - alpha / (cells * (cells - 1)), df))


def compare_to_first(known: pd.DataFrame, noise: "Noise", sign: float, alpha: float) -> pd.DataFrame:
    """The first cell of the ranking against each other one; p is corrected over all pairs of cells.

    known: the ranking's cells with usable runs, best first.
    Returns: estimate (first minus other), low, high, test, statistic, df, p, p_alone, beats; a row for each other cell.
    p_alone is that of the two cells by their own runs; the interval holds what either test leaves open.
    """
    mean, error = known["mean"].to_numpy(float), known["error"].to_numpy(float)
    cells = int(np.isfinite(error).sum())
    estimate, spread = mean[0] - mean[1:], np.sqrt(error[0] ** 2 + error[1:] ** 2)
    df = df_against(known["error_df"].to_numpy(float), error) if not noise.equal else np.full(len(estimate), noise.df)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = estimate / spread
    pairs = cells * (cells - 1) / 2
    if noise.equal and cells <= MOST_TUKEY:
        test = "Tukey-Kramer"
        p = stats.studentized_range.sf(np.abs(t) * np.sqrt(2), cells, noise.df)
        half = reach(cells, noise.df, alpha) * spread
    else:
        test = "t with Bonferroni's bound" if noise.equal else "Welch's t with Bonferroni's bound"
        p = np.minimum(2 * stats.t.sf(np.abs(t), df) * pairs, 1.0)
        half = stats.t.ppf(1 - alpha / 2 / pairs, df) * spread
    p_alone, alone = of_pairs(known, noise)
    half = np.where(np.isfinite(alone), np.fmax(half, alone), np.where(half < np.abs(estimate), np.nan, half))
    p = np.where(np.isfinite(t), np.where(estimate * sign > 0, p, 1.0), np.nan)
    return pd.DataFrame(
        {"estimate": estimate, "low": estimate - half, "high": estimate + half, "test": test, "statistic": t,
         "df": df, "p": p, "p_alone": p_alone, "beats": known["beats"].to_numpy(float)[1:]}
    )  # fmt: skip


def of_pairs(cells: pd.DataFrame, noise: "Noise") -> tuple[np.ndarray, np.ndarray]:
    """The first cell against each other one by their own runs: Welch's p, two-sided, and the half of its 95 % interval.

    Their variances are drawn toward the pooled one. p is 1 and the half nan where one of the two has a single run.
    """
    n, mean = cells["n"].to_numpy(float), cells["mean"].to_numpy(float)
    own, df = noise.own.reindex(cells.index).to_numpy(float), PRIOR_DF + n - 1
    variance = (PRIOR_DF * noise.sd**2 + (n - 1) * own**2) / df
    error = np.sqrt(variance / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread, df = np.sqrt(error[0] ** 2 + error[1:] ** 2), np.minimum(df_against(df, error), noise.df)
        p = 2 * stats.t.sf(np.abs(mean[0] - mean[1:]) / spread, df)
    known = np.isfinite(spread)
    return np.where(known, p, 1.0), np.where(known, stats.t.ppf(1 - PAIR_ALPHA / 2, df) * spread, np.nan)


def df_against(df: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Welch's degrees of freedom of the first against each other cell."""
    with np.errstate(divide="ignore", invalid="ignore"):
        welch = (error[0] ** 2 + error[1:] ** 2) ** 2 / (error[0] ** 4 / df[0] + error[1:] ** 4 / df[1:])
    return np.maximum(welch, 1)


def tie_groups(table: pd.DataFrame, noise: "Noise", sign: float, alpha: float) -> np.ndarray:
    """Number of the group of each cell, rows best first: the first one left opens a group of all that tie with it."""
    groups = np.full(len(table), np.nan)
    if not np.isfinite(noise.sd):
        return groups
    mean = table["mean"].to_numpy() * sign
    error, df = table["error"].to_numpy(), table["error_df"].to_numpy()
    left = np.flatnonzero(np.isfinite(mean) & np.isfinite(error))
    cells, number = len(left), 0
    if cells == 1:
        groups[left] = 1
    while len(left) and cells > 1:
        number += 1
        head = left[0]
        variance = error[head] ** 2 + error[left] ** 2
        if noise.equal:
            bound = reach(cells, noise.df, alpha) * np.sqrt(variance)
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                welch = variance**2 / (error[head] ** 4 / df[head] + error[left] ** 4 / df[left])
            bound = stats.t.ppf(1 - alpha / (cells * (cells - 1)), np.maximum(welch, 1)) * np.sqrt(variance)
        tied = ~(mean[head] - mean[left] > bound)
        tied[1:] |= of_pairs(table.iloc[left], noise)[0] > PAIR_ALPHA
        tied[0] = True
        groups[left[tied]] = number
        left = left[~tied]
    return groups
