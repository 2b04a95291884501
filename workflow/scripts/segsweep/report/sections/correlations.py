"""Measures of stability, convergence and cost that go with the score."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.markdown import blocks, bullets, paragraph
from segsweep.report.quoted_results import QuotedResults


class Correlations(Section):
    """Measures of stability, convergence and cost that go with the score."""

    title: ClassVar[str] = "Measures that go together"
    order: ClassVar[int] = 930


def write(results: QuotedResults) -> str:
    """If measures were correlated with the score."""
    table = results.table("findings")
    if not len(table.where(kind="correlation")):
        return ""
    said = []
    tested = [i for i, row in table.frame.iterrows() if row["verdict"] in ("rises", "falls")]
    for i in tested[:8]:
        row = table.frame.loc[i]
        sign = "more" if row["verdict"] == "rises" else "less"
        said.append(
            f"The more {results.metric_name(row['axis'])}, the {sign} {results.metric_name()}: "
            f"rank correlation {table.quote(i, 'estimate', 'fixed')}"
            + (f", interval {results.interval('findings', i, 'low', 'high', 'fixed')}" if pd.notna(row["low"]) else "")
            + f", over {table.quote(i, 'n', 'plural:setting')}."
        )
    if not said:
        undecided = (table.where(kind="correlation")["verdict"] == "undecided").any()
        text = "No correlation of the measures of stability, convergence and cost with the score is significant."
        return blocks(paragraph(text)) if undecided else ""
    return blocks(bullets(*said))
