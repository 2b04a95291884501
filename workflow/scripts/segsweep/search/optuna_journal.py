"""A search as Optuna's storage: a journal that optuna-dashboard opens, and `optuna.load_study` loads.

A trial has its values, its score, and as intermediate values the study's metric after each epoch, means over its seeds
and folds. What Optuna cannot hold as a choice (a section, a list) is there as JSON.
"""

import json
import statistics
import warnings
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from segsweep.config.search import Dimension
from segsweep.config.study import Study
from segsweep.planning.plan_file import StudyPlan
from segsweep.search.decisions import space_of
from segsweep.search.requests import trial_runs
from segsweep.search.results import gather
from segsweep.search.space import at_level, levels, steps
from segsweep.search.step_files import RequestedRun, State, Trial
from segsweep.statuses import USABLE
from segsweep.store.segment_store import SegmentStore

JOURNAL = "optuna_journal.log"
STATES = {"running": TrialState.RUNNING, "pruned": TrialState.PRUNED} | dict.fromkeys(USABLE, TrialState.COMPLETE)
OF_TRIAL = ("status", "batch", "bracket", "epochs", "trained", "best_epoch")


def write_journal(states: list[State], plan: StudyPlan, store: SegmentStore, file: Path) -> None:
    """Write the trials of a search, with what the store holds of their runs.

    Args:
        states: of all decisions so far, in order.
        plan: of the study.
        store: of all segments.
        file: the journal; one that is there is replaced.

    Raises:
        InputError: a segment cannot be read.
    """
    study = Study.model_validate(plan.study, by_alias=True, by_name=True)
    space = space_of(study, states[0]) if states else study.sweep.space
    distributions = {axis: _distribution(dimension) for axis, dimension in space.items()}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with TemporaryDirectory(dir=file.parent, prefix=".journal") as folder:
        written = Path(folder) / file.name
        storage = JournalStorage(JournalFileBackend(str(written)))
        direction = "minimize" if plan.minimize else "maximize"
        found = optuna.create_study(storage=storage, study_name=plan.name, direction=direction)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            found.set_metric_names([plan.metric])
        for trial in states[-1]["trials"] if states else []:
            runs = _trained(trial_runs(study, trial), plan, store)
            found.add_trial(_frozen(trial, runs, distributions, plan, store))
        written.replace(file)


def _distribution(dimension: Dimension) -> BaseDistribution:
    """What Optuna calls an axis."""
    if dimension.choices is not None:
        return CategoricalDistribution([_choice(one) for one in levels(dimension)])
    low, high, step = dimension.low, dimension.high, dimension.step
    if step is not None:
        high = at_level(dimension, steps(dimension))  # Optuna warns of one that no step reaches
    if dimension.integer:
        return IntDistribution(int(low), int(high), log=dimension.log, step=int(step or 1))
    return FloatDistribution(low, high, log=dimension.log, step=step)


def _choice(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else json.dumps(value, sort_keys=True)


def _trained(requested: list[RequestedRun], plan: StudyPlan, store: SegmentStore) -> list[RequestedRun]:
    """Those of a trial's runs that are in the store as far as they were requested."""
    planned = {run.key: run for run in plan.runs if run.key}
    there = []
    for one in requested:
        records = store.records_of(planned[one["key"]].segments) if one["key"] in planned else []
        if records and (records[-1].status != "finished" or records[-1].last_epoch >= one["epochs"]):
            there.append(one)
    return there


def _frozen(
    trial: Trial,
    runs: list[RequestedRun],
    distributions: dict[str, BaseDistribution],
    plan: StudyPlan,
    store: SegmentStore,
) -> FrozenTrial:
    """A trial as Optuna keeps it; without times where nothing of it is in the store."""
    results = list(gather(plan, store, runs).values())
    state = STATES.get(trial["status"], TrialState.FAIL)
    has_score = state in (TrialState.COMPLETE, TrialState.PRUNED)
    frozen = create_trial(
        state=state,
        value=trial["score"] if has_score else None,
        params={axis: _choice(value) for axis, value in trial["values"].items()},
        distributions={axis: distributions[axis] for axis in trial["values"]},
        intermediate_values=_means(result["curve"] for result in results),
        user_attrs={name: trial[name] for name in OF_TRIAL if trial.get(name) is not None}
        | {"runs": [result["run"] for result in results]},
    )
    if results:
        own = {run.run: run.segments for run in plan.runs}
        records = [one for result in results for one in store.records_of(own[result["run"]])]
        ended = max(store.complete[one.id] for one in records)
        frozen.datetime_start = datetime.fromtimestamp(ended - sum(one.train_seconds or 0.0 for one in records))
        if state.is_finished():
            frozen.datetime_complete = datetime.fromtimestamp(ended)
    return frozen


def _means(curves: Iterable[list[float | None]]) -> dict[int, float]:
    """The mean of curves after each epoch that all of them have a value of."""
    together = enumerate(zip(*curves, strict=False), 1)
    return {epoch: statistics.fmean(values) for epoch, values in together if None not in values}
