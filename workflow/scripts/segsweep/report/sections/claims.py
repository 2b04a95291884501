"""Claims: hypotheses of the study, each with its verdict; written down before the first run if it trained them."""

from typing import ClassVar

from segsweep.config.components import Section
from segsweep.report.markdown import blocks, markdown_table
from segsweep.report.quoted_results import QuotedResults


class Claims(Section):
    """Claims: hypotheses of the study, each with its verdict."""

    title: ClassVar[str] = "Claims"
    order: ClassVar[int] = 120


def write(results: QuotedResults) -> str:
    """If there are claims: each with its verdict and what it rests on."""
    table = results.table("claims")
    if not len(table):
        return ""
    rows = []
    for i, row in table.frame.iterrows():
        grade = f" ({table.quote(i, 'grade')})" if isinstance(row.get("grade"), str) else ""
        claim, detail = table.quote(i, "claim"), table.quote(i, "detail")
        verdict = f"**{table.quote(i, 'verdict')}**{grade}"
        rows.append([table.quote(i, "id"), claim, verdict, detail, table.quote(i, "n_runs", "int")])
    return blocks(
        results.explain("claims_of_table" if results.study.get("table") else "claims") + "\n",
        markdown_table(["Id", "Claim", "Verdict", "Why", "Runs"], rows, right=[4]),
    )
