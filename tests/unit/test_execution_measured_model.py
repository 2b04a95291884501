"""Costs of models: operations of a convolution by hand, the median, the size, and what addresses depend on."""

import shutil
from pathlib import Path

import collect_results
import decide_step
import measure_model
import optuna
import prepare_data
import pytest
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from torch import nn

from segsweep.config.load import Request
from segsweep.errors import InputError
from segsweep.execution import measured_model
from segsweep.execution.measured_model import gflops_of, timed
from segsweep.execution.segment_job import run_job
from segsweep.io import read_csv
from segsweep.planning import planner
from segsweep.planning.plan_writer import PlanWriter
from segsweep.search.optuna_journal import JOURNAL
from segsweep.search.results import gather
from segsweep.search.step_files import read_steps, step_file
from segsweep.store.segment_store import STORE, SegmentStore
from tests.workspace import SMALL, Workspace

CPU = torch.device("cpu")
OBJECTIVES = {"val/miou": "maximize", "cost/seconds_per_image": "minimize"}
RATES = [1e-3, 1e-2]


class AsksForValues(nn.Module):
    """A network that goes on by what it computed."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1, bias=False)

    def forward(self, images):
        return self.convolution(images) * (1 if images.sum().item() > 0 else 2)


class Attends(nn.Module):
    """Attention over the pixels of an image of 8 x 8, with one head."""

    def forward(self, images):
        tokens = images.flatten(2).transpose(1, 2)
        return nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)


def test_operations_by_hand():
    """3 x 3 convolution of 3 to 8 channels on 16 x 20 pixels: 16 * 20 * 8 * 27 products, with their sums."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.ReLU())
    image = torch.zeros(1, 3, 16, 20, dtype=torch.uint8).float()
    assert gflops_of(model, nn.Identity(), image) == (2 * 16 * 20 * 8 * 27 / 1e9, "meta")
    assert next(model.parameters()).device == CPU  # it stays as it is
    counted, on = gflops_of(AsksForValues(), nn.Identity(), image)
    assert counted == 2 * 16 * 20 * 8 * 27 / 1e9
    assert on.startswith("cpu, as on the meta device: ")


def test_attention_counts_its_two_products():
    assert gflops_of(Attends(), nn.Identity(), torch.zeros(1, 4, 8, 8)) == (2 * 2 * 64 * 64 * 4 / 1e9, "meta")


def test_times_after_warming_up():
    """A clock by hand: warm-up steps take 5 s and do not count; one of the others was interrupted."""
    now, steps = [0.0], []

    def step():
        steps.append(None)
        now[0] += 5.0 if len(steps) <= 3 else 60.0 if len(steps) == 8 else 0.25

    assert timed(step, CPU, clock=lambda: now[0]) == [0.25] * 4 + [60.0] + [0.25] * 5
    assert len(steps) == 13


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    made = Workspace(tmp_path_factory.mktemp("models"))
    made.write_tiny_dataset()
    return made


def planned(workspace, monkeypatch, **study):
    monkeypatch.chdir(workspace.folder)
    workspace.write_study("costs", **study)
    return planner.planned(Request(study="costs", device="cpu"))


def test_a_model_is_measured_once(workspace, monkeypatch):
    """Rates share their model; another batch size is another one, and no study asks that does not name costs."""
    grid = {"optimizer.lr": [1e-3, 1e-2], "batch_size": [2, 4]}
    study = planned(workspace, monkeypatch, grid=grid, objectives=OBJECTIVES)
    assert len(study.plan.model_costs) == 4
    assert len(set(study.plan.model_costs.values())) == 2
    files = study.models_of(study.plan.model_costs)
    assert len(files) == 2
    assert all(file.startswith("results/model_costs/") for file in files)
    again = planned(workspace, monkeypatch, grid=grid, also_report=["cost/gflops_per_image"])
    assert again.plan.model_costs == study.plan.model_costs
    assert planned(workspace, monkeypatch, grid=grid).plan.model_costs == {}


def read_journal(file):
    """A journal as Optuna reads it."""
    return optuna.load_study(study_name="costs", storage=JournalStorage(JournalFileBackend(str(file))))


def test_a_search_by_what_models_cost(workspace, monkeypatch):
    """Decisions rest on measured files: without one there is none; trials, tables and the journal hold the costs."""
    monkeypatch.setattr(measured_model, "WARM_UP_S", 0.0)
    monkeypatch.setattr(measured_model, "MOST_S", 0.2)
    sweep = {"sampler": "nsga2", "trials": 3, "at_once": 2, "space": {"batch_size": [2, 4], "optimizer.lr": RATES}}
    keys = {"grid": None, "sweep": sweep, "train": SMALL | {"epochs": 1}, "also_report": ["cost/gflops_per_image"]}
    plan, folder = Path("results/costs/plan.json"), Path("results/costs")
    states = []
    while not states or not states[-1]["done"]:
        study = planned(workspace, monkeypatch, objectives=OBJECTIVES, **keys)
        PlanWriter(study).start()
        now = shutil.copy(plan, f"plan_{len(states)}.json")  # a job remembers the plan that it has read
        if states:
            (data,) = study.plan.data
            if len(states) == 1:
                assert prepare_data.main(["--plan", now, "--output", data]) == 0
            for segment in study.missing():
                assert run_job(Path(now), segment, STORE, device="cpu", threads=1) == 0
        previous = str(step_file(folder / "sweep", len(states) - 1)) if states else "none"
        options = ["--plan", now, "--store", str(STORE), "--previous", previous]
        options += ["--output", str(step_file(folder / "sweep", len(states)))]
        if len(states) == 1:
            with pytest.raises(InputError, match="the costs of a model"):
                gather(study.plan, SegmentStore(STORE), states[-1]["awaited"])
        for file in study.models_of(study.plan.model_costs):
            if not Path(file).is_file():
                measured = ["--plan", now, "--model", Path(file).stem, "--output", file, "--device", "cpu"]
                assert measure_model.main(measured) == 0
        assert decide_step.main(options) == 0
        states = read_steps(folder / "sweep")
    trials = states[-1]["trials"]
    assert all(trial["objectives"]["cost/seconds_per_image"] > 0 for trial in trials)
    assert collect_results.main(["--plan", str(plan), "--store", str(STORE), "--output", str(folder)]) == 0
    runs = {row["cell"]: row for row in read_csv(folder / "runs.csv")}
    models = read_csv(folder / "models.csv")
    assert sum(int(row["cells"]) for row in models) == len(runs) == 3
    assert {row["images"] for row in models} <= {"2", "4"}
    assert {(row["height"], row["width"], row["counted_on"]) for row in models} == {("32", "32", "meta")}
    # One network, whatever the batch: the same operations.
    assert len({row["cost/gflops_per_image"] for row in runs.values()}) == 1
    seconds = sorted(float(row["cost/seconds_per_image"]) for row in runs.values())
    assert seconds == pytest.approx(sorted(trial["objectives"]["cost/seconds_per_image"] for trial in trials))
    tabulated = read_journal(folder / "sweep" / JOURNAL)
    assert [one.values for one in tabulated.trials] == [
        [trial["objectives"][name] for name in OBJECTIVES] for trial in trials
    ]
    assert len(tabulated.directions) == 2
