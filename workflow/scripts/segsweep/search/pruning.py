"""Early stopping across trials: rungs, brackets, and who goes on.

Decisions are synchronous: a batch of trials is judged when all of it has reached its rung, together with the trials of
earlier batches that reached the same rung of the same bracket. So the order in which jobs end cannot matter.

Source: L. Li et al., Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization, JMLR 18 (2018),
algorithm 1; rungs counted from the smallest resource, r * eta^(s + i), as in L. Li et al., A System for Massively
Parallel Hyperparameter Tuning, MLSys 2020, algorithm 1. D. Golovin et al., Google Vizier, KDD 2017, section 3.2.1, for
the median.
"""

import math
import statistics
from dataclasses import dataclass

from segsweep.config.search import Pruner

# A product of floats that should be whole may fall short of it by this.
DUST = 1e-9


@dataclass(frozen=True)
class Verdict:
    """What happens to one trial at a rung, and why.

    `reason` is `top` (good enough by the rule), `preserve` or `margin` (protected by its score alone), `few` (too few
    trials to judge), or `behind` (pruned).
    """

    trial: int
    score: float | None
    rank: int
    cutoff: float | None
    promoted: bool
    reason: str


def bracket_sizes(rule: Pruner, total: int) -> list[int]:
    """Trials that each bracket has in one round of Hyperband, the one that stops earliest first; one for other rules.

    n = ceil(B / (s + 1) * eta^s) for the bracket that halves s times, of B = floor(log_eta(total / min_epochs)) + 1
    brackets. If fewer are set, those that stop latest are left out.
    """
    if rule.name != "hyperband":
        return [1]
    count = 1
    while rule.min_epochs * rule.eta**count <= total + DUST:
        count += 1
    sizes = [math.ceil(count / (s + 1) * rule.eta**s - DUST) for s in range(count - 1, -1, -1)]
    return sizes[: rule.brackets or count]


def bracket_of(trial: int, sizes: list[int]) -> int:
    """The bracket of a trial: trials are dealt out so that every bracket keeps its share all along."""
    dealt = [0] * len(sizes)
    chosen = 0
    for _ in range(trial + 1):
        chosen = min(range(len(sizes)), key=lambda bracket: ((dealt[bracket] + 1) / sizes[bracket], bracket))
        dealt[chosen] += 1
    return chosen


def rungs(rule: Pruner, total: int, bracket: int = 0) -> list[int]:
    """Epochs after which a trial of a bracket is judged, ascending, all below `total`.

    Hyperband and halving: min_epochs * eta^(bracket + i), rounded down. Median: the multiples of min_epochs.
    """
    if rule.name == "none":
        return []
    if rule.name == "median":
        return list(range(rule.min_epochs, total, rule.min_epochs))
    found: list[int] = []
    exponent = bracket
    while (epoch := math.floor(rule.min_epochs * rule.eta**exponent + DUST)) < total:
        if not found or epoch > found[-1]:
            found.append(epoch)
        exponent += 1
    return found


def judge(
    rule: Pruner, minimize: bool, scores: dict[int, float | None], judged: set[int]
) -> tuple[list[Verdict], float | None]:
    """Who of the trials at a rung goes on.

    Args:
        rule: the pruner.
        minimize: whether lower scores are better.
        scores: the best score up to the rung of every trial that came to it, now or earlier; None if it failed there.
        judged: the trials to decide about; the others are compared with only.

    Returns:
        The verdicts, best trial first, and the best score at the rung.
    """
    sign = -1 if minimize else 1
    known = {trial: score for trial, score in scores.items() if score is not None}
    order = sorted(scores, key=lambda trial: (trial not in known, -sign * known.get(trial, 0.0), trial))
    best = known[order[0]] if known else None
    verdicts = []
    for trial in order:
        if trial not in judged:
            continue
        score = scores[trial]
        # Equals share a rank: the same evidence must not be treated in two ways.
        rank = 1 + sum(sign * other > sign * score for other in known.values()) if score is not None else len(known) + 1
        cutoff = _cutoff(rule, sign, scores, trial)
        reason = _reason(rule, sign, score, cutoff, best, len(known))
        verdicts.append(Verdict(trial, score, rank, cutoff, reason != "behind", reason))
    return verdicts, best


def _reason(rule: Pruner, sign: int, score: float | None, cutoff: float | None, best: float | None, known: int) -> str:
    if known < rule.min_trials:
        return "few"
    if score is None:
        return "behind"
    if cutoff is None or sign * score >= sign * cutoff:
        return "top"
    if rule.preserve is not None and sign * score >= sign * rule.preserve:
        return "preserve"
    # The noise floor: such a difference says nothing.
    if rule.preserve_margin > 0 and sign * (best - score) <= rule.preserve_margin:
        return "margin"
    return "behind"


def _cutoff(rule: Pruner, sign: int, scores: dict[int, float | None], trial: int) -> float | None:
    """The score that a trial needs: that of the last of the best 1/eta, or the median of the others."""
    known = {other: score for other, score in scores.items() if score is not None}
    if rule.name == "median":
        others = [score for other, score in known.items() if other != trial]
        return statistics.median(others) if others else None
    # Those that failed count among the ones left behind.
    keep = max(1, math.floor(len(scores) / rule.eta + DUST))
    ranked = sorted(known.values(), key=lambda score: -sign * score)
    return ranked[min(keep, len(ranked)) - 1] if ranked else None
