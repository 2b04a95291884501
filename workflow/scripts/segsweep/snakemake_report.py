"""What Snakemake's own report (`snakemake --report`) shows of a study, and what it says beside each file."""

import re
from collections.abc import Callable, Mapping
from inspect import cleandoc
from pathlib import Path

from segsweep.tables import definitions

# Of some thirty, those that people read; the others are in the study's folder.
MAIN_TABLES = ("ranking.csv", "runs.csv", "factor_summary.csv", "factors.csv", "class_scores.csv", "claims.csv")
FIGURE = re.compile(r"^!\[(.*)\]\(figures/(.+)\.png\)$", re.MULTILINE)


def table_in_words(file: str) -> str | None:
    """What a row of a table is; None of one that is not shown."""
    shown = (one for one in definitions() if one.file == file and file in MAIN_TABLES)
    return next((cleandoc(one.__doc__).splitlines()[0] for one in shown), None)


def figure_labels(markdown: Path) -> Callable[[Mapping[str, str]], dict[str, str]]:
    """A function that says what a figure shows, as the study's report does once it is written.

    Args:
        markdown: the report; it shows `figures/<figure>.png`.
    """

    def labels(wildcards: Mapping[str, str]) -> dict[str, str]:
        words = {name: alt for alt, name in FIGURE.findall(markdown.read_text(encoding="utf-8"))}
        return {"figure": words.get(wildcards["figure"], wildcards["figure"])}

    return labels
