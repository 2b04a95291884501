"""The setting to use: what it was chosen by, what to expect of it, and the file to copy."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.io import regular
from segsweep.report.figures import runs as run_figures
from segsweep.report.figures import theme
from segsweep.report.markdown import blocks, capital, listed, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults
from segsweep.report.value_styles import style_of
from segsweep.statuses import FAILED

MOST_PARALLEL = 400


class Recommendation(Section):
    """The setting to use: what it was chosen by, what to expect of it, and the file to copy."""

    title: ClassVar[str] = "Recommendation"
    order: ClassVar[int] = 130


def write(results: QuotedResults) -> str:
    """If a setting was chosen: its values, its scores, what it rests on, best.yaml."""
    i = results.best
    if i is None:
        return ""
    ranking = results.table("ranking")
    row = ranking.frame.loc[i]
    axes = [axis for axis in results.axes if axis in row and pd.notna(row[axis])]
    rows = [[capital(results.axis_name(axis)), f"`{axis}`", results.quote_code("ranking", i, axis)] for axis in axes]
    return blocks(
        paragraph(chosen(results, i), scores(results, i), cheapest(results, i), failures(results, i)),
        markdown_table(["Hyperparameter", "Key", "Value"], rows) if rows else "",
        paragraph(*expected(results, i)),
        best_of_many(results),
        parallel(results),
        to_copy(results),
    )


def chosen(results: QuotedResults, i: int) -> str | None:
    """If the analysis says how it chose: that."""
    if not (results.analysis.get("best") or {}).get("chosen_by"):
        return None
    return f"{results.quote_code('ranking', i, 'label')} was chosen by {results.quote_analysis('best.chosen_by')}."


def scores(results: QuotedResults, i: int) -> str:
    """Always: its rank and its scores."""
    ranking = results.table("ranking")
    row = ranking.frame.loc[i]
    named = dict.fromkeys([*results.plan.objectives, *(results.study.get("also_report") or [])])
    others = [name for name in named if name != results.metric and name in ranking.frame and pd.notna(row[name])]
    more = listed(f"a {results.metric_name(name)} of {ranking.quote(i, name, style_of(name))}" for name in others)
    first = row["rank"] == 1 and (results.analysis.get("best") or {}).get("chosen_by")  # which says it already
    rank = f"ranks {ranking.quote(i, 'rank', 'int')} of {ranking.aggregate('count', 'rank', 'int')}, with"
    said = f"It {'has' if first else rank} a {results.metric_name()} of {ranking.quote(i, 'mean', 'metric')}" + (
        f" and {more}." if more else "."
    )
    if sharing := results.sharing_best():
        said += f" {sharing} settings share this {results.metric_name()}."
    if row["n"] > 1 and not results.seeds_change_nothing:
        said += (
            f" Its best run, `{ranking.quote(i, 'best_run', 'code')}`, has {ranking.quote(i, 'best_score', 'metric')}."
        )
    return said


def cheapest(results: QuotedResults, i: int) -> str | None:
    """If settings with a mean within its interval train in less time: the cheapest of them, with its score."""
    found = (results.analysis.get("best") or {}).get("cheapest")
    ranking, time = results.table("ranking"), "cost/train_seconds"
    row = None if found is None else ranking.first(cell=found)
    if row is None:
        return None
    label, mean = results.quote_code("ranking", row, "label"), ranking.quote(row, "mean", "metric")
    return (
        f"Of the settings with a mean within its interval in the ranking, {label} (mean {mean}) is the cheapest to "
        f"train: {ranking.quote(row, time, 'duration')} a run against {ranking.quote(i, time, 'duration')}."
    )


def failures(results: QuotedResults, i: int) -> str | None:
    """If runs with levels of the setting failed: how many, each run once, with all levels that it shares.

    A level whose failed runs are all counted with another level already adds nothing.
    """
    runs, factors, parts = results.table("runs").frame, results.table("factors"), []
    for status in FAILED:
        shared = {
            row: frozenset(runs.index[(runs["status"] == status) & (runs[axis] == factors.frame.at[row, "level"])])
            for axis, row in _levels_of(results, i)
            if f"n_{status}" in factors.frame and factors.frame.at[row, f"n_{status}"] > 0
        }
        counted: frozenset[int] = frozenset()
        for some in sorted(dict.fromkeys(shared.values()), key=len, reverse=True):
            if some <= counted:
                continue
            counted |= some
            alike = [row for row, others in shared.items() if others == some]
            levels = listed(
                f"{results.axis_name(factors.frame.at[row, 'axis'])} {results.quote_code('factors', row, 'level')}"
                for row in alike
            )
            number, verb = (factors.quote(alike[0], f"n_{status}", style) for style in ("plural:run", f"verb:{status}"))
            parts.append(f"{number} with {levels} {verb}")
    return f"Mind that {listed(parts)}." if parts else None


def _levels_of(results: QuotedResults, i: int) -> list[tuple[str, int]]:
    """Axes of a setting, each with the row of its level in factors.csv."""
    ranking, factors = results.table("ranking").frame, results.table("factors")
    return [
        (axis, int(row))
        for axis in results.axes
        if axis in ranking
        for row in factors.where(axis=axis, level=ranking.at[i, axis]).index
    ]


def expected(results: QuotedResults, i: int) -> list[str | None]:
    """What a further run may be expected to reach."""
    ranking, confirmations = results.table("ranking"), results.table("confirmations")
    fresh = confirmations.first(cell=str(ranking.frame.at[i, "cell"]))
    if fresh is not None and pd.notna(confirmations.frame.at[fresh, "mean"]):
        interval = results.interval("confirmations", fresh, "low", "high")
        label = results.quote_code("confirmations", fresh, "label")
        reached = confirmations.quote(fresh, "mean", "metric")
        return [f"On fresh seeds {label} reaches {reached}" + (f" (interval {interval})." if interval else ".")]
    if results.seeds_change_nothing:
        return ["Runs of one setting have equal scores, so these results do not tell how far a fresh run may lie off."]
    if "expected" in ranking.frame and pd.notna(ranking.frame.at[i, "expected"]):
        return [
            f"Of fresh seeds a mean of about {ranking.quote(i, 'expected', 'metric')} is to be expected.",
        ]
    if ranking.frame["rank"].notna().sum() < 2:
        return []
    number = ranking.aggregate("count", "rank", "plural:ranked setting")
    side = "higher" if results.minimize else "lower"
    return [
        f"It was chosen from {number} by the same runs, in part by luck: a fresh run is likely to be {side}, by an "
        "amount that these results do not tell."
    ]


def best_of_many(results: QuotedResults) -> str:
    """If trials were drawn at random: the best score to expect of a number of trials."""
    found = results.analysis.get("expected_best") or {}
    table = results.table("expected_best")
    if not found.get("valid") or not len(table):
        return ""
    frame = table.frame
    last = int(frame.index[-1])
    half = int(frame.index[(frame["trials"] - frame["trials"].iloc[-1] / 2).abs().argmin()])
    paper, ax = theme.plt.subplots(figsize=(5.6, 3.0))
    run_figures.expected_best(ax, frame, results.metric, results.names)
    caption = results.caption(ax, "{y} by {x}. The band covers ninety per cent of such searches.")
    return blocks(
        paragraph(
            f"A random search of {table.quote(half, 'trials', 'plural:trial')} "
            f"is expected to find {table.quote(half, 'expected', 'metric')}, "
            f"one of {table.quote(last, 'trials', 'int')} {table.quote(last, 'expected', 'metric')}."
        ),
        results.figure("expected_best", paper, caption),
    )


def parallel(results: QuotedResults) -> str:
    """If three axes or more vary: all runs through their settings to their scores."""
    runs = results.usable.dropna(subset=[results.metric])
    axes = [axis for axis in results.axes if axis in runs and runs[axis].nunique() > 1][:8]
    if len(axes) < 3 or len(runs) < 5:
        return ""
    few = runs.iloc[:: -(-len(runs) // MOST_PARALLEL)]
    orders = {axis: None if results.binned(axis) else results.levels(axis) for axis in axes}
    paper, ax = theme.plt.subplots(figsize=run_figures.parallel_size(list(orders.values()), results.names))
    run_figures.parallel(ax, few, orders, results.metric, minimize=results.minimize, names=results.names)
    part = "Every run" if len(few) == len(runs) else "An evenly spaced choice of the runs"
    names = listed(map(results.axis_name, axes))
    return results.figure(
        "parallel",
        paper,
        f"{part} as a line through {names} to the {results.metric_name()}; the best tenth is drawn in colour.",
    )


def to_copy(results: QuotedResults) -> str:
    """If there is a best.yaml: the setting, ready to copy."""
    path = results.folder / "best.yaml"
    if not path.is_file():
        return ""
    text = regular(path).read_text(encoding="utf-8").rstrip()
    return blocks("From `best.yaml`, ready to copy:\n", f"```yaml\n{text}\n```\n")
