"""The plan of a study, made from its design, its runs and their segments."""

from collections.abc import Collection
from typing import Any

from segsweep.config.keep import Keep
from segsweep.config.load import Loaded
from segsweep.planning.grid import Cell, Design
from segsweep.planning.measured_models import ModelOf
from segsweep.planning.plan_file import LAST_EPOCH, RETRAIN, PlannedCell, PlannedRun, SegmentPlan, StudyPlan
from segsweep.planning.runs import Plan, Run, Segment
from segsweep.planning.study_training import StudyTraining
from segsweep.store.segment_record import selection_key


def study_plan(
    loaded: Loaded,
    design: Design,
    plan: Plan,
    training: StudyTraining,
    select_again: Collection[str] = (),
    model_of: ModelOf | None = None,
) -> StudyPlan:
    """The plan of a study.

    Args:
        loaded: the study as it was read.
        design: its cells, and how they came about.
        plan: its runs and segments.
        training: how its runs are trained.
        select_again: complete segments that train again, to keep the best epoch by the study's metric.
        model_of: gives the address of a cell's model, where models are measured.
    """
    cells: dict[str, Cell] = {}
    for run in plan.runs:
        cells.setdefault(run.cell.cell, run.cell)
    # Of a trial that was promoted, the run up to its last rung.
    longest = {run.key or run.run: run for run in sorted(plan.runs, key=lambda run: run.epochs)}
    segments = segment_plans(loaded, plan, training, select_again)  # first, as it asks for the folders of data
    return StudyPlan(
        study=loaded.study.model_dump(mode="json", by_alias=True),
        name=loaded.name,
        axes=design.axes,
        cells=[_cell(cell) for cell in cells.values()],
        runs=[_run(run) for run in plan.runs if longest[run.key or run.run] is run],
        segments=segments,
        study_file=str(loaded.document.path),
        smoke=loaded.smoke,
        dataset=training.dataset,
        data=sorted(training.prepared),
        prepared=training.prepared,
        names=design.names,
        coinciding=design.coinciding,
        epochs=plan.epochs,
        epochs_run_by_run=plan.epochs_run_by_run,
        code_files=training.code_files,
        model_costs={name: model_of(cell) for name, cell in cells.items()} if model_of else {},
    )


def segment_plans(
    loaded: Loaded, plan: Plan, training: StudyTraining, select_again: Collection[str] = ()
) -> dict[str, SegmentPlan]:
    """All that a job must know to train a segment, by its id."""
    common = {
        "metric": loaded.study.metric,
        "minimize": loaded.study.minimize,
        "metrics": loaded.study.metrics,
    }
    by_last_epoch = dict(zip(("metric", "minimize"), LAST_EPOCH, strict=True))
    selection = [selection_key(loaded.study.metric, loaded.study.minimize)]
    continued = {one.parent for one in plan.segments.values()}
    return {
        one.id: _segment(
            one,
            loaded.name,
            common
            | (by_last_epoch if one.run.role == RETRAIN else {})
            | training.segment(one)
            | {
                "selections": selection if one.id in select_again else [],
                "can_be_extended": _keeps_state(loaded.study.keep, one, one.id in continued),
            },
        )
        for one in plan.segments.values()
    }


def _keeps_state(keep: Keep, segment: Segment, is_continued: bool) -> bool:
    """Whether the complete state after a segment is kept; of an unfinished run it is, which a decision may promote."""
    if keep.state == "none":
        return is_continued or segment.last_epoch < segment.run.total_epochs
    return keep.state == "all" or segment.run.can_be_extended(segment.last_epoch)


def label(study: str, run: Run) -> str:
    """`unet_grid lr=5e-4 batch_size=16 seed=1`."""
    fold = ""
    if run.fold:
        fold = f" on {run.fold['within']}" if run.fold["index"] is None else f" fold={run.fold['index']}"
    return f"{study} {run.cell.label} seed={run.seed}{fold}"


def _cell(cell: Cell) -> PlannedCell:
    return PlannedCell(
        cell.cell, cell.label, cell.role, cell.round, cell.note, cell.expect, cell.settings, cell.resolved.dump
    )


def _run(run: Run) -> PlannedRun:
    return PlannedRun(
        run=run.run,
        key=run.key,
        cell=run.cell.cell,
        seed=run.seed,
        fold=run.fold["index"] if run.fold else None,
        round=run.cell.round,
        role=run.role,
        epochs=run.epochs,
        pruned=run.role == "trial" and run.epochs < run.total_epochs,
        segments=run.segments,
    )


def _segment(segment: Segment, study: str, facts: dict[str, Any]) -> SegmentPlan:
    run = segment.run
    return SegmentPlan(
        id=segment.id,
        label=label(study, run),
        seed=run.seed,
        fold=run.fold,
        first_epoch=segment.first_epoch,
        last_epoch=segment.last_epoch,
        total_epochs=run.total_epochs,
        parent=segment.parent,
        code_fingerprint=segment.phase.code,
        data_fingerprint=run.data,
        **facts,
    )
