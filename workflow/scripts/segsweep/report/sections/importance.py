"""Importance of each axis, estimated from a random forest."""

from typing import ClassVar

from segsweep.config.components import Section
from segsweep.report.figures import factors as factor_figures
from segsweep.report.figures import theme
from segsweep.report.markdown import blocks, capital, listed, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults


class Importance(Section):
    """Importance of each axis, estimated from a random forest."""

    title: ClassVar[str] = "Importance"
    order: ClassVar[int] = 920


def write(results: QuotedResults) -> str:
    """If importance was estimated, or why not."""
    table, found = results.table("importance"), results.analysis.get("importance") or {}
    if not len(table):
        return blocks(paragraph(results.quote_analysis("importance.note"))) if found.get("note") else ""
    rows = [
        [
            capital(results.axis_name(row["axis"])),
            table.quote(i, "fanova", "fixed"),
            table.quote(i, "pedanova", "fixed"),
            table.quote(i, "partial_eta2", "fixed") if "partial_eta2" in table.frame else "–",
        ]
        for i, row in table.frame.iterrows()
    ]
    shares = {
        name: table.frame[column].to_numpy(float)
        for name, column in (("fANOVA", "fanova"), ("PED-ANOVA", "pedanova"))
        if column in table.frame and table.frame[column].notna().any()
    }
    drawn = ""
    if shares:
        paper, ax = theme.plt.subplots(figsize=(5.6, 0.9 + 0.42 * len(table)))
        factor_figures.importance(ax, [results.names.axis(axis) for axis in table.frame["axis"]], shares)
        drawn = results.figure(
            "importance", paper, results.caption(ax, "{x} of each hyperparameter by {methods}.", methods=listed(shares))
        )
    return blocks(
        paragraph(
            "fANOVA splits the variance that a random forest predicts; "
            "PED-ANOVA compares where good settings lie with where all do.",
            f"Of the variance of unseen settings the forest predicts "
            f"{results.quote_analysis('importance.r2_oob', 'percent')}."
            if found.get("r2_oob") is not None and found["r2_oob"] > 0
            else "The forest predicts unseen settings as well as their mean does, or less well."
            if found.get("r2_oob") is not None
            else None,
            "It predicts too little for its shares to be reliable." if found.get("reliable") is False else None,
            results.quote_analysis("importance.note") if found.get("note") else None,
        ),
        markdown_table(["Hyperparameter", "fANOVA", "PED-ANOVA", "Partial eta squared"], rows, right=[1, 2, 3]),
        drawn,
    )
