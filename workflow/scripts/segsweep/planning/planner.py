"""The process that a person started: it plans the study, and writes the plan down for the jobs that follow.

The jobs it starts, on this machine or on a node, parse the Snakefile again and only read the plan (`WorkerView`).
So what is missing may change while jobs run.
"""

import json
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

from segsweep.config.load import Loaded, Request, load
from segsweep.config.yaml_documents import parse
from segsweep.data.classes import class_table
from segsweep.errors import InputError
from segsweep.formatting import epochs as epochs_in_words
from segsweep.io import read_json, write_if_changed
from segsweep.planning.code_fingerprint import Code, readings
from segsweep.planning.data_address import DataAddresses
from segsweep.planning.data_fingerprint import pull_missing, read_seen, weights_fingerprint
from segsweep.planning.grid import Design, lay_out
from segsweep.planning.markers import MARKERS, mark
from segsweep.planning.overrides import Resolver
from segsweep.planning.packs import pack_up, remembered
from segsweep.planning.plan_content import label, study_plan
from segsweep.planning.plan_file import SegmentPlan
from segsweep.planning.remembered import Remembered
from segsweep.planning.requested_runs import Decided
from segsweep.planning.rerun_reasons import History, read_history
from segsweep.planning.resources import CLUSTER_FILE, Resources, check
from segsweep.planning.runs import Plan, cut, make_run, to_repeat
from segsweep.planning.selection import Selection, to_select_again
from segsweep.planning.study_context import context_of, metric_roots
from segsweep.planning.worker_view import RESULTS, WorkerView
from segsweep.search.checks import problems
from segsweep.search.decision_inputs import valid_steps
from segsweep.search.narrow import earlier_trials, narrowed, ranks_otherwise
from segsweep.search.requests import folds_of
from segsweep.search.step_files import read_steps
from segsweep.store.segment_store import STORE, SegmentStore

OUTCOMES = RESULTS / "outcomes"
LOCKS = Path(".snakemake") / "locks"  # names of the files that running Snakemakes make and read
WEIGHTS = RESULTS / "data" / ".weights.json"
TREES = RESULTS / "code" / ".trees.json"
# The programs below the training: each runs again when its own code changes.
PROGRAMS = (
    "collect_results", "import_table", "tabulate_search", "score_ensemble", "analyze_study", "draw_images",
    "build_report", "predict_test",
)  # fmt: skip


class Planner(WorkerView):
    """Plans the study and writes the plan down."""

    def __init__(self, request: Request, loaded: Loaded, *, only_look: bool = False, pull: bool = False):
        """
        Args:
            request: what a person asks for.
            loaded: the study.
            only_look: leave the plan as it is, as while another Snakemake works on the study: its jobs read it.
            pull: have DVC bring data that is not there.
        """
        super().__init__(request, loaded)
        self.only_look = only_look or any(path.startswith(f"{self.folder}/") for path in locked())
        self.store = SegmentStore(STORE)
        if request.cluster is not None:
            check(request.cluster)
            self.resources = Resources(request.cluster, self.store)
        self.code = Code(readings(TREES))
        for program in PROGRAMS:
            write_if_changed(RESULTS / "code" / f"{program}.txt", self.code.program_fingerprint(program))
        study = loaded.study
        if study.table is not None:
            self.cut, self.design = Plan([], {}), Design([], list(study.table.axes))
            return
        dataset = loaded.dataset
        self.file_hashes = Remembered(RESULTS / "data" / f".{dataset.name}.files.json", drop_unasked=True)
        self.weights_hashes = Remembered(WEIGHTS)
        self.seen_file = self.folder / "tracked_data.json"
        seen = read_seen(self.seen_file)
        if pull:
            pull_missing(dataset, loaded.root, seen)
        self.prepared = DataAddresses(dataset, loaded.root, RESULTS / "data", self.code, self.file_hashes, seen)
        weights = partial(weights_fingerprint, remembered=self.weights_hashes)
        context = context_of(study, dataset, self.code, self.prepared.address_of, weights)
        self.selection = Selection(
            study.metric,
            study.minimize,
            dataset.task,
            class_table(dataset).names,
            self.code.fingerprint(roots) if (roots := metric_roots(study.metric)) else "",
        )
        self.design: Design = lay_out(study, loaded.base, loaded.place)
        resolver = Resolver(loaded.base, lambda keys: loaded.place(("train", *keys)))
        self.runs = [
            make_run(cell, seed, context, fold=fold)
            for cell in self.design.cells
            for seed in study.seeds
            for fold in folds_of(study)
        ]
        self.nothing_left_to_decide = False
        self.decided = Decided(loaded, self.design, resolver, context)
        self.history = History(self.code, read_history(self.folder / "history.json"))
        self._read_decisions()
        self.write()
        self._write_coverage()
        if self.adaptive and not self.nothing_left_to_decide:
            # New at each start, in content too, as Snakemake looks at that of small files: see `left_to_decide`.
            write_if_changed(self.search_pending_file, f"{time.time_ns()}\n")
        self._pack()
        for hashes in (self.code.remembered, self.file_hashes, self.weights_hashes):
            hashes.save()
        if seen:
            write_if_changed(self.seen_file, json.dumps(seen, indent=1))

    def cut_runs(self) -> Plan:
        """The segments of all runs, with what the store has of them."""
        runs = [*self.runs, *self.decided.runs]
        self.left_out = {
            segment: f"ended out of memory, and on_oom is {run.cell.resolved.sections['on_oom'].dump} now"
            for run in runs
            for segment in to_repeat(run, self.store)
        }
        self.store.leave_out(self.left_out)
        plan = cut(runs, self.store)
        self.history.remember(plan, self.store)
        self.select_again = to_select_again(plan.runs, self.store, self.selection, self.history)
        if self.select_again:
            self.left_out |= self.select_again
            self.store.leave_out(self.select_again)
            plan = cut(runs, self.store)
        return plan

    def write(self) -> None:
        """Cut all runs into segments, make the markers agree with the store, and write the plan if it changed."""
        self.cut = self.cut_runs()
        write_if_changed(self.folder / "history.json", self.history.text())
        mark(self.store, set(self.cut.segments), MARKERS)
        self.__dict__["plan"] = study_plan(self.loaded, self.design, self.cut, self.prepared, self.select_again)
        if not (self.only_look and self.plan_file.is_file()):
            write_if_changed(self.plan_file, self.plan.text())
        if self.study.ensemble:
            write_if_changed(self.ensemble_inputs_file, json.dumps(self._ensemble_inputs(), indent=1))

    def _ensemble_inputs(self) -> dict[str, Any]:
        """What an ensemble's score depends on: it is scored again when this changes, not with every new plan."""
        cells = {run.cell.cell for run in self.cut.runs if run.role == "ensemble"}
        return {
            "ensemble": self.study.ensemble.model_dump(mode="json"),
            "smoke": self.loaded.smoke,
            "metric": self.study.metric,
            "segments": sorted({one for run in self.cut.runs if run.cell.cell in cells for one in run.segments}),
        }

    def read_step(self, path: str) -> list[dict[str, Any]]:
        """The runs that a decision asks for, which become part of the plan."""
        requested = read_json(path)["requested"]
        if self.decided.add(requested):
            self.store = SegmentStore(STORE)
            self.write()
        return requested

    def segment(self, segment: str) -> SegmentPlan:
        """The plan of a segment."""
        return self.plan.segments[segment]

    def missing(self) -> list[str]:
        """Planned segments that the store does not hold."""
        return [segment for segment in self.cut.segments if segment not in self.store.complete]

    def forget_outcomes(self) -> None:
        """Remove what jobs of an earlier start left unread: the store says what there is.

        What a Snakemake that still runs here waits for stays: another study's, or this one's until that one ends.
        """
        for name in {*self.cut.segments, *self.packs} - {Path(path).name for path in locked()}:
            outcome = OUTCOMES / name
            if outcome.is_dir():
                shutil.rmtree(outcome)
            else:
                outcome.unlink(missing_ok=True)

    def why(self, segment: str) -> str:
        """Why a segment must be trained."""
        return self.history.why(self.cut.segments[segment], self.store, self.left_out)

    def in_words(self, segment: str) -> str:
        """`unet_grid lr=5e-4 batch_size=16 seed=1, epochs 1-30 (shared with 2 more)`."""
        one = self.cut.segments[segment]
        shared = f" (shared with {one.others} more)" if one.others else ""
        return f"{label(self.name, one.run)}, {epochs_in_words(one.first_epoch, one.last_epoch)}{shared}"

    def _write_coverage(self) -> None:
        """Write down what tables are made of: all, or with `partial=true` the segments that are there by now.

        Tables are made anew when it changes. The times of markers cannot tell: they are no training's.
        """
        missing = self.missing()
        whole = not missing and (not self.adaptive or self.nothing_left_to_decide)
        there = sorted(set(self.cut.segments) - set(missing))
        write_if_changed(self.coverage_file, "\n".join(there if self.request.partial and not whole else ["all"]) + "\n")

    def _pack(self) -> None:
        """Put what is missing into packs; what decisions ask for later is trained segment by segment."""
        missing = self.missing() if self.request.pack > 1 else []
        self.__dict__["packs"] = pack_up({one: self.cut.segments[one].parent for one in missing}, self.request.pack)
        if missing:
            write_if_changed(self.packs_file, remembered(self.packs_file, self.packs, self.store.complete))

    def _read_decisions(self) -> None:
        """Add the runs of all decisions that were made so far; remove decisions that no longer hold."""
        if not self.adaptive:
            return
        if wrong := problems(self.study, self.loaded.place):
            raise InputError(*wrong)
        folder = self.folder / "sweep"
        states = read_steps(folder)
        holding = valid_steps(
            self.study, states, lambda one: self.decided.segments_of(one, self.store), self._lineage(bool(states))
        )
        for state in states[:holding]:
            self.decided.add(state["requested"])
        self.nothing_left_to_decide = holding > 0 and states[holding - 1]["done"]
        for path in sorted(folder.glob("step_*.json"))[holding:]:
            if not self.only_look:
                path.unlink()

    def _lineage(self, begun: bool) -> dict[str, Any] | None:
        """What narrows the study's space, from the earlier study as it is now; None where nothing does.

        A study that has `begun` keeps its space while the earlier one is gone, or searches anew.
        """
        if self.earlier is None:
            return None
        place = self.loaded.place(("sweep", "narrow", "from"))
        if wrong := ranks_otherwise(self.study, self.earlier.with_name("plan.json")):
            raise InputError(f"{place}: {self.earlier.parent.name}: {wrong}")
        try:
            return narrowed(self.study, earlier_trials(self.earlier))[1]
        except InputError as error:
            if begun:
                return None
            raise InputError(*(f"{place}: {problem}" for problem in error.problems)) from None


def locked() -> set[str]:
    """Files that Snakemakes which run in this folder make and read."""
    return {line for path in LOCKS.glob("*.lock") for line in path.read_text(encoding="utf-8").splitlines()}


def open_study(config: dict[str, Any], *, plans: bool, only_look: bool = False, pull: bool = False) -> WorkerView:
    """The study that the configuration names: planned anew, or as it was planned for a job. See `Planner`.

    Raises:
        InputError: something in the study, the data set or the configuration is wrong.
    """
    request = parse(
        Request,
        dict(config),
        lambda keys: CLUSTER_FILE if keys[:1] == ("cluster",) else "config/config.yaml or --config",
    )
    loaded = load(request)
    return Planner(request, loaded, only_look=only_look, pull=pull) if plans else WorkerView(request, loaded)
