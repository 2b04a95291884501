"""Runs that did not finish as planned, and runs that are missing."""

from typing import ClassVar

from segsweep.config.components import Section
from segsweep.report.markdown import blocks, markdown_table
from segsweep.report.quoted_results import QuotedResults

MOST_LISTED = 40


class Endings(Section):
    """Runs that did not finish as planned, and runs that are missing."""

    title: ClassVar[str] = "Runs that ended otherwise"
    order: ClassVar[int] = 160


def write(results: QuotedResults) -> str:
    """If runs were pruned, diverged or failed, or are missing: which, and how they enter."""
    runs, statuses, missing = results.table("runs"), results.table("statuses"), results.table("missing")
    unusual = (
        runs.frame[~runs.frame["status"].isin(["finished", "early_stopped"])] if "status" in runs.frame else runs.frame
    )
    if unusual.empty and not len(missing):
        return ""
    named = {"early_stopped": "early stopped", "oom": "out of memory"}
    rows = [
        [
            named.get(str(row["status"]), str(row["status"])),
            statuses.quote(i, "n", "int"),
            statuses.quote(i, "share", "percent:1"),
            statuses.quote(i, "rule"),
        ]
        for i, row in statuses.frame.iterrows()
    ]
    table = markdown_table(["Status", "Runs", "Share", "How such runs enter"], rows, right=[1, 2]) if rows else ""
    reasons = "detail" in unusual and unusual["detail"].notna().any()
    listed = [
        [
            f"`{runs.quote(i, 'run', 'code')}`",
            named.get(row["status"], row["status"]),
            runs.quote(i, "epochs", "int"),
            runs.quote(i, results.metric, "metric"),
            *([runs.quote(i, "detail")] if reasons else []),
        ]
        for i, row in unusual.head(MOST_LISTED).iterrows()
    ]
    head = ["Run", "Status", "Epochs", results.metric_name(), *(["Why"] if reasons else [])]
    each = markdown_table(head, listed, right=[2, 3]) if listed else ""
    rest = "Further ones stand in `runs.csv`.\n" if len(unusual) > MOST_LISTED else ""
    return blocks(table, each, rest, _missing(results))


def _missing(results: QuotedResults) -> str:
    table = results.table("missing")
    if not len(table):
        return ""
    rows = [
        [
            f"`{table.quote(i, 'run', 'code')}`",
            f"{table.quote(i, 'have', 'int')} of {table.quote(i, 'want', 'int')}",
            table.quote(i, "detail"),
        ]
        for i in table.frame.index[:MOST_LISTED]
    ]
    rest = "Further ones stand in `missing.csv`.\n" if len(table) > MOST_LISTED else ""
    one = len(table) == 1
    said = (
        f"{table.aggregate('count', style='plural:planned run')} {'is' if one else 'are'} "
        f"missing and {'enters' if one else 'enter'} no statistic:\n"
    )
    return blocks("### Missing runs\n", said, markdown_table(["Run", "Segments there", "Why"], rows, right=[1]), rest)
