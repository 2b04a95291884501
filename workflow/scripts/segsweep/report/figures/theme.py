"""Theme, colours, levels and files of figures. Colours are Okabe and Ito's: safe for colour-blind people."""

import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike

from segsweep.formatting import number
from segsweep.io import write_bytes

BLUE, ORANGE, GREEN, RED, PURPLE, SKY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
)
PALETTE = [BLUE, ORANGE, GREEN, PURPLE, SKY, RED]
GREY, INK = "#9AA3AF", "#1D2430"
MARKERS = ["o", "s", "^", "D", "v", "P"]
DPI, PRINT_DPI = 110, 200
INCHES_PER_LETTER = 0.085  # of a tick label
WIDEST = 10.5  # inches of a figure
LEAST_SHARE = 0.18  # inches for a tilted label
LONGEST_TICK, LONGEST_LINE = 28, 60  # characters


def use_theme() -> None:
    """Sets the theme of all figures, and a backend without a display. Call it once, before drawing."""
    matplotlib.use("Agg")
    sns.set_theme(style="whitegrid", context="paper", font_scale=1.05, palette=PALETTE)
    plt.rcParams |= {
        "font.family": "DejaVu Sans",
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": "#C3CAD4",
        "grid.color": "#E6EAF0",
        "figure.dpi": DPI,
        "axes.titlesize": "medium",
        "legend.frameon": False,
        "text.parse_math": False,  # names of people's own may hold dollar signs
        "pdf.fonttype": 42,  # text stays text
    }


def grid_of(count: int, across: int = 3, width: float = 3.4, height: float = 2.9) -> tuple[Figure, list[Axes]]:
    """A figure with `count` axes, at most `across` in a row."""
    columns = min(count, across)
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(width * columns, height * rows), squeeze=False)
    flat = list(axes.flat)
    for spare in flat[count:]:
        spare.remove()
    return figure, flat[:count]


def store(figure: Figure, path: Path) -> None:
    """Writes a PNG, and a PDF of the same name for print; closes the figure. Equal figures make equal files."""
    kinds = {
        "png": {"dpi": DPI, "metadata": {"Software": None}},
        "pdf": {"dpi": PRINT_DPI, "metadata": {"Creator": None, "Producer": None, "CreationDate": None}},
    }
    for kind, how in kinds.items():
        save = partial(figure.savefig, format=kind, bbox_inches="tight", pad_inches=0.08, **how)
        write_bytes(path.with_suffix(f".{kind}"), save)
    plt.close(figure)


def hold(ax: Axes, side: Literal["x", "y"], *values: ArrayLike) -> None:
    """Limits of an axis so that all finite values lie inside, with a margin."""
    flat = np.concatenate([np.asarray(part, float).ravel() for part in values])
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return
    low, high = flat.min(), flat.max()
    margin = 0.06 * ((high - low) or abs(high) or 1.0)
    (ax.set_xlim if side == "x" else ax.set_ylim)(low - margin, high + margin)


def wrap(text: str, width: int = LONGEST_LINE) -> str:
    """Long text on several lines, broken behind spaces and the signs that join parts of a value; nothing is cut."""
    lines = [""]
    for part in re.findall(r"[^ +,/_]*[ +,/_]?", text):
        if lines[-1] and len(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.strip() for line in lines)


def tick(text: str) -> str:
    """A level as a tick's label."""
    return wrap(text, LONGEST_TICK)


def longest_line(texts: Iterable[str]) -> int:
    """Letters of the longest line of labels."""
    return max((len(line) for text in texts for line in text.splitlines()), default=0)


def legend_above(ax: Axes) -> None:
    """The legend above the plot, where it hides nothing."""
    ax.legend(fontsize=8, ncols=3, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)


def log_axis(ax: Axes, side: Literal["x", "y"]) -> None:
    """A logarithmic axis whose numbers read as those of the tables: 1e-4."""
    (ax.set_xscale if side == "x" else ax.set_yscale)("log")
    axis, ends = (ax.xaxis, ax.get_xlim()) if side == "x" else (ax.yaxis, ax.get_ylim())
    narrow = ends[1] < 30 * ends[0]
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(float(f"{value:.3g}"))))
    axis.set_minor_formatter(NullFormatter())


def tilt(ax: Axes, names: Sequence[str]) -> None:
    """Turns the labels of the x axis when they would touch: each has its share of the width of the axis."""
    inches = ax.get_position().width * ax.figure.get_size_inches()[0]
    if longest_line(names) * INCHES_PER_LETTER > inches / max(1, len(names)):
        ax.set_xticks(ax.get_xticks(), ax.get_xticklabels(), rotation=30, ha="right", rotation_mode="anchor")
    if (share := inches / max(1, len(names))) < LEAST_SHARE:  # upright, as small as their number asks for
        ax.tick_params(axis="x", labelrotation=90, labelsize=max(3.0, 50 * share))
        for label in ax.get_xticklabels():
            label.set(rotation=90, ha="center", va="top", rotation_mode="default")
