"""Hypotheses written down before the first run, judged: supported, refuted or undecided."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from segsweep import registry
from segsweep.analysis.anova import ALPHA
from segsweep.analysis.claims import Evidence, Verdict, words
from segsweep.analysis.ranking import Noise
from segsweep.analysis.study_results import StudyResults, rows_where
from segsweep.config.claims import kind_of, parse_claim
from segsweep.config.components import StudyClaim
from segsweep.formatting import plural
from segsweep.planning.plan_file import RANKED_ROLES
from segsweep.tables import Column, Table


class ClaimVerdicts(Table):
    """A claim of the study, judged; then what was expected of listed runs."""

    file = "claims.csv"
    rules = ("analyze_study",)
    rows = "claim_rows"
    columns = (
        Column("id", "text", "Its name; of an expectation the id of the run."),
        Column("claim", "text", "The claim in words."),
        Column("kind", "text", "Its kind: the key that it has in the study, or `expect`."),
        Column("verdict", "text", "`supported`, `refuted` or `undecided`."),
        Column("grade", "text", "`success`, `acceptable` or `missed`.", empty="the claim has no bars, or no score yet"),
        Column("estimate", "number", "What was estimated; see the kind.", empty="nothing could be"),
        Column("low", "number", "Lower end of its 95 % interval.", empty="it has none"),
        Column("high", "number", "Upper end.", empty="it has none"),
        Column("threshold", "number", "What the estimate is compared with.", empty="nothing could be estimated"),
        Column("test", "text", "The test, or the interval.", empty="the claim was not tested"),
        Column("statistic", "number", "Its statistic.", empty="the claim was not tested"),
        Column("df", "number", "Its degrees of freedom.", empty="it has none"),
        Column("p", "number", "Its p.", empty="the claim was not tested"),
        Column("n_runs", "integer", "Runs that it rests on.", empty="there are none"),
        Column("n_cells", "integer", "Cells that it rests on.", empty="there are none"),
        Column("scope", "text", "What the estimate varies over: `seeds`, `images` or `none`."),
        Column("images_estimate", "number", "Mean difference over images.", empty="not compared by images"),
        Column("images_low", "number", "Lower end of its 95 % interval.", empty="not compared by images"),
        Column("images_high", "number", "Upper end.", empty="not compared by images"),
        Column("detail", "text", "One or two sentences with the numbers."),
    )


def claim_rows(results: StudyResults, noise: Noise, ranked: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of claims.csv."""
    evidence = Evidence(results, noise, ranked)
    rows = []
    for claim in map(parse_claim, results.plan.study.get("claims") or []):
        verdict = _whole(registry.load(claim).judge(claim, evidence), lacking(results, claim))
        rows.append(_row(claim.id, claim.claim, kind_of(claim), verdict, results))
    expected = registry.classes("claim")["expect"]
    for cell in results.plan.cells:
        if cell.expect:
            expect = expected.model_validate(cell.expect)
            low, high = expect.gain
            text = f"Run {cell.cell} gains {low:g} to {high:g} over run {expect.over}."
            verdict = registry.load(expect).judge(expect, evidence, cell.cell)
            left_out = results.missing["cell"][results.left_out_by_budget].isin([cell.cell, str(expect.over)])
            verdict = _whole(verdict, int(left_out.sum()))
            rows.append(_row(cell.cell, text, "expect", verdict, results))
    return rows


def lacking(results: StudyResults, claim: StudyClaim) -> int:
    """How many of the runs that a claim speaks of the study's budget left out."""
    missing = results.missing[results.left_out_by_budget]
    if missing.empty:
        return 0
    of_claim = missing["role"].isin([claim.needs] if claim.needs else [*RANKED_ROLES])
    where = getattr(claim, "where", {})
    cells = results.cells[rows_where(results.cells, where)].index
    return int((of_claim & missing["cell"].isin(cells)).sum())


def _whole(verdict: Verdict, left_out: int) -> Verdict:
    """The verdict, unless the budget left out runs that it rests on: then nothing is decided yet."""
    if not left_out:
        return verdict
    why = f"The budget left out {plural(left_out, 'run')} of those that it rests on, so it is not decided yet."
    return replace(verdict, verdict="undecided", detail=f"{why} {verdict.detail}")


def _row(name: str, claim: str, kind: str, verdict: Verdict, results: StudyResults) -> dict[str, Any]:
    looks = results.looks_of("confirm" if kind == "confirmed_at_least" else "seeds")
    return {"id": name, "claim": claim, "kind": kind} | vars(_paid_for(verdict, looks))


def _paid_for(verdict: Verdict, looks: int) -> Verdict:
    """The verdict by seeds that may have been looked at so many times before: its p counts as often."""
    if looks == 1 or verdict.scope != "seeds" or verdict.p is None or not np.isfinite(verdict.p):
        return verdict
    p = min(1.0, verdict.p * looks)
    still = verdict.verdict == "undecided" or p <= ALPHA
    said = f"{verdict.detail} Its seeds raced, so its p counts {looks} times: {words.p_value(p)}"
    return replace(
        verdict,
        verdict=verdict.verdict if still else "undecided",
        p=p,
        detail=f"{said}." if still else f"{said}, undecided.",
    )
