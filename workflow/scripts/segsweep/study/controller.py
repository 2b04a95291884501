"""What the Snakefile asks: which jobs there are, what they need, and how to say it in words.

The process that a person started plans (`Controller`); the jobs it starts on this machine or on a node parse the
Snakefile again and only read what was planned (`Node`). So what is missing may change while jobs run.
"""

import hashlib
import json
import os
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from segsweep.search.checks import complaints
from segsweep.search.files import read_steps, valid_steps
from segsweep.search.narrow import earlier_trials, narrowed, ranks_otherwise
from segsweep.search.wanted import folds_of

from .augmentations import read_augmentation
from .cluster import CLUSTER_FILE, Needs, check, submission
from .code import program_fingerprint, reached, readings, recall, tree_of
from .design import Cell, Design, lay_out, make_cell
from .files import parse
from .load import Loaded, Request, load
from .packs import pack_up, remembered
from .plan import Context, Plan, Run, cut, make_run
from .reasons import History
from .resolution import Resolver
from .settings import InputError
from .sources import data_fingerprint
from .store import MARKERS, STORE, Store, mark, split_id
from .words import epochs as epochs_in_words

RESULTS = Path("results")
OUTCOMES = RESULTS / "outcomes"
TREES = RESULTS / "code" / ".trees.json"
# The programs below the training: each runs again when its own code changes.
PROGRAMS = (
    "collect_results", "import_table", "tabulate_search", "score_ensemble", "analyze_study", "draw_pictures",
    "build_report", "predict_test",
)  # fmt: skip


class Node:
    """What a job on a node knows: the plan as the controller wrote it."""

    def __init__(self, request: Request, loaded: Loaded):
        self.request = request
        self.loaded = loaded
        self.study = loaded.study
        self.name = loaded.name
        self.folder = RESULTS / loaded.name
        self.plan_file = self.folder / "plan.json"
        self.panel_file = self.folder / "panel.json"
        self.study_file = loaded.document.path
        self.table_file = self.study_file.parent / self.study.table.file if self.study.table else None
        self.packs_file = self.folder / "packs.json"
        self.needs = Needs(request.cluster, None)

    @cached_property
    def packs(self) -> dict[str, list[str]]:
        """Segments that are trained in one job, by the name of the pack: all that jobs may still be asked for."""
        return read_json(self.packs_file) if self.packs_file.is_file() else {}

    @cached_property
    def packed(self) -> dict[str, str]:
        """Segment: its pack."""
        return {segment: name for name, pack in self.packs.items() for segment in pack}

    @property
    def settles(self) -> bool:
        """Whether a failed training is told apart from one that was interrupted, which is tried again."""
        return self.request.cluster is not None or self.request.pack > 1

    @property
    def submission(self) -> dict[str, Any]:
        """What all trainings ask Slurm for."""
        return submission(self.request.cluster)

    @cached_property
    def plan(self) -> dict[str, Any]:
        """The plan file's content."""
        return read_json(self.plan_file)

    def refresh(self) -> None:
        """Read the plan anew: a decision has added runs."""
        self.__dict__.pop("plan", None)

    @property
    def adaptive(self) -> bool:
        """Whether decisions are made while the study runs."""
        return any(part is not None for part in (self.study.sweep, self.study.confirm, self.study.ensemble))

    @property
    def earlier(self) -> Path | None:
        """Decisions of the study that narrows the space of this one."""
        narrow = self.study.sweep.narrow if self.study.sweep else None
        return RESULTS / self.name.replace(self.study.name, narrow.source, 1) / "sweep" if narrow else None

    @property
    def ensemble_in_words(self) -> str:
        """How models decide together: a change of it changes no training."""
        ensemble = self.study.ensemble
        votes = f", {ensemble.min_votes} votes needed" if ensemble and ensemble.min_votes else ""
        return f"{ensemble.method} of {ensemble.folds}{votes}, on {ensemble.score_on}" if ensemble else "the best run"

    def segment(self, segment: str) -> dict[str, Any]:
        """The description of a segment.

        Raises:
            InputError: the plan has no such segment.
        """
        if segment not in self.plan["segments"]:
            raise InputError(f"{self.plan_file} has no segment {segment}: start from the study again.")
        return self.plan["segments"][segment]

    def read_step(self, path: str) -> list[dict[str, Any]]:
        """The runs that a decision asks for."""
        self.refresh()
        return read_json(path)["wanted"]

    @staticmethod
    def is_last(path: str) -> bool:
        """Whether nothing is decided after this decision."""
        return read_json(path)["done"]

    def segments_of_study(self) -> list[str]:
        """The last segments of the runs that are planned from the start."""
        return list(dict.fromkeys(run["segments"][-1] for run in self.plan["runs"] if not run["key"]))

    def segments_of(self, wanted: list[dict[str, Any]]) -> list[str]:
        """The segments in which the runs that a decision asks for reach the epochs that it asks for."""
        runs = {run["key"]: run for run in self.plan["runs"]}
        return [
            next(one for one in runs[item["key"]]["segments"] if split_id(one)[1] >= item["epochs"]) for item in wanted
        ]


class Controller(Node):
    """Plans the study and writes the plan down."""

    def __init__(self, request: Request, loaded: Loaded, *, dry: bool = False):
        """`dry`: only look. Jobs of the study may be running, and read what was planned for them."""
        super().__init__(request, loaded)
        self.dry = dry
        self.store = Store(STORE)
        if request.cluster is not None:
            check(request.cluster)
            self.needs = Needs(request.cluster, self.store)
        recall(TREES)
        for program in PROGRAMS:
            write_if_changed(RESULTS / "code" / f"{program}.txt", program_fingerprint(program))
        if loaded.study.table is not None:
            self.cut, self.design = Plan([], {}), Design([], list(loaded.study.table.axes))
            return
        self._files = data_fingerprint(
            loaded.dataset, loaded.root, RESULTS / "data" / f".{loaded.dataset.name}.files.json"
        )
        self._augmentation = lru_cache(self._read_augmentation)
        self._prepared: dict[str, str] = {}
        self.context = Context(
            loaded.name, loaded.dataset.task, loaded.study.metric, loaded.study.minimize, self._data, self._augmentation
        )
        self.design: Design = lay_out(loaded.study, loaded.base, loaded.place)
        self.resolver = Resolver(loaded.base, lambda keys: loaded.place(("train", *keys)))
        self.runs = [
            make_run(cell, seed, self.context, fold=fold)
            for cell in self.design.cells
            for seed in loaded.study.seeds
            for fold in folds_of(loaded.study)
        ]
        self._wanted: dict[tuple[str, int], Run] = {}
        self.decided = False  # whether nothing is left to decide
        self.history = History(self.folder / "history.json", loaded.dataset.task, self._data)
        self._decisions()
        self.write()
        self._pack()
        write_if_changed(TREES, readings())

    def forget_outcomes(self) -> None:
        """Remove what jobs of an earlier start left unread: the store says what there is."""
        for segment in self.cut.segments:
            for name in (segment, f"{self.packed.get(segment)}/{segment}"):
                (OUTCOMES / name).unlink(missing_ok=True)

    def _pack(self) -> None:
        """Put what is missing into packs; what decisions ask for later is trained segment by segment."""
        missing = self.missing() if self.request.pack > 1 else []
        self.__dict__["packs"] = pack_up({one: self.cut.segments[one].parent for one in missing}, self.request.pack)
        if missing:
            write_if_changed(self.packs_file, remembered(self.packs_file, self.packs, self.store.complete))

    def write(self) -> None:
        """Cut all runs into segments, make the markers agree with the store, and write the plan if it changed."""
        self.cut: Plan = cut([*self.runs, *self._wanted.values()], self.store)
        write_if_changed(self.history.path, self.history.remember(self.cut, self.store))
        mark(self.store, set(self.cut.segments), MARKERS)
        self.__dict__["plan"] = self._as_json()
        if not (self.dry and self.plan_file.is_file()):
            write_if_changed(self.plan_file, json.dumps(self.plan))
        if self.study.ensemble:
            write_if_changed(self.panel_file, json.dumps(self._panel(), indent=1))

    def read_step(self, path: str) -> list[dict[str, Any]]:
        """The runs that a decision asks for, which become part of the plan."""
        wanted = read_json(path)["wanted"]
        if self._want(wanted):
            self.store = Store(STORE)
            self.write()
        return wanted

    def missing(self) -> list[str]:
        """Planned segments that the store does not hold."""
        return [segment for segment in self.cut.segments if segment not in self.store.complete]

    def _wanted_run(self, one: dict[str, Any]) -> Run:
        known = {cell.cell: cell for cell in self.design.cells}
        if one.get("cell") in known:
            return self._run_of(known[one["cell"]], one)
        changes = one["set"]
        axes = self.design.axes or list(changes)
        cell = make_cell(
            self.resolver, changes, axes, lambda keys: self.loaded.place(("sweep", "space", *keys)), role=one["role"]
        )
        number = f"trial {one['trial']}" if one.get("trial") is not None else "best"
        names = self.design.names
        settings = {axis: cell.settings[axis] for axis in names} if names else cell.settings
        shown = " ".join(f"{names.get(axis, axis)}={_rounded(value)}" for axis, value in settings.items())
        cell = Cell(
            **{**cell.__dict__, "settings": settings, "label": f"{number} {shown}".strip(), "role": one["role"]}
        )
        return self._run_of(cell, one)

    def _run_of(self, cell: Cell, one: dict[str, Any]) -> Run:
        return make_run(
            cell,
            one["seed"],
            self.context,
            fold=one["fold"],
            epochs=one["epochs"],
            total_epochs=one["total_epochs"],
            key=one["key"],
            role=one["role"],
        )

    def _want(self, wanted: list[dict[str, Any]]) -> bool:
        """Add runs that a decision asks for; whether there were new ones.

        A trial is wanted up to one rung after the other: each is a run of its own here, and so a cut.
        """
        new = {(one["key"], one["epochs"]): one for one in wanted if (one["key"], one["epochs"]) not in self._wanted}
        self._wanted |= {place: self._wanted_run(one) for place, one in new.items()}
        return bool(new)

    def _decisions(self) -> None:
        """Add the runs of all decisions that were made so far; remove decisions that no longer hold."""
        if not self.adaptive:
            return
        if wrong := complaints(self.study, self.loaded.place):
            raise InputError(*wrong)
        folder = self.folder / "sweep"
        states = read_steps(folder)
        holding = valid_steps(self.study, states, self._planned_segments, self._lineage(bool(states)))
        for state in states[:holding]:
            self._want(state["wanted"])
        self.decided = holding > 0 and states[holding - 1]["done"]
        for path in sorted(folder.glob("step_*.json"))[holding:]:
            if not self.dry:
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
            raise InputError(*(f"{place}: {complaint}" for complaint in error.complaints)) from None

    def _planned_segments(self, one: dict[str, Any]) -> list[str]:
        """Ids that segments of a wanted run may have: those of its stretches, wherever they are cut."""
        ends = range(1, one["epochs"] + 1)
        return [f"{stretch.hash}-{end:04d}" for stretch in self._wanted_run(one).stretches for end in ends]

    def _read_augmentation(self, name: str) -> str:
        return json.dumps(read_augmentation(name))  # its transforms: comments retrain nothing

    def _data(self, data: dict[str, Any]) -> str:
        """The prepared folder that a setting's data section needs; its name is the address of its content."""
        shape = {key: data[key] for key in ("image_size", "patches")}
        text = repr(shape)
        if text not in self._prepared:
            dataset = self.loaded.dataset
            outcome = {
                name: value for name, value in dataset.model_dump(mode="json").items() if _outcome(dataset, name)
            }
            code = prepared_code(dataset.reader, dataset.demo.kind if dataset.demo else "")
            digest = hashlib.sha256("\n".join([text, json.dumps(outcome, sort_keys=True), self._files, code]).encode())
            folder = RESULTS / "data" / f"{dataset.name}-{digest.hexdigest()[:12]}"
            description = {
                "dataset": dataset.model_dump(mode="json"),
                "root": str(self.loaded.root),
                "data": data,
                "fingerprint": digest.hexdigest()[:16],
            }
            write_if_changed(folder.with_name(folder.name + ".json"), json.dumps(description, indent=1))
            self._prepared[text] = str(folder)
        return self._prepared[text]

    def _as_json(self) -> dict[str, Any]:
        loaded = self.loaded
        dataset = loaded.dataset.model_dump(mode="json")
        cells: dict[str, Cell] = {}
        for run in self.cut.runs:
            cells.setdefault(run.cell.cell, run.cell)
        # Of a trial that went on, the run up to its last rung.
        runs = {run.key or run.run: run for run in sorted(self.cut.runs, key=lambda run: run.epochs)}
        return {
            "study": loaded.study.model_dump(mode="json", by_alias=True),
            "name": loaded.name,
            "study_file": str(loaded.document.path),
            "smoke": loaded.smoke,
            "dataset": dataset,
            "data": sorted(set(self._prepared.values())),
            "axes": self.design.axes,
            "names": self.design.names,
            "coinciding": self.design.coinciding,
            "epochs": self.cut.epochs,
            "epochs_run_by_run": self.cut.epochs_run_by_run,
            "cells": [
                {
                    "cell": cell.cell, "label": cell.label, "role": cell.role, "round": cell.round, "note": cell.note,
                    "expect": cell.expect, "settings": cell.settings, "train": cell.resolved.dump,
                }
                for cell in cells.values()
            ],
            "runs": [
                {
                    "run": run.run, "key": run.key, "cell": run.cell.cell, "seed": run.seed,
                    "fold": run.fold["index"] if run.fold else None, "round": run.cell.round, "role": run.role,
                    "epochs": run.epochs, "stopped": run.role == "trial" and run.epochs < run.total_epochs,
                    "segments": run.segments,
                }
                for run in self.cut.runs
                if runs[run.key or run.run] is run
            ],
            "segments": {
                segment.id: {
                    "id": segment.id,
                    "label": self.label(segment.run),
                    "train": segment.run.cell.resolved.dump | {"loss": segment.loss},
                    "seed": segment.run.seed, "fold": segment.run.fold,
                    "first_epoch": segment.first_epoch, "last_epoch": segment.last_epoch,
                    "total_epochs": segment.run.total_epochs, "parent": segment.parent,
                    "can_be_prolonged": segment.run.can_be_prolonged(segment.last_epoch),
                    "dataset": dataset,
                    "data": (data := self._data(segment.run.cell.resolved.sections["data"].dump)),
                    "code_fingerprint": segment.code,
                    "data_fingerprint": data.rpartition("-")[2],
                    "metric": loaded.study.metric, "minimize": loaded.study.minimize,
                }
                for segment in self.cut.segments.values()
            },
        }  # fmt: skip

    def _panel(self) -> dict[str, Any]:
        """What an ensemble's score depends on: it is scored again when this changes, not with every new plan."""
        cells = {run.cell.cell for run in self.cut.runs if run.role == "ensemble"}
        return {
            "ensemble": self.study.ensemble.model_dump(mode="json"),
            "smoke": self.loaded.smoke,
            "metric": self.study.metric,
            "segments": sorted({one for run in self.cut.runs if run.cell.cell in cells for one in run.segments}),
        }

    def label(self, run: Run) -> str:
        """`unet_grid lr=5e-4 batch_size=16 seed=1`."""
        fold = f" fold={run.fold['index']}" if run.fold else ""
        return f"{self.name} {run.cell.label} seed={run.seed}{fold}"

    def why(self, segment: str) -> str:
        """Why a segment must be trained."""
        one = self.cut.segments[segment]
        return self.history.why(one.run, one, self.store)

    def in_words(self, segment: str) -> str:
        """`unet_grid lr=5e-4 batch_size=16 seed=1, epochs 1-30 (shared with 2 more runs)`."""
        one = self.cut.segments[segment]
        shared = f" (shared with {one.others} more)" if one.others else ""
        return f"{self.label(one.run)}, {epochs_in_words(one.first_epoch, one.last_epoch)}{shared}"


def _rounded(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _outcome(settings, name: str) -> bool:
    return type(settings).model_fields[name].json_schema_extra["outcome"]


@lru_cache
def prepared_code(reader: str, kind: str) -> str:
    """Fingerprint of the code that reads and prepares a data set."""
    named = {"segsweep.data.preparation", f"segsweep.data.readers.{reader}"}
    if kind == "words":
        named.add("segsweep.data.words")
    text = "\n".join(f"{name}:{tree_of(name)}" for name in sorted(reached(tuple(named))))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_json(path: Path | str) -> Any:
    """A JSON file's content."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_if_changed(path: Path, text: str) -> None:
    """Write a file whole, and only if its content changes: its time means something to Snakemake."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)


def open_study(config: dict[str, Any], *, plans: bool, dry: bool = False) -> Node:
    """The study that the configuration names: planned anew (`dry`: only to look), or as it was planned for a job.

    Raises:
        InputError: something in the study, the data set or the configuration is wrong.
    """
    request = parse(
        Request,
        dict(config),
        lambda keys: CLUSTER_FILE if keys[:1] == ("cluster",) else "config/config.yaml or --config",
    )
    loaded = load(request)
    return Controller(request, loaded, dry=dry) if plans else Node(request, loaded)
