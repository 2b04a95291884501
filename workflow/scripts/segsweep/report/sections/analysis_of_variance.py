"""The working behind the findings: analysis of variance and the checks of its assumptions."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.markdown import blocks, capital, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults


class AnalysisOfVariance(Section):
    """The working behind the findings: analysis of variance and the checks of its assumptions."""

    title: ClassVar[str] = "Analysis of variance and diagnostics"
    order: ClassVar[int] = 905


def write(results: QuotedResults) -> str:
    """If an analysis of variance was possible: its table, and what the residuals allow."""
    table = results.table("anova")
    if not len(table) or "kind" not in table.frame or not table.frame["F"].notna().any():
        return ""
    rows = [
        [
            _term(results, row),
            table.quote(int(i), "ss", "significant"),
            table.quote(int(i), "df", "int"),
            table.quote(int(i), "F", "significant"),
            table.quote(int(i), "p", "p"),
            table.quote(int(i), "partial_eta2", "fixed"),
        ]
        for i, row in table.frame.iterrows()
    ]
    reading = (results.analysis.get("anova") or {}).get("reading")
    return blocks(
        paragraph(results.explain("anova")),
        markdown_table(["Term", "Sum of squares", "df", "F", "p", "Partial eta squared"], rows, right=range(1, 6)),
        paragraph(results.quote_analysis("anova.reading") if reading else None),
    )


def _term(results: QuotedResults, row: pd.Series) -> str:
    if row["kind"] == "residual":
        return "Residual"
    axes = [axis for axis in (row["axis_a"], row["axis_b"]) if pd.notna(axis)]
    names = [results.axis_name(axis) if axis in results.axes else str(axis) for axis in axes]
    return " × ".join(map(capital, names)) or capital(str(row["term"]))
