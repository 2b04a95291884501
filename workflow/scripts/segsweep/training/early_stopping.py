"""Comparing epochs: the best one, a plateau, when to stop. Plain values that a checkpoint can hold."""

from segsweep import registry
from segsweep.config.components import Schedule
from segsweep.config.train import EarlyStopping
from segsweep.errors import InputError
from segsweep.metrics import is_minimized
from segsweep.schedules.bad_epochs import count_bad_epochs
from segsweep.training.run_state import RunState


def value_of(row: dict, column: str, key: str) -> float:
    """A column of an epoch's row.

    Raises:
        InputError: the column named by the setting `key` is not measured.
    """
    if column not in row:
        measured = [name for name in row if name.startswith(("val/", "train/"))]
        raise InputError(f"{key}: `{column}` is not measured here; measured are {', '.join(measured)}")
    return row[column]


def after_epoch(
    state: RunState, row: dict, schedule: Schedule, stopping: EarlyStopping | None, metric: str, minimize: bool
) -> None:
    """Bring the state of the plateau and of early stopping up to date after an epoch.

    Both count alike: they act after `patience` epochs in a row of which none is better than the best one by more than
    `min_delta`. A column other than the study's metric is better in the direction that it has by itself: losses down,
    metrics as they say.
    """

    def lower_is_better(column: str) -> bool:
        return minimize if column == metric else is_minimized(column)

    if schedule.monitors:
        column = schedule.monitor or metric
        value = value_of(row, column, "scheduler.monitor")
        state.plateau = registry.load(schedule).after_epoch(schedule, state.plateau, value, lower_is_better(column))
    if stopping:
        column = stopping.monitor or metric
        value = value_of(row, column, "early_stopping.monitor")
        state.stopping = count_bad_epochs(state.stopping, value, lower_is_better(column), stopping.min_delta)


def should_end(state: RunState, stopping: EarlyStopping | None) -> bool:
    """Whether early stopping ends the run."""
    return stopping is not None and state.stopping["bad"] >= stopping.patience
