"""Figures of factors: heatmaps, levels, interactions, importance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from .. import wording
from . import look


def heatmap(
    ax: Axes, runs: pd.DataFrame, row: str, column: str, metric: str, limits: tuple[float, float], digits: int = 3
) -> Axes:
    """Mean of `metric` for each pair of levels of two axes; empty combinations stay white with a dash.

    `runs` has a row a run; `limits` are the ends of the colour scale, shared by the facets of a figure.
    """
    rows, columns = look.levels_of(runs[row]), look.levels_of(runs[column])
    table = runs.pivot_table(index=row, columns=column, values=metric, aggfunc="mean", dropna=False, observed=False)
    table = table.reindex(index=rows, columns=columns).astype(float)
    numbers = table.size <= 80
    sns.heatmap(
        table, ax=ax, cmap="cividis", vmin=limits[0], vmax=limits[1], annot=numbers, fmt=f".{digits}f", cbar=False,
        linewidths=1, linecolor="white", annot_kws={"fontsize": 8},
    )  # fmt: skip
    ax.set_facecolor("white")
    for i, j in zip(*np.where(table.isna().to_numpy()), strict=True):
        ax.text(j + 0.5, i + 0.5, "–", ha="center", va="center", color=look.GREY)
    names = [look.level_name(level) for level in columns]
    ax.set_xticklabels(names, rotation=0)
    ax.set_yticklabels([look.level_name(level) for level in rows], rotation=0)
    look.tilt(ax, names)
    return _label(ax, wording.axis(column), wording.axis(row))


def levels(
    ax: Axes, runs: pd.DataFrame, axis: str, metric: str, means: pd.DataFrame, *, adjusted: bool = False
) -> Axes:
    """One point a run at each level of an axis, with the mean and its interval.

    `means` has a row a level: `level`, `mean`, `low`, `high`, and `adjusted`, `adjusted_low`, `adjusted_high` when
    `adjusted`: then hollow marks stand beside the means.
    """
    order = look.levels_of(runs[axis])
    position = {look.level_name(level): i for i, level in enumerate(order)}
    x = runs[axis].map(lambda level: position.get(look.level_name(level)) if pd.notna(level) else None)
    spread = (np.arange(len(runs)) * 0.6180339887 % 1 - 0.5) * 0.24
    size = 16 if len(runs) <= 200 else 5
    ax.scatter(
        x + spread,
        runs[metric],
        s=size,
        color=look.GREY,
        alpha=0.65,
        linewidths=0,
        label="run",
        zorder=2,
        rasterized=True,
    )
    kinds = [("mean", "low", "high", "mean with interval", look.BLUE, "white", -0.0, True)]
    if adjusted:
        kinds.append(
            ("adjusted", "adjusted_low", "adjusted_high", "adjusted mean with interval", look.RED, "white", 0.2, False)
        )
    for middle, low, high, name, colour, edge, shift, filled in kinds:
        shown = means.dropna(subset=[middle])
        at = [position[look.level_name(level)] + shift for level in shown["level"]]
        values = shown[middle].to_numpy(float)
        reach = np.abs(np.vstack([values - shown[low].to_numpy(float), shown[high].to_numpy(float) - values]))
        ax.errorbar(
            at, values, yerr=np.nan_to_num(reach), fmt="o" if filled else "D", ms=7 if filled else 5.5, color=colour,
            mfc=colour if filled else edge, mec=edge if filled else colour, capsize=3, lw=1.6, label=name, zorder=4,
        )  # fmt: skip
    _room(ax, runs[metric], means[["low", "high"]])
    ax.set_xticks(range(len(order)), list(position))
    ax.set_xlim(-0.6, len(order) - 0.4)
    look.tilt(ax, list(position))
    ax.grid(False, axis="x")
    return _label(ax, wording.axis(axis), wording.metric(metric))


def interaction(ax: Axes, runs: pd.DataFrame, axis: str, by: str, metric: str) -> Axes:
    """Means of `metric` along an axis, one line for each level of another: parallel lines mean no interaction."""
    order = look.levels_of(runs[axis])
    for i, level in enumerate(look.levels_of(runs[by])):
        part = runs[runs[by] == level].groupby(axis, observed=True)[metric].mean().reindex(order)
        style = {"marker": look.MARKERS[i % 6], "color": look.PALETTE[i % 6], "ls": ["-", "--", ":"][i // 6 % 3]}
        ax.plot(range(len(order)), part, ms=5, lw=1.6, label=look.level_name(level), **style)
    names = [look.level_name(level) for level in order]
    ax.set_xticks(range(len(order)), names)
    look.tilt(ax, names)
    ax.legend(title=wording.axis(by), fontsize=8, title_fontsize=8)
    return _label(ax, wording.axis(axis), wording.metric(metric))


def importance(ax: Axes, names: Sequence[str], shares: dict[str, Sequence[float]]) -> Axes:
    """Bars: the share of each axis by one or more methods (`shares`: method, values in the order of `names`)."""
    height = 0.8 / len(shares)
    for i, (method, values) in enumerate(shares.items()):
        at = np.arange(len(names)) + (i - (len(shares) - 1) / 2) * height
        ax.barh(at, np.nan_to_num(np.asarray(values, float)), height * 0.92, color=look.PALETTE[i], label=method)
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


def _room(ax: Axes, values: pd.Series, intervals: pd.DataFrame) -> None:
    """Limits by the points; an interval may reach out by half of their span, a wider one is cut off."""
    low, high = values.min(), values.max()
    if not np.isfinite([low, high]).all():
        return
    span = (high - low) or abs(high) * 0.1 or 1.0
    ends = intervals.to_numpy(float)
    ends = ends[np.isfinite(ends)]
    bottom, top = (min(low, ends.min()), max(high, ends.max())) if ends.size else (low, high)
    ax.set_ylim(max(bottom, low - 0.5 * span) - 0.06 * span, min(top, high + 0.5 * span) + 0.06 * span)
