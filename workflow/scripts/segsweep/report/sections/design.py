"""The method: what was compared with what, by which rules, and what the design allows."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.markdown import blocks, bullets, capital, listed, markdown_table, paragraph
from segsweep.report.quoted_results import COMPARED, QuotedResults

MOST_PAIRS = 30
SAID_ELSEWHERE = {"one seed", "adaptive", "raw and adjusted", "edge"}
FURTHER = {
    "confirm": "the best settings again on fresh seeds, which enter no comparison.",
    "ensemble": "members of the ensemble, which enter no comparison.",
    "retrain": "chosen runs again on training and validation images together, which have no validation score.",
}
RELATIONS = {
    "balanced": "among the usable runs, each level of the one has the levels of the other in the same proportions",
    "crossed": "every pair of levels has usable runs, not in the same proportions",
    "partial": "some pairs of levels have no usable run",
    "aliased": "one cannot be told from the other",
    "none": "no usable run has both",
}


class Design(Section):
    """The method: what was compared with what, by which rules, and what the design allows."""

    title: ClassVar[str] = "Method"
    order: ClassVar[int] = 30


def write(results: QuotedResults) -> str:
    """Sizes, how settings and levels are compared, pairs of axes, and what the audit found."""
    if not results.axes:
        return ""
    if results.analysis["n_cells"] < 2:
        return sizes(results)
    return blocks(sizes(results), comparing(results), pairs(results), notes(results))


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
        f"Of the {listed(map(results.axis_name, aliased))} nothing can be said from this design." if aliased else None,
    )


def comparing(results: QuotedResults) -> str:
    """How scores come about, what differences are judged by, and what has to hold before something is stated."""
    gate, runs = results.analysis.get("gate") or {}, results.table("runs").frame
    of_epochs = "best_epoch" in runs and runs["best_epoch"].notna().any()
    return paragraph(
        f"The score of a setting is the mean of its runs, that of a run its {results.metric_name()}"
        + (" at its best epoch." if of_epochs else "."),
        results.explain("optimistic") if of_epochs and results.metric.startswith("val/") else None,
        judged_by(results),
        "What is stated as a difference, an order or a relation passed one correction over all "
        f"{results.quote_analysis('gate.tested', 'plural:test')} of the study (Holm's procedure, weighted): of studies "
        f"in which all settings are equal, at most {results.quote_analysis('gate.alpha', 'percent')} state anything."
        if gate.get("tested")
        else None,
        f"The study's practical threshold is a difference of {results.quote_plan('study.matters')}."
        if results.study.get("matters")
        else None,
    )


def judged_by(results: QuotedResults) -> str | None:
    """How levels are compared, and the error that differences are judged by."""
    noise = results.analysis.get("noise") or {}
    basis = noise.get("basis")
    levels = (
        "Levels of a hyperparameter are compared by adjusted means: the additive model averages over the "
        f"{listed(['other hyperparameters', *(f'{block}s' for block in blocks_of_model(results))])}."
    )
    if basis == "replicates":
        if noise.get("equal") is False:
            return (
                f"{levels} Settings spread differently, so they are compared by the spread of their own runs, levels "
                "by what the model leaves unexplained."
            )
        known = noise.get("sd") is not None and noise.get("df") is not None
        size = (
            f" ({results.quote_analysis('noise.sd', 'metric')}, pooled over settings, with "
            f"{results.quote_analysis('noise.df', 'plural:degree')} of freedom)"
            if known
            else ""
        )
        return (
            f"{levels} Settings are compared by the spread of runs of the same setting{size}, levels by what the model "
            "leaves unexplained."
        )
    if basis == "lack of fit":
        return (
            f"{levels} How far runs of one setting spread is not known, so differences are judged by what this model "
            "leaves open, which holds noise and interactions: less is stated rather than more."
        )
    nothing = "here is nothing to judge differences by, so they are described, not tested."
    return f"{results.quote_analysis('noise.why')}: t{nothing}" if noise.get("why") else f"T{nothing}"


def blocks_of_model(results: QuotedResults) -> list[str]:
    """`seed`, `fold`, where the additive model takes them out as blocks."""
    return (results.analysis.get("anova") or {}).get("blocks") or []


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
    usable = "usable" if "usable" in frame else "filled"
    for i in uneven.index[:MOST_PAIRS]:
        row = frame.loc[i]
        relation = RELATIONS.get(row["relation"]) or nested(results, row)
        rows.append(
            [
                capital(results.axis_name(row["axis_a"])),
                capital(results.axis_name(row["axis_b"])),
                f"{table.quote(i, usable, 'int')} of {table.quote(i, 'combinations', 'int')}",
                table.quote(i, "cramers_v", "fixed") if "cramers_v" in frame else "–",
                relation,
            ]
        )
    if not rows:
        return head
    return blocks(
        head,
        markdown_table(
            ["Hyperparameter", "With", "Pairs of levels with runs", "Cramér's V", "Relation"], rows, right=[2, 3]
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
        return f"{start}: {RELATIONS['balanced']}."
    if kinds & {"partial", "aliased"} or any("nested" in kind for kind in kinds):
        return (
            "Not all hyperparameters were varied independently of each other, so the raw mean of a level mixes several "
            "of them. Adjusted means come from the additive model."
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
