"""Which settings of a race fall behind: each round's comparison with the first, from the scores so far.

Scores are modelled as setting + block + error; a block is a seed on a fold, whose split is the same for all settings.
Each setting has a variance of its own, drawn toward the common one by as much as the settings' variances differ no more
than chance has it (moderated variances). A setting is dropped by a one-sided t test against the first, at a level that
pays for all settings that may be first and for all rounds that may follow; and only if it would be without any single
block, too: one run that went wrong drops no setting.

Source: Smyth (2004), Linear models and empirical Bayes methods, sections 4 and 6.2 (moderated variances); Hsu (1984),
comparisons with the best; Lan and DeMets (1983), spending a level over looks; Birattari et al. (2002), A racing
algorithm for configuring metaheuristics. What it keeps: tests/benchmarks/racing.py.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from segsweep.search.step_files import Entrant

# A setting that is the best, by more than matters, is dropped in at most this share of races; of two equal ones, one is
# dropped in at most twice that share.
ALPHA = 0.025
HALF_SPENT = 4  # after so many rounds
FEWEST_DF = 0.3  # of a setting's own variance; less says nothing
SMALLEST = 1e-5  # of the median variance: equal scores are rounded ones
NO_SPREAD = 1e-12  # relative to the scores: rounding


@dataclass(frozen=True)
class Standing:
    """A setting of a race after a round, in the order of the scores: positive is better.

    Attributes:
        mean: of its scores.
        behind: mean of the first minus its own, over the blocks; 0 of the first.
        gain: by how much it can still be better than the first, at most; nan where that is not known.
    """

    mean: float
    behind: float
    gain: float


@dataclass(frozen=True)
class Round:
    """What a round shows.

    Attributes:
        sd: deviation of single runs, pooled; nan where it is not known.
        df: its degrees of freedom.
        level: of each comparison, one-sided.
        first: index of the setting that is first.
        standings: by index, of the settings that are in the race.
        spread: whether runs of a setting differ at all.
    """

    sd: float
    df: float
    level: float
    first: int
    standings: dict[int, Standing]
    spread: bool


def share_of_round(number: int) -> float:
    """The share of the level that a round spends, counted from 1; those of all rounds there may ever be add up to 1.

    It depends on no last round, so that a race may go on with more seeds.
    """
    return HALF_SPENT / ((number + HALF_SPENT - 1) * (number + HALF_SPENT))


def compare(scores: np.ndarray, racing: list[int], number: int) -> Round:
    """The settings of a race against the first of them.

    Args:
        scores: (settings, blocks), higher is better, nan where there is no run; of at least one that is racing, and
            those have all blocks.
        racing: indices of the settings that are in the race.
        number: of the round, from 1.
    """
    variances = moderated_variances(scores)
    means = scores[racing].mean(axis=1)
    first = racing[int(np.argmax(means))]
    level = ALPHA * share_of_round(number) / max(1, len(scores) - 1)
    standings = {}
    for one, mean in zip(racing, means, strict=True):
        ahead = scores[first] - scores[one]
        gain = 0.0 if one == first else _gain(ahead, variances, first, one, level)
        standings[one] = Standing(float(mean), float(ahead.mean()), gain)
    return Round(variances.sd, variances.df, level, first, standings, variances.spread)


def score_table(entrants: list[Entrant], minimize: bool) -> np.ndarray:
    """(settings, blocks) scores, higher is better, nan where there is none; a block is a seed on a fold."""
    blocks = {(one["seed"], one["fold"]): None for entrant in entrants for one in entrant["scores"]}
    numbers = {block: number for number, block in enumerate(blocks)}
    table = np.full((len(entrants), len(blocks)), np.nan)
    for row, entrant in zip(table, entrants, strict=True):
        for one in entrant["scores"]:
            if one["score"] is not None:
                row[numbers[one["seed"], one["fold"]]] = -one["score"] if minimize else one["score"]
    return table


@dataclass(frozen=True)
class Variances:
    """Variances of single runs of each setting, block effects taken out.

    Attributes:
        of: (settings,) moderated.
        dfs: (settings,) their degrees of freedom.
        sd, df: pooled.
        spread: whether there is any.
    """

    of: np.ndarray
    dfs: np.ndarray
    sd: float
    df: float
    spread: bool


def moderated_variances(scores: np.ndarray) -> Variances:
    """Of (settings, blocks) scores with nan where there is no run."""
    setting, block = np.nonzero(np.isfinite(scores))
    values = scores[setting, block]
    design = np.zeros((len(values), sum(scores.shape)))
    rows = np.arange(len(values))
    design[rows, setting] = design[rows, len(scores) + block] = 1
    basis, singular, _ = np.linalg.svd(design, full_matrices=False)
    basis = basis[:, singular > 1e-9 * singular[0]]
    squares = np.bincount(setting, (values - basis @ (basis.T @ values)) ** 2, len(scores))
    dfs = np.bincount(setting, 1 - (basis**2).sum(axis=1), len(scores))
    df = len(values) - basis.shape[1]
    if df < 1:
        unknown = np.full(len(scores), np.nan)
        return Variances(unknown, unknown, np.nan, df, True)
    pooled = squares.sum() / df
    spread = bool(np.sqrt(pooled) > NO_SPREAD * np.abs(values).max())
    prior = _prior_df(squares, dfs)
    if np.isinf(prior):
        return Variances(np.full(len(scores), pooled), np.full(len(scores), df), float(np.sqrt(pooled)), df, spread)
    moderated = (prior * pooled + squares) / (prior + dfs)
    return Variances(moderated, np.minimum(prior + dfs, df), float(np.sqrt(pooled)), df, spread)


def _prior_df(squares: np.ndarray, dfs: np.ndarray) -> float:
    """How many degrees of freedom the common variance is worth for each setting; infinite where all seem to be equal.

    Source: Smyth (2004), section 6.2, by the spread of the logarithms of the variances.
    """
    known = dfs > FEWEST_DF
    if known.sum() < 3:
        return np.inf
    half = dfs[known] / 2
    found = squares[known] / dfs[known]
    typical = np.median(found)
    if not typical > 0:
        return np.inf
    logs = np.log(np.maximum(found, SMALLEST * typical)) - special.digamma(half) + np.log(half)
    excess = logs.var(ddof=1) - special.polygamma(1, half).mean()
    return np.inf if excess <= 0 else 2 * _inverse_trigamma(excess)


def _inverse_trigamma(value: float) -> float:
    """The x with trigamma(x) = value, by Newton's method, which does not overshoot for 1 / trigamma."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = special.polygamma(1, x)
        step = trigamma * (1 - trigamma / value) / special.polygamma(2, x)
        x += step
        if -step / x < 1e-9:
            break
    return float(x)


def _gain(ahead: np.ndarray, variances: Variances, first: int, other: int, level: float) -> float:
    """By how much a setting can be better than the first: `ahead` is the first's score minus its own, by block."""
    shares = variances.of[[first, other]]
    total = shares.sum()
    if not total > 0:
        return np.nan
    df = min(variances.df, total**2 / (shares**2 / variances.dfs[[first, other]]).sum())
    reach = -special.stdtrit(df, level) * np.sqrt(total / len(ahead))
    without_one = (ahead.sum() - ahead) / (len(ahead) - 1) if len(ahead) > 1 else ahead
    return float(reach - min(ahead.mean(), without_one.min()))
