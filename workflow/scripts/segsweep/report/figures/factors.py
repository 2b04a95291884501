"""Figures of hyperparameters: heatmaps, levels, interactions, importance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from segsweep.report import display_names
from segsweep.report.figures import theme


def heatmap(
    ax: Axes,
    runs: pd.DataFrame,
    row: tuple[str, Sequence[str]],
    column: tuple[str, Sequence[str]],
    metric: str,
    limits: tuple[float, float],
    digits: int = 3,
    among: Sequence[str] = (),
) -> Axes:
    """Mean of `metric` for each pair of levels of two axes; empty combinations stay white with a dash.

    `runs` has a row a run with levels as texts; `row` and `column` are an axis and its levels in order; `limits`
    are the ends of the colour scale, shared by the facets of a figure.
    """
    table = runs.pivot_table(index=row[0], columns=column[0], values=metric, aggfunc="mean")
    table = table.reindex(index=list(row[1]), columns=list(column[1])).astype(float)
    sns.heatmap(
        table, ax=ax, cmap="cividis", vmin=limits[0], vmax=limits[1], annot=table.size <= 80, fmt=f".{digits}f",
        cbar=False, linewidths=1, linecolor="white", annot_kws={"fontsize": 8},
    )  # fmt: skip
    ax.set_facecolor("white")
    for i, j in zip(*np.where(table.isna().to_numpy()), strict=True):
        ax.text(j + 0.5, i + 0.5, "–", ha="center", va="center", color=theme.GREY)
    names = [theme.level_name(level) for level in column[1]]
    ax.set_xticks(np.arange(len(names)) + 0.5, names, rotation=0)
    ax.set_yticks(np.arange(len(row[1])) + 0.5, [theme.level_name(level) for level in row[1]], rotation=0)
    theme.tilt(ax, names)
    return _label(ax, display_names.axis(column[0], among), display_names.axis(row[0], among))


def levels(
    ax: Axes,
    runs: pd.DataFrame,
    axis: str,
    metric: str,
    means: pd.DataFrame,
    *,
    adjusted: bool = False,
    among: Sequence[str] = (),
) -> Axes:
    """One point a run at each level of an axis, with the mean and its interval.

    `means` has a row a level in the order to show: `level` as in `runs`, `mean`, `low`, `high`; with `adjusted`
    also `adjusted`, `adjusted_low`, `adjusted_high`: then hollow marks stand beside the means.
    """
    position = {level: i for i, level in enumerate(means["level"])}
    spread = (np.arange(len(runs)) * 0.6180339887 % 1 - 0.5) * 0.24
    ax.scatter(
        runs[axis].map(position) + spread, runs[metric], s=16 if len(runs) <= 200 else 5, color=theme.GREY, alpha=0.65,
        linewidths=0, label="run", zorder=2, rasterized=True,
    )  # fmt: skip
    means = means.assign(none=np.nan)
    kinds = [("mean", "none", "none", "mean", theme.BLUE, theme.BLUE, "o", 0.0)]
    if adjusted:
        kinds.append(("adjusted", "adjusted_low", "adjusted_high", "adjusted mean", theme.RED, "white", "D", 0.22))
    for middle, low, high, name, colour, face, mark, shift in kinds:
        shown = means.dropna(subset=[middle])
        values = shown[middle].to_numpy(float)
        reach = np.abs(np.vstack([values - shown[low].to_numpy(float), shown[high].to_numpy(float) - values]))
        ax.errorbar(
            [position[level] + shift for level in shown["level"]], values, yerr=np.nan_to_num(reach), fmt=mark, ms=6,
            color=colour, mfc=face, mec=colour, capsize=3, lw=1.6, label=name, zorder=4,
        )  # fmt: skip
    _set_limits(ax, runs[metric], means[["adjusted_low", "adjusted_high"]])
    names = [theme.level_name(level) for level in position]
    ax.set_xticks(range(len(names)), names)
    ax.set_xlim(-0.6, len(names) - 0.4)
    theme.tilt(ax, names)
    ax.grid(False, axis="x")
    return _label(ax, display_names.axis(axis, among), display_names.metric(metric))


def values(ax: Axes, runs: pd.DataFrame, axis: str, metric: str, *, log: bool, among: Sequence[str] = ()) -> Axes:
    """Every run at its own value of a continuous axis."""
    known = runs.assign(value=pd.to_numeric(runs[axis], errors="coerce")).dropna(subset=["value", metric])
    sns.scatterplot(known, x="value", y=metric, ax=ax, s=26, color=theme.BLUE, linewidth=0, alpha=0.75)
    if log:
        ax.set_xscale("log")
    return _label(ax, display_names.axis(axis, among), display_names.metric(metric))


def interaction(
    ax: Axes,
    runs: pd.DataFrame,
    axis: str,
    by: str,
    metric: str,
    order: Sequence[str],
    lines: Sequence[str],
    among: Sequence[str] = (),
) -> Axes:
    """Means of `metric` along an axis, one line for each level of another: parallel lines mean no interaction."""
    for i, level in enumerate(lines):
        part = runs[runs[by] == level].groupby(axis)[metric].mean().reindex(list(order))
        style = {"marker": theme.MARKERS[i % 6], "color": theme.PALETTE[i % 6], "ls": ["-", "--", ":"][i // 6 % 3]}
        ax.plot(range(len(order)), part, ms=5, lw=1.6, label=theme.level_name(level), **style)
    names = [theme.level_name(level) for level in order]
    ax.set_xticks(range(len(order)), names)
    theme.tilt(ax, names)
    ax.legend(title=display_names.axis(by, among), fontsize=8, title_fontsize=8)
    return _label(ax, display_names.axis(axis, among), display_names.metric(metric))


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
        ax.legend(fontsize=8)
    return _label(ax, "importance", "")


def _label(ax: Axes, x: str, y: str) -> Axes:
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    return ax


def _set_limits(ax: Axes, values: pd.Series, intervals: pd.DataFrame) -> None:
    """Limits by the points; an interval may exceed their span by half, a wider one is clipped."""
    low, high = values.min(), values.max()
    if not np.isfinite([low, high]).all():
        return
    span = (high - low) or abs(high) * 0.1 or 1.0
    ends = intervals.to_numpy(float)
    ends = ends[np.isfinite(ends)]
    bottom, top = (min(low, ends.min()), max(high, ends.max())) if ends.size else (low, high)
    ax.set_ylim(max(bottom, low - 0.5 * span) - 0.06 * span, min(top, high + 0.5 * span) + 0.06 * span)
