"""Figures: what is drawn lies inside, numbers have room, brighter is better, equal figures are equal files."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from segsweep.report.display_names import DisplayNames
from segsweep.report.figures import factors, runs, theme

RUNS = pd.DataFrame(
    {
        "cell": ["a", "a", "b", "b"],
        "optimizer.lr": ["1e-4", "1e-4", "1e-3", "1e-3"],
        "batch_size": ["4", "8", "4", "8"],
        "val/miou": [0.2, 0.3, 0.6, 0.7],
    }
)


@pytest.fixture(autouse=True)
def _theme():
    theme.use_theme()
    yield
    plt.close("all")


def heatmap(minimize):
    _, ax = plt.subplots()
    return factors.heatmap(
        ax, RUNS, ("batch_size", ["4", "8"]), ("optimizer.lr", ["1e-4", "1e-3"]), "val/miou", (0.2, 0.7),
        minimize=minimize,
    )  # fmt: skip


def brightness(ax):
    """Of the cells, row by row: (4,)."""
    plt.gcf().canvas.draw()
    return ax.collections[0].get_facecolors()[:, :3].sum(axis=1)


def test_heatmaps_are_bright_where_it_is_better():
    high, low = brightness(heatmap(False)), brightness(heatmap(True))
    assert high.argmax() == 3  # 0.7
    assert low.argmax() == 0  # 0.2
    assert high.argmin() == 0
    assert low.argmin() == 3


@pytest.mark.parametrize("limits", [(0.1, 0.9), (-12345.6, 23456.7), (1.2e-7, 3e-7), (101.0, 2000.0)])
def test_cells_of_a_heatmap_are_wide_enough_for_their_numbers(limits):
    rows, columns = [f"row {i}" for i in range(3)], [f"{i}" for i in range(4)]
    values = np.linspace(*limits, 12)
    table = pd.DataFrame({"a": np.repeat(rows, 4), "b": columns * 3, "val/loss": values})
    figure, ax = plt.subplots(figsize=factors.heatmap_size(rows, columns, limits))
    factors.heatmap(ax, table, ("a", rows), ("b", columns), "val/loss", limits)
    figure.tight_layout()
    figure.canvas.draw()
    cell = ax.get_window_extent().width / 4
    written = [text.get_window_extent().width for text in ax.texts]
    assert len(written) == 12
    assert max(written) < cell


def test_intervals_end_inside_of_the_plot():
    means = pd.DataFrame(
        {"level": ["1e-4", "1e-3"], "mean": [0.25, 0.65], "adjusted": [0.25, 0.65],
         "adjusted_low": [0.0, 0.1], "adjusted_high": [0.9, 1.0]}
    )  # fmt: skip
    _, ax = plt.subplots()
    factors.levels(ax, RUNS, "optimizer.lr", "val/miou", means)
    assert ax.get_ylim()[0] < 0.0
    assert ax.get_ylim()[1] > 1.0
    ranking = pd.DataFrame(
        {
            "cell": ["b", "a"],
            "label": ["one", "two"],
            "mean": [0.65, 0.25],
            "low": [0.1, 0.0],
            "high": [1.0, 0.9],
        }
    )
    _, ax = plt.subplots()
    runs.ranks(ax, ranking, RUNS, "val/miou")
    assert ax.get_xlim()[0] < 0.0
    assert ax.get_xlim()[1] > 1.0


def test_levels_without_a_model_have_a_mean_and_no_interval():
    _, ax = plt.subplots()
    means = pd.DataFrame({"level": ["1e-4", "1e-3"], "mean": [0.25, 0.65], "adjusted": [np.nan, np.nan]})
    factors.levels(ax, RUNS, "optimizer.lr", "val/miou", means)
    assert ax.get_legend_handles_labels()[1] == ["run", "mean"]


def test_figures_carry_the_names_of_the_study():
    names = DisplayNames({"optimizer.lr": "Step size", "1e-4": "small", "val/miou": "Mean IoU"}, ["optimizer.lr"])
    _, ax = plt.subplots()
    means = pd.DataFrame({"level": ["1e-4", "1e-3"], "mean": [0.25, 0.65]})
    factors.levels(ax, RUNS, "optimizer.lr", "val/miou", means, names=names)
    assert ax.get_xlabel() == "step size"
    assert ax.get_ylabel() == "mean IoU"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["small", "1e-3"]


def test_equal_figures_are_equal_files(tmp_path):
    for folder in ("one", "two"):
        figure, ax = plt.subplots()
        runs.ranks(
            ax,
            pd.DataFrame({"cell": ["a"], "label": ["a $ or $"], "mean": [0.2], "low": [np.nan], "high": [np.nan]}),
            RUNS,
            "val/miou",
        )
        theme.store(figure, tmp_path / folder / "ranking.png")
    for name in ("ranking.png", "ranking.pdf"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert b"CreationDate" not in (tmp_path / "one" / "ranking.pdf").read_bytes()


def test_numbers_of_a_logarithmic_axis_read_as_those_of_the_tables():
    drawn = pd.DataFrame({"optimizer.lr": ["0.00012", "0.0013", "0.02"], "val/miou": [0.1, 0.2, 0.3]})
    figure, ax = plt.subplots()
    factors.values(ax, drawn, "optimizer.lr", "val/miou", log=True)
    figure.canvas.draw()
    assert {"1e-3", "0.01"} <= {label.get_text() for label in ax.get_xticklabels()}


@pytest.mark.parametrize("text", ["cross_entropy+dice=0.5+focal(gamma=2,alpha=0.25)+lovasz", "a b", "x" * 50, ""])
def test_long_labels_are_broken_and_never_cut(text):
    assert theme.tick(text).replace("\n", "").replace(" ", "") == text.replace(" ", "")
    assert all(len(line) <= theme.LONGEST_TICK or "+" not in line[:-1] for line in theme.tick(text).splitlines())


@pytest.mark.parametrize(
    "label", ["lr=1e-3", "lr=9.2532146576e-4 name=sgd batch_size=4 momentum=0.911968052", "a=1 " * 40]
)
def test_labels_of_ranked_settings_do_not_touch(label):
    count = 12
    ranking = pd.DataFrame(
        {"cell": [f"c{i}" for i in range(count)], "label": label, "mean": 0.5, "low": 0.4, "high": 0.6}
    )
    figure, ax = plt.subplots(figsize=runs.ranks_size(ranking["label"]))
    runs.ranks(ax, ranking, RUNS, "val/miou")
    figure.tight_layout()
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert all(upper.y0 >= lower.y1 for upper, lower in pairwise(boxes))


@pytest.mark.parametrize("count", [2, 6, 40])
def test_labels_of_levels_do_not_touch(count):
    levels = [f"level {i}" for i in range(count)]
    drawn = pd.DataFrame({"data.kind": levels, "val/miou": np.linspace(0.1, 0.9, count)})
    figure, ax = plt.subplots(figsize=(5.6, 3.1))
    factors.levels(ax, drawn, "data.kind", "val/miou", pd.DataFrame({"level": levels, "mean": drawn["val/miou"]}))
    figure.canvas.draw()
    if ax.get_xticklabels()[0].get_rotation() in (0, 90):
        boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
        assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))
