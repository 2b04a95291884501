"""Figures of several objectives: settings by two of them, with the front."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from segsweep.analysis.front import high, low
from segsweep.report.display_names import PLAIN, DisplayNames
from segsweep.report.figures import theme
from segsweep.report.figures.runs import UNITS

MANY = 300  # points, above which they are small


def trade_off(
    ax: Axes, front: pd.DataFrame, across: str, up: str, *, line: bool = True, names: DisplayNames = PLAIN
) -> Axes:
    """Settings by two objectives: members of the front in colour, with intervals; others grey.

    Args:
        ax: drawn on.
        front: rows of front.csv; `on_front` and `knee` are texts.
        across, up: objectives of the two axes.
        line: whether a line joins the members: they are the front of these two objectives alone.
        names: of objectives.
    """
    seen = front.dropna(subset=[across, up])
    member = seen["on_front"].eq("True")
    size = 22 if len(seen) <= MANY else 7
    sns.scatterplot(
        x=seen.loc[~member, across], y=seen.loc[~member, up], ax=ax, color=theme.GREY, s=size, linewidth=0, alpha=0.8,
        label="other settings" if (~member).any() else None, legend=False,
    )  # fmt: skip
    on = seen[member].sort_values(across)
    for name, direction in ((across, "xerr"), (up, "yerr")):
        reach = np.vstack([on[name] - on[low(name)], on[high(name)] - on[name]]).astype(float)
        if np.isfinite(reach).any():
            reach = np.nan_to_num(np.abs(reach))
            ax.errorbar(
                on[across], on[up], fmt="none", ecolor=theme.BLUE, elinewidth=1.0, capsize=2, alpha=0.6,
                **{direction: reach},
            )  # fmt: skip
    style = {"ls": "-", "lw": 1.4} if line else {"ls": ""}
    ax.plot(on[across], on[up], color=theme.BLUE, marker="o", ms=6, mec="white", label="front", zorder=3, **style)
    knee = on[on["knee"].eq("True")]
    if len(knee):
        ax.plot(
            knee[across], knee[up], ls="", marker="D", ms=10, mfc="none", mec=theme.ORANGE, mew=1.8, label="knee",
            zorder=4,
        )  # fmt: skip
    for name, side in ((across, "x"), (up, "y")):
        values = seen[name]
        if len(values) and values.min() > 0 and values.max() > 30 * values.min():
            theme.log_axis(ax, side)
    theme.legend_above(ax)
    ax.set_xlabel(f"{names.metric(across)}{UNITS.get(across, '')}")
    ax.set_ylabel(f"{names.metric(up)}{UNITS.get(up, '')}")
    return ax
