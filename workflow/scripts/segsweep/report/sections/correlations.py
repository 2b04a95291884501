"""Measures of stability, convergence and cost that go with the score."""

from typing import ClassVar

from segsweep.config.components import Section
from segsweep.report.markdown import blocks, bullets, paragraph
from segsweep.report.quoted_results import QuotedResults

MOST_STATED = 8


class Correlations(Section):
    """Measures of stability, convergence and cost that go with the score."""

    title: ClassVar[str] = "Measures that go together"
    order: ClassVar[int] = 930


def write(results: QuotedResults) -> str:
    """If measures were compared with the score: those that go with it, the others as undecided."""
    found = results.findings("correlation")
    tested = found[found["p_study"].notna()]
    if tested.empty:
        return ""
    stated = tested[tested["verdict"].isin(["rises", "falls"])]
    said = [results.state(int(i), "correlation") for i in stated.index[:MOST_STATED]]
    where = "kind=correlation & verdict=undecided"
    number = results.table("findings").aggregate("count", where=where, style="plural:measure")
    they = "it goes" if len(stated) == len(tested) - 1 else "they go"
    rest = f"For {number} it is undecided whether {they} with the {results.metric_name()}."
    return blocks(
        bullets(*said),
        paragraph(rest if len(stated) < len(tested) else None, results.explain("correlations") if said else None),
    )
