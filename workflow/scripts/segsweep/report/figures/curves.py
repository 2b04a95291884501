"""Figures over epochs: learning curves with bands over seeds, the curves of a sweep's trials."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from segsweep.report import display_names
from segsweep.report.figures import theme

MOST_CURVES = 60


def learning(
    ax: Axes, epochs: pd.DataFrame, column: str, shown: Sequence[tuple[str, str]], others: Sequence[str] = ()
) -> Axes:
    """Curves of cells: mean over the runs of a cell with a band from the lowest to the highest.

    `epochs` has `cell`, `run`, `epoch` and `column`; `shown` are (cell, name) in colour, `others` cells in grey.
    """
    if len(others):
        part = epochs[epochs["cell"].isin(list(others))]
        lines = [group[["epoch", column]].to_numpy(float) for _, group in part.groupby("run", sort=False)]
        ax.add_collection(LineCollection(lines, colors=theme.GREY, linewidths=0.7, alpha=0.5))
        ax.autoscale_view()
    for i, (cell, name) in enumerate(shown):
        by_epoch = epochs[epochs["cell"] == cell].groupby("epoch")[column]
        mean = by_epoch.mean()
        colour = theme.PALETTE[i % len(theme.PALETTE)]
        marker = theme.MARKERS[i % len(theme.MARKERS)] if len(mean) <= 40 else None
        ax.plot(mean.index, mean, color=colour, lw=1.7, marker=marker, ms=3.5, label=name)
        if by_epoch.count().max() > 1:
            ax.fill_between(mean.index, by_epoch.min(), by_epoch.max(), color=colour, alpha=0.15, lw=0)
    return _over_epochs(ax, column)


def sweep(
    ax: Axes, epochs: pd.DataFrame, column: str, pruned: Sequence[str], protected: Sequence[str], rungs: Sequence[int]
) -> Axes:
    """A curve for each trial; a cross where one was pruned, a diamond where one was protected, rungs as lines."""
    ends = set(pruned)
    for run, curve in epochs.groupby("run", sort=False):
        curve = curve.sort_values("epoch")
        was_pruned = run in ends
        ax.plot(
            curve["epoch"], curve[column], color=theme.GREY if was_pruned else theme.BLUE,
            lw=1.0 if was_pruned else 1.5, alpha=0.85, marker=".", ms=3, zorder=2 if was_pruned else 3,
        )  # fmt: skip
        if was_pruned:
            last = curve.iloc[-1]
            ax.plot(last["epoch"], last[column], "x", color=theme.RED, ms=8, mew=2, zorder=5)
        if run in set(protected):
            at = curve[curve["epoch"].isin(list(rungs))]
            at = at if len(at) else curve.tail(1)
            ax.plot(at["epoch"].iloc[0], at[column].iloc[0], "D", color=theme.ORANGE, mec="white", ms=8, zorder=6)
    for rung in rungs:
        ax.axvline(rung, color=theme.INK, lw=0.8, ls=":", zorder=1)
    marks = [
        ("-", theme.BLUE, "trained to the end"),
        ("-", theme.GREY, "pruned"),
        ("x", theme.RED, "last epoch of a pruned trial"),
        ("D", theme.ORANGE, "protected"),
    ]
    for sign, colour, name in marks:
        counts = {"protected": len(protected), "trained to the end": 1}
        if counts.get(name, len(ends)):
            line = {"ls": "-"} if sign == "-" else {"ls": "", "marker": sign}
            ax.plot([], [], color=colour, label=name, **line)
    ax.legend(fontsize=8)
    return _over_epochs(ax, column)


def subsample(cells: Sequence[str], most: int = MOST_CURVES) -> list[str]:
    """Evenly spaced cells of a ranking, at most `most`."""
    if len(cells) <= most:
        return list(cells)
    return [cells[i] for i in np.linspace(0, len(cells) - 1, most).round().astype(int)]


def _over_epochs(ax: Axes, column: str) -> Axes:
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("epoch")
    ax.set_ylabel(display_names.metric(column))
    return ax
