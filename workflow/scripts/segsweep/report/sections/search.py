"""The search: its sampler and pruner, its trials, what was pruned or protected, what pruning saved."""

from typing import ClassVar

import pandas as pd

from segsweep import registry
from segsweep.config.components import Section
from segsweep.formatting import value_in_words
from segsweep.own_code.names import own_name
from segsweep.planning.budget_ledger import GPU_HOURS, RUNS, UNTIL
from segsweep.report.figures import runs as run_figures
from segsweep.report.figures import theme
from segsweep.report.markdown import blocks, bullets, capital, listed, markdown_table, paragraph, was
from segsweep.report.quoted_results import QuotedResults, Table
from segsweep.report.value_styles import parse

MOST_DECISIONS, MOST_ANCESTORS = 40, 8
NOT_PRUNED = " No trial was pruned"
LIMITS = f"{GPU_HOURS},{RUNS},{UNTIL}"  # of a budget, as the column `budget` names them
PROTECTED = ("preserve", "margin", "improving")  # reasons for which a trial that is behind is promoted


class Search(Section):
    """The search: its sampler and pruner, its trials, what was pruned or protected, what pruning saved."""

    title: ClassVar[str] = "Search"
    order: ClassVar[int] = 70


def write(results: QuotedResults) -> str:
    """If the study has a sweep."""
    if not results.study.get("sweep"):
        return ""
    return blocks(intro(results), lineage(results), figure(results), decisions(results), saved(results))


def intro(results: QuotedResults) -> str:
    """Always: sampler, number of trials, pruner."""
    plan = results.study["sweep"]
    sampler = registry.find("sampler", plan["sampler"]["name"]).title
    sampler = f"the sampler `{sampler}`" if own_name(sampler) else sampler
    pruner = plan.get("pruner") or {}
    rule = pruner.get("name", "none")
    judge = registry.find("pruner", rule).title
    judge = f"the pruner `{judge}`" if own_name(rule) else judge
    trials = results.table("cells").aggregate("count", where="role=trial", style="plural:setting")
    protected, margin = pruner.get("preserve"), pruner.get("preserve_margin")
    return paragraph(
        f"{capital(sampler)} proposed {trials} "
        f"({results.quote_plan('study.sweep.trials', 'plural:trial')} were asked for).",
        f"The first ones follow {results.quote_plan('study.sweep.try_first', 'plural:start point', 'count')}."
        if plan.get("try_first")
        else None,
        "Trials depend on earlier scores, so they are not a random sample: "
        "means over levels are biased towards good regions."
        if results.analysis.get("adaptive")
        else None,
        f"{capital(judge)} could prune trials from epoch "
        f"{results.quote_plan('study.sweep.pruner.min_epochs', 'int')} on."
        if rule != "none"
        else "No trial was pruned."
        if not (results.table("runs").frame["status"] == "pruned").any()
        else None,
        f"A trial at {results.quote_plan('study.sweep.pruner.preserve', 'metric')} "
        f"or {'below' if results.minimize else 'above'} "
        "was protected from pruning."
        if rule != "none" and protected is not None
        else None,
        f"A trial within {results.quote_plan('study.sweep.pruner.preserve_margin', 'metric')} "
        "of the best at its rung was protected from pruning."
        if rule != "none" and margin
        else None,
    )


def lineage(results: QuotedResults) -> str:
    """If the space was narrowed from an earlier study."""
    narrow = results.study["sweep"].get("narrow")
    if not narrow:
        return ""
    source = results.quote_plan("study.sweep.narrow." + ("from" if "from" in narrow else "source"), "code")
    said = (
        "Its space was narrowed to where the best "
        f"{results.quote_plan('study.sweep.narrow.top', 'percent')} of the trials of `{source}` lay"
    )
    first = "sweep/step_000.json"
    if not (results.folder / first).is_file():
        return f"{said}.\n"

    def quote(path: str, style: str = "setting", how: str = "value") -> str:
        return results.ledger.quote(first, "", f"lineage.{path}", style, how)

    found = results.ledger.files.tree(first)["lineage"]
    best = [
        f"{quote(f'trials[{i}].trial', 'plain')} with {quote(f'trials[{i}].score', 'metric')}"
        for i in range(min(len(found["trials"]), MOST_ANCESTORS))
    ]
    rest = " and others" if len(found["trials"]) > len(best) else ""
    rows = []
    for i, change in enumerate(found["changes"]):
        ranged = results.study["sweep"]["space"][change["axis"]]["choices"] is None
        before, after = (
            (" to " if ranged else ", ").join(quote(f"changes[{i}].{when}[{k}]") for k in range(len(change[when])))
            for when in ("before", "after")
        )
        rows.append([capital(results.axis_name(change["axis"])), f"`{change['axis']}`", before, after])
    return blocks(
        f"{said}: {quote('trials', 'plural:trial', 'count')} of {quote('of', 'int')}, {listed(best)}{rest}.\n",
        markdown_table(["Hyperparameter", "Key", "Before", "Here"], rows),
    )


def figure(results: QuotedResults) -> str:
    """If there are curves of trials."""
    runs = results.table("runs").frame
    trials = runs[runs["role"] == "trial"] if "role" in runs else runs.iloc[:0]
    epochs = results.epochs
    epochs = epochs[epochs["run"].isin(run_figures.subsample(list(trials["run"])))]
    if epochs.empty or results.metric not in epochs:
        return ""
    decided = decision_table(results).frame
    rungs = sorted(decided["epoch"].unique()) if len(decided) else []
    protected = _protected_runs(results, trials)
    paper, ax = theme.plt.subplots(figsize=(6.6, 3.7))
    run_figures.sweep(
        ax,
        epochs,
        results.metric,
        list(trials.loc[trials["status"] == "pruned", "run"]),
        protected,
        rungs,
        results.names,
    )
    ended = ", or ended by the budget" if ended_by_budget(trials).any() else ""
    marks = f" A cross marks where a trial was pruned{ended}" if (trials["status"] == "pruned").any() else NOT_PRUNED
    marks += "; a diamond marks a protected trial." if protected else "."
    lines = " Dotted lines are rungs." if len(rungs) else ""
    few = " An evenly spaced choice of the trials is drawn." if len(trials) > run_figures.MOST_CURVES else ""
    return results.figure(
        "sweep", paper, results.caption(ax, "{y} by {x}, a line for each run of a trial.") + marks + lines + few
    )


def decision_table(results: QuotedResults) -> Table:
    """sweep/decisions.csv: a row for each trial compared at a rung."""
    return results.table("sweep/decisions")


def _protected_runs(results: QuotedResults, trials: pd.DataFrame) -> list[str]:
    """Runs of the trials that were protected from pruning, found by their settings."""
    table = results.table("sweep/trials").frame
    if not len(table) or "protected" not in table:
        return []
    axes = [axis for axis in results.axes if axis in table and axis in trials]
    runs = {tuple(row): run for run, *row in trials[["run", *axes]].astype(str).itertuples(index=False)}
    kept = table[table["protected"].notna()]
    keys = [
        tuple(value_in_words(parse(value)) for value in row) for row in kept[axes].astype(str).itertuples(index=False)
    ]
    return [runs[key] for key in keys if key in runs]


def decisions(results: QuotedResults) -> str:
    """If trials were compared at rungs: which were pruned, which continued, and why."""
    table = decision_table(results)
    if not len(table):
        return ""
    frame = table.frame
    telling = frame[(frame["decision"] == "pruned") | frame["reason"].isin([*PROTECTED, "few"])]
    shown = telling if len(frame) > MOST_DECISIONS else frame
    reasons = {
        "top": "among the best",
        "passes": "passes the rule",
        "preserve": "protected: its score is good enough",
        "margin": "protected: within the margin of the best",
        "improving": "protected: its best epoch is not long ago",
        "few": "too few trials to compare",
        "behind": "behind",
    }
    rows = [
        [
            table.quote(i, "trial", "plain"),
            table.quote(i, "epoch", "int"),
            table.quote(i, "score", "metric"),
            f"{table.quote(i, 'rank', 'int')} of {table.quote(i, 'of', 'int')}",
            table.quote(i, "cutoff", "metric"),
            frame.at[i, "decision"],
            reasons.get(frame.at[i, "reason"], str(frame.at[i, "reason"])),
            table.quote(i, "epochs_left", "int"),
        ]
        for i in shown.index[:MOST_DECISIONS]
    ]
    rest = "The other decisions are in `sweep/decisions.csv`.\n" if len(rows) < len(frame) else ""
    head = ["Trial", "Epoch", "Score", "Rank", "Cutoff", "Decision", "Why", "Epochs still to train"]
    return blocks("### Decisions\n", markdown_table(head, rows, right=[0, 1, 2, 3, 4, 7]), rest)


def saved(results: QuotedResults) -> str:
    """If there are trials: epochs trained, and what pruning saved."""
    trials, decided = results.table("sweep/trials"), decision_table(results)
    if not len(trials):
        return ""
    file = trials.file
    ended = ended_by_budget(trials.frame)
    pruned = int(((trials.frame["status"] == "pruned") & ~ended).sum())
    by_pruner = "status=pruned & budget=" if ended.any() else "status=pruned"
    protected = int(decided.frame["reason"].isin(PROTECTED).sum()) if len(decided) else 0
    kept = decided.aggregate("count", where=f"reason={','.join(PROTECTED)}", style="plural:time") if protected else None
    return bullets(
        f"{trials.aggregate('count', style='plural:trial')} trained "
        f"{trials.aggregate('sum', 'trained', 'plural:epoch')}, "
        f"{results.ledger.quote(file, '', 'trained | total_epochs', 'percent', 'ratio')} "
        "of what all of them would have taken in full."
        if {"trained", "total_epochs"} <= set(trials.frame.columns)
        else None,
        f"{trials.aggregate('count', where=by_pruner, style='plural:trial')} "
        f"{was(pruned)} pruned; trained in full they would "
        f"have cost {decided.aggregate('sum', 'epochs_left', 'plural:further epoch', 'decision=pruned')}."
        if pruned and len(decided)
        else None,
        f"{trials.aggregate('count', where=f'budget={LIMITS}', style='plural:trial')} {was(ended.sum())} ended by the "
        "study's budget, and no pruner; the score is what was shown until then."
        if ended.any()
        else None,
        f"A trial that its rank would have pruned was protected {kept}." if protected else None,
    )


def ended_by_budget(trials: pd.DataFrame) -> pd.Series:
    """Which trials of a table the study's budget ended: their status is that of pruned ones."""
    return trials["budget"].notna() if "budget" in trials else pd.Series(False, trials.index)
