"""The figure of what each class is taken for."""

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

LONGEST_NAME, MOST_NUMBERS = 18, 15
INCHES_PER_LETTER = 0.075


def confusion_size(classes: Sequence[str]) -> tuple[float, float]:
    """Width and height in inches, with room for numbers and names."""
    side = 0.46 if len(classes) <= MOST_NUMBERS else 0.22
    names = INCHES_PER_LETTER * max(len(name) for name in map(short, classes))
    return max(3.2, 1.5 + names + side * len(classes)), max(2.4, 0.7 + names + side * len(classes))


def confusion(ax: Axes, shares: np.ndarray, classes: Sequence[str]) -> Axes:
    """Shares of the pixels of each class of the ground truth by predicted class, darker where there are more.

    Args:
        ax: to draw into.
        shares: (C, C) in 0..1, rows of the ground truth; nan where a class has no pixels.
        classes: names of the C classes.
    """
    numbers = len(classes) <= MOST_NUMBERS
    sns.heatmap(
        100 * shares, ax=ax, cmap="Blues", vmin=0, vmax=100, annot=numbers, fmt=".0f", cbar=not numbers, square=True,
        linewidths=0.5, linecolor="white", annot_kws={"fontsize": 8},
        cbar_kws=None if numbers else {"label": "% of the ground truth"},
    )  # fmt: skip
    places, names = np.arange(len(classes)) + 0.5, [short(name) for name in classes]
    long = max(map(len, names)) > 5
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if long else {"rotation": 0}
    ax.set_xticks(places, names, **turned)
    ax.set_yticks(places, names, rotation=0)
    ax.set_xlabel("Predicted class")
    ax.set_ylabel("Class of the ground truth")
    return ax


def short(name: str) -> str:
    """A name that fits beside the figure."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
