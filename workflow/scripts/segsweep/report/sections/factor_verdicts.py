"""Three paragraphs on a hyperparameter: convergence, generalisation, recommendation.

The first two describe means of its levels and order nothing; the third says what the findings say.
"""

import pandas as pd

from segsweep.report.markdown import capital, listed, paragraph
from segsweep.report.quoted_results import USABLE, QuotedResults
from segsweep.statuses import FAILED

CENSORED = 1 / 3  # of the runs were best in their last epoch: how soon they converge is not known
MOST_LEVELS = 6


def convergence(results: QuotedResults, axis: str) -> str:
    """How soon the levels' runs reach their best, where that is known, and which runs did not finish."""
    factors = results.table("factors")
    mine = factors.where(axis=axis)
    said = [
        _censored(results)
        or _means(results, mine, "convergence/epochs_to_best", "fixed:1", "epochs to the best")
        or "These results do not say how soon runs reached their best."
    ]
    for status in (*FAILED, "pruned"):
        column = f"n_{status}"
        hit = mine[mine[column] > 0] if column in mine else mine.iloc[:0]
        if len(hit):
            parts = [
                f"{factors.quote(int(i), column, 'plural:run')} with {results.quote_code('factors', int(i), 'level')}"
                for i in hit.index[:MOST_LEVELS]
            ]
            more = ["some with further levels"] if len(hit) > MOST_LEVELS else []
            ended = factors.aggregate("sum", column, f"verb:{status}", f"axis={axis}")
            said.append(f"{capital(listed(parts + more))} {ended}.")
    return paragraph(*said)


def _censored(results: QuotedResults) -> str | None:
    """If more than a third of the runs were at their best in their last epoch."""
    runs = results.table("runs")
    usable = runs.frame[runs.frame["status"].isin(USABLE.split(","))] if "status" in runs.frame else runs.frame
    if "best_epoch" not in usable or "epochs" not in usable or not len(usable):
        return None
    if (usable["best_epoch"] == usable["epochs"]).mean() <= CENSORED:
        return None
    number = runs.aggregate("count", where=f"status={USABLE} & best_epoch=@epochs")
    of = runs.aggregate("count", style="plural:run", where=f"status={USABLE}")
    return f"Not compared: {number} of {of} were at their best in the last epoch, so it is open how soon they converge."


def generalisation(results: QuotedResults, axis: str) -> str:
    """How far validation falls behind training, and how much the validation loss moves; means, without an order."""
    if is_loss(axis):
        return "Losses are not compared: those of these levels are not the same criterion.\n"
    mine = results.table("factors").where(axis=axis)
    said = [
        _means(results, mine, "overfit/gap", "metric", "gap between validation and training loss at the best epoch"),
        _means(results, mine, "stability/val_loss_std", "metric", "standard deviation of the validation loss"),
    ]
    return paragraph(*said) or "These results hold no losses of training and validation to compare.\n"


def is_loss(axis: str) -> bool:
    """Whether levels of an axis are trained with different criteria, so that their losses cannot be compared."""
    return axis.partition(".")[0] == "loss" or axis.rpartition(".")[2] in ("loss", "criterion", "loss_function")


def _means(results: QuotedResults, mine: pd.DataFrame, column: str, style: str, words: str) -> str | None:
    """If two levels or more have a mean in a column: these means, or of many levels between what they lie."""
    factors = results.table("factors")
    known = mine[mine[column].notna()] if column in mine else mine.iloc[:0]
    if len(known) < 2:
        return None
    if len(known) > MOST_LEVELS:
        ends = [factors.quote(int(known[column].agg(end)), column, style) for end in ("idxmin", "idxmax")]
        return f"Mean {words}: between {ends[0]} and {ends[1]} over the levels (described, not tested)."
    parts = [
        f"{factors.quote(int(i), column, style)} with {results.quote_code('factors', int(i), 'level')}"
        for i in known.index
    ]
    return f"Mean {words}: {listed(parts)} (described, not tested)."


def recommendation(results: QuotedResults, axis: str) -> str:
    """What follows for the choice of a level, from the findings alone."""
    found = results.findings("levels", "edge", "interaction", axis=axis)
    if not (found["kind"] == "levels").any():
        return results.explain("no_level") + "\n"
    summary = results.table("factor_summary")
    i = summary.first(axis=axis)
    said = [results.state(found, f"recommendation:{axis}")]
    if i is not None and isinstance(summary.frame.at[i, "note"], str):
        said.append(summary.quote(i, "note", "sentence"))
    return paragraph(*said)
