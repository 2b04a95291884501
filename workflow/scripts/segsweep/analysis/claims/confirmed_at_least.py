"""The mean score of the confirmed winner."""

from typing import ClassVar

import numpy as np
from scipy import stats

from segsweep.analysis.claims import Evidence, Verdict, undecided
from segsweep.analysis.claims.bars import AtLeast
from segsweep.analysis.linear import t_interval
from segsweep.config.components import StudyClaim
from segsweep.config.settings import key


class ConfirmedAtLeast(StudyClaim):
    """The winner reaches a mean score on fresh seeds."""

    needs: ClassVar[str] = "confirm"

    confirmed_at_least: AtLeast = key(..., "Mean score of the confirmed winner.")

    def bars(self) -> tuple[float, float]:
        """The score that is a success, and one that is acceptable."""
        return self.confirmed_at_least.success, self.confirmed_at_least.acceptable


def judge(claim: ConfirmedAtLeast, evidence: Evidence) -> Verdict:
    """Supported if the whole 95 % t interval of the confirmed winner's mean reaches the acceptable bar, refuted if
    none of it does. The grade compares the mean with both bars. The winner is the best of the settings confirmed by
    the score it was chosen by."""
    results, bars = evidence.results, claim.confirmed_at_least
    confirmed = results.runs[results.runs["role"] == "confirm"]
    usable = confirmed[confirmed["usable"]]
    if usable.empty:
        return undecided("No setting was confirmed on fresh seeds yet.", threshold=bars.acceptable)
    order = [cell for cell in evidence.ranked.index if cell in set(usable["cell"])]
    winner = order[0] if order else usable["cell"].iloc[0]
    scores = results.fresh_scores(usable[usable["cell"] == winner])
    n, mean = len(scores), float(scores.mean())
    grade = bars.grade(mean, results.sign)
    counts = {"n_runs": n, "n_cells": 1, "estimate": mean, "threshold": bars.acceptable, "grade": grade}
    shown = f"{results.label(winner)}, on {n} fresh seeds: mean {mean:.4g}, which {bars.reached(grade)}"
    if n < 2:
        return undecided(f"{shown}; a single run has no interval.", **counts)
    error = float(scores.sem())
    low, high = t_interval(mean, error, n - 1)
    ends = (low - bars.acceptable) * results.sign, (high - bars.acceptable) * results.sign
    verdict = "supported" if min(ends) >= 0 else "refuted" if max(ends) < 0 else "undecided"
    t = (mean - bars.acceptable) / error if error > 0 else np.nan
    return Verdict(
        verdict, f"{shown} (95 % interval {low:.4g} to {high:.4g}).", low=float(low), high=float(high),
        test="t interval", statistic=t, df=n - 1, p=float(2 * stats.t.sf(abs(t), n - 1)), scope="seeds", **counts,
    )  # fmt: skip
