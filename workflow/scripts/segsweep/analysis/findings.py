"""Findings: whatever a study states as a difference, an edge, an interaction or a correlation, judged together.

One correction runs over the whole study, so that at most `STUDY_ALPHA` of studies without any effect state one: each
kind of finding has its share of it (`multiple_testing.SHARES`). Levels, interactions and correlations are corrected by
one weighted Holm procedure, the first cell against the others by Tukey and Kramer's p over the share of cells. An
interval is that of the estimate at the level at which the finding was tested, so it excludes 0 where the finding is
stated (aligned ranks aside). Reports state nothing else.

Source: Holm (1979); Tukey (1953), Kramer (1956); the probability that one is better than the other: Bouthillier et al.
(2021), Accounting for variance in machine learning benchmarks.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from segsweep.analysis.anova import Anova
from segsweep.analysis.cell_comparison import compare_to_first
from segsweep.analysis.level_contrasts import LevelContrast, contrasts
from segsweep.analysis.linear import t_interval
from segsweep.analysis.multiple_testing import STUDY_ALPHA, alpha_of, shares_of, weighted_holm
from segsweep.analysis.ranking import Noise
from segsweep.analysis.study_results import Axis, StudyResults
from segsweep.statuses import FAILED
from segsweep.tables import NOT_ESTIMABLE, Column, Table

DERIVED = "derived: better than every other level"
PRUNED = "runs were pruned by their scores, which makes axes interact among those left"


class FindingsTable(Table):
    """Something that a report may state, or that was asked and cannot be stated."""

    file = "findings.csv"
    rules = ("analyze_study",)
    rows = "finding_rows"
    columns = (
        Column("id", "text", "`F1`, `F2` and so on."),
        Column("kind", "text",
               "`levels` (two levels of an axis), `edge` (the best level lies at an end of a numeric axis), "
               "`interaction`, `cells` (the first of the ranking against another cell) or `correlation`."),
        Column("axis", "text", "The axis, the first of two; of a correlation the column of runs.csv.",
               empty="cells are compared"),
        Column("axis_b", "text", "The second axis.", empty="not an interaction"),
        Column("a", "text", "The one level, or the key of the one cell.", empty="nothing is compared in pairs"),
        Column("b", "text", "The other level or cell; of an edge `low` or `high`.",
               empty="nothing is compared in pairs"),
        Column("estimate", "number",
               "Model mean of a minus that of b; of an edge that to the closest level; of an interaction partial eta "
               "squared; of a correlation Spearman's.", empty=NOT_ESTIMABLE),
        Column("low", "number", "Lower end of its interval.", empty="it has none"),
        Column("high", "number", "Upper end.", empty="it has none"),
        Column("confidence", "number", "Confidence of the interval: at the level at which the finding was tested.",
               empty="it has none"),
        Column("test", "text", "The test.", empty="there is none"),
        Column("n", "integer", "Runs that it rests on; of a correlation cells."),
        Column("statistic", "number", "Of the test.", empty=NOT_ESTIMABLE),
        Column("df", "number", "Its degrees of freedom.", empty=NOT_ESTIMABLE),
        Column("p", "number", "Two-sided, of this test alone.", empty=NOT_ESTIMABLE),
        Column("p_study", "number", "The same, corrected over all findings of the study.", empty=NOT_ESTIMABLE),
        Column("beats", "number", "Probability that a fresh run of a is better than one of b, by normal runs.",
               empty="nothing is compared in pairs, or it is not known how far runs spread"),
        Column("matters", "text",
               "`yes`, `no` or `unclear`: the interval lies beyond, within or across the study's threshold `matters`.",
               empty="the study has none"),
        Column("verdict", "text",
               "`better` (a than b), `worse`, `edge`, `interact`, `rises` or `falls` (the score with the column) where "
               "p_study is at most 0.05; `undecided`; `confounded`; `described` (there is nothing to test with)."),
        Column("note", "text", "What has to be known to read the row.", empty="nothing"),
    )  # fmt: skip


@dataclass
class Finding:
    """A row of findings.csv; see there."""

    kind: str
    axis: str = ""
    axis_b: str = ""
    a: str = ""
    b: str = ""
    estimate: float = np.nan
    low: float = np.nan
    high: float = np.nan
    confidence: float = np.nan
    test: str = ""
    n: int = 0
    statistic: float = np.nan
    df: float = np.nan
    p: float = np.nan
    p_study: float = np.nan
    beats: float = np.nan
    matters: str = ""
    verdict: str = "described"
    note: str = ""


def finding_rows(
    results: StudyResults,
    variance: Anova,
    noise: Noise,
    ranked: pd.DataFrame,
    correlations: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Rows of findings.csv; within each kind, the smallest corrected p first.

    ranked is the ranking; correlations are the rows of that table.
    """
    shares = shares_of(results)
    compared, possible = contrasts(results, variance)
    levels = [_of_levels(results, one) for one in compared]
    pairs = [_of_interaction(row, results.pruned) for row in variance.interactions]
    measures = [_of_correlation(row) for row in correlations if row["tested"]]
    families = {
        "levels": (levels, possible),
        "interaction": (pairs, sum(np.isfinite(one.p) for one in pairs)),
        "correlation": (measures, len(measures)),
    }
    _correct(families, shares, results.looks)
    for one, contrast in zip(levels, compared, strict=True):
        _judge_levels(results, one, contrast, variance)
    for one in pairs:
        one.verdict = one.verdict if np.isnan(one.p_study) else "interact" if _passes(one) else "undecided"
    for one in measures:
        if np.isfinite(one.p_study):
            _judge_correlation(one)
    cells = _of_cells(results, noise, ranked, shares.get("cells"))
    edges = [edge for axis in results.axes if (edge := _edge(results, axis, levels)) is not None]
    rows = [one for group in (levels, edges, pairs, cells, measures) for one in sorted(group, key=_order)]
    _note_failures(results, rows)
    threshold = results.plan.study.get("matters")
    for one in rows:
        if threshold and one.kind in ("levels", "edge", "cells") and np.isfinite(one.low):
            one.matters = _matters(one, float(threshold))
    return [{"id": f"F{i}"} | asdict(one) for i, one in enumerate(rows, 1)]


def _order(one: Finding) -> float:
    return one.p_study if np.isfinite(one.p_study) else np.inf


def _passes(one: Finding) -> bool:
    return bool(one.p_study <= STUDY_ALPHA)


def _correct(families: dict[str, tuple[list[Finding], int]], shares: dict[str, float], looks: int) -> None:
    """p_study and confidence of all findings that are corrected by weighted Holm, times the looks of a race."""
    tested, weights, total = [], [], 0.0
    for kind, (found, possible) in families.items():
        own = [one for one in found if np.isfinite(one.p)]
        if kind in shares and own:
            tested += own
            weights += [shares[kind] / max(possible, len(own))] * len(own)
        total += shares.get(kind, 0.0)
    if not tested:
        return
    adjusted = weighted_holm([one.p for one in tested], weights, total)
    for one, p, weight in zip(tested, adjusted, weights, strict=True):
        times = looks * (p / one.p if one.p > 0 else 1 / weight)
        one.p_study, one.confidence = min(float(p) * looks, 1.0), 1 - STUDY_ALPHA / times


def _of_levels(results: StudyResults, contrast: LevelContrast) -> Finding:
    p = np.nan if results.one_seed else contrast.p
    return Finding(
        "levels", contrast.axis, a=contrast.a, b=contrast.b, estimate=contrast.estimate, test=contrast.test,
        n=contrast.n, statistic=contrast.statistic, df=contrast.df, p=p, note=contrast.note,
    )  # fmt: skip


def _judge_levels(results: StudyResults, one: Finding, contrast: LevelContrast, variance: Anova) -> None:
    if not np.isfinite(one.estimate):
        one.verdict = "confounded"
        return
    if not np.isfinite(one.p_study):
        return
    one.low, one.high = map(float, t_interval(one.estimate, contrast.error, one.df, one.confidence))
    spread = np.sqrt(2 * variance.additive.mse + contrast.error**2)  # of fresh runs and of the estimate
    one.beats = float(stats.t.cdf(one.estimate * results.sign / spread, one.df))
    stated = _passes(one) and (contrast.excludes_zero or not contrast.by_ranks)
    one.verdict = "undecided" if not stated else "better" if one.estimate * results.sign > 0 else "worse"
    if stated and one.low <= 0 <= one.high:
        one.note = "; ".join(filter(None, [one.note, "ranks decide; the interval is that of the linear model"]))


def _of_interaction(row: dict[str, Any], pruned: bool) -> Finding:
    """A pair of axes; not tested where runs were pruned: of those left by their scores, axes interact that do not."""
    ranks = np.isfinite(row["rank_p"])
    if pruned:
        row = row | {"p": np.nan, "rank_p": np.nan, "note": PRUNED}
    return Finding(
        "interaction", row["axis_a"], row["axis_b"], estimate=row["partial_eta2"],
        test=("F of aligned ranks" if ranks else "F of type II") if row["estimable"] else "", n=row["n"],
        statistic=row["rank_F"] if ranks else row["F"], df=row["df_residual"],
        p=row["rank_p"] if ranks else row["p"], note=row["note"],
    )  # fmt: skip


def _of_correlation(row: dict[str, Any]) -> Finding:
    return Finding(
        "correlation", row["x"], estimate=row["spearman"], test="Spearman's rank correlation of cells", n=row["n"],
        statistic=row["spearman"], df=row["n"] - 2, p=row["spearman_p"],
    )  # fmt: skip


def _judge_correlation(one: Finding) -> None:
    reach = stats.norm.ppf(0.5 + one.confidence / 2) * np.sqrt((1 + one.estimate**2 / 2) / (one.n - 3))
    z = np.arctanh(np.clip(one.estimate, -1 + 1e-12, 1 - 1e-12))
    one.low, one.high = float(np.tanh(z - reach)), float(np.tanh(z + reach))
    stated = _passes(one) and (one.low > 0 or one.high < 0)
    one.verdict = "undecided" if not stated else "rises" if one.estimate > 0 else "falls"


def _of_cells(results: StudyResults, noise: Noise, ranked: pd.DataFrame, share: float | None) -> list[Finding]:
    """The first cell against each other one with a usable run."""
    known = ranked[ranked["n"] > 0]
    first = known.iloc[:1]
    if share is None or len(known) < 2:
        return []
    alpha = alpha_of(results) * share
    compared = compare_to_first(known, noise, results.sign, alpha)
    found = []
    for cell, row in zip(known.index[1:], compared.itertuples(), strict=True):
        one = Finding(
            "cells", a=str(first.index[0]), b=str(cell), estimate=row.estimate, low=row.low, high=row.high,
            confidence=1 - alpha if np.isfinite(row.low) else np.nan, test=row.test,
            n=int(first["n"].iloc[0] + known.at[cell, "n"]), statistic=row.statistic, df=row.df, p=row.p,
            p_study=min(max(row.p / share * results.looks, row.p_alone), 1.0), beats=row.beats,
        )  # fmt: skip
        if np.isfinite(row.p):
            one.verdict = "better" if _passes(one) else "undecided"
            if row.p / share * results.looks <= STUDY_ALPHA < row.p_alone:
                one.note = "the own runs of these two cells do not tell them apart, by Welch's t at 5 %"
        else:
            one.p_study = np.nan
        found.append(one)
    return found


def _edge(results: StudyResults, axis: Axis, levels: list[Finding]) -> Finding | None:
    """The best level of a numeric axis, where it lies at an end and is better than every other one."""
    if axis.kind != "number" or axis.binned or len(axis.levels) < 3:
        return None
    own = [one for one in levels if one.axis == axis.name]
    tried = {level for one in own for level in (one.a, one.b)}
    for level, side in ((axis.levels[0], "low"), (axis.levels[-1], "high")):
        wins = [
            one for one in own if one.verdict == ("better" if one.a == level else "worse") and level in (one.a, one.b)
        ]
        if tried and len(wins) == len(tried) - 1:
            closest = min(wins, key=lambda one: abs(one.estimate))
            turn = 1 if closest.a == level else -1
            ends = sorted((closest.low * turn, closest.high * turn))
            return Finding(
                "edge", axis.name, a=level, b=side, estimate=closest.estimate * turn, low=ends[0], high=ends[1],
                confidence=closest.confidence, test=DERIVED, n=closest.n, statistic=closest.statistic * turn,
                df=closest.df, p=max(one.p for one in wins), p_study=max(one.p_study for one in wins), verdict="edge",
            )  # fmt: skip
    return None


def _note_failures(results: StudyResults, rows: list[Finding]) -> None:
    """Say of a level that is compared how many of its runs failed."""
    failed = results.runs["status"].isin(FAILED) & results.design
    for axis in results.axes:
        codes = results.codes[axis.name]
        words = {}
        for code, level in enumerate(axis.levels):
            at = (codes == code) & results.design
            if count := int((failed & at).sum()):
                words[level] = f"{count} of {int(at.sum())} runs with {level} failed"
        for one in rows:
            if one.axis == axis.name and one.kind in ("levels", "edge"):
                said = [words[level] for level in (one.a, one.b) if level in words]
                one.note = "; ".join(filter(None, [one.note, *said]))


def _matters(one: Finding, threshold: float) -> str:
    if one.low > threshold or one.high < -threshold:
        return "yes"
    return "no" if -threshold < one.low and one.high < threshold else "unclear"
