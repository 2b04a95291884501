"""Additive linear models of factors: coding, estimable combinations, marginal means. Arithmetic by statsmodels.

Factors are coded sum-to-zero, so that a marginal mean is the intercept plus the level's own coefficients: the mean over
all combinations of the other factors' levels, each with the same weight. Designs may be unbalanced and deficient in
rank: what cannot be estimated is found out for each combination by itself (it is no combination of rows of the matrix).

Source: Searle, Speed, Milliken (1980), Population marginal means in the linear model.
"""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats
from statsmodels.regression.linear_model import OLS  # statsmodels.api imports all models of time series as well
from statsmodels.tools.sm_exceptions import SingularMatrixWarning

CONFIDENCE = 0.95  # of all intervals, unless another is stated
FEWEST_OF_INTERVAL = 2  # degrees of freedom: with one, an interval is eighteen deviations wide and says nothing


def sum_coded(codes: np.ndarray, levels: int) -> np.ndarray:
    """(n, levels - 1) of 0, 1 and, for the last level, -1.

    A row without a level (code -1: the factor does not apply to it) is 0: the factor has no effect there.
    """
    matrix = np.vstack([np.eye(levels - 1), -np.ones(levels - 1), np.zeros(levels - 1)])
    return matrix[codes]


def crossed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, a * b) columns of an interaction from the columns of its two factors."""
    return (first[:, :, None] * second[:, None, :]).reshape(len(first), -1)


@dataclass
class Terms:
    """Columns of a model by term; the first one is always the intercept.

    blocks: (n, p_t) columns by name of the term.
    """

    blocks: dict[str, np.ndarray]

    def matrix(self, names: list[str] | None = None) -> np.ndarray:
        """(n, p) columns of the intercept and of the terms named, of all if none are."""
        names = list(self.blocks) if names is None else names
        rows = len(next(iter(self.blocks.values())))
        return np.hstack([np.ones((rows, 1)), *(self.blocks[name] for name in names)])

    def columns_of(self, name: str) -> slice:
        """Where a term's coefficients stand in the model of all terms."""
        start = 1
        for other, block in self.blocks.items():
            if other == name:
                return slice(start, start + block.shape[1])
            start += block.shape[1]
        raise KeyError(name)


class Fit:
    """Ordinary least squares of all terms."""

    def __init__(self, y: np.ndarray, terms: Terms, names: list[str] | None = None):
        self.terms, self.y = terms, np.asarray(y, float)
        self.matrix = terms.matrix(names)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SingularMatrixWarning)  # dealt with: see `estimable`
            self.ols = OLS(self.y, self.matrix).fit()
        self.rank = int(self.ols.df_model) + 1
        self.df = len(self.y) - self.rank
        self.ssr = float(self.ols.ssr)
        self.beta = np.asarray(self.ols.params)

    @property
    def mse(self) -> float:
        """Residual variance; nan of a saturated model."""
        return self.ssr / self.df if self.df > 0 else float("nan")

    @property
    def leaves_noise(self) -> bool:
        """Whether the residuals are more than rounding."""
        return self.ssr > 1e-14 * max(float(np.sum((self.y - self.y.mean()) ** 2)), 1e-300)

    @cached_property
    def residuals(self) -> np.ndarray:
        """(n,) what the model leaves."""
        return np.asarray(self.ols.resid)

    @cached_property
    def _row_space(self) -> np.ndarray:
        return self.ols.model.pinv_wexog @ self.matrix

    @cached_property
    def _most_frequent(self) -> np.ndarray:
        """(p,) columns of each term at its most frequent level."""
        return np.concatenate([[1.0], *(_most_frequent(block) for block in self.terms.blocks.values())])

    @cached_property
    def _robust(self) -> np.ndarray | None:
        """Covariance of the coefficients that stands unequal variances (HC3), None where a point fits itself."""
        pinv = self.ols.model.pinv_wexog
        leverage = np.einsum("ij,ji->i", self.matrix, pinv)
        if leverage.max() > 1 - 1e-8:
            return None
        return (pinv * (self.residuals / (1 - leverage)) ** 2) @ pinv.T

    def estimable(self, rows: np.ndarray) -> np.ndarray:
        """Which rows (m, p) of coefficients are combinations of what was observed: bool (m,)."""
        rows = np.atleast_2d(rows)
        return np.abs(rows @ self._row_space - rows).max(axis=1) < 1e-6

    def combine(self, rows: np.ndarray, robust: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Estimates and standard errors (m,) of combinations (m, p) of coefficients; nan where not estimable."""
        rows = np.atleast_2d(rows)
        covariance = self._robust if robust else None
        if covariance is None:
            covariance = self.ols.normalized_cov_params * self.mse
        estimate = rows @ self.beta
        error = np.sqrt(np.clip(np.einsum("ij,jk,ik->i", rows, covariance, rows), 0, None))
        known = self.estimable(rows)
        return np.where(known, estimate, np.nan), np.where(known, error, np.nan)

    def level_rows(self, name: str, levels: int) -> np.ndarray:
        """(levels, p) coefficients of the marginal means of a factor, see `marginal`."""
        return self.marginal(name, levels)[0]

    def marginal(self, name: str, levels: int) -> tuple[np.ndarray, str]:
        """(levels, p) coefficients of the marginal means of a factor, and how the other factors weigh in them.

        All combinations of the other factors weigh the same (``); where no such mean can be estimated, since some of
        them cannot be separated, or where the factor does not apply to all rows, they weigh as they occur (in rows to
        which it applies), or are held at their most frequent level.
        """
        own = sum_coded(np.arange(levels), levels)
        even = np.zeros(self.matrix.shape[1])
        even[0] = 1
        applies = self.terms.blocks[name].any(axis=1)
        ways = ("", "as they occur", "at their most frequent level")
        for how in ways if applies.all() else ways[1:]:
            as_they_occur = self.matrix[applies].mean(axis=0)
            others = even if not how else as_they_occur if how == "as they occur" else self._most_frequent
            rows = np.tile(others, (levels, 1))
            rows[:, self.terms.columns_of(name)] = own
            if self.estimable(rows).any():
                return rows, how
        rows = np.tile(even, (levels, 1))
        rows[:, self.terms.columns_of(name)] = own
        return rows, ""

    def effect(self, name: str) -> np.ndarray:
        """(n,) what a term adds to each fitted value."""
        return self.terms.blocks[name] @ self.beta[self.terms.columns_of(name)]


def additive_fit(y: np.ndarray, codes: dict[str, np.ndarray]) -> Fit | None:
    """The additive model of factors by their codes (n,); None if no factor has two levels."""
    blocks = {name: sum_coded(*dense(one)) for name, one in codes.items() if len(np.unique(one[one >= 0])) > 1}
    return Fit(y, Terms(blocks)) if blocks else None


def dense(codes: np.ndarray) -> tuple[np.ndarray, int]:
    """Codes of the levels that occur, from 0 on, and how many those are; -1 stays."""
    levels = np.unique(codes[codes >= 0])
    return np.where(codes >= 0, np.searchsorted(levels, codes), -1), len(levels)


def _most_frequent(block: np.ndarray) -> np.ndarray:
    """The row that occurs most often."""
    rows, counts = np.unique(block, axis=0, return_counts=True)
    return rows[np.argmax(counts)]


def term_test(full: Fit, larger: Fit, smaller: Fit) -> tuple[float, int, float, float]:
    """Sum of squares, degrees of freedom, F and p of what `larger` has more than `smaller`; error from `full`."""
    df = larger.rank - smaller.rank
    ss = max(smaller.ssr - larger.ssr, 0.0)
    if df == 0 or full.df <= 0 or not full.mse > 0:
        return ss, df, float("nan"), float("nan")
    statistic = ss / df / full.mse
    return ss, df, statistic, float(stats.f.sf(statistic, df, full.df))


def t_interval(estimate, error, df: float, level: float | np.ndarray = CONFIDENCE):
    """Bounds of a t interval."""
    reach = stats.t.ppf(0.5 + level / 2, df) * error
    return estimate - reach, estimate + reach
