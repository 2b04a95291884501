"""Figures of hyperparameters: heatmaps, levels, interactions, importance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from segsweep.report.display_names import PLAIN, DisplayNames
from segsweep.report.figures import theme

MOST_NUMBERS = 160  # cells of a heatmap; of a larger one a bar of colours stands for its numbers


def heatmap(
    ax: Axes,
    runs: pd.DataFrame,
    row: tuple[str, Sequence[str]],
    column: tuple[str, Sequence[str]],
    metric: str,
    limits: tuple[float, float],
    names: DisplayNames = PLAIN,
    *,
    minimize: bool = False,
) -> Axes:
    """Mean of `metric` for each pair of levels of two axes, brighter where it is better; empty ones have a dash.

    `runs` has a row a run with levels as texts; `row` and `column` are an axis and its levels in order; `limits`
    are the ends of the colour scale, shared by the facets of a figure. `heatmap_size` is its size.
    """
    table = runs.pivot_table(index=row[0], columns=column[0], values=metric, aggfunc="mean")
    table = table.reindex(index=list(row[1]), columns=list(column[1])).astype(float)
    numbers = table.size <= MOST_NUMBERS
    sns.heatmap(
        table, ax=ax, cmap="cividis_r" if minimize else "cividis", vmin=limits[0], vmax=limits[1], annot=numbers,
        fmt=number_format(limits), cbar=not numbers, linewidths=1, linecolor="white", annot_kws={"fontsize": 8},
    )  # fmt: skip
    ax.set_facecolor("white")
    ax.grid(False)  # which would show in empty cells
    for i, j in zip(*np.where(table.isna().to_numpy()), strict=True):
        ax.text(j + 0.5, i + 0.5, "–", ha="center", va="center", color=theme.GREY)
    ticks, rows = ([theme.tick(names.level(level)) for level in levels] for levels in (column[1], row[1]))
    ax.set_xticks(np.arange(len(ticks)) + 0.5, ticks, rotation=0)
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows, rotation=0)
    theme.tilt(ax, ticks)
    return _label(ax, names.axis(column[0]), names.axis(row[0]))


def heatmap_size(
    rows: Sequence[str], columns: Sequence[str], limits: tuple[float, float], names: DisplayNames = PLAIN
) -> tuple[float, float]:
    """Width and height in inches of a heatmap with its labels: each cell is wide enough for its number."""
    number = max(len(format(limit, number_format(limits))) for limit in limits)
    numbers = len(rows) * len(columns) <= MOST_NUMBERS
    across = (max(0.55, 0.16 + theme.INCHES_PER_LETTER * number) if numbers else 0.28) * len(columns)
    beside = 0.5 + theme.INCHES_PER_LETTER * theme.longest_line(theme.tick(names.level(level)) for level in rows)
    below = 0.55 + 0.5 * theme.INCHES_PER_LETTER * theme.longest_line(
        theme.tick(names.level(level)) for level in columns
    )
    return max(2.4, beside + across), max(1.7, 0.25 + below + (0.36 if numbers else 0.26) * len(rows))


def number_format(limits: tuple[float, float]) -> str:
    """How numbers between two limits are written: three decimals of a score, four where all are close."""
    largest, span = max(map(abs, limits)), abs(limits[1] - limits[0])
    if not np.isfinite(largest) or largest >= 1e5 or largest < 1e-3:
        return ".2e"
    return ".1f" if largest >= 100 else ".2f" if largest >= 10 else ".4f" if span < 0.01 else ".3f"


def levels_size(levels: Sequence[str]) -> tuple[float, float]:
    """Width and height in inches of the figure of an axis with these levels."""
    return min(theme.WIDEST, max(5.6, 1.2 + 0.2 * len(levels))), 3.1


def levels(
    ax: Axes,
    runs: pd.DataFrame,
    axis: str,
    metric: str,
    means: pd.DataFrame,
    *,
    raw: bool = False,
    names: DisplayNames = PLAIN,
) -> Axes:
    """One point a run at each level of an axis, with the adjusted mean and its interval.

    `means` has a row a level in the order to show: `level` as in `runs`, `mean`, and where a model was fitted
    `adjusted`, `adjusted_low`, `adjusted_high`. Without a model the mean is drawn, without an interval; with `raw`
    hollow marks of the means stand beside the adjusted ones.
    """
    position = {level: i for i, level in enumerate(means["level"])}
    spread = (np.arange(len(runs)) * 0.6180339887 % 1 - 0.5) * 0.24
    ax.scatter(
        runs[axis].map(position) + spread, runs[metric], s=16 if len(runs) <= 200 else 5, color=theme.GREY, alpha=0.65,
        linewidths=0, label="run", zorder=2, rasterized=True,
    )  # fmt: skip
    columns = [name for name in ("adjusted", "adjusted_low", "adjusted_high") if name in means]
    modelled = means.dropna(subset=columns[:1]) if columns else means.iloc[:0]
    if len(modelled):
        values = modelled["adjusted"].to_numpy(float)
        ends = [modelled.get(name, modelled["adjusted"]).to_numpy(float) for name in ("adjusted_low", "adjusted_high")]
        reach = np.nan_to_num(np.abs(np.vstack([values - ends[0], ends[1] - values])))
        ax.errorbar(
            [position[level] for level in modelled["level"]], values, yerr=reach, fmt="o", ms=6, color=theme.BLUE,
            capsize=3, lw=1.6, label="adjusted mean with interval" if reach.any() else "adjusted mean", zorder=4,
        )  # fmt: skip
    shown = means.dropna(subset=["mean"])
    if raw or not len(modelled):
        ax.plot(
            [position[level] + 0.22 * len(modelled[:1]) for level in shown["level"]], shown["mean"], "D", ms=5.5,
            color=theme.RED, mfc="white", label="mean", zorder=4,
        )  # fmt: skip
    theme.hold(ax, "y", runs[metric], shown["mean"], means[columns])
    ticks = [theme.tick(names.level(level)) for level in position]
    ax.set_xticks(range(len(ticks)), ticks)
    ax.set_xlim(-0.6, len(ticks) - 0.4)
    theme.tilt(ax, ticks)
    ax.grid(False, axis="x")
    return _label(ax, names.axis(axis), names.metric(metric))


def values(ax: Axes, runs: pd.DataFrame, axis: str, metric: str, *, log: bool, names: DisplayNames = PLAIN) -> Axes:
    """Every run at its own value of a continuous axis."""
    known = runs.assign(value=pd.to_numeric(runs[axis], errors="coerce")).dropna(subset=["value", metric])
    sns.scatterplot(known, x="value", y=metric, ax=ax, s=26, color=theme.BLUE, linewidth=0, alpha=0.75)
    if log:
        theme.log_axis(ax, "x")
    return _label(ax, names.axis(axis), names.metric(metric))


def interaction(
    ax: Axes,
    runs: pd.DataFrame,
    axis: str,
    by: str,
    metric: str,
    order: Sequence[str],
    lines: Sequence[str],
    names: DisplayNames = PLAIN,
) -> Axes:
    """Means of `metric` along an axis, one line for each level of another: parallel lines mean no interaction."""
    for i, level in enumerate(lines):
        part = runs[runs[by] == level].groupby(axis)[metric].mean().reindex(list(order))
        style = {"marker": theme.MARKERS[i % 6], "color": theme.PALETTE[i % 6], "ls": ["-", "--", ":"][i // 6 % 3]}
        ax.plot(range(len(order)), part, ms=5, lw=1.6, label=theme.tick(names.level(level)), **style)
    ticks = [theme.tick(names.level(level)) for level in order]
    ax.set_xticks(range(len(order)), ticks)
    theme.tilt(ax, ticks)
    ax.legend(title=names.axis(by), fontsize=8, title_fontsize=8)
    return _label(ax, names.axis(axis), names.metric(metric))


def importance(ax: Axes, names: Sequence[str], shares: dict[str, Sequence[float]]) -> Axes:
    """Bars: the share of each axis by one or more methods (`shares`: method, values in the order of `names`)."""
    height = 0.8 / len(shares)
    for i, (method, values) in enumerate(shares.items()):
        at = np.arange(len(names)) + (i - (len(shares) - 1) / 2) * height
        ax.barh(at, np.nan_to_num(np.asarray(values, float)), height * 0.92, color=theme.PALETTE[i], label=method)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlim(left=0)
    ax.grid(False, axis="y")
    if len(shares) > 1:
        theme.legend_above(ax)
    return _label(ax, "importance", "")


def _label(ax: Axes, x: str, y: str) -> Axes:
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    return ax
