"""Pruning: which trials of a rung are promoted to the next, by the pruner's rule and by their own score.

A trial is judged when it is its turn (`segsweep.search.trials`), together with those that came to the same rung of the
same bracket before it. So the order in which jobs end cannot matter.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from segsweep import registry
from segsweep.config.search_components import Pruner, RungPruner


@dataclass(frozen=True)
class Verdict:
    """What happens to one trial at a rung, and why.

    `reason` is `top` (it reaches the cutoff), `passes` (of a rule without one), `preserve` or `margin` (protected by
    its score alone), `improving` (protected by patience), `few` (too few trials to judge), or `behind` (pruned).
    """

    trial: int
    score: float | None
    rank: int
    cutoff: float | None
    promoted: bool
    reason: str

    @property
    def protected(self) -> bool:
        """Whether the trial would have been pruned but for its score, or its curve."""
        return self.reason in ("preserve", "margin", "improving")


def rungs(pruner: Pruner, total_epochs: int, bracket: int = 0) -> list[int]:
    """Epochs after which a trial of a bracket is judged, ascending, all below `total_epochs`."""
    return pruner.rungs(total_epochs, bracket)


def bracket_sizes(pruner: Pruner, total_epochs: int) -> list[int]:
    """The shares of trials that the brackets get, the one that prunes earliest first."""
    return pruner.bracket_sizes(total_epochs)


def bracket_of(trial: int, sizes: list[int]) -> int:
    """The bracket of a trial: trials are dealt out so that every bracket keeps its share all along."""
    return dealt(trial + 1, sizes)[-1]


def dealt(trials: int, sizes: list[int]) -> list[int]:
    """The bracket of each of the first trials."""
    counts = [0] * len(sizes)
    found = []
    for _ in range(trials):
        chosen = min(range(len(sizes)), key=lambda bracket: ((counts[bracket] + 1) / sizes[bracket], bracket))
        counts[chosen] += 1
        found.append(chosen)
    return found


def schedule_in_words(pruner: Pruner, total_epochs: int, trials: int) -> str:
    """When the trials of a search are judged, as a sentence; empty where none is.

    Args:
        pruner: its settings.
        total_epochs: of a trial.
        trials: how many there are.
    """
    sizes = bracket_sizes(pruner, total_epochs)
    places = [listed(map(str, rungs(pruner, total_epochs, bracket))) for bracket in range(len(sizes))]
    if not any(places):
        return ""
    if len(sizes) == 1:
        return f"Each trial is judged after {places[0]} of {total_epochs} epochs ({pruner.name})."
    numbers = dealt(trials, sizes)
    parts = [
        f"{numbers.count(bracket):,} after {place}" if place else f"{numbers.count(bracket):,} never"
        for bracket, place in enumerate(places)
    ]
    return f"Trials are judged bracket by bracket ({pruner.name}): {'; '.join(parts)} of {total_epochs} epochs."


def listed(words: Iterable[str]) -> str:
    """`3, 9 and 27`."""
    *first, last = [*words] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def judge(
    pruner: RungPruner,
    minimize: bool,
    scores: Mapping[int, float | None],
    judged: set[int],
    *,
    epoch: int = 0,
    curve: Sequence[float | None] = (),
    runs: Mapping[int, Sequence[float]] | None = None,
) -> tuple[list[Verdict], float | None]:
    """Which of the trials at a rung are promoted.

    Args:
        pruner: its settings.
        minimize: whether lower scores are better.
        scores: the best score up to the rung of every trial that came to it, now or earlier; None if it failed there.
        judged: the trials to decide about; the others are compared with only.
        epoch: of the rung.
        curve: of the trial to decide about, if it is one: the mean of its runs after each epoch.
        runs: of the trials, the best score of each run up to the rung; where the pruner compares them.

    Returns:
        The verdicts, best trial first, and the best score at the rung.
    """
    sign = -1 if minimize else 1
    known = {trial: score for trial, score in scores.items() if score is not None}
    order = sorted(scores, key=lambda trial: (trial not in known, -sign * known.get(trial, 0.0), trial))
    best = known[order[0]] if known else None
    rule = registry.load(pruner)
    verdicts = []
    for trial in order:
        if trial not in judged:
            continue
        score = scores[trial]
        # Equals share a rank: the same evidence must not be treated in two ways.
        rank = 1 + sum(sign * other > sign * score for other in known.values()) if score is not None else len(known) + 1
        cutoff = rule.cutoff(pruner, scores, trial, minimize) if hasattr(rule, "cutoff") else None
        if score is None:
            passes = False
        elif hasattr(rule, "prunes"):
            others = [other for other in order if other != trial and other in known]
            best_runs = (runs or {}).get(others[0]) if others else None
            own = (runs or {}).get(trial, ())
            rest = [known[other] for other in others]
            passes = not rule.prunes(pruner, score, rest, minimize, epoch, curve, own, best_runs)
        else:
            passes = cutoff is None or sign * score >= sign * cutoff
        reason = _reason(pruner, sign, score, passes, best, len(known))
        if reason == "top" and cutoff is None and hasattr(rule, "prunes"):
            reason = "passes"
        if reason == "behind" and score is not None and pruner.improves(curve, minimize):
            reason = "improving"
        verdicts.append(Verdict(trial, score, rank, cutoff, reason != "behind", reason))
    return verdicts, best


def _reason(pruner: RungPruner, sign: int, score: float | None, passes: bool, best: float | None, known: int) -> str:
    if known < getattr(pruner, "min_trials", 1):
        return "few"
    if score is None:
        return "behind"
    if passes:
        return "top"
    if pruner.preserve is not None and sign * score >= sign * pruner.preserve:
        return "preserve"
    # The noise floor: such a difference says nothing.
    if pruner.preserve_margin > 0 and sign * (best - score) <= pruner.preserve_margin:
        return "margin"
    return "behind"
