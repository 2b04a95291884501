"""A small program, the plan of its segments, and the job that trains one: for tests of what surrounds programs."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from segsweep.config.program import ProgramResults
from segsweep.execution.segment_job import run_job
from segsweep.planning.plan_file import SegmentPlan
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore
from tests.segments import segment_plan

# Counts from 1, appends to metrics.csv, keeps its state after each epoch; `act` is code that runs at the begin of one.
PROGRAM = """
import csv, json, os, signal, sys, time
from pathlib import Path

out, until, resume = Path(sys.argv[1]), int(sys.argv[2]), len(sys.argv) > 3
state = json.loads((out / "state.json").read_text()) if resume else {{"epoch": 0, "value": 0.0}}
for epoch in range(state["epoch"] + 1, until + 1):
    loss, iou = 1 / epoch, 50.0 + epoch
{act}
    state = {{"epoch": epoch, "value": state["value"] + epoch}}
    new = not (out / "metrics.csv").exists()
    with (out / "metrics.csv").open("a") as file:
        file.write("epoch,loss,iou,value\\n" * new + f"{{epoch}},{{loss}},{{iou}},{{state['value']}}\\n")
    (out / "state.json").write_text(json.dumps(state))
"""
RESULTS = {"columns": {"train/loss": "loss", "val/iou": {"column": "iou", "unit": "percent"}}}
COMMAND = f"{sys.executable} train.py {{out}} {{until}} {{resume:--resume}}"


def write_program(folder: Path, act: str = "") -> Path:
    """The program in a folder; `act` is Python that runs in each epoch, not indented."""
    path = folder / "train.py"
    lines = [f"    {line}" for line in act.splitlines()]
    path.write_text(PROGRAM.format(act="\n".join(lines)), encoding="utf-8")
    return path


def program_segment(folder: Path, *, first: int = 1, last: int = 3, total: int = 3, **program: Any) -> SegmentPlan:
    """The plan of a segment of the program in a folder; `program` is laid over what it is called with."""
    program["results"] = ProgramResults.model_validate(program.get("results", RESULTS)).model_dump(mode="json")
    usual = {
        "command": COMMAND, "environment": {}, "config": {"lr": 0.1}, "folder": str(folder),
        "checkpoint": "state.json", "keep": ["**"], "named": [],
    }  # fmt: skip
    parent = f"{'a' * 16}-{first - 1:04d}" if first > 1 else None
    plan = segment_plan(
        f"{'a' * 16}-{last:04d}", first_epoch=first, last_epoch=last, total_epochs=total, parent=parent,
        metric="val/iou", dataset={}, data="", trainer="command", program=usual | program,
    )  # fmt: skip
    return replace(plan, train={"lr": 0.1, "epochs": total, "on_oom": "skip"})


def train(folder: Path, *segments: SegmentPlan, **options: Any) -> tuple[list[int], str]:
    """The exit statuses of the jobs of some segments, and all that they say; the store is `folder`/segments."""
    plan = folder / f"plan-{len(list(folder.glob('plan-*')))}.json"
    plan.write_text(json.dumps({"segments": {one.id: one.to_json() for one in segments}}), encoding="utf-8")
    said: list[str] = []
    options = {"device": "cpu", "say": said.append} | options
    statuses = [run_job(plan, one.id, folder / "segments", **options) for one in segments]
    return statuses, "\n".join(said)


def record(folder: Path, segment: SegmentPlan) -> SegmentRecord:
    """What the store says of a segment."""
    return SegmentStore(folder / "segments").record(segment.id)


def rows(folder: Path, segment: SegmentPlan) -> list[dict[str, str]]:
    """The epochs.csv of a complete segment, but for the seconds."""
    found = SegmentStore(folder / "segments").read_rows(segment.id)
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found]
