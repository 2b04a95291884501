"""What a study does with a disk, stage by stage, on a workspace so tiny that a stage takes a fraction of a second."""

import itertools
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import analyze_study
import build_report
import collect_results
import decide_step
import numpy as np
import predict_images
import prepare_data
import train_segment
import yaml
from PIL import Image
from torch import nn

from segsweep import registry, tasks
from segsweep.analysis import findings
from segsweep.execution import segment_job
from segsweep.inference import predict_images as prediction
from segsweep.inference import prediction_stream
from segsweep.inference.prediction_files import KIND as FORMATS
from segsweep.planning.plan_file import read_plan
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from segsweep.store import lock
from segsweep.store.remote import Remote
from segsweep.store.shared_segments import pull, push
from segsweep.store.shared_tables import push_tables
from segsweep.training import loop, memory
from tests.fakes import FakeTrainer, Tiny
from tests.faults.cases import GOOD_DATASET, GOOD_STUDY

STORE, DATA = Path("results/segments"), Path("results/data")
SEARCH = {
    "name": "search",
    "grid": None,
    "sweep": {
        "sampler": "random",
        "trials": 2,
        "at_once": 2,
        "space": {"optimizer.lr": {"low": 1e-4, "high": 1e-3, "log": True}},
        "pruner": {"name": "halving", "min_epochs": 1, "eta": 2},
    },
}


@dataclass(frozen=True)
class Stage:
    """Something that a study does.

    Attributes:
        name: of the stage, and of the state of the folder that it leaves.
        after: the state that it begins with.
        work: does it, in the working folder; the exit status.
        tested: whether faults are tried in it; else it only makes a state.
    """

    name: str
    after: str
    work: Callable[[], int]
    tested: bool = True


def load() -> None:
    """Load what stages load when they need it: each forked process would again."""
    for kind in registry.kinds():
        registry.classes(kind)
    for facts in (*registry.classes(FORMATS).values(), *registry.classes("section").values()):
        registry.load(facts)
    for name in (
        "dvc_objects.fs",
        "segsweep.report.build",
        "segsweep.search.optuna_journal",
        "segsweep.search.proposals",
    ):
        import_module(name)
    for path in Path(findings.__file__).parent.glob("*.py"):
        import_module(f"segsweep.analysis.{path.stem}")


def steady() -> None:
    """No clock and no machine in what this process writes: the same work writes the same bytes."""
    loop.perf_counter = itertools.count().__next__
    prediction.time = prediction_stream.time = SimpleNamespace(perf_counter=float)  # asked by threads, in any order
    memory.peak_memory_mb = lambda device: 1.0
    segment_job.versions = dict  # asks git
    lock.SILENCE_S = 0.5


def _write_study() -> int:
    for folder in ("studies", "datasets", "augmentations"):
        Path("config", folder).mkdir(parents=True)
    Path("data").mkdir()
    Path("remote").mkdir()
    little = GOOD_STUDY | {"seeds": [0, 1]}
    for study in (little, little | SEARCH):
        content = {key: value for key, value in study.items() if value is not None}
        Path(f"config/studies/{study['name']}.yaml").write_text(yaml.safe_dump(content))
    Path("config/datasets/tiny.yaml").write_text(yaml.safe_dump(GOOD_DATASET))
    return 0


def _plan(study: str) -> int:
    planned = open_study({"study": study}, plans=True)
    planned.start = "start"  # the name of a start has the time in it
    writer = PlanWriter(planned)
    writer.write_first()
    writer.start()
    writer.finish()
    return 0


def _prepare() -> int:
    (folder,) = read_plan(Path("results/little/plan.json")).data
    return prepare_data.main(["--plan", "results/little/plan.json", "--output", folder])


def _train(study: str, most: int | None = None, continued: bool = False) -> int:
    """Train the segments of a study, or the first so many of them; those that continue others, or that begin runs."""
    plan = f"results/{study}/plan.json"
    segments = [one.id for one in read_plan(Path(plan)).segments.values() if bool(one.parent) == continued]
    for segment in segments[:most]:
        words = ["--plan", plan, "--segment", segment, "--store", str(STORE), "--device", "cpu"]
        status = train_segment.main(words, partial(segment_job.run_job, trainer=FakeTrainer()))
        if status:
            return status
    return 0


def _interrupt() -> int:
    """A training that was asked to stop after its first epoch."""
    plan = Path("results/little/plan.json")
    segment = next(iter(read_plan(plan).segments))
    state = STORE / f"{segment}.part" / "last.pt"
    status = segment_job.run_job(plan, segment, STORE, should_stop=state.exists, trainer=FakeTrainer())
    return 0 if status == 75 else 1


def _collect() -> int:
    return collect_results.main(
        ["--plan", "results/little/plan.json", "--store", str(STORE), "--output", "results/little"]
    )


def _analyze() -> int:
    return analyze_study.main(["--results", "results/little"])


def _report() -> int:
    """In place of a report, whose figures take seconds."""
    Path("results/little/report.md").write_text("A report.\n")
    return 0


def _build_report() -> int:
    return build_report.main(["--results", "results/little", "--output", "results/little", "--store", str(STORE)])


def _bring_images() -> int:
    """Images of a person's own, of two sizes, one of them damaged; and the data set that says what the models see."""
    Path("images").mkdir()
    for number, side in enumerate((32, 32, 32, 48, 48)):
        pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(pixels).save(f"images/image{number}.png")
    Path("images/damaged.png").write_bytes(b"no image")
    return _prepare()


class _Predicting(nn.Module):
    """What `FakeTrainer` trained, as a network that the task of the study has."""

    def __init__(self):
        super().__init__()
        self.trained = Tiny()
        self.load_state_dict = self.trained.load_state_dict

    def forward(self, image):
        return {"main": self.trained(image), "aux": []}


def _predict() -> int:
    task_of = tasks.build

    def build(train, prepared):
        task = task_of(train, prepared)
        task.model = _Predicting
        return task

    tasks.build = build
    words = [
        "--plan",
        "results/little/plan.json",
        "--store",
        str(STORE),
        "--images",
        "images",
        "--output",
        "predictions/mine",
    ]
    return predict_images.main([*words, "--formats", "index", "overlay", "coco", "geojson", "--device", "cpu"])


def _remote() -> Remote:
    from dvc_objects.fs import LocalFileSystem

    return Remote(LocalFileSystem(), os.path.abspath("remote/store"), "the store (remote/store)")


def _push() -> int:
    remote = _remote()
    outcome = push(STORE, remote)
    push_tables(Path("results"), remote)
    print(f"{len(outcome.moved)} sent, not sent: {outcome.refused}")
    return int(bool(outcome.refused))


def _empty() -> int:
    shutil.rmtree(STORE)
    return 0


def _pull() -> int:
    outcome = pull(STORE, _remote(), planned=read_plan(Path("results/little/plan.json")).segments)
    print(f"{len(outcome.moved)} brought, damaged: {outcome.corrupt}, refused: {outcome.refused}")
    return 0


def _decide(step: int) -> int:
    sweep = "results/search/sweep"
    previous = f"{sweep}/step_{step - 1:03d}.json" if step else "none"
    words = ["--plan", "results/search/plan.json", "--previous", previous, "--store", str(STORE)]
    return decide_step.main([*words, "--output", f"{sweep}/step_{step:03d}.json"])


def _search() -> int:
    """A search whose first trials are trained."""
    return _plan("search") or _decide(0) or _plan("search") or _train("search")


# Each after the one whose state it begins with.
_ALL = [
    Stage("study", "", _write_study, False),
    Stage("plan", "study", partial(_plan, "little")),
    Stage("preparation", "plan", _prepare),
    Stage("training", "plan", partial(_train, "little", most=1)),
    Stage("interrupted", "plan", _interrupt, False),
    Stage("resumption", "interrupted", partial(_train, "little", most=1)),
    Stage("trained", "training", partial(_train, "little"), False),
    Stage("collection", "trained", _collect),
    Stage("analysis", "collection", _analyze),
    Stage("report", "analysis", _build_report),
    Stage("imaged", "analysis", _bring_images, False),
    Stage("prediction", "imaged", _predict),
    Stage("reported", "analysis", _report, False),
    Stage("push", "reported", _push),
    Stage("emptied", "push", _empty, False),
    Stage("pull", "emptied", _pull),
    Stage("searching", "study", _search, False),
    Stage("decision", "searching", partial(_decide, 1)),
    Stage("decided", "decision", partial(_plan, "search"), False),
    Stage("extension", "decided", partial(_train, "search", most=1, continued=True)),
]
STAGES = {stage.name: stage for stage in _ALL}
