"""A search as Optuna's storage: a journal that optuna-dashboard opens, also while the search runs.

A trial has its values, its score, and as intermediate values the study's metric after each epoch, means over its seeds
and folds. Of several objectives it has the values of all, and no intermediate ones, which Optuna has of one only. What
Optuna cannot hold as a choice (a section, a list) is there in words, `sgd(lr=0.1)`.

The journal follows from the step files and the store alone, and what comes later only adds lines at its end. So who
reads along finds more each time, and after an interruption the same lines are there.
"""

import json
import statistics
import warnings
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import TrialState, create_trial

from segsweep.config.search import Dimension
from segsweep.config.study import Study
from segsweep.disk_errors import refused_by_disk
from segsweep.io import regular, write_text
from segsweep.planning.plan_file import PlannedRun, StudyPlan
from segsweep.search.requests import trial_runs
from segsweep.search.results import read_result
from segsweep.search.space import Space, at_level, choice_name, levels, steps
from segsweep.search.step_files import State, Trial, awaited, step_file
from segsweep.search.trials import space_of
from segsweep.statuses import USABLE
from segsweep.store.segment_store import SegmentStore

JOURNAL = "optuna_journal.log"
STATES = {"pruned": TrialState.PRUNED} | dict.fromkeys(USABLE, TrialState.COMPLETE)
OF_TRIAL = ("status", "proposed", "bracket", "epochs", "trained", "best_epoch")
WORKER = "segsweep"  # who wrote a line; other programs write a random name
# Lines of others that change no trial: attributes of studies and trials, as the notes of optuna-dashboard.
NOTES = (2, 3, 8, 9)
TIMES = ("datetime_start", "datetime_complete")


def write_journal(states: list[State], plan: StudyPlan, store: SegmentStore, folder: Path) -> None:
    """Write the trials of a search, with what the store holds of their runs.

    Lines that are there stay, also notes of other programs. A journal of other trials is replaced.

    Args:
        states: of all decisions so far, in order.
        plan: of the study.
        store: of all segments.
        folder: of the step files, and of the journal.

    Raises:
        InputError: a segment cannot be read.
    """
    study = Study.model_validate(plan.study, by_alias=True, by_name=True)
    space = space_of(study, states[0]) if states else study.sweep.space
    lines = _Lines()
    trials = _Trials(lines, study, space, plan, store)
    before: State | None = None
    for state in states:
        trials.decide(before, state, step_file(folder, state["step"]).stat().st_mtime)
        before = state
    if before:
        trials.report_ended(before)
    file = folder / JOURNAL
    write_text(file, "".join(_continued(_lines_of(file), lines.texts())))


def _lines_of(file: Path) -> list[str]:
    """The lines of a journal; none where no file lies there, or one that cannot be read: it is written again."""
    try:
        text = regular(file).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        if refused_by_disk(error):
            raise
        return []
    return text.splitlines(keepends=True)


def _continued(there: list[str], own: list[str]) -> list[str]:
    """The lines that are there, and the rest of our own; our own alone where there are other trials.

    Times do not count: Snakemake touches a step file after its job, a copy of the folder may touch all.
    """
    try:
        entries = [json.loads(line) for line in there]
        ours = [_timeless(entry) for entry in entries if entry["worker_id"] == WORKER]
        only_notes = all(entry["op_code"] in NOTES for entry in entries if entry["worker_id"] != WORKER)
    except (ValueError, KeyError, TypeError, RecursionError):  # damaged
        return own
    same = ours == [_timeless(json.loads(line)) for line in own[: len(ours)]]
    return there + own[len(ours) :] if only_notes and same else own


def _timeless(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in TIMES}


class _Lines(BaseJournalBackend):
    """What Optuna's storage logs, in memory."""

    def __init__(self):
        self.logs: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Those from a number on."""
        return iter(self.logs[log_number_from:])

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Keep more of them."""
        self.logs += logs

    def texts(self) -> list[str]:
        """The lines of a file, without a trace of the process that logged them."""
        return [json.dumps(log | {"worker_id": WORKER}, separators=(",", ":")) + "\n" for log in self.logs]


class _Trials:
    """The trials of a search in Optuna's storage, as decisions let them begin, continue and end.

    Args:
        lines: what the storage logs.
        study: the study.
        space: its axes.
        plan, store: what was trained.
    """

    def __init__(
        self,
        lines: _Lines,
        study: Study,
        space: Space,
        plan: StudyPlan,
        store: SegmentStore,
    ):
        self.lines, self.study, self.space, self.plan, self.store = lines, study, space, plan, store
        self.distributions = {axis: _distribution(dimension) for axis, dimension in space.items()}
        self.planned: dict[str, PlannedRun] = {}
        for run in sorted(plan.runs, key=lambda run: run.epochs):
            self.planned[run.key] = run
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.storage = JournalStorage(lines)
        directions = plan.objectives or {plan.metric: "minimize" if plan.minimize else "maximize"}
        self.found = optuna.create_study(
            storage=self.storage, study_name=plan.name, directions=list(directions.values())
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self.found.set_metric_names(list(directions))
        self.ids: list[int] = []
        self.attributes: list[dict[str, Any]] = []
        self.epochs: list[int] = []  # those with an intermediate value
        self.ended: list[float] = []  # when a trial began, or its last segment was complete

    def decide(self, before: State | None, state: State, time: float) -> None:
        """A decision, made at `time` (seconds since the epoch) after the one before it."""
        earlier = before["trials"] if before else []
        looked_at = _looked_at(before) if before else []
        for trial in looked_at:
            self._report(trial)
        for trial in looked_at:
            self._update(state["trials"][trial["trial"]])
        for trial in state["trials"][len(earlier) :]:
            self._begin(trial, time)

    def report_ended(self, state: State) -> None:
        """What trials showed that the next decision waits for: the first ones, as far as they are trained."""
        for trial in _looked_at(state):
            if not self._report(trial):
                break

    def _begin(self, trial: Trial, time: float) -> None:
        attributes = {name: trial[name] for name in OF_TRIAL if trial.get(name) is not None}
        begun = create_trial(
            state=TrialState.RUNNING,
            params={axis: choice_name(self.space[axis], value) for axis, value in trial["values"].items()},
            distributions={axis: self.distributions[axis] for axis in trial["values"]},
            user_attrs=attributes,
        )
        begun.datetime_start = datetime.fromtimestamp(time)
        self.ids.append(self.storage.create_new_trial(self.found._study_id, begun))
        self.attributes.append(attributes)
        self.epochs.append(0)
        self.ended.append(time)

    def _report(self, trial: Trial) -> bool:
        """Add the curve up to the epochs that were granted; whether all of its runs are trained so far."""
        number, results = trial["trial"], []
        for one in trial_runs(self.study, trial):
            run = self.planned.get(one["key"])
            records = self.store.records_of(run.segments) if run else []
            if not records or (records[-1].status == "finished" and records[-1].last_epoch < one["epochs"]):
                return False
            results.append(read_result(self.plan, self.store, run, one["epochs"]))
        curves = [] if self.plan.objectives else [result["curve"] for result in results]  # Optuna has them of one only
        for epoch, value in _means(curves).items():
            if epoch > self.epochs[number]:
                self.storage.set_trial_intermediate_value(self.ids[number], epoch, value)
                self.epochs[number] = epoch
        self._describe(number, {"runs": [result["run"] for result in results]})
        self.ended[number] = max(self.ended[number], *(self.store.completed_at(one["segment"]) for one in results))
        return True

    def _update(self, trial: Trial) -> None:
        """What a decision made of a trial."""
        number = trial["trial"]
        self._describe(number, {name: trial[name] for name in OF_TRIAL if trial.get(name) is not None})
        if trial["status"] == "running":
            return
        state = STATES.get(trial["status"], TrialState.FAIL)
        objectives = self.plan.objectives
        values = [trial["objectives"][name] for name in objectives] if objectives else [trial["score"]]
        if objectives and None in values:  # Optuna has all of a trial, or none
            state = TrialState.FAIL
        has_values = state != TrialState.FAIL and None not in values
        self.storage.set_trial_state_values(self.ids[number], state, values if has_values else None)
        ended = datetime.fromtimestamp(self.ended[number], UTC)  # Optuna logs the present
        self.lines.logs[-1]["datetime_complete"] = ended.isoformat(timespec="microseconds")

    def _describe(self, number: int, attributes: dict[str, Any]) -> None:
        """Set the attributes that are new."""
        for name, value in attributes.items():
            if self.attributes[number].get(name) != value:
                self.storage.set_trial_user_attr(self.ids[number], name, value)
        self.attributes[number] = self.attributes[number] | attributes


def _looked_at(state: State) -> list[Trial]:
    """The trials that the decision after a state looks at; none after the search."""
    numbers = {run["trial"] for run in awaited(state)} if state["phase"] == "search" else ()
    return [trial for trial in state["trials"] if trial["trial"] in numbers]


def _distribution(dimension: Dimension) -> BaseDistribution:
    """What Optuna calls an axis."""
    if dimension.choices is not None:
        return CategoricalDistribution([choice_name(dimension, one) for one in levels(dimension)])
    low, high, step = dimension.low, dimension.high, dimension.step
    if step is not None:
        high = at_level(dimension, steps(dimension))  # Optuna warns of one that no step reaches
    if dimension.integer:
        return IntDistribution(int(low), int(high), log=dimension.log, step=int(step or 1))
    return FloatDistribution(low, high, log=dimension.log, step=step)


def _means(curves: Iterable[list[float | None]]) -> dict[int, float]:
    """The mean of curves after each epoch that all of them have a value of."""
    together = enumerate(zip(*curves, strict=False), 1)
    return {epoch: statistics.fmean(values) for epoch, values in together if None not in values}
