"""Pruning: which trials of a rung are promoted to the next, by the pruner's cutoff and by their own score.

A trial is judged when it is its turn (`segsweep.search.trials`), together with those that came to the same rung of the
same bracket before it. So the order in which jobs end cannot matter.
"""

from dataclasses import dataclass

from segsweep import registry
from segsweep.config.components import Pruner, RungPruner


@dataclass(frozen=True)
class Verdict:
    """What happens to one trial at a rung, and why.

    `reason` is `top` (it reaches the cutoff), `preserve` or `margin` (protected by its score alone), `few` (too few
    trials to judge), or `behind` (pruned).
    """

    trial: int
    score: float | None
    rank: int
    cutoff: float | None
    promoted: bool
    reason: str

    @property
    def protected(self) -> bool:
        """Whether the trial would have been pruned but for its score."""
        return self.reason in ("preserve", "margin")


def rungs(pruner: Pruner, total_epochs: int, bracket: int = 0) -> list[int]:
    """Epochs after which a trial of a bracket is judged, ascending, all below `total_epochs`."""
    return registry.load(pruner).rungs(pruner, total_epochs, bracket)


def bracket_sizes(pruner: Pruner, total_epochs: int) -> list[int]:
    """The shares of trials that the brackets get, the one that prunes earliest first."""
    return registry.load(pruner).bracket_sizes(pruner, total_epochs)


def bracket_of(trial: int, sizes: list[int]) -> int:
    """The bracket of a trial: trials are dealt out so that every bracket keeps its share all along."""
    dealt = [0] * len(sizes)
    chosen = 0
    for _ in range(trial + 1):
        chosen = min(range(len(sizes)), key=lambda bracket: ((dealt[bracket] + 1) / sizes[bracket], bracket))
        dealt[chosen] += 1
    return chosen


def judge(
    pruner: RungPruner, minimize: bool, scores: dict[int, float | None], judged: set[int]
) -> tuple[list[Verdict], float | None]:
    """Which of the trials at a rung are promoted.

    Args:
        pruner: its settings.
        minimize: whether lower scores are better.
        scores: the best score up to the rung of every trial that came to it, now or earlier; None if it failed there.
        judged: the trials to decide about; the others are compared with only.

    Returns:
        The verdicts, best trial first, and the best score at the rung.
    """
    sign = -1 if minimize else 1
    cutoff_of = registry.load(pruner).cutoff
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
        cutoff = cutoff_of(pruner, scores, trial, minimize)
        reason = _reason(pruner, sign, score, cutoff, best, len(known))
        verdicts.append(Verdict(trial, score, rank, cutoff, reason != "behind", reason))
    return verdicts, best


def _reason(
    pruner: RungPruner, sign: int, score: float | None, cutoff: float | None, best: float | None, known: int
) -> str:
    if known < pruner.min_trials:
        return "few"
    if score is None:
        return "behind"
    if cutoff is None or sign * score >= sign * cutoff:
        return "top"
    if pruner.preserve is not None and sign * score >= sign * pruner.preserve:
        return "preserve"
    # The noise floor: such a difference says nothing.
    if pruner.preserve_margin > 0 and sign * (best - score) <= pruner.preserve_margin:
        return "margin"
    return "behind"
