"""The ranking: the settings in order, with what to expect of fresh seeds and how the first stands to the others."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.figures import runs as run_figures
from segsweep.report.figures import theme
from segsweep.report.markdown import be, blocks, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults
from segsweep.report.value_styles import style_of

MOST_ROWS, LAST_ROWS, MOST_DRAWN, IN_COLOUR = 40, 5, 30, 5


class Ranking(Section):
    """The ranking: the settings in order, with what to expect of fresh seeds and how the first stands to the others."""

    title: ClassVar[str] = "Ranking"
    order: ClassVar[int] = 40


def write(results: QuotedResults) -> str:
    """How to read it, table, figure, and how the first stands."""
    return blocks(reading(results), table(results), standing(results), figure(results))


def reading(results: QuotedResults) -> str:
    """How to read the table; noise floor if there is one."""
    ranking = results.table("ranking")
    ranked = ranking.frame["rank"].notna().sum()
    noise = results.analysis.get("noise") or {}
    known = noise.get("sd") is not None
    basis = noise.get("basis", "none" if results.one_seed else "replicates")
    grouped = "group" in ranking.frame and ranking.frame["group"].nunique() > 0
    return paragraph(
        f"{ranking.aggregate('count', 'rank', 'plural:setting')} "
        f"with a usable run {be(ranked)} ranked by the "
        f"mean of {results.metric_name()} over the runs of a setting."
        if ranked
        else "No setting has a usable run.",
        f"Runs of one setting deviate from their mean by {results.quote_analysis('noise.sd', 'metric')} "
        "(pooled standard deviation"
        + (", after the common shift of each fold is removed)." if _folds_cross(results) else ").")
        if known
        else None,
        results.explain("groups") if known and grouped else None,
        results.quote_analysis("noise.why", "sentence")
        if ranked and basis != "replicates" and noise.get("why")
        else None,
        results.explain("expected") if ranked > 1 and _has(ranking.frame, "expected") else None,
    )


def _has(frame: pd.DataFrame, column: str) -> bool:
    return column in frame and bool(frame[column].notna().any())


def _folds_cross(results: QuotedResults) -> bool:
    """Whether several settings were run on folds."""
    runs = results.usable
    return "fold" in runs and runs["fold"].nunique() > 1 and runs["cell"].nunique() > 1


def table(results: QuotedResults) -> str:
    """The ranking; of a long one its top and its end. The key of a cell begins the names of its runs."""
    ranking = results.table("ranking")
    frame = ranking.frame
    if frame.empty:
        return ""
    columns = [
        ("Rank", lambda i: ranking.quote(i, "rank", "int")),
        ("Setting", lambda i: results.quote_code("ranking", i, "label")),
        (results.metric_name(), lambda i: ranking.quote(i, "mean", "metric")),
        ("Runs", lambda i: ranking.quote(i, "n", "int")),
    ]
    if _has(frame, "low"):
        columns.append(("Interval", lambda i: results.interval("ranking", i, "low", "high") or "–"))
    if _has(frame, "expected"):
        columns.append(("Of fresh seeds", lambda i: ranking.quote(i, "expected", "metric")))
    if _has(frame, "group"):
        columns.append(("Group", lambda i: ranking.quote(i, "group", "int")))
    if _has(frame, "beats"):
        columns.append(("First ahead", lambda i: ranking.quote(i, "beats", "chance")))
    for name in dict.fromkeys([*results.plan.objectives, *(results.study.get("also_report") or [])]):
        if name in frame and name not in (results.metric, "cost/train_seconds"):
            columns.append((results.metric_name(name), lambda i, name=name: ranking.quote(i, name, style_of(name))))
    if _has(frame, "cost/train_seconds"):
        columns.append(("Training time", lambda i: ranking.quote(i, "cost/train_seconds", "duration")))
    if not frame["status"].isin(["finished", "early_stopped"]).all():
        columns.append(("Ended", lambda i: _ended(results, i)))
    columns.append(("Cell", lambda i: f"`{ranking.quote(i, 'cell', 'code')}`"))
    long = len(frame) > MOST_ROWS
    shown = [*frame.index[: MOST_ROWS - LAST_ROWS], None, *frame.index[-LAST_ROWS:]] if long else frame.index
    rows = [["…"] * len(columns) if i is None else [write(int(i)) for _, write in columns] for i in shown]
    text = ("Setting", "Ended", "Cell")
    right = [i for i, (name, _) in enumerate(columns) if name not in text]
    rest = "The table leaves out the middle; all settings are in `ranking.csv`.\n" if long else ""
    return blocks(markdown_table([name for name, _ in columns], rows, right), rest)


def _ended(results: QuotedResults, i: int) -> str:
    ranking = results.table("ranking")
    if ranking.frame.at[i, "status"] == "finished":
        return f"all {ranking.quote(i, 'status', 'ending')}"
    return ranking.quote(i, "status", "ending")


def figure(results: QuotedResults) -> str:
    """If two settings or more are ranked."""
    frame = results.table("ranking").frame
    ranked = frame[frame["rank"].notna()]
    if len(ranked) < 2:
        return ""
    drawn = ranked.head(MOST_DRAWN)
    paper, ax = theme.plt.subplots(figsize=run_figures.ranks_size(drawn["label"]))
    run_figures.ranks(ax, drawn, results.usable, results.metric, results.names)
    theme.legend_above(ax)
    part = (
        f"Of {results.table('ranking').aggregate('count', 'rank', 'plural:setting')} those at the top are shown"
        if len(ranked) > len(drawn)
        else "All ranked settings are shown"
    )
    lines = (
        "lines are intervals of the mean" if drawn["low"].notna().any() else "too few runs of a setting for intervals"
    )
    return results.figure(
        "ranking",
        paper,
        results.caption(ax, "{x} by setting. {part}; grey points are runs, {lines}.", part=part, lines=lines),
    )


def standing(results: QuotedResults) -> str:
    """If the first setting was compared with the others: how it stands; a pruned run that had reached more."""
    found, above = results.findings("cells"), results.pruned_above()
    said = [results.state(found, "first_of_ranking")] if len(found) else []
    if len(above):
        runs, i = results.table("runs"), int(above.index[0])
        said.append(
            f"The table holds no pruned run; `{runs.quote(i, 'run', 'code')}` was pruned with "
            f"{runs.quote(i, results.metric, 'metric')}, before the best setting's mean."
        )
    return paragraph(*said)
