"""The ranking, and how stable its first rank is."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.figures import runs as run_figures
from segsweep.report.figures import theme
from segsweep.report.markdown import be, blocks, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults

MOST_ROWS, LAST_ROWS, MOST_DRAWN, IN_COLOUR = 40, 5, 30, 5


class Ranking(Section):
    """The ranking, and how stable its first rank is."""

    title: ClassVar[str] = "Ranking"
    order: ClassVar[int] = 40


def write(results: QuotedResults) -> str:
    """How to read it, table, figure, and how stable the first rank is."""
    return blocks(reading(results), table(results), figure(results), stability(results))


def reading(results: QuotedResults) -> str:
    """How to read the table; noise floor if there is one."""
    ranked = results.table("ranking").frame["rank"].notna().sum()
    noise = results.analysis.get("noise") or {}
    known = noise.get("sd") is not None
    return paragraph(
        f"{results.table('ranking').aggregate('count', 'rank', 'plural:setting')} "
        f"with a usable run {be(ranked)} ranked by the "
        f"mean of {results.metric_name()} over the runs of a setting."
        if ranked
        else "No setting has a usable run.",
        f"Runs of one setting deviate from their mean by {results.quote_analysis('noise.sd', 'metric')} "
        "(pooled standard deviation"
        + (", after the effect of each fold on all settings is removed)." if _folds_cross(results) else ").")
        if known
        else None,
        "Two settings with the usual number of runs are significantly different if they differ "
        f"by {results.quote_analysis('noise.critical_difference', 'metric')} "
        "or more."
        if known and noise.get("critical_difference") is not None
        else None,
        "Settings of one group are not significantly different from the first of the group." if known else None,
        "Too few settings have several runs to estimate the noise: there are no groups."
        if results.one_seed and ranked
        else None,
    )


def _folds_cross(results: QuotedResults) -> bool:
    """Whether several settings were run on folds."""
    runs = results.usable
    return "fold" in runs and runs["fold"].nunique() > 1 and runs["cell"].nunique() > 1


def table(results: QuotedResults) -> str:
    """The ranking; of a long one its top and its end."""
    frame = results.table("ranking").frame
    if frame.empty:
        return ""
    more = [name for name in results.study.get("also_report") or [] if name in frame]
    several = bool((frame["n"].fillna(0) > 1).any())
    grouped = "group" in frame and frame["group"].notna().any()
    uneven = not frame["status"].isin(["finished", "early_stopped"]).all()
    head = (
        ["Rank", "Setting", results.metric_name()]
        + (["Runs", "Interval"] if several else [])
        + (["Group"] if grouped else [])
    )
    head += [results.metric_name(name) for name in more] + ["Training time"] + (["Ended"] if uneven else [])
    long = len(frame) > MOST_ROWS
    rows = []
    for i in [*frame.index[: MOST_ROWS - LAST_ROWS], None, *frame.index[-LAST_ROWS:]] if long else frame.index:
        rows.append(["…"] * len(head) if i is None else _row(results, int(i), several, grouped, more, uneven))
    text = ["Rank", "Setting", "Ended"]
    right = [i for i, name in enumerate(head) if name not in text[1:]]
    rest = "The table leaves out the middle; all settings are in `ranking.csv`.\n" if long else ""
    return blocks(markdown_table(head, rows, right), rest)


def _row(results: QuotedResults, i: int, several: bool, grouped: bool, more: list[str], uneven: bool) -> list[str]:
    ranking = results.table("ranking")
    row = [
        ranking.quote(i, "rank", "int"),
        results.quote_code("ranking", i, "label"),
        ranking.quote(i, "mean", "metric"),
    ]
    if several:
        row += [ranking.quote(i, "n", "int"), results.interval("ranking", i, "low", "high") or "–"]
    if grouped:
        row.append(ranking.quote(i, "group", "int"))
    row += [ranking.quote(i, name, "metric") for name in more]
    row.append(ranking.quote(i, "cost/train_seconds", "duration") if "cost/train_seconds" in ranking.frame else "–")
    as_planned = ranking.frame.at[i, "status"] in ("finished", "early_stopped")
    ended = "" if as_planned else ranking.quote(i, "status").replace("_", " ").replace("oom", "out of memory")
    return row + ([ended] if uneven else [])


def figure(results: QuotedResults) -> str:
    """If two settings or more are ranked."""
    frame = results.table("ranking").frame
    ranked = frame[frame["rank"].notna()]
    if len(ranked) < 2:
        return ""
    drawn = ranked.head(MOST_DRAWN)
    paper, ax = theme.plt.subplots(figsize=(7.2, 0.9 + 0.23 * len(drawn)))
    run_figures.ranks(ax, drawn, results.usable, results.metric, results.names)
    ax.legend(fontsize=8, loc="best")
    part = (
        f"Of {results.table('ranking').aggregate('count', 'rank', 'plural:setting')} those at the top are shown"
        if len(ranked) > len(drawn)
        else "All ranked settings are shown"
    )
    lines = (
        "lines are intervals of the mean" if drawn["low"].notna().any() else "there are no intervals with one run each"
    )
    return results.figure(
        "ranking",
        paper,
        results.caption(ax, "{x} by setting. {part}; grey points are runs, {lines}.", part=part, lines=lines),
    )


def stability(results: QuotedResults) -> str:
    """If ranks were resampled over seeds or images."""
    table = results.table("ranking")
    i = table.first(rank=1)
    if i is None:
        return ""
    said = []
    for column, low, high, drawn in (
        ("p_best", "rank_low", "rank_high", "every mean is redrawn within its own error"),
        ("p_best_images", "rank_low_images", "rank_high_images", "the validation images are drawn with replacement"),
    ):
        if column not in table.frame or pd.isna(table.frame.at[i, column]):
            continue
        ends = table.frame.loc[i, [low, high]]
        ranks = (
            f"its rank is {table.quote(i, low, 'int')}"
            if ends.iloc[0] == ends.iloc[1]
            else f"its rank lies between {table.quote(i, low, 'int')} and {table.quote(i, high, 'int')}"
        )
        said.append(
            f"When {drawn}, the first setting stays first in {table.quote(i, column, 'percent')} of the draws, and "
            f"{ranks} in ninety-five per cent of them."
        )
    return paragraph(*said)
