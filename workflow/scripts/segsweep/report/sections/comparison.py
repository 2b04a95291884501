"""Conclusions of this study beside those of earlier ones."""

from typing import ClassVar

from segsweep.config.components import Section
from segsweep.report.markdown import blocks, capital, markdown_table
from segsweep.report.quoted_results import QuotedResults

TOPICS = {
    "best": "Best setting",
    "level": "Level with the best mean, and its standing",
    "statement": "Statement",
    "claim": "Claim",
    "importance": "Importance",
}


class Comparison(Section):
    """Conclusions of this study beside those of earlier ones."""

    title: ClassVar[str] = "Compared with earlier"
    order: ClassVar[int] = 170


def write(results: QuotedResults) -> str:
    """If there is an earlier report or study to compare with."""
    table = results.table("comparison")
    if not len(table):
        return ""
    parts = []
    for against in dict.fromkeys(table.frame["against"]):
        mine = table.where(against=against)
        changed = mine[mine["changed"].astype(str).str.lower() == "true"]
        name = table.quote(int(mine.index[0]), "against", "code")
        same = table.aggregate("count", where=f"against={against}", style="plural:conclusion")
        if changed.empty:
            parts.append(f"Compared with `{name}`, none of {same} has changed.\n")
            continue
        rows = [
            [TOPICS.get(row["topic"], row["topic"]), _item(results, i), table.quote(i, "before"), table.quote(i, "now")]
            for i, row in changed.iterrows()
        ]
        number = len(changed)
        value = table.aggregate("count", where=f"against={against} & changed={changed.iloc[0]['changed']}")
        said = f"Compared with `{name}`, {value} of {same} {'has' if number == 1 else 'have'} changed.\n"
        parts += [said, markdown_table(["Topic", "Item", "Before", "Now"], rows)]
    return blocks(*parts)


def _item(results: QuotedResults, i: int) -> str:
    """What a conclusion is about: an axis by its name."""
    table = results.table("comparison")
    item = table.frame.at[i, "item"]
    return capital(results.axis_name(item)) if item in results.axes else table.quote(i, "item")
