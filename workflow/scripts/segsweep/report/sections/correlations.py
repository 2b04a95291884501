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
    table = results.table("correlations")
    if not len(table):
        return ""
    said = []
    tested = [i for i, row in table.frame.iterrows() if row["verdict"] in ("positive", "negative")]
    for i in tested[:8]:
        row = table.frame.loc[i]
        sign = "more" if row["verdict"] == "positive" else "less"
        said.append(
            f"The more {results.metric_name(row['x'])}, the {sign} {results.metric_name(row['y'])}: "
            f"rank correlation {table.quote(i, 'spearman', 'fixed')}"
            + (
                f", interval {results.interval('correlations', i, 'spearman_low', 'spearman_high', 'fixed')}"
                if pd.notna(row["spearman_low"])
                else ""
            )
            + f", over {table.quote(i, 'n', 'plural:' + ('setting' if row['unit'] == 'cell' else 'run'))}."
        )
    if not said:
        undecided = (table.frame["verdict"] == "undecided").any()
        text = "No correlation of the measures of stability, convergence and cost with the score is significant."
        return blocks(paragraph(text)) if undecided else ""
    return blocks(bullets(*said))
