"""Metrics: one file each, computed from what training counts, with numpy unless batches are counted.

A metric's file holds a class with its facts (see `segsweep.config.components.Metric`) and

    compute(counts, classes) -> {name: values}

`counts` are arrays with any leading axes (none for a split, epochs, or images), so one function serves all of them:

    masks   confusion     int64 (..., C, C): pixels by class of the ground truth and predicted class
    labels  labels        int64 (..., C, 2, 2): of each label the pixels without and with it in the ground truth, and
                          predicted
    text    words         int64 (..., 3): matched, ground truths, detections
    boxes   precision     float64 (..., 10, 101, K): at overlaps of 0.50 to 0.95 and recalls of 0 to 1, -1 where a class
                          does not occur; of a split only
            box_hits      int8 (..., D): the boxes found in an image, best first: 1 hit, 0 miss, -1 no further box
            box_labels    int16 (..., D): their classes, -1 no further box
            box_ground_truths  int64 (..., K): boxes of the ground truth; these three of images only

A metric that needs more than these has `own_counts`, and makes them of predictions: `count(predictions, batch)` gives
arrays with a leading axis of images, by name. It is computed by `evaluate_run` only.

A metric with `of_batches` is no function of the counts of a split, but the mean over its batches of what `compute`
makes of the counts of each; its `count(outputs, batch)` gives a tensor for a part of a batch, and tensors of parts add
up. Counts of batches are not kept: it is a column of epochs.csv, where the study that trained named the metric.

`classes` are the names of the classes that a score is about: all of the data set's, of a binary data set the foreground
alone, which is then the last row of the confusion. Where one image is scored by another formula than a split (words),
`compute_images` stands beside `compute`.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from math import isnan, nan
from typing import TYPE_CHECKING, Any

from segsweep import registry
from segsweep.config.components import Metric
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError

LOSS = "loss"
if TYPE_CHECKING:  # planning asks for names and directions, and must not import numpy
    import numpy as np

Counts = Mapping[str, "np.ndarray"]  # as above, by name


def use_own(names: Iterable[str]) -> None:
    """From here on, this process knows these metrics of own code and no others: those of the study it works on.

    Args:
        names: `my/score.py:gdice`, relative to the working folder; the metric is called `gdice`.

    Raises:
        InputError: there is no such function, or another metric has its name.
    """
    registry.name_plainly("metric", names)
    metrics_of.cache_clear()


@cache
def metrics_of(task: str) -> dict[str, type[Metric]]:
    """The metrics that data sets of a task have: its usual one, the other means, those of each class."""
    own = {name: metric for name, metric in registry.classes("metric").items() if task in metric.tasks}
    return dict(
        sorted(own.items(), key=lambda item: (task not in item[1].usual_of, item[1].each_class is not None, item[0]))
    )


def usual(task: str) -> str:
    """The metric by which a task is usually judged, without a split: `miou`."""
    return next(name for name, metric in metrics_of(task).items() if task in metric.usual_of)


def scored_classes(task: str, classes: Sequence[str]) -> list[str]:
    """The classes that scores are about, of all classes of a data set: of a binary one the foreground."""
    return list(classes[-1:] if task == "binary" else classes)


def names(task: str, classes: Sequence[str]) -> list[str]:
    """Names of all scores of a split that training counts or measures, without the split: `miou`, `iou/car`."""
    found = []
    for name, metric in metrics_of(task).items():
        if metric.of_splits and not metric.own_counts:
            found += [f"{name}/{one}" for one in _each(metric, classes)] if metric.each_class else [name]
    return found


def measured_in_batches(columns: Iterable[str]) -> list[str]:
    """The columns among some that are means over batches: only training measures them, where a study names them."""
    return [name for name in dict.fromkeys(columns) if (metric := metric_of(name)) and metric.of_batches]


def _each(metric: type[Metric], classes: Sequence[str]) -> Sequence[str]:
    return classes[1:] if metric.each_class == "objects" else classes


def improves(value: float, best: float | None, minimize: bool, min_delta: float = 0.0) -> bool:
    """Whether a value is better than the best one by more than `min_delta`. A NaN never is."""
    if isnan(value):
        return False
    if best is None:
        return True
    return (best - value if minimize else value - best) > min_delta


def is_loss(column: str) -> bool:
    """Whether a column is a loss or a part of it: `val/loss`, `train/loss_dice`."""
    split, _, name = column.partition("/")
    return split in ("train", "val") and name.startswith(LOSS)


def columns(task: str, classes: Sequence[str]) -> list[str]:
    """Columns that a study may name: the loss and all scores of the validation split."""
    return ["val/loss", *(f"val/{name}" for name in names(task, classes))]


def check(asked: Iterable[tuple[str, str]], task: str, classes: Sequence[str]) -> list[str]:
    """What is wrong with names of scores.

    Args:
        asked: (where it stands, column: `val/miou`, `val/loss`, `train/loss_dice`) each.
        task: of the data set.
        classes: all of the data set.

    Returns:
        A problem for each column that is neither a loss nor a score of the validation split.
    """
    allowed = columns(task, classes)
    return [
        f"{where}: data of the task {task} has no metric {asked_for!r}. {nearest(asked_for, allowed)}"
        for where, asked_for in asked
        if not is_loss(asked_for) and asked_for not in allowed
    ]


def score(
    counts: Counts, task: str, classes: Sequence[str], *, only: Iterable[str] | None = None, images: bool = False
) -> "dict[str, np.ndarray]":
    """Scores from counts, by name.

    Args:
        counts: as the head of this module says; all with the same leading axes.
        task: of the data set.
        classes: all of the data set, the background first where it has one.
        only: names of scores that are wanted (`miou`, `iou/car`); all if None.
        images: the leading axis is that of images, each scored by itself.

    Returns:
        float64, of the leading axes' shape; nan where there is nothing to score.
    """
    wanted = None if only is None else set(only)
    found: dict[str, Any] = {}
    for name, metric in metrics_of(task).items():
        if not (metric.of_images if images else metric.of_splits) or metric.of_batches:
            continue
        if metric.own_counts and metric.own_counts not in counts:
            continue
        if wanted is not None and not any(one.partition("/")[0] == name for one in wanted):
            continue
        module = registry.load(metric)
        compute = (getattr(module, "compute_images", None) if images else None) or module.compute
        found |= compute(counts, scored_classes(task, classes))
    return found if wanted is None else {name: values for name, values in found.items() if name in wanted}


def metric_of(column: str) -> type[Metric] | None:
    """The metric of a column (`val/iou/car`); None for a loss."""
    return registry.classes("metric").get(column.partition("/")[2].partition("/")[0])


def is_minimized(column: str) -> bool:
    """Whether lower is better in a column (`val/miou`, `val/loss_dice`): as the metric says, losses down."""
    metric = metric_of(column)
    return metric.direction == "minimize" if metric else is_loss(column)


def image_rows(images: Counts, task: str, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Scores of each image as rows {"image": name, "miou": ...}, from counts of images and their "names"."""
    scores = {name: values.tolist() for name, values in score(images, task, classes, images=True).items()}
    return [
        {"image": image} | {name: values[i] for name, values in scores.items()}
        for i, image in enumerate(images["names"].tolist())
    ]


def column(
    name: str, rows: Sequence[Mapping[str, Any]], counts: Counts, task: str, classes: Sequence[str]
) -> list[float]:
    """A column of a segment's epochs: of its epochs.csv where it stands there, else computed from its counts.

    Args:
        name: `val/miou`, `val/loss`, `train/loss`.
        rows: of epochs.csv; numbers may be texts, empty where there is none.
        counts: with a leading axis of the same epochs.
        task: of the data set; empty where a program of the user's own trained, which has no counts.
        classes: all of the data set.

    Raises:
        InputError: neither has it.
    """
    if not rows:
        return []
    if name in rows[0]:
        return [nan if row[name] in ("", None) else float(row[name]) for row in rows]
    split, _, metric = name.partition("/")
    if measured_in_batches([name]):
        raise InputError(f"{name} was not measured: only trainings of studies that name it measure it.")
    if split == "val" and counts and metric in names(task, classes):
        return score(counts, task, classes, only=[metric])[metric].tolist()
    if not task:  # a program of the user's own wrote the rows
        raise InputError(
            f"{name} is not measured: it is no column of the program's results. {nearest(name, list(rows[0]))} Name "
            "its column in `results.columns` of the study."
        )
    raise InputError(f"{name} is not measured: it is no column of epochs.csv, and no metric of the task {task}.")
