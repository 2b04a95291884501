"""Ranking, learning curves, and what each rank rests on."""

import pandas as pd

from segsweep.report import wording
from segsweep.report.figures import curves, theme
from segsweep.report.figures import runs as run_figures
from segsweep.report.sections.context import Context, blocks, markdown_table, paragraph

MOST_ROWS, LAST_ROWS, MOST_DRAWN, IN_COLOUR = 40, 5, 30, 5


def section(ctx: Context) -> str:
    """Table, figure and what can be told apart."""
    return blocks("## Ranking\n", reading(ctx), table(ctx), figure(ctx), stability(ctx))


def reading(ctx: Context) -> str:
    """How to read the table; noise floor if there is one."""
    ranked = ctx.table("ranking").frame["rank"].notna().sum()
    noise = ctx.analysis.get("noise") or {}
    known = noise.get("sd") is not None
    return paragraph(
        f"{ctx.table('ranking').all('count', 'rank', 'plural:setting')} "
        f"with a usable run {wording.be(ranked)} ranked by the "
        f"mean of {ctx.m()} over the runs of a setting."
        if ranked
        else "No setting has a usable run.",
        f"Runs of one setting deviate from their mean by {ctx.fact('noise.sd', 'metric')} (pooled standard deviation"
        + (", after what a fold does to all settings alike is taken out)." if _folds_cross(ctx) else ").")
        if known
        else None,
        "Two settings with the usual number of runs need to differ "
        f"by {ctx.fact('noise.critical_difference', 'metric')} "
        "to be told apart."
        if known and noise.get("critical_difference") is not None
        else None,
        "Settings of one group cannot be told from the first of the group." if known else None,
        "Too few runs share a setting to know the noise: there are no groups." if ctx.one_seed and ranked else None,
    )


def _folds_cross(ctx: Context) -> bool:
    """Whether several settings were run on folds."""
    runs = ctx.usable
    return "fold" in runs and runs["fold"].nunique() > 1 and runs["cell"].nunique() > 1


def table(ctx: Context) -> str:
    """The ranking; of a long one its top and its end."""
    frame = ctx.table("ranking").frame
    if frame.empty:
        return ""
    more = [name for name in ctx.study.get("also_report") or [] if name in frame]
    several = bool((frame["n"].fillna(0) > 1).any())
    grouped = "group" in frame and frame["group"].notna().any()
    uneven = not frame["status"].isin(["finished", "early_stopped"]).all()
    head = ["Rank", "Setting", ctx.m()] + (["Runs", "Interval"] if several else []) + (["Group"] if grouped else [])
    head += [ctx.m(name) for name in more] + ["Training time"] + (["Ended"] if uneven else [])
    long = len(frame) > MOST_ROWS
    rows = []
    for i in [*frame.index[: MOST_ROWS - LAST_ROWS], None, *frame.index[-LAST_ROWS:]] if long else frame.index:
        rows.append(["…"] * len(head) if i is None else _row(ctx, int(i), several, grouped, more, uneven))
    text = ["Rank", "Setting", "Ended"]
    right = [i for i, name in enumerate(head) if name not in text[1:]]
    rest = "The table leaves out the middle; all settings stand in `ranking.csv`.\n" if long else ""
    return blocks(markdown_table(head, rows, right), rest)


def _row(ctx: Context, i: int, several: bool, grouped: bool, more: list[str], uneven: bool) -> list[str]:
    ranking = ctx.table("ranking")
    row = [ranking.say(i, "rank", "int"), ctx.code("ranking", i, "label"), ranking.say(i, "mean", "metric")]
    if several:
        row += [ranking.say(i, "n", "int"), ctx.interval("ranking", i, "low", "high") or "–"]
    if grouped:
        row.append(ranking.say(i, "group", "int"))
    row += [ranking.say(i, name, "metric") for name in more]
    row.append(ranking.say(i, "cost/train_seconds", "duration") if "cost/train_seconds" in ranking.frame else "–")
    as_planned = ranking.frame.at[i, "status"] in ("finished", "early_stopped")
    ended = "" if as_planned else ranking.say(i, "status").replace("_", " ").replace("oom", "out of memory")
    return row + ([ended] if uneven else [])


def figure(ctx: Context) -> str:
    """If two settings or more are ranked."""
    frame = ctx.table("ranking").frame
    ranked = frame[frame["rank"].notna()]
    if len(ranked) < 2:
        return ""
    drawn = ranked.head(MOST_DRAWN)
    paper, ax = theme.plt.subplots(figsize=(7.2, 0.9 + 0.23 * len(drawn)))
    run_figures.ranks(ax, drawn, ctx.usable, ctx.metric)
    ax.legend(fontsize=8, loc="best")
    part = (
        f"Of {ctx.table('ranking').all('count', 'rank', 'plural:setting')} those at the top are shown"
        if len(ranked) > len(drawn)
        else "All ranked settings are shown"
    )
    lines = (
        "lines are intervals of the mean" if drawn["low"].notna().any() else "there are no intervals with one run each"
    )
    return ctx.figure(
        "ranking",
        paper,
        ctx.caption(ax, "{x} by setting. {part}; grey points are runs, {lines}.", part=part, lines=lines),
    )


def stability(ctx: Context) -> str:
    """If the rank was tried on draws over seeds or pictures."""
    table = ctx.table("ranking")
    i = table.first(rank=1)
    if i is None:
        return ""
    said = []
    for column, low, high, drawn in (
        ("p_best", "rank_low", "rank_high", "every mean is redrawn within its own error"),
        ("p_best_images", "rank_low_images", "rank_high_images", "the validation pictures are drawn with replacement"),
    ):
        if column not in table.frame or pd.isna(table.frame.at[i, column]):
            continue
        ends = table.frame.loc[i, [low, high]]
        ranks = (
            f"its rank is {table.say(i, low, 'int')}"
            if ends.iloc[0] == ends.iloc[1]
            else f"its rank lies between {table.say(i, low, 'int')} and {table.say(i, high, 'int')}"
        )
        said.append(
            f"When {drawn}, the first setting stays first in {table.say(i, column, 'percent')} of the draws, and "
            f"{ranks} in ninety-five per cent of them."
        )
    return paragraph(*said)


def curve_section(ctx: Context) -> str:
    """If there are curves: score and loss over the epochs."""
    frame = ctx.table("ranking").frame
    cells = list(frame.loc[frame["rank"].notna(), "cell"])
    epochs = ctx.epochs
    if epochs.empty or not cells:
        return ""
    columns = [name for name in (ctx.metric, "val/loss", "train/loss") if name in epochs]
    columns = [name for name in columns if epochs[name].notna().any()]
    if not columns:
        return ""
    shown = cells[:IN_COLOUR]
    others = curves.subsample(cells[IN_COLOUR:])
    names = dict(zip(frame["cell"], frame["label"], strict=True))
    # Means of the settings in colour are over usable runs; a run that diverged would bend them.
    used = epochs[epochs["cell"].isin(others) | epochs["run"].isin(ctx.usable["run"])]
    paper, axes = theme.grid_of(len(columns), width=3.6, height=3.0)
    captions = []
    for ax, column in zip(axes, columns, strict=True):
        curves.learning(ax, used, column, [(cell, names[cell]) for cell in shown], others)
        captions.append(ctx.caption(ax, "{y}"))
    handles, labels = axes[0].get_legend_handles_labels()
    paper.tight_layout()
    paper.legend(
        handles,
        labels,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=1 if max(map(len, labels)) > 40 else 2,
        fontsize=8,
    )
    seeds = " Bands reach from the least to the most over the runs of a setting." if not ctx.one_seed else ""
    rest = " Other settings are grey." if others else ""
    if len(cells) > len(shown) + len(others):
        rest = " Of the other settings an evenly spaced choice is grey; not all are drawn."
    first = wording.listed([captions[0], *[text[:1].lower() + text[1:] for text in captions[1:]]])
    caption = f"{first} by epoch. The first settings of the ranking are in colour.{rest}{seeds}"
    return blocks("## Learning curves\n", late(ctx), ctx.figure("learning_curves", paper, caption))


def late(ctx: Context) -> str:
    """If runs were at their best in their last epoch: training was not over."""
    runs = ctx.table("runs")
    usable = runs.frame[runs.frame["status"].isin(["finished", "early_stopped"])]
    at_end = int((usable["best_epoch"] == usable["epochs"]).sum()) if "best_epoch" in usable else 0
    if not len(usable) or not at_end:
        return ""
    where = "status=finished,early_stopped"
    number = runs.all("count", where=f"{where} & best_epoch=@epochs")
    of = runs.all("count", style="plural:run", where=where)
    follows = " More epochs may raise the scores." if at_end > 0.5 * len(usable) and not ctx.minimize else ""
    return (
        f"Of {of}, {number} {wording.was(at_end)} at "
        f"{'its' if at_end == 1 else 'their'} best in the last epoch.{follows}\n"
    )
