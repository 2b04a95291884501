"""The design and its audit: what can be compared with what."""

import pandas as pd

from segsweep.report import wording
from segsweep.report.sections.context import Context, blocks, bullets, markdown_table, paragraph

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
    "aliased": "one cannot be told from the other",
}


def section(ctx: Context) -> str:
    """Pairs of axes, and what the audit found."""
    if not ctx.axes:
        return ""
    several = ctx.analysis["n_cells"] > 1
    return blocks("## Design\n", sizes(ctx), pairs(ctx), notes(ctx) if several else "")


def sizes(ctx: Context) -> str:
    """Always: settings, runs, axes; what does not vary."""
    audit = ctx.ledger.sources.tree("audit.json")
    constant = audit.get("constant") or []
    aliased = audit.get("not_estimable") or []
    if ctx.analysis["n_cells"] < 2:
        return "There is one setting only, so nothing can be compared.\n"
    return paragraph(
        f"{ctx.fact('n_cells', 'plural:setting')} in {_runs(ctx, COMPARED)} vary "
        f"{ctx.planned('axes', 'plural:axis', 'count').replace('axiss', 'axes')}.",
        *[f"{wording.capital(_runs(ctx, role))} more: {words}" for role, words in FURTHER.items() if _has(ctx, role)],
        f"The {wording.listed(map(ctx.a, constant))} {'has' if len(constant) == 1 else 'have'} one value only."
        if constant
        else None,
        f"The effect of the {wording.listed(map(ctx.a, aliased))} cannot be estimated from this design."
        if aliased
        else None,
    )


def _runs(ctx: Context, roles: str) -> str:
    return ctx.table("runs").all("count", style="plural:run", where=f"role={roles}")


def _has(ctx: Context, role: str) -> bool:
    return len(ctx.table("runs").where(role=role)) > 0


def pairs(ctx: Context) -> str:
    """If two or more axes vary: how they are crossed."""
    table = ctx.table("design")
    if not len(table):
        return ""
    frame = table.frame
    head = paragraph(overall(ctx))
    if len(frame) > 1 and frame["relation"].eq("balanced").all():
        return head
    rows = []
    uneven = frame[frame["relation"] != "balanced"]
    for i in uneven.index[:MOST_PAIRS]:
        row = frame.loc[i]
        relation = RELATIONS.get(row["relation"]) or nested(ctx, row)
        rows.append(
            [
                wording.capital(ctx.a(row["axis_a"])),
                wording.capital(ctx.a(row["axis_b"])),
                f"{table.say(i, 'filled', 'int')} of {table.say(i, 'combinations', 'int')}",
                table.say(i, "cramers_v", "fixed") if "cramers_v" in frame else "–",
                relation,
            ]
        )
    if not rows:
        return head
    return blocks(
        head, markdown_table(["Axis", "With", "Pairs of levels filled", "Cramér's V", "Relation"], rows, right=[2, 3])
    )


def overall(ctx: Context) -> str | None:
    """If all pairs of axes are alike, one sentence for all of them."""
    frame = ctx.table("design").frame
    kinds = set(frame["relation"])
    if kinds == {"balanced"}:
        start = "All pairs of axes are balanced" if len(frame) > 1 else "The two axes are balanced"
        return f"{start}: {RELATIONS['balanced']}, so raw means of levels can be compared."
    if kinds & {"partial", "aliased"} or any("nested" in kind for kind in kinds):
        return (
            "Not all axes were varied independently of each other. Raw means of levels then mix effects; "
            "adjusted means come from an additive linear model and are named as such."
        )
    return None


def nested(ctx: Context, row: pd.Series) -> str:
    """The relation of nested axes in words."""
    inner, outer = ("axis_a", "axis_b") if row["relation"].startswith("a ") else ("axis_b", "axis_a")
    return f"the {ctx.a(row[inner])} varies only within levels of the {ctx.a(row[outer])}"


def notes(ctx: Context) -> str:
    """What the audit found, in its words."""
    audit = ctx.ledger.sources.tree("audit.json")
    places = {note["text"]: ("audit.json", f"notes[{i}].text") for i, note in enumerate(audit.get("notes") or [])}
    for i, text in enumerate(audit.get("budget") or []):
        places.setdefault(text, ("audit.json", f"budget[{i}]"))
    for i, warning in enumerate(ctx.analysis.get("warnings") or []):
        if warning["topic"] not in SAID_ELSEWHERE:
            places.setdefault(warning["text"], ("analysis.json", f"warnings[{i}].text"))
    return bullets(*[ctx.ledger.say(file, "", place, "sentence") for file, place in places.values()])
