"""The design of the study and its audit: what can be compared with what."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.markdown import blocks, bullets, capital, listed, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults

MOST_PAIRS = 30
SAID_ELSEWHERE = {"one seed", "adaptive", "raw and adjusted", "edge"}
COMPARED = "grid,run,trial,reference"  # roles of the runs that are compared
FURTHER = {
    "confirm": "the best settings again on fresh seeds, which enter no comparison.",
    "ensemble": "members of the ensemble, which enter no comparison.",
}
RELATIONS = {
    "balanced": "every pair of levels occurs equally often",
    "crossed": "every pair of levels occurs, not equally often",
    "partial": "some pairs of levels are missing",
    "aliased": "their effects cannot be separated",
}


class Design(Section):
    """The design of the study and its audit: what can be compared with what."""

    title: ClassVar[str] = "Method"
    order: ClassVar[int] = 30


def write(results: QuotedResults) -> str:
    """Pairs of axes, and what the audit found."""
    if not results.axes:
        return ""
    several = results.analysis["n_cells"] > 1
    return blocks(sizes(results), pairs(results), notes(results) if several else "")


def sizes(results: QuotedResults) -> str:
    """Always: settings, runs, axes; what does not vary."""
    audit = results.ledger.files.tree("audit.json")
    constant = audit.get("constant") or []
    aliased = audit.get("not_estimable") or []
    if results.analysis["n_cells"] < 2:
        return "There is one setting only, so nothing can be compared.\n"
    return paragraph(
        f"{results.quote_analysis('n_cells', 'plural:setting')} in {_runs(results, COMPARED)} vary "
        f"{results.quote_plan('axes', 'plural:hyperparameter', 'count')}.",
        *[f"{capital(_runs(results, role))} more: {words}" for role, words in FURTHER.items() if _has(results, role)],
        f"The {listed(map(results.axis_name, constant))} {'has' if len(constant) == 1 else 'have'} one value only."
        if constant
        else None,
        f"The effect of the {listed(map(results.axis_name, aliased))} cannot be estimated from this design."
        if aliased
        else None,
    )


def _runs(results: QuotedResults, roles: str) -> str:
    return results.table("runs").aggregate("count", style="plural:run", where=f"role={roles}")


def _has(results: QuotedResults, role: str) -> bool:
    return len(results.table("runs").where(role=role)) > 0


def pairs(results: QuotedResults) -> str:
    """If two or more axes vary: how they are crossed."""
    table = results.table("design")
    if not len(table):
        return ""
    frame = table.frame
    head = paragraph(overall(results))
    if len(frame) > 1 and frame["relation"].eq("balanced").all():
        return head
    rows = []
    uneven = frame[frame["relation"] != "balanced"]
    for i in uneven.index[:MOST_PAIRS]:
        row = frame.loc[i]
        relation = RELATIONS.get(row["relation"]) or nested(results, row)
        rows.append(
            [
                capital(results.axis_name(row["axis_a"])),
                capital(results.axis_name(row["axis_b"])),
                f"{table.quote(i, 'filled', 'int')} of {table.quote(i, 'combinations', 'int')}",
                table.quote(i, "cramers_v", "fixed") if "cramers_v" in frame else "–",
                relation,
            ]
        )
    if not rows:
        return head
    return blocks(
        head,
        markdown_table(
            ["Hyperparameter", "With", "Pairs of levels filled", "Cramér's V", "Relation"], rows, right=[2, 3]
        ),
    )


def overall(results: QuotedResults) -> str | None:
    """If all pairs of axes are alike, one sentence for all of them."""
    frame = results.table("design").frame
    kinds = set(frame["relation"])
    if kinds == {"balanced"}:
        start = (
            "All pairs of hyperparameters are balanced" if len(frame) > 1 else "The two hyperparameters are balanced"
        )
        return f"{start}: {RELATIONS['balanced']}, so raw means of levels can be compared."
    if kinds & {"partial", "aliased"} or any("nested" in kind for kind in kinds):
        return (
            "Not all hyperparameters were varied independently of each other. Raw means of levels then mix effects; "
            "adjusted means come from an additive linear model and are named as such."
        )
    return None


def nested(results: QuotedResults, row: pd.Series) -> str:
    """The relation of nested axes in words."""
    inner, outer = ("axis_a", "axis_b") if row["relation"].startswith("a ") else ("axis_b", "axis_a")
    return f"the {results.axis_name(row[inner])} varies only within levels of the {results.axis_name(row[outer])}"


def notes(results: QuotedResults) -> str:
    """The notes of the audit."""
    audit = results.ledger.files.tree("audit.json")
    found = {note["text"]: ("audit.json", f"notes[{i}].text") for i, note in enumerate(audit.get("notes") or [])}
    for i, text in enumerate(audit.get("budget") or []):
        found.setdefault(text, ("audit.json", f"budget[{i}]"))
    for i, warning in enumerate(results.analysis.get("warnings") or []):
        if warning["topic"] not in SAID_ELSEWHERE:
            found.setdefault(warning["text"], ("analysis.json", f"warnings[{i}].text"))
    return bullets(*[results.ledger.quote(file, "", path, "sentence") for file, path in found.values()])
