"""A sweep through to its ensemble; interrupted, it makes the same decisions on the same trials."""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import time
import zipfile

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from segsweep.planning.plan_file import read_plan
from segsweep.search.optuna_journal import JOURNAL
from tests.workspace import SMALL, Workspace

FOLDER = "results/little/sweep"
TENSORBOARD = "results/little/trackers/tensorboard"
PATIENCE_S = 240  # on a machine that is busy with other things
STUDY = {
    "grid": None,
    "train": SMALL | {"epochs": 4},
    "sweep": {
        "sampler": "tpe",
        "trials": 3,
        "at_once": 2,
        "space": {"optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True}},
        "pruner": {"name": "hyperband", "min_epochs": 1, "eta": 4, "brackets": 1, "min_trials": 2},
    },
    "confirm": {"top": 1, "seeds": [1]},
    "ensemble": {"folds": 2, "method": "vote"},
}


def make(folder):
    workspace = Workspace(folder)
    workspace.write_tiny_dataset()
    workspace.write_study(**STUDY)
    return workspace


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The sweep, run to its report in one go."""
    workspace = make(tmp_path_factory.mktemp("sweep"))
    workspace.snakemake("all", "results/little/submission.zip", config=("exporters=tensorboard",))
    return workspace


def steps(workspace):
    return {path.name: path.read_bytes() for path in sorted((workspace.folder / FOLDER).glob("step_*.json"))}


def rows(workspace, name):
    with (workspace.folder / "results/little" / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_phase_left_its_decision(finished):
    states = [json.loads(text) for text in steps(finished).values()]
    assert [state["step"] for state in states] == list(range(len(states)))
    assert list(dict.fromkeys(state["phase"] for state in states)) == ["search", "confirm", "ensemble", "done"]
    trials = rows(finished, "sweep/trials.csv")
    assert [row["trial"] for row in trials] == ["0", "1", "2"]
    assert {row["decision"] for row in rows(finished, "sweep/decisions.csv")} <= {"promoted", "pruned"}


def journal(workspace):
    return (workspace.folder / FOLDER / JOURNAL).read_text(encoding="utf-8")


def trials_in_optuna(workspace):
    storage = JournalStorage(JournalFileBackend(str(workspace.folder / FOLDER / JOURNAL)))
    return optuna.load_study(study_name="little", storage=storage).get_trials()


def test_optuna_reads_the_trials(finished):
    trials = trials_in_optuna(finished)
    told = [(str(trial.number), trial.user_attrs["status"], f"{trial.value:.10g}") for trial in trials]
    expected = rows(finished, "sweep/trials.csv")
    assert told == [(row["trial"], row["status"], f"{float(row['score']):.10g}") for row in expected]
    assert all(len(trial.intermediate_values) == trial.user_attrs["epochs"] for trial in trials)


def test_a_tracker_was_told_of_every_epoch_once(finished):
    curves = {}
    for row in rows(finished, "epochs.csv"):
        told = (int(row["epoch"]), pytest.approx(float(row["val/miou"]), rel=1e-6))
        curves.setdefault(row["run"], []).append(told)
    folders = {path.name.split()[-1]: path for path in (finished.folder / TENSORBOARD).iterdir() if path.is_dir()}
    assert folders.keys() == curves.keys()
    for run, curve in curves.items():
        events = EventAccumulator(str(folders[run])).Reload()
        assert [(event.step, event.value) for event in events.Scalars("val/miou")] == curve


def test_pruned_trials_are_no_finished_runs(finished):
    pruned = {row["trial"] for row in rows(finished, "sweep/trials.csv") if row["status"] == "pruned"}
    runs = [row for row in rows(finished, "runs.csv") if row["role"] == "trial"]
    assert pruned
    assert sorted(row["status"] for row in runs) == ["finished"] * (3 - len(pruned)) + ["pruned"] * len(pruned)
    assert {row["epochs"] for row in runs if row["status"] == "pruned"} == {"1"}


def test_members_are_scored_on_images_that_none_saw(finished):
    scored = rows(finished, "ensemble.csv")
    assert [row["method"] for row in scored] == ["vote", "single model", "member 1", "member 2"]
    about = json.loads((finished.folder / "results/little/ensemble.json").read_text(encoding="utf-8"))
    assert (about["split"], about["images"]) == ("val", 2)
    plan = read_plan(finished.folder / "results/little/plan.json")
    folds = [plan.segments[run.segments[-1]].fold for run in plan.runs if run.role == "ensemble"]
    assert [(fold["index"], fold["within"]) for fold in folds] == [(0, "train"), (1, "train")]
    # The single model was scored on these very images in training: it must score the same again.
    single = scored[1]
    (again,) = (row for row in rows(finished, "runs.csv") if row["run"] == single["run"])
    assert float(single["val/miou"]) == pytest.approx(float(again["val/miou"]), abs=1e-6)
    assert float(single["own"]) == pytest.approx(float(again["val/miou"]), abs=1e-6)


def test_the_report_tells_search_confirmation_and_ensemble(finished):
    report = (finished.folder / "results/little/report.md").read_text(encoding="utf-8")
    for heading in ("## Search", "### Decisions", "## Confirmation", "## Ensemble"):
        assert heading in report


def test_the_submission_holds_a_mask_for_each_image(finished):
    about = json.loads((finished.folder / "results/little/submission.json").read_text(encoding="utf-8"))
    assert (about["split"], about["method"], len(about["models"])) == ("val", "vote", 2)
    with zipfile.ZipFile(finished.folder / "results/little/submission.zip") as archive:
        assert len(archive.namelist()) == about["images"] == 2


def test_nothing_is_left_to_do(finished):
    assert "Nothing to be done" in finished.snakemake("--dry-run")


def killed_when(workspace, condition, *config):
    """Start the study, and kill it with all that it started as soon as the condition holds.

    Snakemake's lock on the folder is left behind by that; `--nolock` does without, as `--unlock` before would.
    """
    with (workspace.folder / "killed.log").open("w") as log:
        process = subprocess.Popen(
            workspace.command("--nolock", f"{FOLDER}/trials.csv", config=config), cwd=workspace.folder,
            env=workspace.environment(), stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE_S
        while not condition() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        reached = condition()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert reached, (workspace.folder / "killed.log").read_text()


def test_killed_anywhere_the_sweep_decides_the_same(finished, tmp_path):
    workspace = make(tmp_path)
    segments, sweep = workspace.folder / "results/segments", workspace.folder / FOLDER
    # A training process of its own, which dies with the rest: the warm one would outlive it.
    killed_when(workspace, lambda: any(segments.glob("*.part")), "warm=false")
    assert list(steps(workspace)) == ["step_000.json"]
    killed_when(workspace, (sweep / "step_001.json").is_file)
    kept = steps(workspace)
    assert len(trials_in_optuna(workspace)) >= 2  # to be watched
    workspace.snakemake("--nolock", f"{FOLDER}/trials.csv", config=("partial=true",))  # tables of a part end nothing
    workspace.snakemake("--nolock", f"{FOLDER}/trials.csv")
    assert steps(workspace) == steps(finished)
    assert {name: steps(workspace)[name] for name in kept} == kept
    for name in ("trials.csv", "decisions.csv"):
        assert (sweep / name).read_bytes() == (finished.folder / FOLDER / name).read_bytes()
    told = [
        [(trial.state, trial.value, trial.params, trial.intermediate_values, trial.user_attrs) for trial in trials]
        for trials in map(trials_in_optuna, (workspace, finished))
    ]
    assert told[0] == told[1]
    assert not list(segments.glob("*.part"))


def test_more_trials_keep_what_is_there(finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "more", symlinks=True)
    workspace = object.__new__(Workspace)
    workspace.folder = tmp_path / "more"
    workspace.write_study(**STUDY | {"sweep": STUDY["sweep"] | {"trials": 4}})
    assert "decide step" in workspace.snakemake("--dry-run")
    told = journal(workspace)
    workspace.snakemake("--no-hooks", f"{FOLDER}/trials.csv", config=("exporters=tensorboard",))
    assert [row["trial"] for row in rows(workspace, "sweep/trials.csv")] == ["0", "1", "2", "3"]
    assert journal(workspace).startswith(told)
    new = {path.name for path in (workspace.folder / TENSORBOARD).iterdir()}
    new -= {path.name for path in (finished.folder / TENSORBOARD).iterdir()}
    assert len(new) >= 1  # trial 3
    searched = [name for name, text in steps(finished).items() if json.loads(text)["phase"] == "search"]
    kept = steps(workspace)
    assert all(kept.get(name) == steps(finished)[name] for name in searched)
