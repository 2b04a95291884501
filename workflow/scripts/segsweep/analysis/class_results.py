"""Results by class: how well the best setting finds each class, and what it takes it for.

Scores of a class are means over runs, of what each run has at its best epoch. Recall, precision and confusions are of
the pixels of the best setting's runs together, so a class of few pixels is not drawn by a run that happens to miss it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from segsweep import metrics
from segsweep.analysis.confusions import label_pair
from segsweep.analysis.study_results import StudyResults
from segsweep.config.dataset_keys import BY_LABEL
from segsweep.data.classes import class_names
from segsweep.tables import Column, Table

NO_COUNTS = "no pixels of the best setting were counted"
WORDS = "text"


class ClassScores(Table):
    """A class, in the order of the data set, by one of the scores that data of the task has for each class."""

    file = "class_scores.csv"
    rules = ("analyze_study",)
    rows = "class_score_rows"
    columns = (
        Column("column", "text", "Column of runs.csv with the score."),
        Column("class", "text", "The class; `text` where words are what is found."),
        Column("pixels", "integer", "Its pixels in the ground truth that the best setting was judged on, summed over "
               "its runs.", empty=NO_COUNTS, unit="px"),
        Column("share", "number", "Share of all of these pixels.", empty=NO_COUNTS),
        Column("best", "number", "Mean score of the usable runs of the best setting.",
               empty="none of them has this score"),
        Column("best_sd", "number", "Sample standard deviation of these.", empty="fewer than two runs have the score"),
        Column("best_n", "integer", "Runs that it is the mean of."),
        Column("all", "number", "Mean over all settings of the design, of each the mean of its usable runs.",
               empty="no run has this score"),
        Column("all_n", "integer", "Settings that it is the mean of."),
        Column("recall", "number", "Share of its pixels (of the words) that the best setting finds.", empty=NO_COUNTS),
        Column("precision", "number", "Share of what the best setting calls so that is of this class.",
               empty="nothing is called so, or no pixels were counted"),
        Column("confused_with", "text", "The class that most of its missed pixels are taken for.",
               empty="no pixel is missed, or none were counted"),
        Column("confused", "number", "Share of its pixels that are taken for that class.",
               empty="no pixel is missed, or none were counted"),
    )  # fmt: skip


class Confusion(Table):
    """A class of the ground truth and a predicted class, of the best setting; pairs without a pixel have a row too."""

    file = "confusion.csv"
    rules = ("analyze_study",)
    rows = "confusion_table_rows"
    columns = (
        Column("cell", "text", "Key of the best setting's cell."),
        Column("class", "text", "Class of the ground truth."),
        Column("predicted", "text", "Predicted class."),
        Column("pixels", "integer", "Validation pixels, summed over the best epochs of its usable runs.", unit="px"),
        Column("share", "number", "Share of the pixels of the class of the ground truth.",
               empty="the class has no pixels"),
    )  # fmt: skip


def class_score_rows(results: StudyResults, best: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Rows of class_scores.csv; none where no setting is usable, or nothing is known of classes."""
    if best is None or not (results.plan.dataset or {}).get("task"):  # of a table made elsewhere, only a name
        return []
    task, classes = results.plan.dataset["task"], class_names(results.plan.dataset)
    if task == WORDS:
        row = _means(results, best["cell"], f"val/{metrics.usual(task)}") | {"class": WORDS}
        row |= {name: _means(results, best["cell"], f"val/{name}")["best"] for name in ("recall", "precision")}
        return [row] if row["best_n"] or row["all_n"] else []
    found = (_pixels_by_label if task in BY_LABEL else _pixels_by_class)(results, best["cell"], classes)
    rows = []
    for column, name, of_pixels in _columns(task, classes):
        row = _means(results, best["cell"], column) | {"class": name}
        if row["best_n"] or row["all_n"]:
            rows.append(row | (found.get(name, {}) if of_pixels else {}))
    return rows


def confusion_table_rows(results: StudyResults, best: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Rows of confusion.csv; none where no pixels of the best setting were counted."""
    if best is None or not (results.plan.dataset or {}).get("task"):  # of a table made elsewhere, only a name
        return []
    classes = class_names(results.plan.dataset)
    by_label = results.plan.dataset["task"] in BY_LABEL  # none of which is taken for another
    pixels = None if by_label else _pixels(results, best["cell"], classes)
    if pixels is None:
        return []
    whole = pixels.sum(1)
    return [
        {
            "cell": best["cell"],
            "class": true,
            "predicted": predicted,
            "pixels": int(pixels[i, j]),
            "share": pixels[i, j] / whole[i] if whole[i] else None,
        }
        for i, true in enumerate(classes)
        for j, predicted in enumerate(classes)
    ]


def _columns(task: str, classes: Sequence[str]) -> list[tuple[str, str, bool]]:
    """Columns of runs.csv with the score of a class: (column, class, whether of pixels), those of pixels first."""
    if task == "binary":
        return [("val/jaccard", classes[-1], True)]
    each = [(name, metric) for name, metric in metrics.metrics_of(task).items() if metric.each_class is not None]
    found = [
        (f"val/{name}/{one}", one, metric.each_class == "all")
        for name, metric in each
        for one in (classes if metric.each_class == "all" else classes[1:])
    ]
    return sorted(found, key=lambda one: not one[2])


def _means(results: StudyResults, cell: str, column: str) -> dict[str, Any]:
    """The score's means over the runs of a cell, and over the cells of the design."""
    usable = results.runs[results.runs["usable"] & (results.runs["role"] != "ensemble")]
    scores = pd.to_numeric(usable[column], errors="coerce") if column in usable else pd.Series(np.nan, usable.index)
    own = scores[usable["cell"] == cell].dropna()
    cells = scores[results.design.loc[usable.index]].groupby(usable["cell"]).mean().dropna()
    return {
        "column": column,
        "best": own.mean() if len(own) else None,
        "best_sd": own.std() if len(own) > 1 else None,
        "best_n": len(own),
        "all": cells.mean() if len(cells) else None,
        "all_n": len(cells),
    }


def _pixels(results: StudyResults, cell: str, classes: Sequence[str]) -> np.ndarray | None:
    """int64 (C, C) of a cell, class of the ground truth by predicted class; None if it is not among confusions.csv."""
    table = results.confusions
    if table is None or not (own := table[(table["cell"] == cell) & table["class"].isin(classes)]).shape[0]:
        return None
    index = {name: i for i, name in enumerate(classes)}
    pixels = np.zeros((len(classes), len(classes)), np.int64)
    pixels[own["class"].map(index), own["predicted"].map(index)] = own["pixels"]
    return pixels


def _pixels_by_class(results: StudyResults, cell: str, classes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What a cell's pixels say of each class, of which a pixel has one; empty if none were counted."""
    pixels = _pixels(results, cell, classes)
    if pixels is None:
        return {}
    return {name: _pixel_scores(pixels, i) | _most_confused_with(pixels, i, classes) for i, name in enumerate(classes)}


def _pixels_by_label(results: StudyResults, cell: str, labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What a cell's pixels say of each label by itself; labels that were not counted are left out."""
    pixels = {name: _pixels(results, cell, label_pair(name)) for name in labels}
    return {name: _pixel_scores(own, 1) for name, own in pixels.items() if own is not None}


def _pixel_scores(pixels: np.ndarray, i: int) -> dict[str, Any]:
    """What the pixels of the best setting say of a class."""
    true, called, right = pixels[i].sum(), pixels[:, i].sum(), pixels[i, i]
    return {
        "pixels": int(true),
        "share": true / pixels.sum() if pixels.sum() else None,
        "recall": right / true if true else None,
        "precision": right / called if called else None,
    }


def _most_confused_with(pixels: np.ndarray, i: int, classes: Sequence[str]) -> dict[str, Any]:
    """The class that most missed pixels of a class are taken for; empty if none is missed."""
    missed = pixels[i].copy()
    missed[i] = 0
    return (
        {"confused_with": classes[int(missed.argmax())], "confused": missed.max() / pixels[i].sum()}
        if missed.any()
        else {}
    )
