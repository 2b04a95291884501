"""Segments for tests of what works on plans and the store, without any training."""

import json
from pathlib import Path
from typing import Any

from segsweep.config.train import Train
from segsweep.planning.plan_file import PlannedCell, PlannedRun, SegmentPlan, StudyPlan
from segsweep.store.segment_record import SegmentRecord, split_id


def segment_plan(segment: str = "a" * 16 + "-0004", *, train: dict[str, Any] | None = None, **fields) -> SegmentPlan:
    """The plan of a segment of the data set `tiny`; fields are laid over it."""
    last = split_id(segment)[1]
    defaults = {
        "id": segment,
        "label": f"run {segment[0]}",
        "train": Train.model_validate(train or {}).model_dump(mode="json"),
        "seed": 0,
        "fold": None,
        "first_epoch": 1,
        "last_epoch": last,
        "total_epochs": last,
        "parent": None,
        "data": "results/data/tiny-0",
        "dataset": {"name": "tiny", "demo": None},
        "metric": "val/miou",
        "minimize": False,
    }
    return SegmentPlan(**(defaults | fields))


def segment_record(segment: str = "a" * 16 + "-0004", **fields) -> SegmentRecord:
    """The record of a segment that was trained for all its epochs; fields are laid over it."""
    last = split_id(segment)[1]
    defaults = {
        "id": segment,
        "label": f"run {segment[0]}",
        "status": "finished",
        "first_epoch": 1,
        "last_epoch": last,
        "epochs": last,
        "train": {"on_oom": "skip"},
        "train_seconds": 8.0,
    }
    return SegmentRecord(**(defaults | fields))


def write_segment(store: Path, segment: str, **fields) -> Path:
    """The folder of a complete segment, with nothing but its record."""
    folder = store / segment
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "segment.json").write_text(json.dumps(segment_record(segment, **fields).to_json()), encoding="utf-8")
    return folder


def study_plan(*segments: SegmentPlan, study: dict[str, Any] | None = None) -> StudyPlan:
    """The plan of a study each of whose runs is one segment, and each of whose cells is one run."""
    names = [one.label.rpartition(" ")[2] for one in segments]
    return StudyPlan(
        study={"metric": "val/miou", "minimize": False} | (study or {}),
        name="little",
        axes=[],
        cells=[PlannedCell(name, name) for name in names],
        runs=[PlannedRun(name, name, segments=[one.id]) for name, one in zip(names, segments, strict=True)],
        segments={one.id: one for one in segments},
    )
