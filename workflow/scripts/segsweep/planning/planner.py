"""The process that a person started: it plans the study in memory, without writing anything.

The jobs that it starts, on this machine or on a node, parse the Snakefile again and only read the plan (`WorkerView`)
that `PlanWriter` wrote. So what is missing may change while jobs run.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from segsweep import registry
from segsweep.analysis.last_errors import LOGS, LastErrors
from segsweep.config.load import Loaded, Request, load, load_right, load_smoke
from segsweep.config.objective_checks import named_costs
from segsweep.config.right_settings import right_settings
from segsweep.disk_errors import refusals_told
from segsweep.errors import InputError, Problems
from segsweep.formatting import epochs as epochs_in_words
from segsweep.hashing import short_hash
from segsweep.io import read_json
from segsweep.planning.budget_ledger import LeftOut
from segsweep.planning.budget_plan import BudgetPlan, in_order
from segsweep.planning.builtin_training import builtin_training
from segsweep.planning.code_fingerprint import Code, readings
from segsweep.planning.data_fingerprint import read_seen
from segsweep.planning.encoder_weights import Weights, not_fetched
from segsweep.planning.grid import Design, lay_out_right
from segsweep.planning.markers import marker, new_start
from segsweep.planning.measured_models import ModelOf, device_in_words, model_addresses
from segsweep.planning.own_components import OwnPart, own_parts
from segsweep.planning.packs import pack_up
from segsweep.planning.plan_content import label, study_plan
from segsweep.planning.plan_file import RANKED_ROLES, RETRAIN, SegmentPlan
from segsweep.planning.program_training import program_training
from segsweep.planning.requested_runs import Decided
from segsweep.planning.rerun_reasons import History, read_history
from segsweep.planning.resources import CLUSTER_FILE, Resources, check
from segsweep.planning.results_files import lacked_because_of_budget
from segsweep.planning.runs import Plan, Run, cut, make_run, not_continuable, to_repeat
from segsweep.planning.setting_checks import check_encoders
from segsweep.planning.study_context import component_roots
from segsweep.planning.study_training import StudyTraining
from segsweep.planning.table_check import check_table
from segsweep.planning.tried_settings import digest
from segsweep.planning.unplanned_segments import compare_unplanned
from segsweep.planning.worker_view import RESULTS, WorkerView
from segsweep.project_files import PACKAGE
from segsweep.search.allowance import decided_without, set_aside
from segsweep.search.checks import problems as problems_of_search
from segsweep.search.decision_inputs import basis_of, valid_steps
from segsweep.search.narrow import earlier_trials, narrowed, ranks_otherwise
from segsweep.search.requests import folds_of
from segsweep.search.step_files import Race, State, read_steps
from segsweep.store.lock import is_held
from segsweep.store.segment_store import STORE, SegmentStore
from segsweep.store.spare_files import are_ranked, weights_to_train_again

# What was read out of the package's own files: like Python's compiled files it follows from them, and lies with them.
DEFINITIONS = PACKAGE / "__pycache__" / "definitions.json"


class Planner(WorkerView):
    """A study as this process plans it, in memory: `PlanWriter` writes it down.

    Args:
        request: what a person asks for.
        loaded: the study.
        store: what is trained.
    """

    def __init__(self, request: Request, loaded: Loaded, store: SegmentStore):
        super().__init__(request, loaded)
        self.store = store
        self.code = Code(readings(DEFINITIONS))
        self.seen_file = self.folder / "tracked_data.json"
        self.training: StudyTraining | None = None  # of results made elsewhere there is none
        self.last_errors = LastErrors(store.root.parent / LOGS)
        self.left_out: dict[str, str] = {}  # complete segments that do not stand: why
        self.start = new_start()
        self.cut, self.design = Plan([], {}), Design([], [])
        self.own_parts: list[OwnPart] = []  # components of own code in its settings
        self.decisions = 0  # of those that were made, how many still hold
        self.outdated_steps: list[Path] = []  # the others
        self.nothing_left_to_decide = not self.adaptive
        self.begun_races: dict[str, Race] = {}  # as they stand after the last decision that holds
        self.budget: BudgetPlan | None = None
        if self.study.budget is not None:
            cluster = request.cluster
            on_gpu = None if cluster is None else cluster.has_gpu
            aside = 0 if self.study.budget.runs is None else set_aside(self.study)
            self.budget = BudgetPlan(self.study.budget, self.folder, on_gpu, set_aside=aside)

    def make_plan(self, problems: Problems | None = None, *, pull: bool = False) -> None:
        """Plan the study.

        Args:
            problems: what is known to be wrong with it.
            pull: have DVC bring data that is not there.

        Raises:
            InputError: something in the study, the data set or config/cluster.yaml is wrong: all of it that can be
                said before the study's data is looked at.
        """
        problems = Problems() if problems is None else problems
        if self.request.cluster is not None:
            problems.of(check, self.request.cluster)
        study, loaded = self.study, self.loaded
        if study.table is None:
            self._judge(problems, pull=pull)
        elif not problems:
            problems.of(check_table, self, loaded.location)
        problems.tell()
        if self.request.cluster is not None:
            ends = study.budget.ends if study.budget else None
            self.resources = Resources(self.request.cluster, self.store, ends)
        if study.table is not None:
            self.design = Design([], list(study.table.axes))
            return
        context = self.training.context
        self.own_parts = own_parts(self.design.settings)
        if self.request.check_components:
            self.tried = self.training.to_be_tried(self.design.settings)
        self.runs = [
            make_run(cell, seed, context, fold=fold)
            for cell in self.design.cells
            for seed in study.first_seeds
            for fold in folds_of(study)
        ]
        context.forget()  # decisions add few runs
        self.decided = Decided(loaded, self.design, context)
        known = read_history(self.history_file)
        self.history = History(context.code, known, data_in_words=self.training.data_in_words)
        if self.adaptive:
            self._read_decisions()
        self._cut()
        if wrong := self.training.problems(self.plan):
            raise InputError(*wrong)
        missing = self.missing()
        if pull and missing:
            self.training.pull()
        packed = sorted(missing, key=self.turns.__getitem__) if self.request.pack > 1 else []
        # What decisions ask for later is trained segment by segment.
        self.__dict__["packs"] = pack_up({one: self.cut.segments[one].parent for one in packed}, self.request.pack)

    def _judge(self, problems: Problems, *, pull: bool) -> None:
        """Lay out what is right of the study; what is wrong is added to the problems."""
        loaded = self.loaded
        self.design = self._laid_out(loaded, problems)
        problems.add(self.design.idle if not loaded.smoke else ())  # a smoke test has fewer levels
        if loaded.study.command is not None or loaded.dataset is not None:
            self.training = problems.of(self._training, loaded, pull=pull and not problems)
        if self.training is not None:
            problems.of(self.training.check, self.design.settings, loaded)
        elif loaded.study.command is None:
            problems.of(check_encoders, self.design.settings)
        if not problems and not loaded.smoke:  # all cells are there
            problems.add(self.training.unknown_names(self.design, loaded))
        if loaded.study.smoke and not loaded.smoke:
            self._judge_smoke_test(problems)

    def _judge_smoke_test(self, problems: Problems) -> None:
        """Add what is wrong with the study as a smoke test, and only so, to the problems."""
        of_smoke = Problems()
        planned = self.loaded
        loaded = load_smoke(self.request, planned.values, planned.document, planned.location, of_smoke)
        if loaded is not None:
            design = self._laid_out(loaded, of_smoke, each_level_once=True)
            if self.training is not None and loaded.dataset == planned.dataset:
                of_smoke.of(self.training.check, design.settings, loaded)
        problems.add(f"{one} It is so in the smoke test." for one in of_smoke if one not in problems)

    @staticmethod
    def _laid_out(loaded: Loaded, problems: Problems, *, each_level_once: bool = False) -> Design:
        """The cells of a study that are right."""
        study, location = loaded.study, loaded.location
        problems.add(problems_of_search(study, location))
        return lay_out_right(
            study, loaded.base, location, problems, smoke=loaded.smoke, each_level_once=each_level_once
        )

    def _training(self, loaded: Loaded, *, pull: bool) -> StudyTraining:
        """How the runs of a study are trained."""
        if loaded.study.command is not None:
            return program_training(loaded, RESULTS / "data")
        return builtin_training(loaded, self.code, RESULTS / "data", read_seen(self.seen_file), pull=pull)

    def _cut(self) -> None:
        """Cut all runs into segments: the plan as it is now."""
        runs = [*self.runs, *self.decided.runs]
        self.left_out = {
            segment: f"ended out of memory, and on_oom is {run.cell.resolved.sections['on_oom'].dump} now"
            for run in runs
            for segment in to_repeat(run, self.store)
        }
        self._leave_out(self.left_out, runs)
        self.history.remember(self.cut, self.store)
        select_again = self.training.to_select_again(self.cut.runs, self.store, self.history)
        if select_again:
            self._leave_out(select_again, runs)
        self._take_over_cut(runs, select_again)
        if let_go := self._lost_weights():
            self._leave_out(let_go, runs)
            self._take_over_cut(runs, select_again)
        if wrong := compare_unplanned(self.store, self.plan.segments):
            raise InputError(*wrong)
        if self.budget is not None and (wrong := self.budget.leaves_nothing(self.plan.segments)):
            raise InputError(f"{self.loaded.location(('budget',))}: {wrong}")

    def _lost_weights(self) -> dict[str, str]:
        """Segments of the best settings whose weights `keep` let go: why they train again."""
        if self.study.keep.best is None:
            return {}
        return weights_to_train_again(self.plan, self.store, self.folder, self.study.best_settings)

    def _take_over_cut(self, runs: list[Run], select_again: dict[str, str]) -> None:
        """Make the plan of the runs as they are cut now, and of what these cannot go on from."""
        while without_state := not_continuable(self.cut, self.store):
            self._leave_out(without_state, runs)
        self.__dict__["plan"] = study_plan(
            self.loaded, self.design, self.cut, self.training, select_again, self._model_of
        )
        self.__dict__.pop("plan_digest", None)
        self.__dict__.pop("turns", None)
        if self.budget is not None:
            self.budget.classify(self.cut, self.plan.segments, self.store)

    @cached_property
    def _model_of(self) -> ModelOf | None:
        """What gives the address of a cell's model, where the study names costs of models."""
        if not named_costs(self.study):
            return None
        return model_addresses(self.training.context, self.training.addresses.folder_of, device_in_words(self.request))

    def _leave_out(self, segments: dict[str, str], runs: list[Run]) -> None:
        """Cut the runs as if some complete segments were not there; `segments` are given with the reason."""
        self.left_out |= segments
        self.store.leave_out(segments)
        self.cut = cut(runs, self.store)

    def read_step(self, path: str) -> tuple[State, bool]:
        step = read_json(path)
        new = self.decided.add(step["requested"])
        if self.budget is not None:
            self.budget.take_as_decided(decided_without(step))
        if new:
            self.store = SegmentStore(self.store.root)
            self._cut()
        return step, new

    @cached_property
    def may_lose_weights(self) -> bool:
        """Whether the ranking that this start makes may put a setting first whose weights `keep` let go before."""
        if self.study.keep.best is None or self.request.partial:
            return False
        ranked = [run for run in self.plan.runs if run.role in RANKED_ROLES]
        return bool(self.missing()) or not self.nothing_left_to_decide or not are_ranked(ranked, self.plan, self.folder)

    def take_in_ranking(self) -> list[str]:
        """Plan again what the ranking that was made since lacks weights of: the segments that train because of it."""
        self.store = SegmentStore(self.store.root)
        if not self._lost_weights():
            return []
        self._cut()
        return self.missing()

    def segment(self, segment: str) -> SegmentPlan:
        return self.plan.segments[segment]

    def is_trained(self, segment: str) -> bool:
        """Whether a segment needs nothing more: it was complete when this process planned, or is since."""
        return segment in self.store.complete or os.path.exists(marker(self.start, segment))

    def is_settled(self, segment: str) -> bool:
        return segment in self.left_out_by_budget or self.is_trained(segment)

    @property
    def left_out_by_budget(self) -> dict[str, LeftOut]:
        """Planned segments that its budget leaves out from the start, and why."""
        return {} if self.budget is None else self.budget.left_out

    def missing(self) -> list[str]:
        """Planned segments that the store does not hold, and that are to be trained."""
        left_out = self.left_out_by_budget
        return [one for one in self.cut.segments if one not in self.store.complete and one not in left_out]

    @cached_property
    def weights_to_fetch(self) -> list[Weights]:
        """Named encoder weights that what is to be trained loads, and that are not known to be in the cache."""
        if self.study.train is None or self.request.partial:
            return []
        models = (self.plan.segments[one].train["model"] for one in self.missing())
        to_come = () if self.nothing_left_to_decide else (one.dump["model"] for one in self.design.settings)
        return not_fetched(chain(models, to_come))

    @property
    def goes_on_after_budget(self) -> bool:
        """Whether tables that were made when the budget had ended the study lack what is trained, or is going to be."""
        if self.budget is None:
            return False
        lacking = lacked_because_of_budget(self.folder / "missing.csv")
        runs = (run for run in self.cut.runs if run.run in lacking)
        return any(all(one not in self.left_out_by_budget for one in run.segments) for run in runs)

    @cached_property
    def turns(self) -> dict[str, int]:
        """By segment of a study with a budget: the place of the first run that needs it, in the order of the budget."""
        if self.budget is None:
            return dict.fromkeys(self.cut.segments, 0)
        found: dict[str, int] = {}
        for number, run in enumerate(in_order(self.cut.runs)):
            for segment in run.segments:
                found.setdefault(segment, number)
        return found

    def missing_by_cells(self, at_once: int) -> list[list[str]]:
        """The segments that cells lack, of so many cells together; none of a search."""
        cells: dict[str, list[str]] = {}
        for run in self.cut.runs if not self.adaptive else ():
            lacking = [one for one in run.segments if not self.is_settled(one)]
            if lacking:
                cells.setdefault(run.cell.cell, []).extend(lacking)
        left = list(cells.values())
        return [list(chain(*left[first : first + at_once])) for first in range(0, len(left), at_once)]

    @cached_property
    def plan_digest(self) -> str:
        """Stands for the whole plan: tables are made again when it changes."""
        return self.plan.digest()

    @cached_property
    def study_digest(self) -> str:
        """Stands for what a person wrote: what is drawn and reported depends on it besides the tables."""
        return short_hash((self.study.model_dump_json(), self.loaded.name))

    @cached_property
    def dataset_digest(self) -> str:
        """Stands for what a person wrote of the data set: the names of its classes are in its tables."""
        return short_hash(self.loaded.dataset.model_dump_json() if self.loaded.dataset else "")

    @property
    def has_own_components(self) -> bool:
        """Whether components of own code are to be tried before the first training."""
        return self.request.check_components and bool(self.own_parts or self.study.metrics)

    @cached_property
    def own_code_digest(self) -> str:
        """Stands for the components of own code: they are tried again when it changes."""
        metrics = [registry.find("metric", name) for name in self.study.metrics]
        components = [*(part.component for part in self.own_parts), *metrics]
        if not components:
            return ""
        roots = {root for component in components for root in component_roots(component)}
        settings = (f"{part.key} {part.component.model_dump_json()}" for part in self.own_parts)
        return short_hash((self.code.fingerprint(roots), *settings, *self.study.metrics))

    @cached_property
    def tried_digest(self) -> str:
        """Stands for what is tried without data before the first training, and how."""
        return short_hash((digest(self.tried) if self.tried else "", self.code_of("check_study")))

    @property
    def ensemble_digest(self) -> str:
        """Stands for what an ensemble's score depends on: it is not scored again with every new plan."""
        cells = {run.cell.cell for run in self.cut.runs if run.role == "ensemble"}
        segments = sorted({one for run in self.cut.runs if run.cell.cell in cells for one in run.segments})
        ensemble = self.study.ensemble.model_dump_json() if self.study.ensemble else ""
        return short_hash((ensemble, str(self.loaded.smoke), self.study.metric, *segments))

    @property
    def test_digest(self) -> str:
        """Stands for what scores on the test split depend on besides the ranking: the images are in `data`."""
        wish = self.study.test.model_dump_json() if self.study.test else ""
        again = sorted(run.segments[-1] for run in self.cut.runs if run.role == RETRAIN)
        return short_hash((wish, self.ensemble_digest, *again, *self.plan.data))

    @cached_property
    def coverage(self) -> str:
        """What tables are made of: `all`, or with `partial=true` what stands for the segments and decisions there are.

        Tables are made again when it changes. The times of files cannot tell: they are no training's.
        """
        there = self.cut.segments.keys() & self.store.complete.keys()
        if not self.request.partial or (len(there) == len(self.cut.segments) and self.nothing_left_to_decide):
            return "all"
        return short_hash((str(self.decisions), *sorted(there)))

    def code_of(self, program: str) -> str:
        own = [root for name in self.study.metrics for root in component_roots(registry.find("metric", name))]
        found = self.code.program_fingerprint(program)
        return short_hash((found, self.code.fingerprint(own))) if own else found

    def is_left_to_decide(self, number: int) -> bool:
        """Whether a decision was not made when this process planned, or no longer held."""
        return number >= self.decisions

    def remember_code(self) -> None:
        """Keep what was read out of the package's files, as Python does, so that the next start need not."""
        with suppress(OSError):  # a folder that may only be read
            self.code.remembered.save()

    def remember_trained(self) -> None:
        """Take in what was trained since."""
        self.store = SegmentStore(self.store.root)
        self.history.remember(self.cut, self.store)
        self.training.to_select_again(self.cut.runs, self.store, self.history)

    def why(self, segment: str) -> str:
        """Why a segment must be trained."""
        if segment in self.store.started and is_held(self.store.lock(segment)):
            return "is being trained now"
        if error := self.last_errors.of(segment):
            return f"failed ({error}), is tried again"
        return self.history.why(self.cut.segments[segment], self.store, self.left_out)

    def in_words(self, segment: str) -> str:
        """`unet_grid lr=5e-4 batch_size=16 seed=1, epochs 1-30 (shared with 2 more)`."""
        one = self.cut.segments[segment]
        shared = f" (shared with {one.others} more)" if one.others else ""
        return f"{label(self.name, one.run)}, {epochs_in_words(one.first_epoch, one.last_epoch)}{shared}"

    def _read_decisions(self) -> None:
        """Add the runs of all decisions that were made so far and still hold."""
        folder = self.folder / "sweep"
        states = read_steps(folder)
        self.decisions = valid_steps(
            self.study,
            states,
            lambda one: self.decided.segments_of(one, self.store),
            self._lineage(bool(states)),
            None if self.study.sweep else basis_of(f"{run.phases[-1].hash}-{run.epochs:04d}" for run in self.runs),
        )
        for state in states[: self.decisions]:
            self.decided.add(state["requested"])
            if self.budget is not None:
                self.budget.take_as_decided(decided_without(state))
        last = states[self.decisions - 1] if self.decisions else {"done": False}
        self.nothing_left_to_decide, self.begun_races = last["done"], last.get("races", {})
        self.outdated_steps = sorted(folder.glob("step_*.json"))[self.decisions :]

    def _lineage(self, begun: bool) -> dict[str, Any] | None:
        """What narrows the study's space, from the earlier study as it is now; None where nothing does.

        A study that has `begun` keeps its space while the earlier one is gone, or searches again.
        """
        if self.earlier is None:
            return None
        location = self.loaded.location(("sweep", "narrow", "from"))
        if wrong := ranks_otherwise(self.study, self.earlier.with_name("plan.json")):
            raise InputError(f"{location}: {self.earlier.parent.name}: {wrong}")
        try:
            return narrowed(self.study, earlier_trials(self.earlier))[1]
        except InputError as error:
            if begun:
                return None
            raise InputError(*(f"{location}: {problem}" for problem in error.problems)) from None


def open_study(config: Mapping[str, Any], *, plans: bool, pull: bool = False) -> WorkerView:
    """The study that a configuration names: as this process plans it, or for a job, as it was planned.

    `pull` has DVC bring data that is not there.

    Raises:
        InputError: something in the study, the data set or the configuration is wrong.
    """
    problems = Problems()

    def location(keys: tuple) -> str:
        return CLUSTER_FILE if keys[:1] == ("cluster",) else "config/config.yaml or --config"

    right = right_settings(Request, dict(config), location, problems)
    if right is None or not plans:
        problems.tell()
    request = right.settings
    return planned(request, pull=pull, problems=problems) if plans else WorkerView(request, load(request))


@refusals_told()
def planned(
    request: Request, loaded: Loaded | None = None, *, pull: bool = False, problems: Problems | None = None
) -> Planner:
    """A study as this process plans it. Nothing is written but the package's own cache (`Planner.remember_code`).

    Args:
        request: what a person asks for.
        loaded: the study, where it is loaded already.
        pull: have DVC bring data that is not there.
        problems: with the request.

    Raises:
        InputError: as `open_study`.
    """
    problems = Problems() if problems is None else problems
    loaded = loaded or load_right(request, problems)
    if loaded is None:
        problems.tell()
    study = Planner(request, loaded, SegmentStore(STORE))
    study.make_plan(problems, pull=pull)
    study.remember_code()
    return study
