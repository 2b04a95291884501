"""What the Snakefile asks, answered from what is written down: a job on a node reads the plan, and makes none."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from segsweep.analysis.comparison import analysis_of
from segsweep.config.imported_table import table_files
from segsweep.config.load import Loaded, Request
from segsweep.execution.cuda import shows_gpu
from segsweep.io import read_json
from segsweep.planning.encoder_weights import Weights
from segsweep.planning.packs import read_packs
from segsweep.planning.plan_file import PLAN_FILE, SegmentPlan, StudyPlan, read_plan, read_segment
from segsweep.planning.resources import Resources, submission
from segsweep.planning.tried_settings import TriedStudy
from segsweep.search.racing import races_of
from segsweep.search.retraining import retrains
from segsweep.search.step_files import RequestedRun, State
from segsweep.store.model_costs import costs_file
from segsweep.store.segment_record import split_id
from segsweep.store.segment_store import STORE, SegmentStore

RESULTS = Path("results")


class WorkerView:
    """What a job on a node knows: the plan as the planner wrote it."""

    # What decides which jobs run is the planner's to know (`Planner`).
    plan_digest = study_digest = dataset_digest = ensemble_digest = test_digest = coverage = ""
    own_code_digest = tried_digest = ""
    has_own_components = False  # to be tried before the first training
    tried: TriedStudy | None = None  # what else is tried before it
    weights_to_fetch: Sequence[Weights] = ()  # before it, into the cache
    start = ""

    def __init__(self, request: Request, loaded: Loaded):
        self.request = request
        self.loaded = loaded
        self.study = loaded.study
        self.name = loaded.name
        self.folder = RESULTS / loaded.name
        self.plan_file = self.folder / PLAN_FILE
        self.history_file = self.folder / "history.json"
        self.study_file = loaded.document.path
        self.table_files = list(table_files(self.study.table, self.study_file.parent)) if self.study.table else []
        self.packs_file = self.folder / "packs.json"
        self.own_components_file = self.folder / "own_components.json"
        self.tried_file = self.folder / "tried_settings.json"
        self.resources = Resources(request.cluster, None)
        self.store = SegmentStore(STORE)

    @cached_property
    def packs(self) -> dict[str, list[str]]:
        """Segments that are trained in one job, by the name of the pack: all that jobs may still be asked for."""
        return read_packs(self.packs_file)

    @cached_property
    def packed(self) -> dict[str, str]:
        """Segment: its pack."""
        return {segment: name for name, pack in self.packs.items() for segment in pack}

    @property
    def records_failures(self) -> bool:
        """Whether jobs write down how they ended: a failed training is one, an interrupted one is tried again."""
        return self.request.cluster is not None or self.request.pack > 1

    @property
    def submission(self) -> dict[str, Any]:
        """What all trainings ask Slurm for."""
        return submission(self.request.cluster)

    @property
    def device(self) -> str:
        """What jobs are told of their device; a program of one's own finds its own."""
        return self.request.device if self.study.command is not None else self.request.device_asked

    @cached_property
    def asks_for_gpu_here(self) -> bool:
        """Whether segsweep's own trainings ask torch for a GPU of this machine."""
        if self.study.train is None or self.request.cluster is not None:
            return False
        return self.device.startswith("cuda") or (self.device == "auto" and shows_gpu())

    @property
    def checked_file(self) -> Path:
        """What was seen of the settings that are tried before the first training; their digest is in its name."""
        return self.folder / "checks" / f"{self.tried_digest}.txt"

    @cached_property
    def plan(self) -> StudyPlan:
        """The plan file's content."""
        return read_plan(self.plan_file)

    @property
    def adaptive(self) -> bool:
        """Whether decisions are made while the study runs."""
        parts = (self.study.sweep, self.study.race, self.study.confirm, self.study.ensemble)
        return any(part is not None for part in parts) or retrains(self.study)

    @property
    def races(self) -> bool:
        """Whether seeds race, of cells or of a confirmation."""
        return bool(races_of(self.study))

    @property
    def earlier(self) -> Path | None:
        """Decisions of the study that narrows the space of this one."""
        narrow = self.study.sweep.narrow if self.study.sweep else None
        return RESULTS / self.name.replace(self.study.name, narrow.source, 1) / "sweep" if narrow else None

    @property
    def compared(self) -> list[Path]:
        """The analyses that this study is compared with, as far as there are any: the report names the others."""
        found = (analysis_of(name, self.folder) for name in self.study.compare if name != self.study.name)
        return [path for path in found if path is not None]

    @property
    def ensemble_in_words(self) -> str:
        """How models decide together: a change of it changes no training."""
        ensemble = self.study.ensemble
        votes = f", {ensemble.min_votes} votes needed" if ensemble and ensemble.min_votes else ""
        return f"{ensemble.method} of {ensemble.folds}{votes}, on {ensemble.score_on}" if ensemble else "the best run"

    def segment(self, segment: str) -> SegmentPlan:
        """The plan of a segment.

        Raises:
            InputError: the study's plan has no such segment.
        """
        return read_segment(self.plan_file, segment)

    def code_of(self, program: str) -> str:
        """Stands for the code of a program of workflow/scripts: it runs again when it changes."""
        return ""

    def is_trained(self, segment: str) -> bool:
        """Whether a segment is complete at this moment."""
        return self.store.has(segment)

    def is_settled(self, segment: str) -> bool:
        """Whether nothing of a segment is waited for: it is trained, or the study's budget leaves it out."""
        return self.is_trained(segment)

    def read_step(self, path: str) -> tuple[State, bool]:
        """What the file of a decision holds, and whether it requests runs that were not planned before."""
        self.__dict__.pop("plan", None)  # it was written again since
        return read_json(path), False

    @staticmethod
    def is_last(path: str) -> bool:
        """Whether nothing is decided after this decision."""
        return read_json(path)["done"]

    def segments_of_study(self) -> list[str]:
        """The last segments of the runs that are planned from the start."""
        return list(dict.fromkeys(run.segments[-1] for run in self.plan.runs if not run.key))

    def models_of(self, cells: Iterable[str]) -> list[str]:
        """Files with what the models of cells cost, where the study names such costs."""
        known = self.plan.model_costs
        return [str(costs_file(STORE, one)) for one in dict.fromkeys(known[cell] for cell in cells if cell in known)]

    def cells_of(self, requested: list[RequestedRun]) -> list[str]:
        """The cells of requested runs."""
        cells = {run.key: run.cell for run in self.plan.runs}
        return [cells[item["key"]] for item in requested]

    def data_of_model(self, address: str) -> str:
        """The folder of prepared images of a model that is measured."""
        cells = {cell for cell, known in self.plan.model_costs.items() if known == address}
        run = next(run for run in self.plan.runs if run.cell in cells)
        return self.plan.segments[run.segments[0]].data

    def segments_of(self, requested: list[RequestedRun]) -> list[str]:
        """The segments in which requested runs reach the requested epochs."""
        runs = {run.key: run for run in self.plan.runs}
        return [
            next(one for one in runs[item["key"]].segments if split_id(one)[1] >= item["epochs"]) for item in requested
        ]
