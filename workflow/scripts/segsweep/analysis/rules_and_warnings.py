"""What a reader has to know before believing any table: what the analysis does by rule, and warnings."""

from typing import Any

from segsweep.analysis.importance import Importance
from segsweep.analysis.multiple_testing import STUDY_ALPHA, shares_of
from segsweep.analysis.ranking import Noise
from segsweep.analysis.study_results import StudyResults
from segsweep.formatting import plural
from segsweep.statuses import RULES

KINDS = {
    "levels": "comparisons of levels",
    "cells": "comparisons of settings",
    "interaction": "interactions",
    "correlation": "correlations",
}


def rules(results: StudyResults) -> dict[str, str]:
    """What this analysis does by rule, in words."""
    shares = shares_of(results)
    parts = ", ".join(f"{share:.0%} {KINDS[kind]}" for kind, share in shares.items())
    return {
        "gate": f"All that is stated is corrected together: of studies without any effect, at most {STUDY_ALPHA:.0%} "
        f"state one. Shares of these: {parts or 'nothing can be tested'}.",
        "score": "A run's score is the study's metric at its best epoch, the best of as many looks as it had epochs.",
        "intervals": "95 % t intervals; of a cell's mean with the pooled deviation of replicated cells, or with its "
        "own where the spread differs between cells.",
        "cells": "Cells are compared by Tukey and Kramer's procedure (Bonferroni's bound for many cells, Welch's t "
        "where the spread differs).",
        "levels": "Levels are compared by contrasts of the additive model. Without runs that share a setting, what the "
        "model leaves unexplained is the error.",
        "anova": "Sums of squares of type II. Where Shapiro and Wilk's test rejects at 1 %, aligned ranks decide; "
        "where Brown and Forsythe's does, errors are of the kind HC3.",
        "one_seed": "Without anything to judge by nothing is called better: numbers are described, claims are "
        "undecided.",
        "claims": "A claim is supported or refuted by a test or interval at 5 %, else undecided.",
        **(
            {
                "race": "Seeds raced: settings that fell behind have fewer. They may be looked at "
                f"{plural(results.looks, 'time')}, so each p counts as often."
            }
            if results.looks > 1
            else {}
        ),
        "reference": "Reference settings stand in the ranking and in no mean of a level.",
        "confirmations": "Confirmation runs enter no ranking and no mean of a level: they were chosen by the result.",
        **{f"status {name}": text for name, text in RULES.items()},
    }


def warnings_of(
    results: StudyResults,
    noise: Noise,
    audit: dict[str, Any],
    axis_importance: Importance,
    edges: list[dict[str, Any]],
    factors: list[dict[str, Any]],
    factor_summary: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """What a reader has to know before believing any table: {"topic", "axes", "text"}."""
    found = []

    def warn(topic: str, text: str, axes: list[str] = ()) -> None:
        found.append({"topic": topic, "axes": list(axes), "text": text})

    for note in results.plan.notes:
        warn("table", note)
    if repeated := int(results.runs["repeated"].sum()):
        have = "has" if repeated == 1 else "have"
        warn("seeds", f"{plural(repeated, 'run')} {have} the very curve of another seed or fold of the same setting. "
             "Such runs count once: a program that is given a seed has to use it.")  # fmt: skip
    if results.one_seed:
        warn("one seed", f"{results.why_unknown}: differences may be those of seeds, and none is called better.")
    elif results.error_basis == "lack of fit":
        warn("lack of fit", f"{results.why_unknown}: levels are judged by what the additive model leaves unexplained, "
             "which holds interactions, too.")  # fmt: skip
    elif noise.df < 10:
        warn(
            "few seeds",
            "The spread of runs of a setting is estimated from "
            f"{plural(noise.df, 'degree')} of freedom: it is itself uncertain.",
        )
    if results.plan.study.get("folds"):
        warn("folds", "Folds share most of their training data, so runs on them are not independent: intervals and "
             "tests are somewhat surer than they should be.")  # fmt: skip
    if not noise.equal:
        warn("unequal spread", noise.reading)
    if results.adaptive:
        warn("adaptive", f"Settings were proposed by {results.sampler}, which follows the scores: means of levels are "
             "of settings near the best, not of the space.")  # fmt: skip
    found += [note for note in audit["notes"] if note["topic"] in ("aliased", "confounded", "budget")]
    for row in factor_summary:
        if row["raw_and_adjusted"] == "disagree" and row["relation"] in ("distinct", "partly"):
            warn(
                "raw and adjusted",
                f"Raw and adjusted means of {row['axis']} name different best levels.",
                [row["axis"]],
            )
    for row in factors:
        failed = row["n_diverged"] + row["n_oom"] + row["n_failed"]
        if failed and failed >= 0.25 * (failed + row["n_runs"]):
            rest = "its means are of the others" if row["n_runs"] else "it has no mean"
            warn("failures", f"{failed} of {failed + row['n_runs']} runs with {row['axis']} = {row['level']} diverged, "
                 f"failed or ran out of memory; {rest}.", [row["axis"]])  # fmt: skip
    if axis_importance.rows and axis_importance.note:
        warn("importance", axis_importance.note)
    found += [{"topic": "edge", "axes": [end["axis"]], "text": end["text"]} for end in edges if end["clear"]]
    left_out = int(results.left_out_by_budget.sum())
    if left_out:
        warn("budget", f"{left_out} planned runs are left out by the budget: they are listed in missing.csv.")
    lost = len(results.missing) - left_out
    if lost and not results.plan.study.get("table"):  # of a table, its notes say so
        warn("missing", f"{lost} planned runs are missing: they are listed in missing.csv.")
    return found
