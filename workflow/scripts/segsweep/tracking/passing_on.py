"""Passes a study's runs on to one tracker, as far as they are new to it.

What a tracker holds of a run that has ended is noted in `passed_on.json` of its folder. All other runs are written
again by the next process that passes on: so whatever ends one, no epoch is in a tracker twice, and none is missing. A
run that has ended is written again as well when it has other epochs than noted, as after more of them were trained.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from segsweep.hashing import short_hash
from segsweep.io import read_json_or_none, write_json
from segsweep.planning.plan_file import PlannedCell, PlannedRun, StudyPlan
from segsweep.store.epoch_reports import REPORTS
from segsweep.store.segment_store import SegmentStore
from segsweep.tracking.tracked_run import Epoch, Outcome, described, epochs_and_outcome, modified

PASSED_ON = "passed_on.json"


class PassingOn:
    """What one tracker is told.

    Args:
        tracker: its module.
        folder: its own, results/<study>/trackers/<name>.
        destination: what says where it keeps things besides: a run that was passed on elsewhere is new.
    """

    def __init__(self, tracker: ModuleType, folder: Path, destination: Mapping[str, str]):
        self.tracker, self.folder = tracker, folder
        self.destination = short_hash(json.dumps(dict(destination), sort_keys=True))
        known = read_json_or_none(folder / PASSED_ON)  # of a damaged one all is passed on again
        self.passed_on: dict[str, str] = known if isinstance(known, dict) else {}
        self._open: dict[str, OpenRun] = {}
        self._seen: dict[str, tuple] = {}  # by run: what was there when it was last looked at

    def update(self, plan: StudyPlan, store: SegmentStore, *, last: bool) -> set[str]:
        """Pass on what is new, of runs that have begun.

        Args:
            plan: the study as it is planned now.
            store: the segments as they are now.
            last: whether nothing will follow: runs that have not ended are interrupted then, and trials that wait for
                their promotion are pruned.

        Returns:
            The names of the runs of which something was new.

        Raises:
            InputError: a segment cannot be read.
            Exception: whatever the tracker raises; `forget` then, and try again.
        """
        cells = {cell.cell: cell for cell in plan.cells}
        before = dict(self.passed_on)
        new: set[str] = set()
        try:
            for run in plan.runs:
                there = _there(run, store)
                if there and (last or self._seen.get(run.run) != there):
                    if self._pass_on(plan, run, cells[run.cell], store, last):
                        new.add(run.run)
                    self._seen[run.run] = there
        finally:
            if self.passed_on != before:
                write_json(self.folder / PASSED_ON, self.passed_on)
        return new

    def forget(self) -> None:
        """Begin again with all runs that have not ended: their logs may be broken."""
        self._open, self._seen = {}, {}

    def _pass_on(self, plan: StudyPlan, run: PlannedRun, cell: PlannedCell, store: SegmentStore, last: bool) -> bool:
        epochs, outcome = epochs_and_outcome(plan, run, store)
        if not epochs and not outcome.is_final:
            return False
        tracked = described(plan, run, cell, epochs)
        ends = last or (outcome.is_final and outcome.status != "pruned")
        content = short_hash(json.dumps([self.destination, *map(asdict, (tracked, outcome, *epochs))], sort_keys=True))
        if self.passed_on.get(run.run) == content:
            return False
        self.passed_on.pop(run.run, None)
        log = self._open.get(run.run)
        if log is None or log.contradicts(epochs, whole=ends):
            log = self._open[run.run] = OpenRun(self.tracker.begin(self.folder, tracked))
        is_new = log.add(epochs)
        if ends:
            log.end(outcome)
            del self._open[run.run]
            self.passed_on[run.run] = content
        return is_new or ends


class OpenRun:
    """A run that more epochs may follow of.

    Args:
        log: what the tracker's `begin` returned.
    """

    def __init__(self, log: Any):
        self.log = log
        self._passed: dict[int, dict[str, float]] = {}  # by epoch

    def contradicts(self, epochs: list[Epoch], *, whole: bool) -> bool:
        """Whether what was passed on was of another training: one that began again may come out otherwise.

        `whole` says that these are all epochs there will be; before, some may be missing for a moment.
        """
        now = {one.epoch: one.values for one in epochs}
        return any(
            (whole and name not in now.get(epoch, {}))
            or not math.isclose(value, now.get(epoch, {}).get(name, value), rel_tol=1e-9, abs_tol=1e-12)
            for epoch, values in self._passed.items()
            for name, value in values.items()
        )

    def add(self, epochs: list[Epoch]) -> bool:
        """Pass on the epochs, and the columns of earlier ones, that are new; whether there were any."""
        new = []
        for one in epochs:
            passed = self._passed.setdefault(one.epoch, {})
            values = {name: value for name, value in one.values.items() if name not in passed}
            if values:
                new.append(Epoch(one.epoch, values, one.ended))
                passed |= values
        if new:
            self.log.add(new)
        return bool(new)

    def end(self, outcome: Outcome) -> None:
        """Nothing more will come."""
        self.log.end(outcome)


def _there(run: PlannedRun, store: SegmentStore) -> tuple:
    """What there is of a run, as far as the names and times of files tell; empty where nothing is."""
    complete = tuple(one for one in run.segments if one in store.complete)
    started = tuple(
        (one, modified(store.part(one) / REPORTS), store.lock(one).exists())
        for one in run.segments
        if one in store.started
    )
    return (complete, started) if complete or started else ()
