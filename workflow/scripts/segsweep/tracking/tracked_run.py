"""A run as trackers are told of it: what it is, its epochs, how it ended."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segsweep.analysis.collect import add_scores, read_trained, status_of, summarise
from segsweep.data.classes import task_and_classes
from segsweep.formatting import value_in_words
from segsweep.planning.plan_file import RETRAIN, PlannedCell, PlannedRun, StudyPlan
from segsweep.statuses import FAILED
from segsweep.store.epoch_reports import REPORTS, Report, read_reports
from segsweep.store.lock import SILENCE_S
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore

# Of a run that has not ended.
WAITING, RUNNING, INTERRUPTED = "waiting", "running", "interrupted"
UNENDED = (WAITING, RUNNING, INTERRUPTED)
# Of a row of runs.csv, what a tracker is told of a run as a whole.
SUMMARY = ("best_epoch", "cost/train_seconds", "cost/peak_memory_mb", "cost/parameters", "cost/checkpoint_mb")


@dataclass(frozen=True)
class TrackedRun:
    """What a run is.

    Attributes:
        study, run, cell: names of the study, of the run within it, and of its cell.
        title: the run in words.
        varied: hyperparameters that the study varies, by dotted key: numbers as they are, all else in words.
        repeat: `seed`, and `fold` where there are folds.
        parameters: the complete training configuration, nested.
        tags: further facts: data set, role, segments, fingerprints.
        started: when it began, seconds since the epoch.
    """

    study: str
    run: str
    cell: str
    title: str
    varied: dict[str, Any]
    repeat: dict[str, Any]
    parameters: dict[str, Any]
    tags: dict[str, str]
    started: float

    def flat_parameters(self) -> dict[str, Any]:
        """All of `parameters`, `varied` and `repeat` by dotted key."""
        return dict(_flattened("", self.parameters)) | self.varied | self.repeat


@dataclass(frozen=True)
class Epoch:
    """The finite numbers of an epoch, by column of epochs.csv, and when it ended, seconds since the epoch."""

    epoch: int
    values: dict[str, float]
    ended: float


@dataclass(frozen=True)
class Outcome:
    """How a run ended, or where it stands.

    Attributes:
        status: as in runs.csv; or `waiting` (nothing is trained), `running`, `interrupted`.
        detail: what happened, in words.
        summary: numbers about the run as a whole: its best score as `best/<metric>`, and `SUMMARY`.
        ended: when, seconds since the epoch.
    """

    status: str
    detail: str = ""
    summary: dict[str, float] = field(default_factory=dict)
    ended: float = 0.0

    @property
    def tags(self) -> dict[str, str]:
        """`status`, and `detail` where there is something to say."""
        return {"status": self.status} | ({"detail": self.detail} if self.detail else {})

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self.status not in UNENDED

    @property
    def has_failed(self) -> bool:
        """Whether it ended, or stands still, without a score that counts."""
        return self.status in (*FAILED, INTERRUPTED)


def described(plan: StudyPlan, run: PlannedRun, cell: PlannedCell, epochs: list[Epoch]) -> TrackedRun:
    """What a run is; `epochs` are those that it has so far."""
    repeat = {"seed": run.seed} | ({} if run.fold is None else {"fold": run.fold})
    words = [cell.label, *(f"{name}={value}" for name, value in repeat.items())]
    segment = plan.segments[run.segments[-1]]
    tags = {
        "study": plan.name, "run": run.run, "cell": run.cell, "role": run.role, "segments": " ".join(run.segments),
        "dataset": segment.dataset.get("name", ""), "trainer": segment.trainer,
        "data_fingerprint": segment.data_fingerprint, "code_fingerprint": segment.code_fingerprint,
    }  # fmt: skip
    return TrackedRun(
        plan.name,
        run.run,
        run.cell,
        " ".join(filter(None, words)),
        {axis: _plain(value) for axis, value in cell.settings.items()},
        repeat,
        cell.train,
        {name: text for name, text in tags.items() if text},
        min((one.ended - one.values.get("seconds", 0.0) for one in epochs), default=0.0),
    )


def epochs_and_outcome(plan: StudyPlan, run: PlannedRun, store: SegmentStore) -> tuple[list[Epoch], Outcome]:
    """What a run has shown so far: the tables of a finished study say the same of it.

    Of a segment that trains now, there is what its trainer has reported; further scores follow when it is complete.

    Raises:
        InputError: a segment's files are unreadable.
    """
    records = store.records_of(run.segments)
    epochs, summary = _of_complete(plan, run, records, store) if records else ([], {})
    if records and (records[-1].status != "finished" or len(records) == len(run.segments)):
        ended = _or_now(store.complete.get(records[-1].id, 0.0))
        return epochs, Outcome(status_of(records, run), records[-1].detail, summary, ended)
    following = run.segments[len(records)]
    part = store.part(following)
    reports = [one for one in read_reports(part) if one["epoch"] > (epochs[-1].epoch if epochs else 0)]
    rows = [(int(one["epoch"]), _reported(one, run)) for one in reports]
    epochs += _timed(rows, _or_now(modified(part / REPORTS)))
    if time.time() - modified(store.lock(following)) < SILENCE_S:
        return epochs, Outcome(RUNNING)
    return epochs, Outcome(INTERRUPTED if part.is_dir() else WAITING, ended=epochs[-1].ended if epochs else 0.0)


def modified(path: Path) -> float:
    """When a file was last written, seconds since the epoch; 0 if there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _of_complete(
    plan: StudyPlan, run: PlannedRun, records: list[SegmentRecord], store: SegmentStore
) -> tuple[list[Epoch], dict[str, float]]:
    """The epochs of complete segments, and the summary of the run as far as they go."""
    trained = read_trained(plan, run, records, store)
    add_scores([trained], *task_and_classes(plan.dataset))
    curve = trained.curve
    row = summarise(curve, records, run, plan.metric, plan.minimize)
    summary = {name: float(row[name]) for name in SUMMARY if row.get(name) is not None}
    if row.get(plan.metric) is not None:
        summary[f"best/{plan.metric}"] = float(row[plan.metric])
    index = curve.header.index("epoch")
    rows = [
        (
            int(fields[index]),
            _numbers((name, float(text)) for name, text in zip(curve.header, fields, strict=True) if text),
        )
        for fields in curve.fields
    ]
    found: list[Epoch] = []
    for record in records:
        own = [one for one in rows if record.first_epoch <= one[0] <= record.last_epoch]
        found += _timed(own, _or_now(store.complete.get(record.id, 0.0)))
    return found, summary


def _or_now(seconds: float) -> float:
    """When something was written; now, where a segment was completed since it was read and its files have moved."""
    return seconds or time.time()


def _timed(rows: list[tuple[int, dict[str, float]]], end: float) -> list[Epoch]:
    """Epochs that were trained one after the other, the last one up to `end`."""
    found: list[Epoch] = []
    for epoch, values in reversed(rows):
        found.append(Epoch(epoch, values, end))
        end -= values.get("seconds", 0.0)
    return found[::-1]


def _reported(report: Report, run: PlannedRun) -> dict[str, float]:
    """The numbers of an epoch that trains now, without scores of images that the run is trained on."""
    told = report.items() if run.role != RETRAIN else ((n, v) for n, v in report.items() if not n.startswith("val/"))
    return _numbers(told)


def _numbers(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    return {name: value for name, value in pairs if name != "epoch" and math.isfinite(value)}


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else value_in_words(value)


def _flattened(prefix: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flattened(f"{prefix}.{name}" if prefix else str(name), inner)
    else:
        yield prefix, value
