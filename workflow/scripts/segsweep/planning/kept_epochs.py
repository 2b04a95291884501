"""Whether complete runs keep the weights of their best epoch, after the study's metric changed.

A training keeps the epochs that are the best ones by the metric that the study had then. By another metric a run's best
epoch follows from what its segments counted; only where that epoch was not kept, the segment trains again.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from segsweep.errors import InputError
from segsweep.planning.rerun_reasons import History
from segsweep.planning.runs import Run
from segsweep.store.segment_store import SegmentStore, selection_key


def not_kept(
    runs: Iterable[Run],
    store: SegmentStore,
    history: History,
    *,
    metric: str,
    minimize: bool,
    version: str,
    task: str,
    classes: Callable[[], Sequence[str]],
) -> dict[str, str]:
    """Complete segments that must train again to keep a best epoch, or that cannot be read: why, by their ids.

    Args:
        runs: of the study, with their segments.
        store: of segments.
        history: knows which runs were looked at already, and is told of those that are now.
        metric, minimize: by which epochs are compared.
        version: of the code that computes the metric.
        task, classes: of the data set; classes are asked for where scores are computed.
    """
    selection = selection_key(metric, minimize)
    found: dict[str, str] = {}
    for run in runs:
        last = run.segments[-1]
        if last not in store.complete:
            continue
        known = history.checked(run.run, last, selection)
        if known == version:
            continue
        if damaged := _damaged([last], store):
            found |= damaged
        elif known is None and selection in store.record(last).best:
            history.note_checked(run.run, last, selection, version)
        elif damaged := _damaged(run.segments, store, counts=True):
            found |= damaged
        else:
            best = _best(run, store, metric, minimize, task, classes())
            if best is None or store.weights(best["segment"], best["epoch"]).is_file():
                history.note_checked(run.run, last, selection, version)
            else:
                found[best["segment"]] = f"the best epoch by {metric} is another one"
    return found


def _damaged(segments: Iterable[str], store: SegmentStore, *, counts: bool = False) -> dict[str, str]:
    """Those whose files cannot be read: why they train again, by their ids."""
    found = {}
    for segment in segments:
        try:
            store.record(segment)
            if counts:
                store.read_rows(segment)
                if store.counts(segment).is_file():
                    store.read_counts(segment)
        except InputError as error:
            found[segment] = f"it is damaged ({error.problems[0].partition(' Remove ')[0].rstrip('. ')})"
    return found


def _best(
    run: Run, store: SegmentStore, metric: str, minimize: bool, task: str, classes: Sequence[str]
) -> dict[str, Any] | None:
    from segsweep.store.best_epoch import best_of_run  # numpy, which a start without such a change needs not wait for

    return best_of_run(store, run.segments, metric, minimize, task, classes)
