"""Which complete segments do not stand for a study's metric.

A metric decides which epoch of a run is its best one, whose weights a segment keeps. Under another metric a run stands
as long as its best epoch is one that was kept; where it is not, the segment that holds the epoch trains again, to the
same bits. So do all segments that did not measure a metric that only training can measure. They then keep what they
kept before as well, so that two studies never make each other's segments train.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from segsweep.errors import InputError
from segsweep.metrics import measured_in_batches
from segsweep.planning.plan_file import RETRAIN
from segsweep.planning.rerun_reasons import History
from segsweep.planning.runs import Run
from segsweep.store.best_epoch import best_of_run, read_epochs
from segsweep.store.segment_record import selection_key
from segsweep.store.segment_store import SegmentStore


@dataclass(frozen=True)
class Selection:
    """By what the best epoch of a run is chosen.

    Attributes:
        metric: a column: `val/miou`.
        minimize: whether lower is better.
        task, classes: of the data set.
        version: fingerprint of the code that computes the metric from counts; empty for a loss.
    """

    metric: str
    minimize: bool
    task: str
    classes: Sequence[str]
    version: str = ""

    @property
    def key(self) -> str:
        """How records name it: `max val/miou`."""
        return selection_key(self.metric, self.minimize)


def to_select_again(runs: Iterable[Run], store: SegmentStore, selection: Selection, history: History) -> dict[str, str]:
    """Complete segments that did not keep the best epoch of a run by a selection, and the reason in words.

    Counts are read of runs only whose records do not know the selection, once for each version of the metric.

    Args:
        runs: with their segments.
        store: of all segments.
        selection: of the study.
        history: what was checked before; what is checked now is noted.
    """
    found: dict[str, str] = {}
    for run in runs:
        if run.role == RETRAIN:  # no metric chooses its epoch
            continue
        last = run.segments[-1]
        complete = last in store.complete
        if complete and history.checked(run.run, last, selection.key) == selection.version:
            continue
        try:
            if without := unmeasured(run.segments, store, selection.metric):
                found |= dict.fromkeys(without, f"it did not measure {selection.metric}")
                continue
            if not complete:
                continue
            lost = _lost_epoch(run.segments, store, selection)
        except InputError:
            found |= dict.fromkeys(_damaged(run.segments, store), "its files are damaged")
            continue
        if lost is None:
            history.note_checked(run.run, last, selection.key, selection.version)
        else:
            found[lost] = f"the best epoch by {selection.metric} is another one"
    return found


def unmeasured(segments: Iterable[str], store: SegmentStore, column: str) -> list[str]:
    """Complete segments with epochs that were trained without measuring a column that only training can measure.

    Raises:
        InputError: a file of theirs cannot be read.
    """
    if not measured_in_batches([column]):
        return []
    there = [segment for segment in segments if segment in store.complete and store.rows(segment).is_file()]
    return [segment for segment in there if not all(row.get(column) for row in store.read_rows(segment))]


def _lost_epoch(segments: list[str], store: SegmentStore, selection: Selection) -> str | None:
    """The segment that trained a run's best epoch and did not keep it; None where it is kept, or there is none."""
    known = store.record(segments[-1]).best
    if selection.key in known:  # found while it was trained; in an earlier segment that knew another metric, perhaps
        best = known[selection.key]
    else:
        best = best_of_run(store, segments, selection.metric, selection.minimize, selection.task, selection.classes)
    if not best or store.weights(best["segment"], best["epoch"]).is_file():
        return None
    owner = best["segment"]
    return None if selection.key in store.record(owner).best else owner


def _damaged(segments: list[str], store: SegmentStore) -> list[str]:
    """Complete segments that cannot be read."""
    found = []
    for segment in (one for one in segments if one in store.complete):
        try:
            if store.record(segment).trained_epochs:
                read_epochs(store, segment)
        except InputError:
            found.append(segment)
    return found
