"""The search: trials, which were pruned or protected, what pruning saved; confirmation; ensemble."""

import pandas as pd

from segsweep.formatting import value_in_words
from segsweep.report import wording
from segsweep.report.figures import curves, theme
from segsweep.report.sections.context import Context, Table, blocks, bullets, markdown_table, paragraph
from segsweep.report.sections.ensemble import ensemble
from segsweep.report.styles import parse

SAMPLERS = {
    "tpe": "a tree-structured Parzen estimator",
    "gp": "a Gaussian process",
    "cmaes": "CMA-ES",
    "random": "random draws",
    "grid": "a grid",
    "qmc": "a quasi-random sequence",
}
PRUNERS = {"hyperband": "Hyperband", "halving": "successive halving", "median": "the median rule", "none": "no pruner"}
MOST_DECISIONS, MOST_ANCESTORS = 40, 8


def section(ctx: Context) -> str:
    """The sweep, if there is one; confirmation and ensemble with any kind of study."""
    return blocks(sweep(ctx), confirmation(ctx), ensemble(ctx))


def sweep(ctx: Context) -> str:
    """If the study is a sweep."""
    if not ctx.study.get("sweep"):
        return ""
    return blocks("## Search\n", intro(ctx), lineage(ctx), figure(ctx), decisions(ctx), saved(ctx))


def intro(ctx: Context) -> str:
    """Always: sampler, number of trials, pruner."""
    plan = ctx.study["sweep"]
    sampler = SAMPLERS.get(plan["sampler"], plan["sampler"])
    pruner = plan.get("pruner") or {}
    rule = pruner.get("name", "none")
    trials = ctx.table("cells").all("count", where="role=trial", style="plural:setting")
    preserve, margin = pruner.get("preserve"), pruner.get("preserve_margin")
    return paragraph(
        f"{wording.capital(sampler)} proposed {trials} "
        f"({ctx.planned('study.sweep.trials', 'plural:trial')} were asked for).",
        "Trials follow earlier scores, so they are no random sample: means over levels are biased towards good regions."
        if ctx.analysis.get("adaptive")
        else None,
        f"{wording.capital(PRUNERS[rule])} could prune trials from epoch "
        f"{ctx.planned('study.sweep.pruner.min_epochs', 'int')} on."
        if rule != "none"
        else "No pruner was set."
        if not (ctx.table("runs").frame["status"] == "pruned").any()
        else None,
        f"A trial at {ctx.planned('study.sweep.pruner.preserve', 'metric')} "
        f"or {'below' if ctx.minimize else 'above'} "
        "was never pruned."
        if rule != "none" and preserve is not None
        else None,
        f"A trial within {ctx.planned('study.sweep.pruner.preserve_margin', 'metric')} "
        "of the best at its rung was never pruned."
        if rule != "none" and margin
        else None,
    )


def lineage(ctx: Context) -> str:
    """If the space was narrowed from an earlier study."""
    narrow = ctx.study["sweep"].get("narrow")
    if not narrow:
        return ""
    source = ctx.planned("study.sweep.narrow." + ("from" if "from" in narrow else "source"), "code")
    said = (
        f"Its space was narrowed to where the best {ctx.planned('study.sweep.narrow.top', 'percent')} of the trials of "
        f"`{source}` lay"
    )
    first = "sweep/step_000.json"
    if not (ctx.results / first).is_file():
        return f"{said}.\n"

    def told(path: str, style: str = "setting", how: str = "value") -> str:
        return ctx.ledger.say(first, "", f"lineage.{path}", style, how)

    found = ctx.ledger.sources.tree(first)["lineage"]
    best = [
        f"{told(f'trials[{i}].trial', 'plain')} with {told(f'trials[{i}].score', 'metric')}"
        for i in range(min(len(found["trials"]), MOST_ANCESTORS))
    ]
    rest = " and others" if len(found["trials"]) > len(best) else ""
    rows = []
    for i, change in enumerate(found["changes"]):
        ranged = ctx.study["sweep"]["space"][change["axis"]]["choices"] is None
        before, after = (
            (" to " if ranged else ", ").join(told(f"changes[{i}].{when}[{k}]") for k in range(len(change[when])))
            for when in ("before", "after")
        )
        rows.append([wording.capital(ctx.a(change["axis"])), f"`{change['axis']}`", before, after])
    return blocks(
        f"{said}: {told('trials', 'plural:trial', 'count')} of {told('of', 'int')}, {wording.listed(best)}{rest}.\n",
        markdown_table(["Axis", "Key", "Before", "Here"], rows),
    )


def figure(ctx: Context) -> str:
    """If there are curves of trials."""
    runs = ctx.table("runs").frame
    trials = runs[runs["role"] == "trial"] if "role" in runs else runs.iloc[:0]
    epochs = ctx.epochs
    epochs = epochs[epochs["run"].isin(curves.subsample(list(trials["run"])))]
    if epochs.empty or ctx.metric not in epochs:
        return ""
    decided = decision_table(ctx).frame
    rungs = sorted(decided["epoch"].unique()) if len(decided) else []
    protected = _protected_runs(ctx, trials)
    paper, ax = theme.plt.subplots(figsize=(6.6, 3.7))
    curves.sweep(ax, epochs, ctx.metric, list(trials.loc[trials["status"] == "pruned", "run"]), protected, rungs)
    marks = " A cross ends a trial that was pruned" if (trials["status"] == "pruned").any() else " No trial was pruned"
    marks += "; a diamond marks a trial that was protected." if protected else "."
    lines = " Dotted lines are rungs." if len(rungs) else ""
    few = " Of the trials an evenly spaced choice is drawn." if len(trials) > curves.MOST_CURVES else ""
    return ctx.figure(
        "sweep", paper, ctx.caption(ax, "{y} by {x}, a line for each run of a trial.") + marks + lines + few
    )


def decision_table(ctx: Context) -> Table:
    """sweep/decisions.csv: a row for each trial judged at a rung."""
    return ctx.table("sweep/decisions")


def _protected_runs(ctx: Context, trials: pd.DataFrame) -> list[str]:
    """Runs of the protected trials, found by their settings."""
    table = ctx.table("sweep/trials").frame
    if not len(table) or "protected" not in table:
        return []
    axes = [axis for axis in ctx.axes if axis in table and axis in trials]
    runs = {tuple(row): run for run, *row in trials[["run", *axes]].astype(str).itertuples(index=False)}
    kept = table[table["protected"].notna()]
    keys = [
        tuple(value_in_words(parse(value)) for value in row) for row in kept[axes].astype(str).itertuples(index=False)
    ]
    return [runs[key] for key in keys if key in runs]


def decisions(ctx: Context) -> str:
    """If trials were judged: which were pruned, which promoted, and why."""
    table = decision_table(ctx)
    if not len(table):
        return ""
    frame = table.frame
    told = frame[(frame["decision"] == "pruned") | frame["reason"].isin(["preserve", "margin", "few"])]
    shown = told if len(frame) > MOST_DECISIONS else frame
    reasons = {
        "top": "among the best",
        "preserve": "protected by its score",
        "margin": "protected: within the margin of the best",
        "few": "too few trials to compare",
        "behind": "behind",
    }
    rows = [
        [
            table.say(i, "trial", "plain"),
            table.say(i, "epoch", "int"),
            table.say(i, "score", "metric"),
            f"{table.say(i, 'rank', 'int')} of {table.say(i, 'of', 'int')}",
            table.say(i, "cutoff", "metric"),
            frame.at[i, "decision"],
            reasons.get(frame.at[i, "reason"], str(frame.at[i, "reason"])),
            table.say(i, "epochs_left", "int"),
        ]
        for i in shown.index[:MOST_DECISIONS]
    ]
    rest = "The other decisions stand in `sweep/decisions.csv`.\n" if len(rows) < len(frame) else ""
    head = ["Trial", "Epoch", "Score", "Rank", "Needed", "Decision", "Why", "Epochs still to train"]
    return blocks("### Decisions\n", markdown_table(head, rows, right=[0, 1, 2, 3, 4, 7]), rest)


def saved(ctx: Context) -> str:
    """If trials are tabled: epochs trained, and what pruning saved."""
    trials, decided = ctx.table("sweep/trials"), decision_table(ctx)
    if not len(trials):
        return ""
    file = trials.file
    pruned = int((trials.frame["status"] == "pruned").sum())
    protected = int(decided.frame["reason"].isin(["preserve", "margin"]).sum()) if len(decided) else 0
    kept = decided.all("count", where="reason=preserve,margin", style="plural:time") if protected else None
    return bullets(
        f"{trials.all('count', style='plural:trial')} trained {trials.all('sum', 'trained', 'plural:epoch')}, "
        f"{ctx.ledger.say(file, '', 'trained | total_epochs', 'percent', 'ratio')} "
        "of what all of them in full would have taken."
        if {"trained", "total_epochs"} <= set(trials.frame.columns)
        else None,
        f"{trials.all('count', where='status=pruned', style='plural:trial')} "
        f"{wording.was(pruned)} pruned; in full they would "
        f"have cost {decided.all('sum', 'epochs_left', 'plural:further epoch', 'decision=pruned')}."
        if pruned and len(decided)
        else None,
        f"A trial that its rank would have pruned was protected {kept}." if protected else None,
    )


def confirmation(ctx: Context) -> str:
    """If the best settings were trained again: the score that won beside those that confirm."""
    table = ctx.table("confirmations")
    if not len(table):
        return ""
    rows = [
        [
            ctx.code("confirmations", i, "label"),
            table.say(i, "won", "metric"),
            table.say(i, "n", "int"),
            table.say(i, "mean", "metric"),
            ctx.interval("confirmations", i, "low", "high") or "–",
            table.say(i, "change", "signed"),
        ]
        for i in table.frame.index
    ]
    head = ["Setting", "Chosen for", "Fresh seeds", "Their mean", "Interval", "Change"]
    return blocks(
        "## Confirmation\n",
        paragraph(
            "The settings that ranked first were trained again in full, on seeds that had no part in choosing them.",
            "A score that won a search is too good on average, because "
            "luck helped to choose it; the mean of the fresh runs is not.",
            falls(ctx),
        ),
        markdown_table(head, rows, right=range(1, 6)),
    )


def falls(ctx: Context) -> str | None:
    """If the interval of the fresh runs of the first setting leaves out the score it was chosen for."""
    table = ctx.table("confirmations")
    row = table.frame.iloc[0]
    if pd.isna(row["mean"]):
        return "The fresh runs of the first setting have no score."
    if pd.isna(row["low"]) or pd.isna(row["high"]):
        return "There are too few fresh runs for an interval."
    if row["low"] <= row["won"] <= row["high"]:
        return "The score that won lies within the interval of the fresh runs."
    return f"The score that won lies {'above' if row['won'] > row['high'] else 'below'} the interval of the fresh runs."
