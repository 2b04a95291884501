"""In which epoch a run is best: as records say, or from what its segments counted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from segsweep import metrics
from segsweep.config.program import ProgramResults
from segsweep.errors import InputError
from segsweep.programs.columns import range_remedy, renamed_rows
from segsweep.store.segment_store import REPAIR, SegmentStore
from segsweep.store.value_ranges import bounds, check_column, check_epochs, numbers

Selections = dict[str, tuple[str, bool]]  # "max val/miou": column, whether lower is better


def selections_of(keys: Iterable[str]) -> Selections:
    """Selections by their keys, "max val/miou" or "min val/loss"."""
    parts = {key: key.partition(" ") for key in keys}
    return {key: (column, direction == "min") for key, (direction, _, column) in parts.items()}


def read_epochs(
    store: SegmentStore, segment: str, results: ProgramResults | None = None
) -> tuple[list[dict[str, str]], Mapping[str, Any]]:
    """The rows of a segment's epochs.csv, and its counts with a leading axis of epochs (none if it has none).

    Args:
        store: of all segments.
        segment: a complete one.
        results: of a program of the user's own that trained it, by which its columns are called.

    Raises:
        InputError: a file cannot be read or holds what cannot be, or the two are not about the same epochs.
    """
    rows = store.read_rows(segment)
    if results is not None:
        rows = renamed_rows(rows, results)
    epochs = [row.get("epoch", "") for row in rows]
    record, own_loop = store.record(segment), results is None
    check_epochs(store.rows(segment), epochs, record.first_epoch, record.epochs, REPAIR, own_loop=own_loop)
    for name in rows[0] if rows else ():
        if bounds(name, own_loop=own_loop):
            file, remedy = store.rows(segment), REPAIR if results is None else range_remedy(name, results)
            values = numbers(file, name, rows, remedy)
            check_column(file, name, epochs, values, remedy, own_loop=own_loop)
    counts = store.read_counts(segment) if store.counts(segment).is_file() else {}
    for name, values in counts.items():
        if len(values) != len(rows):
            raise InputError(
                f"{store.counts(segment)}: {name} has {len(values)} epochs, epochs.csv has {len(rows)}. {REPAIR}"
            )
    return rows, counts


def best_of_run(
    store: SegmentStore,
    segments: Iterable[str],
    metric: str,
    minimize: bool,
    task: str,
    classes: Sequence[str],
    results: ProgramResults | None = None,
) -> dict[str, Any] | None:
    """Where a run is best, as far as it is trained: {"epoch", "value", "segment"}; None before it has a best epoch.

    Args:
        store: of all segments.
        segments: of the run, the first one first.
        metric, minimize: by which epochs are compared.
        task, classes: of the data set.
        results: of a program of the user's own that trained the run: its columns may have been called otherwise then.
    """
    best = None
    for record in store.records_of(segments):
        if results is None and (known := record.best_by(metric, minimize)):
            best = known
        elif record.trained_epochs:  # trained while the study had another metric
            rows, counts = read_epochs(store, record.id, results)
            values = metrics.column(metric, rows, counts, task, classes)
            for row, value in zip(rows, values, strict=True):
                if metrics.improves(value, best and best["value"], minimize):
                    best = {"epoch": int(row["epoch"]), "value": value, "segment": record.id}
    return best
