"""Figures of runs and cells: ranks, learning curves, trials of a sweep, parallel coordinates, cost against score."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from segsweep.analysis.measures import MEASURES, MODEL_COSTS
from segsweep.formatting import value_in_words
from segsweep.report.display_names import PLAIN, DisplayNames
from segsweep.report.figures import theme
from segsweep.report.value_styles import parse

MOST_CURVES = 60
UNITS = {column.name: f" ({column.unit})" for column in (*MEASURES, *MODEL_COSTS) if column.unit}


def ranks_size(labels: Iterable[str]) -> tuple[float, float]:
    """Width and height in inches of a figure of so many cells, whose longest label has room for all of its lines."""
    lines = [theme.wrap(str(label)).count("\n") + 1 for label in labels]
    return 7.2, 0.9 + len(lines) * (0.08 + 0.15 * max(lines, default=1))


def ranks(ax: Axes, ranking: pd.DataFrame, runs: pd.DataFrame, metric: str, names: DisplayNames = PLAIN) -> Axes:
    """Cells from best to worst: mean with interval, and a point for each run.

    `ranking` has label, cell, mean, low, high; `runs` cell and metric.
    """
    at = np.arange(len(ranking))
    position = dict(zip(ranking["cell"].astype(str), at, strict=True))
    points = runs.assign(at=runs["cell"].astype(str).map(position)).dropna(subset=["at", metric])
    ax.scatter(points[metric], points["at"], s=14, color=theme.GREY, alpha=0.8, linewidths=0, label="run", zorder=2)
    middle = ranking["mean"].to_numpy(float)
    reach = np.vstack([middle - ranking["low"].to_numpy(float), ranking["high"].to_numpy(float) - middle])
    seen = np.isfinite(reach).all()
    ax.errorbar(
        middle, at, xerr=np.nan_to_num(np.abs(reach)), fmt="o", ms=6, color=theme.BLUE, mec="white", capsize=3, lw=1.4,
        label="mean with interval" if seen or np.isfinite(reach).any() else "mean", zorder=3,
    )  # fmt: skip
    theme.hold(ax, "x", points[metric], middle, ranking[["low", "high"]])
    ax.set_yticks(at, [theme.wrap(str(name)) for name in ranking["label"]])
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.set_xlabel(names.metric(metric))
    ax.set_ylabel("")
    return ax


def parallel(
    ax: Axes,
    runs: pd.DataFrame,
    axes: dict[str, list[str] | None],
    metric: str,
    *,
    minimize: bool = False,
    names: DisplayNames = PLAIN,
) -> Axes:
    """One line a run through its settings to its score; the best tenth is drawn on top, in colour.

    `axes` gives each axis its levels in order, or None where values are continuous.
    """
    columns, ticks = [], []
    for axis, order in axes.items():
        if order is None:
            scaled, marks = _scaled(pd.to_numeric(runs[axis], errors="coerce"))
        else:
            position_of = {level: i / max(1, len(order) - 1) for i, level in enumerate(order)}
            scaled = runs[axis].map(position_of)
            marks = [(position, theme.wrap(names.level(name), 22)) for name, position in position_of.items()]
        columns.append(scaled.to_numpy(float))
        ticks.append(marks)
    score = runs[metric].to_numpy(float)
    scaled, marks = _scaled(runs[metric])
    lines = np.column_stack([*columns, scaled.to_numpy(float)])
    ticks.append(marks)
    jitter = (np.arange(len(lines)) * 0.6180339887 % 1 - 0.5) * 0.03
    lines = lines + jitter[:, None] * np.r_[np.ones(len(axes)), 0.0]
    good = -score if minimize else score
    best = good >= np.nanquantile(good, 0.9)
    x = np.arange(lines.shape[1])
    for chosen, colour, width, alpha in ((~best, theme.GREY, 0.7, 0.45), (best, theme.BLUE, 1.4, 0.85)):
        segments = [np.column_stack([x, line]) for line in lines[chosen]]
        ax.add_collection(LineCollection(segments, colors=colour, linewidths=width, alpha=alpha))
    for i, marks in enumerate(ticks):
        ax.axvline(i, color="#C3CAD4", lw=1, zorder=0)
        for position, name in marks:
            ax.text(
                i + 0.03, position, name, fontsize=7.5, va="center", zorder=5,
                bbox={"fc": "white", "ec": "none", "pad": 0.6, "alpha": 0.8},
            )  # fmt: skip
    ax.set_xlim(-0.1, len(ticks) - 0.65)
    ax.set_ylim(-0.06, 1.06)
    ax.set_yticks([])
    ax.set_xticks(x, [theme.wrap(name, 14) for name in (*map(names.axis, axes), names.metric(metric))])
    ax.grid(False)
    for side in ax.spines.values():
        side.set_visible(False)
    return ax


def parallel_size(orders: Sequence[Sequence[str] | None], names: DisplayNames = PLAIN) -> tuple[float, float]:
    """Width and height in inches of a figure of parallel coordinates: the labels of each axis have room."""
    labels = [theme.wrap(names.level(level), 22) for order in orders if order for level in order]
    between = max(1.35, 0.35 + 0.9 * theme.INCHES_PER_LETTER * theme.longest_line(labels))
    return 1.6 + between * len(orders), 3.4


def cost_against_score(
    ax: Axes,
    runs: pd.DataFrame,
    cost: str,
    metric: str,
    *,
    minimize: bool = False,
    names: DisplayNames = PLAIN,
) -> tuple[Axes, int]:
    """Each run's cost and score; the line joins runs that no other beats in both. Gives their number as well."""
    seen = runs.dropna(subset=[cost, metric])
    ax.scatter(
        seen[cost],
        seen[metric],
        s=18 if len(seen) <= 300 else 6,
        color=theme.GREY,
        alpha=0.7,
        linewidths=0,
        label="run",
        rasterized=True,
    )
    front = pareto(seen[cost].to_numpy(float), seen[metric].to_numpy(float), minimize=minimize)
    ends = seen.iloc[front]
    ax.plot(ends[cost], ends[metric], color=theme.BLUE, marker="o", ms=5, lw=1.5, label="not beaten in both")
    if seen[cost].max() > 30 * max(seen[cost].min(), 1e-9) and seen[cost].min() > 0:
        theme.log_axis(ax, "x")
    theme.legend_above(ax)
    ax.set_xlabel(f"{names.metric(cost)}{UNITS.get(cost, '')}")
    ax.set_ylabel(names.metric(metric))
    return ax, len(front)


def pareto(cost: np.ndarray, score: np.ndarray, *, minimize: bool = False) -> np.ndarray:
    """Positions of the points that no other beats in cost and score, by growing cost. (n,), (n,) -> (k,)."""
    good = -score if minimize else score
    order = np.lexsort((-good, cost))
    best, front = -np.inf, []
    for i in order:
        if good[i] > best:
            best = good[i]
            front.append(i)
    return np.array(front, dtype=int)


def expected_best(ax: Axes, table: pd.DataFrame, metric: str, names: DisplayNames = PLAIN) -> Axes:
    """Expected best score against the number of trials, with the range of ninety per cent of searches."""
    ax.fill_between(table["trials"], table["low"], table["high"], color=theme.BLUE, alpha=0.15, lw=0)
    ax.plot(table["trials"], table["expected"], color=theme.BLUE, lw=1.8, label="expected")
    if "best_so_far" in table and table["best_so_far"].notna().any():
        ax.plot(
            table["trials"],
            table["best_so_far"],
            color=theme.ORANGE,
            lw=1.2,
            drawstyle="steps-post",
            label="this search",
        )
    theme.legend_above(ax)
    ax.set_xlabel("number of trials")
    ax.set_ylabel(f"best {names.metric(metric)}")
    return ax


def _scaled(values: pd.Series) -> tuple[pd.Series, list[tuple[float, str]]]:
    values = values.astype(float)
    low, high = values.min(), values.max()
    log = low > 0 and high > 30 * low
    change = np.log10 if log else np.positive
    ends = change(np.array([low, high], dtype=float))
    span = (ends[1] - ends[0]) or 1.0
    marks = np.linspace(*ends, 5)
    shown = 10**marks if log else marks
    names = [value_in_words(parse(float(f"{value:.3g}"))) for value in shown]
    return (change(values) - ends[0]) / span, [
        ((mark - ends[0]) / span, name) for mark, name in zip(marks, names, strict=True)
    ]


def learning(
    ax: Axes,
    epochs: pd.DataFrame,
    column: str,
    shown: Sequence[tuple[str, str]],
    others: Sequence[str] = (),
    names: DisplayNames = PLAIN,
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
    return _over_epochs(ax, column, names)


def sweep(
    ax: Axes,
    epochs: pd.DataFrame,
    column: str,
    pruned: Sequence[str],
    protected: Sequence[str],
    rungs: Sequence[int],
    names: DisplayNames = PLAIN,
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
    theme.legend_above(ax)
    return _over_epochs(ax, column, names)


def subsample(cells: Sequence[str], most: int = MOST_CURVES) -> list[str]:
    """Evenly spaced cells of a ranking, at most `most`."""
    if len(cells) <= most:
        return list(cells)
    return [cells[i] for i in np.linspace(0, len(cells) - 1, most).round().astype(int)]


def _over_epochs(ax: Axes, column: str, names: DisplayNames) -> Axes:
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("epoch")
    ax.set_ylabel(names.metric(column))
    return ax
