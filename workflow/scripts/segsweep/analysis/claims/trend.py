"""How a column changes along a numeric axis."""

from typing import Literal

import numpy as np

from segsweep.analysis.anova import ALPHA
from segsweep.analysis.claims import Evidence, Verdict, undecided, words
from segsweep.analysis.claims.level_means import LevelMeans
from segsweep.analysis.design_audit import STEP_AXES
from segsweep.config.components import ColumnClaim
from segsweep.config.settings import key


class Trend(ColumnClaim):
    """A column rises or falls along an axis."""

    trend: Literal["increasing", "decreasing"] = key(..., "How `of` changes along `along`.")
    along: str = key(..., "Axis of the trend.")

    def axes(self) -> list[str]:
        """Axes that it speaks of."""
        return [self.along, *super().axes()]


def judge(claim: Trend, evidence: Evidence) -> Verdict:
    """Supported if the linear contrast of the adjusted means over the levels has the claimed sign at 5 %, two-sided.

    Levels count by their logarithm on a logarithmic axis; the estimate is the change from the lowest to the highest.
    """
    results = evidence.results
    found = LevelMeans.of(results, claim, claim.along)
    if isinstance(found, str):
        return undecided(found)
    axis = found.axis
    if axis.kind != "number":
        return undecided(f"{axis.name} is no number, so it has no trend.", **found.counts)
    shown = ", ".join(f"{level}: {mean:.4g}" for level, mean in zip(found.levels, found.means, strict=True))
    along = words.axis(results, axis.name)
    shown = f"{words.column(results, found.column)} along the {along}: {shown} (adjusted means)"
    if results.one_seed:
        return undecided(f"{results.why_unknown}: {shown}.", **found.counts)
    at = np.array(found.values)
    at = np.log(at) if axis.scale == "log" else at
    line = found.combine((at - at.mean()) / np.sum((at - at.mean()) ** 2) * (at[-1] - at[0]))
    rising = line["estimate"] > 0
    verdict = "undecided"
    if np.isfinite(line["p"]) and line["p"] <= ALPHA:
        verdict = "supported" if rising == (claim.trend == "increasing") else "refuted"
    steps = f" The {along} changes the number of steps as well." if axis.name in STEP_AXES else ""
    return Verdict(
        verdict, f"{shown}; linear trend {words.p_value(line['p'])}.{steps}", estimate=line["estimate"],
        low=line["low"], high=line["high"], threshold=0.0, test="linear " + line["test"], statistic=line["t"],
        df=line["df"], p=line["p"], scope="seeds", **found.counts,
    )  # fmt: skip
