"""The gain of a listed run over another one, written down before."""

import numpy as np
from scipy import stats

from segsweep.analysis.claims import Evidence, Verdict, undecided
from segsweep.analysis.image_pairs import columns, paired, sentence
from segsweep.analysis.linear import t_interval
from segsweep.config.components import Claim
from segsweep.config.settings import key


class Expect(Claim):
    """A gain expected of a listed run, in the study's metric."""

    gain: tuple[float, float] = key(..., "From, to.")
    over: int | str = key(..., "Id of the run it is compared with.")


def judge(claim: Expect, evidence: Evidence, cell: str) -> Verdict:
    """Supported if the whole 95 % interval of the gain reaches the lower end of what was expected, refuted if none of
    it does. The interval is of the noise floor where the study has one, else Welch's.

    `cell` is the run that the gain is expected of.
    """
    results, noise = evidence.results, evidence.noise
    low_gain, over = claim.gain[0], str(claim.over)
    runs = results.runs[results.runs["usable"] & results.design]
    ours, theirs = (runs[runs["cell"] == name] for name in (cell, over))
    counts = {"n_runs": len(ours) + len(theirs), "n_cells": 2, "threshold": low_gain}
    if ours.empty or theirs.empty:
        return undecided(f"Run {cell if ours.empty else over} has no usable result.", **counts)
    a, b = ours["score"] * results.sign, theirs["score"] * results.sign
    gain = float(a.mean() - b.mean())
    pair = paired(results, ours["run"], theirs["run"])
    if pair and results.minimize:
        pair.estimate, pair.low, pair.high = -pair.estimate, -pair.high, -pair.low
    shown = f"The gain is {gain:+.4g} ({a.mean() * results.sign:.4g} against {b.mean() * results.sign:.4g})"
    pooled = np.isfinite(noise.sd) and noise.equal
    if not pooled and min(len(a), len(b)) < 2:
        detail = f"{shown}; with one seed each it is not known whether another seed would do the same. {sentence(pair)}"
        return undecided(detail.strip(), estimate=gain, scope="images" if pair else "none", **counts, **columns(pair))
    if pooled:
        error, df, test = noise.sd * np.sqrt(1 / len(a) + 1 / len(b)), float(noise.df), "t with the noise floor"
    else:
        va, vb = a.var() / len(a), b.var() / len(b)
        error, test = float(np.sqrt(va + vb)), "Welch's t"
        df = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1)) if error > 0 else 1.0
    low, high = t_interval(gain, error, df)
    verdict = "supported" if low >= low_gain else "refuted" if high < low_gain else "undecided"
    t = (gain - low_gain) / error if error > 0 else np.nan
    return Verdict(
        verdict, f"{shown}, 95 % interval {low:+.4g} to {high:+.4g}; expected at least {low_gain:g}.",
        estimate=gain, low=float(low), high=float(high), test=test, statistic=t, df=df,
        p=float(2 * stats.t.sf(abs(t), df)), scope="seeds", **counts, **columns(pair),
    )  # fmt: skip
