"""The best settings trained again on fresh seeds."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.markdown import blocks, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults


class Confirmation(Section):
    """The best settings trained again on fresh seeds."""

    title: ClassVar[str] = "Confirmation"
    order: ClassVar[int] = 80


def write(results: QuotedResults) -> str:
    """If the best settings were trained again: the score they were chosen for beside that of fresh seeds."""
    table = results.table("confirmations")
    if not len(table):
        return ""
    rows = [
        [
            results.quote_code("confirmations", i, "label"),
            table.quote(i, "won", "metric"),
            table.quote(i, "n", "int"),
            table.quote(i, "mean", "metric"),
            results.interval("confirmations", i, "low", "high") or "–",
            table.quote(i, "change", "signed"),
        ]
        for i in table.frame.index
    ]
    head = ["Setting", "Chosen for", "Fresh seeds", "Their mean", "Interval", "Change"]
    return blocks(
        paragraph(
            f"{_which(results)} were trained again in full, on seeds that had no part in choosing them.",
            "The score of a winner is biased: luck helped to choose it. The mean of fresh runs is not.",
            winner_and_interval(results),
        ),
        markdown_table(head, rows, right=range(1, 6)),
    )


def _which(results: QuotedResults) -> str:
    of_front = (results.study.get("confirm") or {}).get("of") == "front"
    return "The members of the front that ranked first" if of_front else "The settings that ranked first"


def winner_and_interval(results: QuotedResults) -> str | None:
    """Whether the interval of the fresh runs covers the score that the first setting was chosen for."""
    table = results.table("confirmations")
    row = table.frame.iloc[0]
    if pd.isna(row["mean"]):
        return "The fresh runs of the first setting have no score."
    if pd.isna(row["low"]) or pd.isna(row["high"]):
        return "There are too few fresh runs for an interval."
    if row["low"] <= row["won"] <= row["high"]:
        return "The score that it was chosen for lies within the interval of the fresh runs."
    side = "above" if row["won"] > row["high"] else "below"
    return f"The score that it was chosen for lies {side} the interval of the fresh runs."
