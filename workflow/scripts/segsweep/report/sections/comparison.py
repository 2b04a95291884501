"""Conclusions of this study beside those of earlier ones."""

from typing import ClassVar

from segsweep.config.components import Section
from segsweep.report.markdown import blocks, markdown_table
from segsweep.report.quoted_results import QuotedResults


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
            [row["topic"], table.quote(i, "item"), table.quote(i, "before"), table.quote(i, "now")]
            for i, row in changed.iterrows()
        ]
        number = len(changed)
        value = table.aggregate("count", where=f"against={against} & changed={changed.iloc[0]['changed']}")
        said = f"Compared with `{name}`, {value} of {same} {'has' if number == 1 else 'have'} changed.\n"
        parts += [said, markdown_table(["Topic", "Item", "Before", "Now"], rows)]
    return blocks(*parts)
