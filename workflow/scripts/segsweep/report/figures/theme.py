"""Theme, colours, levels and files of figures. Colours are Okabe and Ito's: safe for colour-blind people."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

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
    path.parent.mkdir(parents=True, exist_ok=True)
    tight = {"bbox_inches": "tight", "pad_inches": 0.08}
    figure.savefig(path, dpi=DPI, metadata={"Software": None}, **tight)
    figure.savefig(
        path.with_suffix(".pdf"), dpi=PRINT_DPI, metadata={"Creator": None, "Producer": None, "CreationDate": None},
        **tight,
    )  # fmt: skip
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
    """Long text on several lines, broken at spaces; a longer word stays whole."""
    return "\n".join(textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)) or text


def tilt(ax: Axes, names: Sequence[str]) -> None:
    """Turns the labels of the x axis when they would touch: each has its share of the width of the axis."""
    inches = ax.get_position().width * ax.figure.get_size_inches()[0]
    if max(map(len, names), default=0) * INCHES_PER_LETTER > inches / max(1, len(names)):
        ax.set_xticks(ax.get_xticks(), ax.get_xticklabels(), rotation=30, ha="right", rotation_mode="anchor")
