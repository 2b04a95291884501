"""Theme, colours, levels and files of figures. Colours are Okabe and Ito's: safe for colour-blind people."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from segsweep.formatting import value_in_words
from segsweep.report.value_styles import parse

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
DPI = 110


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
    }


def level_name(level: Any, most: int = 28) -> str:
    """A level as a tick's label."""
    text = value_in_words(parse(level))
    return text if len(text) <= most else text[: most - 1] + "…"


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
    """Writes a PNG of few colours, and closes the figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DPI, bbox_inches="tight", pad_inches=0.08, metadata={"Software": None})
    plt.close(figure)


def tilt(ax: Axes, names: Sequence[str]) -> None:
    """Turns the labels of the x axis when they would touch."""
    if sum(len(name) for name in names) > 34:
        ax.set_xticks(ax.get_xticks(), ax.get_xticklabels(), rotation=30, ha="right", rotation_mode="anchor")
