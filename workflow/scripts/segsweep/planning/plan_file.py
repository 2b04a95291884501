"""The plan as the file plan.json holds it: all that jobs, tables and reports need to know of a study."""

from typing import Any

from segsweep.config.load import Loaded
from segsweep.planning.data_address import Prepared
from segsweep.planning.grid import Cell, Design
from segsweep.planning.runs import Plan, Run, Segment


def describe(loaded: Loaded, design: Design, plan: Plan, prepared: Prepared) -> dict[str, Any]:
    """The content of plan.json.

    Args:
        loaded: the study as it was read.
        design: its cells, and how they came about.
        plan: its runs and segments.
        prepared: the pictures that its settings need.
    """
    cells: dict[str, Cell] = {}
    for run in plan.runs:
        cells.setdefault(run.cell.cell, run.cell)
    # Of a trial that went on, the run up to its last rung.
    longest = {run.key or run.run: run for run in sorted(plan.runs, key=lambda run: run.epochs)}
    return {
        "study": loaded.study.model_dump(mode="json", by_alias=True),
        "name": loaded.name,
        "study_file": str(loaded.document.path),
        "smoke": loaded.smoke,
        "dataset": loaded.dataset.model_dump(mode="json"),
        "data": prepared.folders,
        "axes": design.axes,
        "names": design.names,
        "coinciding": design.coinciding,
        "epochs": plan.epochs,
        "epochs_run_by_run": plan.epochs_run_by_run,
        "cells": [_cell(cell) for cell in cells.values()],
        "runs": [_run(run) for run in plan.runs if longest[run.key or run.run] is run],
        "segments": describe_segments(loaded, plan, prepared),
    }


def describe_segments(loaded: Loaded, plan: Plan, prepared: Prepared) -> dict[str, Any]:
    """All that a job must know to train a segment, by its id."""
    common = {
        "dataset": loaded.dataset.model_dump(mode="json"),
        "metric": loaded.study.metric,
        "minimize": loaded.study.minimize,
    }
    return {one.id: _segment(one, loaded.name, prepared) | common for one in plan.segments.values()}


def describe_ensemble_inputs(loaded: Loaded, plan: Plan) -> dict[str, Any]:
    """What an ensemble's score depends on: it is scored again when this changes, not with every new plan."""
    cells = {run.cell.cell for run in plan.runs if run.role == "ensemble"}
    return {
        "ensemble": loaded.study.ensemble.model_dump(mode="json"),
        "smoke": loaded.smoke,
        "metric": loaded.study.metric,
        "segments": sorted({one for run in plan.runs if run.cell.cell in cells for one in run.segments}),
    }


def label(study: str, run: Run) -> str:
    """`unet_grid lr=5e-4 batch_size=16 seed=1`."""
    fold = f" fold={run.fold['index']}" if run.fold else ""
    return f"{study} {run.cell.label} seed={run.seed}{fold}"


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "cell": cell.cell,
        "label": cell.label,
        "role": cell.role,
        "round": cell.round,
        "note": cell.note,
        "expect": cell.expect,
        "settings": cell.settings,
        "train": cell.resolved.dump,
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "run": run.run,
        "key": run.key,
        "cell": run.cell.cell,
        "seed": run.seed,
        "fold": run.fold["index"] if run.fold else None,
        "round": run.cell.round,
        "role": run.role,
        "epochs": run.epochs,
        "pruned": run.role == "trial" and run.epochs < run.total_epochs,
        "segments": run.segments,
    }


def _segment(segment: Segment, study: str, prepared: Prepared) -> dict[str, Any]:
    run = segment.run
    data = prepared.folder_of(run.cell.resolved.sections["data"].dump)
    return {
        "id": segment.id,
        "label": label(study, run),
        "train": run.cell.resolved.dump | {"loss": segment.loss},
        "seed": run.seed,
        "fold": run.fold,
        "first_epoch": segment.first_epoch,
        "last_epoch": segment.last_epoch,
        "total_epochs": run.total_epochs,
        "parent": segment.parent,
        "can_be_prolonged": run.can_be_prolonged(segment.last_epoch),
        "data": data,
        "code_fingerprint": segment.code,
        "data_fingerprint": data.rpartition("-")[2],
    }
