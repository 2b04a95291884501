"""The levels of an axis among which the best one is."""

from dataclasses import replace
from typing import Any

import numpy as np

from segsweep.analysis.anova import ALPHA
from segsweep.analysis.claims import Evidence, Verdict, undecided, words
from segsweep.analysis.claims.level_means import LevelMeans
from segsweep.analysis.level_numbers import same_text
from segsweep.analysis.study_results import StudyResults
from segsweep.config.components import ColumnClaim
from segsweep.config.settings import key
from segsweep.formatting import value_in_words


class BestIn(ColumnClaim):
    """The best level of an axis is one of a set."""

    best_in: dict[str, list[Any]] = key(..., "Axis: levels among which the best one is.")

    def axes(self) -> list[str]:
        """Axes that it speaks of."""
        return [*self.best_in, *super().axes()]

    def levels(self) -> list[tuple[str, Any]]:
        """Levels that it speaks of, each with its axis."""
        return [*((axis, one) for axis, ones in self.best_in.items() for one in ones), *super().levels()]


def judge(claim: BestIn, evidence: Evidence) -> Verdict:
    """Supported if a level of the set is better than every level outside, refuted if one outside is than all inside.

    The best level inside is compared with each one outside by contrasts of the additive model; the largest p counts,
    times the number of levels it was chosen from. Of several axes, all have to be supported, and one refuted is enough.
    """
    parts = [_judge_axis(evidence.results, claim, axis, levels) for axis, levels in claim.best_in.items()]
    for verdict in ("refuted", "undecided", "supported"):
        chosen = [part for part in parts if part.verdict == verdict]
        if chosen:
            return replace(chosen[0], detail=" ".join(part.detail for part in parts))
    return undecided("The claim names no axis.")


def _judge_axis(results: StudyResults, claim: BestIn, name: str, wanted: list[Any]) -> Verdict:
    found = LevelMeans.of(results, claim, name)
    if isinstance(found, str):
        return undecided(found)
    texts = {value_in_words(value) for value in wanted}
    inside = np.array([same_text(level, texts) for level in found.levels])
    if inside.all() or not inside.any():
        which = "all" if inside.all() else "none"
        return undecided(
            f"Of the {words.axis(results, name)}, {which} of the levels tried are among those claimed.", **found.counts
        )
    means = found.means
    order = np.where(np.isfinite(means), means * found.sign, -np.inf)
    best_in = int(np.argmax(np.where(inside, order, -np.inf)))
    best_out = int(np.argmax(np.where(inside, -np.inf, order)))
    shown = f"{found.levels[best_in]} ({means[best_in]:.4g}) against {found.levels[best_out]} "
    shown += f"({means[best_out]:.4g}), adjusted means of {words.column(results, found.column)}"
    if results.one_seed:
        return undecided(
            f"{results.why_unknown}: {shown}, cannot be judged.", estimate=means[best_in] - means[best_out],
            **found.counts,
        )  # fmt: skip
    supported = order[best_in] > order[best_out]
    best, rivals = (best_in, np.flatnonzero(~inside)) if supported else (best_out, np.flatnonzero(inside))
    chosen_from = int(inside.sum() if supported else (~inside).sum())
    contrasts = [found.contrast(best, rival) for rival in rivals]
    hardest = max(contrasts, key=lambda item: item["p"] if np.isfinite(item["p"]) else np.inf)
    p = min(1.0, hardest["p"] * chosen_from)
    pair = found.contrast(best_in, best_out)
    verdict = "undecided"
    if np.isfinite(p) and p <= ALPHA:
        verdict = "supported" if supported else "refuted"
    return Verdict(
        verdict, f"{shown}: {words.p_value(p)}.", estimate=pair["estimate"], low=pair["low"], high=pair["high"],
        threshold=0.0, test=hardest["test"], statistic=hardest["t"], df=hardest["df"], p=p, scope="seeds",
        **found.counts,
    )  # fmt: skip
