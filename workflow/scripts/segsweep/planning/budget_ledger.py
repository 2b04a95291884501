"""What a study has spent of its budget, what its trainings are expected to take, and which are left out because of it.

The planner writes down what it knows of the study's segments (`BudgetFile`); a job that is about to train looks up what
was completed since, and who trains at this moment, and either begins or writes down why it is left out. Of what nothing
is known yet, the first ones begin.

In results/<study>/:
    budget.json             what the planner knew, and what it left out
    left_out/<segment>.json what a job of this start, or of the last one, has left out
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, Self

from segsweep.config.budget import Budget
from segsweep.formatting import duration
from segsweep.hashing import short_hash
from segsweep.io import read_json_or_none, write_json
from segsweep.planning.plan_file import PlannedRun, SegmentPlan
from segsweep.planning.resources import resource_profile
from segsweep.store.epoch_reports import read_reports
from segsweep.store.lock import held_since
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore

BUDGET_FILE = "budget.json"
LEFT_OUT = "left_out"
GPU_HOURS, RUNS, UNTIL = "gpu_hours", "runs", "until"
HOUR_S = 3600.0
MALFORMED = (AttributeError, LookupError, TypeError, ValueError)  # what reading something else raises


@dataclass(frozen=True)
class LeftOut:
    """A segment that is not trained.

    Attributes:
        kind: the part of the budget that says so: `gpu_hours`, `runs` or `until`.
        why: in words.
        at: when that was found, seconds since the epoch.
    """

    kind: str
    why: str
    at: float


@dataclass(frozen=True)
class Length:
    """How much a segment trains: its epochs, and what decides how long one takes."""

    epochs: int
    like: str

    @classmethod
    def of(cls, segment: SegmentPlan) -> Self:
        """Of a planned segment."""
        return cls(segment.epochs, like(segment))


@dataclass
class BudgetFile:
    """The content of budget.json.

    Attributes:
        budget: the study's.
        ends: when `until` is, seconds since the epoch.
        seconds: what the study's complete segments took, by their ids.
        measured: longest seconds of an epoch, by what decides about them.
        missing: the others, by their ids.
        left_out: those of them that this start leaves out.
    """

    budget: Budget
    ends: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)
    missing: dict[str, Length] = field(default_factory=dict)
    left_out: dict[str, LeftOut] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Of a study's folder; None where it has no budget."""
        content = read_json_or_none(folder / BUDGET_FILE)
        try:
            content = {one.name: content[one.name] for one in fields(cls)}
            content["budget"] = Budget.model_validate(content["budget"])
            content["missing"] = {name: Length(**one) for name, one in content["missing"].items()}
            content["left_out"] = {name: LeftOut(**one) for name, one in content["left_out"].items()}
        except MALFORMED:  # there is none, or it is damaged: the next start writes it again
            return None
        return cls(**content)

    def write(self, folder: Path) -> None:
        """Into a study's folder."""
        write_json(folder / BUDGET_FILE, asdict(self) | {"budget": self.budget.model_dump()}, indent=None)


def like(segment: SegmentPlan | SegmentRecord) -> str:
    """Stands for what decides how long an epoch takes."""
    return short_hash(resource_profile(segment))


def left_out_by_jobs(folder: Path) -> dict[str, LeftOut]:
    """What jobs have left out, by segment."""
    return dict(_notes(folder / LEFT_OUT))


def _notes(folder: Path) -> Iterator[tuple[str, LeftOut]]:
    for path in sorted(folder.glob("*.json")):
        try:
            yield path.stem, LeftOut(**read_json_or_none(path))
        except MALFORMED:  # damaged: then the segment is missing, and the next start trains it
            continue


def read_left_out(folder: Path, store: SegmentStore) -> dict[str, LeftOut]:
    """The segments of a study that its budget has left out, and that are not complete; none without a budget."""
    file = BudgetFile.read(folder)
    if file is None:
        return {}
    found = file.left_out | left_out_by_jobs(folder)
    return {segment: one for segment, one in found.items() if not store.has(segment)}


def left_out_of(run: PlannedRun, left_out: Mapping[str, LeftOut]) -> LeftOut | None:
    """Why a budget left out a run, whose first segment it was says; None if it did not.

    Args:
        run: of the study.
        left_out: segments.
    """
    return next((left_out[one] for one in run.segments if one in left_out), None)


class Ledger:
    """What a study has spent at this moment, and what its trainings are expected to take.

    Args:
        file: what the planner knew; what is complete since is taken in.
        store: of all segments.
        clock: now, seconds since the epoch.
    """

    def __init__(self, file: BudgetFile, store: SegmentStore, clock: Callable[[], float] = time.time):
        self.file, self.store, self.clock = file, store, clock
        complete = [segment for segment in file.missing if segment not in file.seconds and store.has(segment)]
        self.take_in(complete)

    @classmethod
    def of(cls, folder: Path, store: SegmentStore) -> Self | None:
        """Of a study's folder; None where it has no budget."""
        file = BudgetFile.read(folder)
        return None if file is None else cls(file, store)

    def take_in(self, segments: Iterable[str]) -> None:
        """Take in complete segments."""
        for record in filter(None, map(self.store.record_or_none, segments)):
            seconds = self.file.seconds[record.id] = _finite(record.train_seconds)
            if record.trained_epochs and seconds:
                self.file.measured[like(record)] = max(
                    self.file.measured.get(like(record), 0.0), seconds / record.trained_epochs
                )

    @cached_property
    def _reports(self) -> dict[str, list[float]]:
        """Of segments that were begun, and are not complete, the seconds of each epoch that they have reported."""
        return {
            one: [_finite(report.get("seconds")) for report in read_reports(self.store.part(one))]
            for one in self.store.started
            if self._is_missing(one)
        }

    def _is_missing(self, segment: str) -> bool:
        return segment in self.file.missing and segment not in self.file.seconds

    @property
    def spent_s(self) -> float:
        """Seconds that the study's trainings took so far, those of unfinished ones included."""
        return sum(self.file.seconds.values()) + sum(map(sum, self._reports.values()))

    @property
    def mean_epoch_s(self) -> float | None:
        """Seconds of an epoch, the mean over what is known; None while nothing is."""
        known = list(self.file.measured.values())
        return sum(known) / len(known) if known else None

    def expected_s(self, segment: str, length: Length | None = None) -> float | None:
        """Seconds that a segment still takes; None while nothing is known of any.

        Those of the longest epoch measured of its like; else of those that it has trained; else of all others.
        """
        length = length or self.file.missing[segment]
        reported = self._reports.get(segment, [])
        own = sum(reported) / len(reported) if reported else None
        epoch_s = self.file.measured.get(length.like) or own or self.mean_epoch_s
        return None if epoch_s is None else epoch_s * max(0, length.epochs - len(reported))

    def under_way_s(self, before: tuple[float, str] | None = None) -> float:
        """Seconds that what trains at this moment still takes.

        Of what nothing is known, as much as it trains already.

        Args:
            before: count only what began before it: (seconds since the epoch, segment).
        """
        total = 0.0
        for segment in filter(self._is_missing, self.store.locked):
            since = held_since(self.store.lock(segment))
            if since is None or (before is not None and (since, segment) >= before):
                continue
            expected = self.expected_s(segment)
            total += max(0.0, self.clock() - since) if expected is None else expected
        return total

    @property
    def left_s(self) -> float | None:
        """Seconds of training that are left of `gpu_hours`; None without."""
        hours = self.file.budget.gpu_hours
        return None if hours is None else HOUR_S * hours - self.spent_s

    def is_over(self) -> bool:
        """Whether the time is over until which trainings run."""
        return self.file.ends is not None and self.clock() >= self.file.ends

    def refusal(self, expected_s: float | None, under_way_s: float = 0.0) -> LeftOut | None:
        """Why a training that takes so long may not begin; None if it may.

        Args:
            expected_s: seconds; None if nothing is known.
            under_way_s: seconds that others take which began before.
        """
        budget, now = self.file.budget, self.clock()
        if self.is_over():
            return LeftOut(UNTIL, f"the budget ended {budget.until}", now)
        if self.file.ends is not None and expected_s is not None and now + expected_s > self.file.ends:
            left = duration(self.file.ends - now)
            return LeftOut(UNTIL, f"it takes about {duration(expected_s)}, and the budget ends in {left}", now)
        left_s = self.left_s
        if left_s is not None:
            left_s -= under_way_s
            if left_s <= 0 or (expected_s is not None and expected_s > left_s):
                taken = f"{duration(self.spent_s)} of {duration(HOUR_S * budget.gpu_hours)} are spent"
                others = f", {duration(under_way_s)} are taken by what trains" if under_way_s else ""
                own = f", and it takes about {duration(expected_s)}" if expected_s is not None else ""
                return LeftOut(GPU_HOURS, f"{taken}{others}{own}", now)
        return None


class JobsBudget:
    """What a job that is about to train asks.

    Args:
        folder: results/<study>.
        file: what the planner knew.
        store: of all segments.
    """

    def __init__(self, folder: Path, file: BudgetFile, store: SegmentStore):
        self.folder, self.file, self.store = folder, file, store

    @classmethod
    def of(cls, folder: Path, store: SegmentStore) -> Self | None:
        """Of a study's folder; None where it has no budget."""
        file = BudgetFile.read(folder)
        return None if file is None else cls(folder, file, store)

    def over(self) -> bool:
        """Whether the time is over until which trainings run."""
        return self.file.ends is not None and time.time() >= self.file.ends

    def why_left_out(self, segment: str) -> LeftOut | None:
        """Why a segment is left out already; None if it is not."""
        return (self.file.left_out | left_out_by_jobs(self.folder)).get(segment)

    def refusal(self, segment: SegmentPlan, since: float) -> LeftOut | None:
        """Why a training may not begin, with those counted that began before it; None if it may.

        Args:
            segment: whose lock the job holds.
            since: when it took that.
        """
        if self.file.budget.gpu_hours is None and self.file.ends is None:
            return None  # runs are counted when the study is planned: nobody needs to look at what was trained since
        store = SegmentStore(self.store.root)  # as it is now
        ledger = Ledger(self.file, store)
        expected = ledger.expected_s(segment.id, Length.of(segment))
        return ledger.refusal(expected, ledger.under_way_s((since, segment.id)))

    def stopped(self, what: str) -> LeftOut:
        """Of a training that the end of the budget has stopped; `what` it came to."""
        return LeftOut(UNTIL, f"the budget ended {self.file.budget.until}: {what}", time.time())

    def leave_out(self, segment: str, found: LeftOut) -> None:
        """Write down that a segment is left out."""
        write_json(self.folder / LEFT_OUT / f"{segment}.json", asdict(found))


def _finite(seconds: float | None) -> float:
    """Seconds that were measured; none where nobody knows them."""
    return seconds if seconds is not None and isfinite(seconds) else 0.0


def shown(budget: Budget) -> dict[str, Any]:
    """What a person wrote of a budget."""
    return budget.model_dump(exclude_none=True)
