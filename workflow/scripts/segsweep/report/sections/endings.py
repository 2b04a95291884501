"""Runs that did not finish as planned, and runs that are missing."""

from collections.abc import Callable
from typing import ClassVar

import pandas as pd

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
    each = _each(results, unusual, named)
    rest = "Further ones stand in `runs.csv`.\n" if len(unusual) > MOST_LISTED else ""
    return blocks(table, each, rest, _missing(results))


def _each(results: QuotedResults, unusual: pd.DataFrame, named: dict[str, str]) -> str:
    """The runs: setting, status, epochs, last score, and why; columns without a value are left out."""
    runs, cells = results.table("runs"), results.table("cells")
    setting = {str(cell): i for i, cell in cells.frame["cell"].items()} if len(cells) else {}
    columns: list[tuple[str, Callable[[int], str]]] = [
        ("Run", lambda i: f"`{runs.quote(i, 'run', 'code')}`"),
        ("Setting", lambda i: results.quote_code("cells", setting[str(unusual.at[i, "cell"])], "label")),
        ("Status", lambda i: named.get(str(unusual.at[i, "status"]), str(unusual.at[i, "status"]))),
        ("Epochs", lambda i: runs.quote(i, "epochs", "int")),
        (f"Last {results.metric_name()}", lambda i: runs.quote(i, results.metric, "metric")),
        ("Why", lambda i: runs.quote(i, "detail")),
    ]
    needed = {"Setting": setting, "Epochs": _any(unusual, "epochs"), "Why": _any(unusual, "detail")}
    needed[columns[4][0]] = _any(unusual, results.metric)
    columns = [column for column in columns if needed.get(column[0], True)]
    rows = [[write_field(i) for _, write_field in columns] for i in unusual.index[:MOST_LISTED]]
    right = [k for k, (name, _) in enumerate(columns) if name in ("Epochs", f"Last {results.metric_name()}")]
    return markdown_table([name for name, _ in columns], rows, right) if rows else ""


def _any(frame: pd.DataFrame, column: str) -> bool:
    return column in frame and bool(frame[column].notna().any())


def _missing(results: QuotedResults) -> str:
    table = results.table("missing")
    if not len(table):
        return ""
    rows_shown = table.frame.index[:MOST_LISTED]
    rows = [
        [
            f"`{table.quote(i, 'run', 'code')}`",
            f"{table.quote(i, 'have', 'int')} of {table.quote(i, 'want', 'int')}",
            table.quote(i, "detail"),
        ]
        for i in rows_shown
    ]
    rest = "Further ones stand in `missing.csv`.\n" if len(table) > MOST_LISTED else ""
    one = len(table) == 1
    if results.study.get("table"):
        left_out = [[f"`{table.quote(i, 'run', 'code')}`", table.quote(i, "detail")] for i in rows_shown]
        said = (
            f"{table.aggregate('count', style='plural:row')} of the table {'is' if one else 'are'} left out and "
            f"{'enters' if one else 'enter'} no statistic:\n"
        )
        return blocks("### Rows left out\n", said, markdown_table(["Row", "Why"], left_out), rest)
    by_budget = "left_out" in table.frame and table.frame["left_out"].notna().all()
    what, title = ("left out by the budget", "Runs left out") if by_budget else ("missing", "Missing runs")
    said = (
        f"{table.aggregate('count', style='plural:planned run')} {'is' if one else 'are'} "
        f"{what} and {'enters' if one else 'enter'} no statistic:\n"
    )
    return blocks(f"### {title}\n", said, markdown_table(["Run", "Segments there", "Why"], rows, right=[1]), rest)
