"""Selections: by which metric an epoch is a run's best, and of which epochs the weights are kept."""

from typing import Any

from segsweep import metrics
from segsweep.config.train import Train
from segsweep.inference.batch_means import BatchMeans
from segsweep.planning.plan_file import SegmentPlan
from segsweep.store.best_epoch import Selections, read_epochs
from segsweep.store.segment_store import SegmentStore
from segsweep.training.run_state import RunState


def update_best(state: RunState, selections: Selections, row: dict[str, Any], segment: str) -> bool:
    """Note an epoch in the state where it is the best one so far; returns whether it is, for any selection.

    Args:
        row: "epoch" and the columns that the selections name.
        segment: that the epoch belongs to.
    """
    improved = False
    for key, (column, minimize) in selections.items():
        best = state.best.get(key)
        if metrics.improves(row[column], best and best["value"], minimize):
            state.best[key] = {"epoch": row["epoch"], "value": row[column], "segment": segment}
            improved = True
    return improved


def add_best(
    state: RunState, selections: Selections, segment: SegmentPlan, store: SegmentStore, kind: str, classes: list[str]
) -> bool:
    """Find the best epoch so far of selections that the state does not know, as after a change of the metric.

    Args:
        state: to be completed; its own rows and counts are those of the segment.
        segment: whose state it is.
        store: with the segments that it continues.
        kind, classes: of the data set.

    Returns:
        Whether it is known; not where an epoch of the segment was trained without measuring what is asked for.
    """
    missing = {key: selection for key, selection in selections.items() if state.best.get(key) is None}
    if not missing:
        return True
    measured_only = metrics.measured_in_batches(column for column, _ in missing.values())
    if any(column not in row for column in measured_only for row in state.rows):
        return False
    chain, parent = [(segment.id, state.rows, state.stacked_counts())], segment.parent
    while parent:
        chain.insert(0, (parent, *read_epochs(store, parent)))
        parent = store.record(parent).parent
    state.best |= dict.fromkeys(missing)
    for name, rows, counts in chain:
        values = {one: metrics.column(one, rows, counts, kind, classes) for one, _ in missing.values()}
        for i, row in enumerate(rows):
            here = {"epoch": int(row["epoch"])} | {one: values[one][i] for one in values}
            update_best(state, missing, here, name)
    return True


def kept_epochs(state: RunState, segment: str) -> set[int]:
    """The epochs of a segment that are the best one so far for some selection."""
    return {best["epoch"] for best in state.best.values() if best and best["segment"] == segment}


def are_written(state: RunState, segment: str, store: SegmentStore) -> bool:
    """Whether the weights of all best epochs of an unfinished segment lie in its folder."""
    names = (store.weights(segment, epoch).name for epoch in kept_epochs(state, segment))
    return all((store.part(segment) / name).exists() for name in names)


def drop_other_epochs(store: SegmentStore, segment: str, epochs: set[int]) -> None:
    """Remove the weights and counts of images of epochs that are no longer to be kept."""
    kept = {path(segment, epoch).name for epoch in epochs for path in (store.weights, store.image_counts)}
    for pattern in ("weights-*.pt", "images-*.npz"):
        for path in store.part(segment).glob(pattern):
            if path.name not in kept:
                path.unlink()


def steering_columns(selections: Selections, train: Train) -> list[str]:
    """The columns by which epochs are selected, the rate is reduced or the run ends."""
    monitors = [train.early_stopping.monitor] if train.early_stopping else []
    monitors += [train.scheduler.monitor] if train.scheduler.monitors else []
    return [column for column, _ in selections.values()] + [monitor for monitor in monitors if monitor]


def batch_means(
    segment: SegmentPlan, selections: Selections, train: Train, kind: str, classes: list[str]
) -> BatchMeans | None:
    """What measures the metrics of batches that the study names; None where it names none."""
    columns = metrics.measured_in_batches([*steering_columns(selections, train), *segment.also_measure])
    return BatchMeans([name.removeprefix("val/") for name in columns], kind, classes) if columns else None


def steering_scores(
    row: dict[str, Any], counts: metrics.Counts, selections: Selections, train: Train, kind: str, classes: list[str]
) -> dict[str, float]:
    """The scores of an epoch by which epochs are selected, the rate is reduced or the run ends: {"val/miou": ...}."""
    asked = steering_columns(selections, train)
    names = [column.removeprefix("val/") for column in asked if column not in row and column.startswith("val/")]
    scores = metrics.score(counts, kind, classes, only=names) if names else {}
    return {f"val/{name}": float(value) for name, value in scores.items()}
