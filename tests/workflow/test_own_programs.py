"""Programs of users' own: the examples of docs/own_code.md to their reports; killed, swept, on folds, in packs."""

import contextlib
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest
import yaml

from segsweep.config.search import Sweep
from segsweep.search.proposals import propose
from tests.workspace import ROOT, Workspace

EXAMPLES = ROOT / "docs" / "examples" / "programs"
PATIENCE_S = 120  # on a machine that is busy with other things


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A project with the examples in a folder of its own, as a user has them; no data set is needed."""
    made = Workspace(tmp_path_factory.mktemp("programs"))
    shutil.copytree(EXAMPLES, made.folder / "my", ignore=shutil.ignore_patterns("__pycache__"))
    return made


def write_variant(workspace, example, name, **keys):
    """A study file beside an example's, with some keys laid over it; without those that are None."""
    study = yaml.safe_load((EXAMPLES / f"{example}.yaml").read_text(encoding="utf-8"))
    study |= {"name": name} | keys
    workspace.write(f"my/{name}.yaml", {key: value for key, value in study.items() if value is not None})
    return f"my/{name}.yaml"


def rows(workspace, study, table):
    with (workspace.folder / "results" / study / table).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def last_segment(workspace, study, run):
    """Folder of the last segment of a run."""
    plan = json.loads((workspace.folder / "results" / study / "plan.json").read_text(encoding="utf-8"))
    (planned,) = [one for one in plan["runs"] if one["run"] == run]
    return workspace.folder / "results" / "segments" / planned["segments"][-1]


@pytest.mark.parametrize(
    ("example", "axes", "config"),
    [
        ("plain_script", {"lr", "batch_size"}, ()),
        ("argparse_script", {"lr", "flip"}, ("pack=4", "pack_at_once=2")),
        ("lightning_module", {"model.channels", "optimizer.lr"}, ("pack=4", "pack_at_once=2")),
        ("hydra_app", {"optimizer.lr", "model.channels"}, ()),
    ],
)
def test_each_example_reaches_its_report(workspace, example, axes, config):
    study = f"my/{example}.yaml"
    workspace.snakemake(study=study, cores=2, config=config)
    runs = rows(workspace, example, "runs.csv")
    assert [run["status"] for run in runs] == ["finished"] * 8
    assert axes <= set(runs[0])
    assert len({run["val/iou"] for run in runs}) == 8  # each with its own settings and seed
    assert all(0 <= float(run["val/iou"]) <= 1 for run in runs)
    report = (workspace.folder / "results" / example / "report.md").read_text(encoding="utf-8")
    assert yaml.safe_load((EXAMPLES / f"{example}.yaml").read_text(encoding="utf-8"))["title"] in report
    workspace.run("workflow/scripts/verify_report.py", "--results", f"results/{example}")


def test_killed_with_all_that_it_started_it_resumes_to_the_same_numbers(workspace):
    """SIGKILL of Snakemake and its job; nothing of it may live on, and no epoch is lost or trained to other weights."""
    epochs = 40
    study = write_variant(workspace, "plain_script", "killed", epochs=epochs, seeds=[0], grid={"lr": [0.01]})
    store = workspace.folder / "results" / "segments"
    with (workspace.folder / "killed.log").open("w") as log:
        process = subprocess.Popen(
            workspace.command("--nolock", "results/killed/runs.csv", study=study), cwd=workspace.folder,
            env=workspace.environment(), stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not any(trained_rows(path) >= 3 for path in store.glob("*.part/out/metrics.csv")):
            assert process.poll() is None, (workspace.folder / "killed.log").read_text()
            assert time.monotonic() < deadline, (workspace.folder / "killed.log").read_text()
            time.sleep(0.02)
    finally:
        with_group_killed(process)
    (part,) = store.glob("*.part/out")
    time.sleep(0.5)
    there = written(part)
    time.sleep(1.0)
    assert written(part) == there, "the program outlives its job"
    assert trained_rows(part / "metrics.csv") < epochs, "it had ended before it was killed"

    workspace.snakemake("--nolock", "results/killed/runs.csv", study=study)
    (run,) = rows(workspace, "killed", "runs.csv")
    assert run["status"] == "finished"
    alone = workspace.folder / "alone"
    workspace.run("my/plain_script.py", "--lr", "0.01", "--epochs", str(epochs), "--out", str(alone))
    segment = last_segment(workspace, "killed", run["run"])
    assert (segment / "out" / "metrics.csv").read_text() == (alone / "metrics.csv").read_text()
    assert [row["epoch"] for row in rows(workspace, "killed", "epochs.csv")] == [str(i + 1) for i in range(epochs)]
    assert len(json.loads((segment / "segment.json").read_text(encoding="utf-8"))["history"]) == 2


def trained_rows(metrics):
    """Epochs in a file that may just be written."""
    return max(metrics.read_text(encoding="utf-8").count("\n") - 1, 0) if metrics.is_file() else 0


def written(folder):
    """Size and time of each file; the file that was being written at a kill may be cut anywhere, or empty."""
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir()}


def with_group_killed(process):
    """End a process and its group at once, as a machine that loses power does."""
    with contextlib.suppress(ProcessLookupError):  # it ended by itself
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_space_is_freed_while_a_study_trains(workspace):
    """After each batch of cells, here of one, not when by chance the last cell of the first batch is trained."""
    rules = workspace.folder / "workflow" / "rules" / "requests.smk"
    usual = rules.read_text(encoding="utf-8")
    (workspace.folder / "my" / "quick.py").write_text(
        "import pathlib, sys\npathlib.Path(sys.argv[1], 'metrics.csv').write_text('epoch,iou\\n1,0.5\\n')\n"
    )
    rates = [0.01, 0.02, 0.03]
    study = write_variant(
        workspace,
        "plain_script",
        "freed",
        command="python quick.py {out} {lr}",
        parameters={"lr": 0.01},
        results={"columns": {"val/iou": "iou"}},
        code=["quick.py"],
        metric="val/iou",
        checkpoint=None,
        epochs=1,
        seeds=[0],
        grid={"lr": rates},
        keep={"state": "none"},
    )
    try:
        rules.write_text(usual.replace("CELLS_AT_ONCE = 100", "CELLS_AT_ONCE = 1"), encoding="utf-8")
        output = workspace.snakemake("--omit-from", "collect_results", study=study)
    finally:
        rules.write_text(usual, encoding="utf-8")
    done = re.findall(r"^Job \d+: (?:train freed lr=(\S+)|(remove)) ", output, re.MULTILINE)
    assert ["".join(one) for one in done] == [one for rate in rates for one in (f"{rate}", "remove")]


def test_a_sweep_prunes_at_rungs_and_extends_what_is_promoted(workspace):
    study = write_variant(
        workspace, "argparse_script", "swept", grid=None, seeds=[0], epochs=4,
        sweep={
            "sampler": "random",
            "trials": 4,
            "at_once": 4,
            "space": {"lr": {"low": 0.01, "high": 1.0, "log": True}, "hidden": [2, 8]},
            "pruner": {"name": "halving", "min_epochs": 2, "eta": 2},
        },
        confirm={"top": 1, "seeds": [1]},
    )  # fmt: skip
    workspace.snakemake("results/swept/sweep/trials.csv", "results/swept/runs.csv", study=study, cores=2)
    trials = rows(workspace, "swept", "sweep/trials.csv")
    assert sorted(trial["status"] for trial in trials) == ["finished", "finished", "pruned", "pruned"]
    runs = {run["run"]: run for run in rows(workspace, "swept", "runs.csv")}
    assert {run["epochs"] for run in runs.values() if run["status"] == "pruned"} == {"2"}
    promoted = [run for run in runs.values() if run["status"] == "finished" and run["role"] == "trial"]
    for run in promoted:  # the second segment continues in a copy of the first one's folder
        log = last_segment(workspace, "swept", run["run"]) / "out" / "log.jsonl"
        assert [json.loads(line)["ep"] for line in log.read_text().splitlines()] == [0, 1, 2, 3]
    assert [run["role"] for run in runs.values()].count("confirm") == 1


def test_others_follow_while_a_slow_trial_trains(workspace):
    """Of six, three are under way: the third ends only when two more have begun, which in a batch they never would."""
    draws = {"sampler": "random", "trials": 6, "at_once": 3, "space": {"lr": {"low": 0.01, "high": 1.0, "log": True}}}
    first = propose(Sweep.model_validate(draws), Sweep.model_validate(draws).space, [], 3, minimize=False)
    (workspace.folder / "my" / "waiting.py").write_text(WAITING)
    study = write_variant(
        workspace, "plain_script", "pipelined", command="python waiting.py {out} {lr} {slow}", code=["waiting.py"],
        parameters={"lr": 0.01, "slow": first[-1]["lr"]}, results={"columns": {"val/iou": "iou"}}, metric="val/iou",
        checkpoint=None, epochs=1, seeds=[0], grid=None, sweep=draws,
    )  # fmt: skip
    (workspace.folder / "my" / "begun").mkdir()
    workspace.snakemake("results/pipelined/sweep/trials.csv", study=study, cores=3)
    trials = rows(workspace, "pipelined", "sweep/trials.csv")
    assert [trial["lr"] for trial in trials[:3]] == [str(values["lr"]) for values in first]
    # Each of the later ones was proposed when one had ended, two of them when the slow one was still training.
    assert [int(trial["proposed"]) for trial in trials] == [0, 0, 0, 1, 2, 3]


# Trains nothing. The slow one ends when two have begun that are proposed once others have ended.
WAITING = """
import pathlib, sys, time
out, lr, slow = sys.argv[1:]
begun = pathlib.Path(__file__).parent / "begun"
(begun / lr).touch()
deadline = time.monotonic() + 100
while lr == slow and len(list(begun.iterdir())) < 5:
    if time.monotonic() > deadline:
        sys.exit("only these have begun: " + ", ".join(path.name for path in begun.iterdir()))
    time.sleep(0.05)
pathlib.Path(out, "metrics.csv").write_text("epoch,iou\\n1," + lr + "\\n")
"""


def test_folds_are_an_index_and_more_epochs_extend(workspace):
    command = yaml.safe_load((EXAMPLES / "argparse_script.yaml").read_text())["command"]
    command += " --validation-fold {fold} --number-of-folds {folds}"
    keys = {"command": command, "folds": 3, "seeds": [0], "grid": {"lr": [0.3, 0.6]}}
    study = write_variant(workspace, "argparse_script", "folded", **keys)
    workspace.snakemake("results/folded/runs.csv", study=study, cores=2)
    runs = rows(workspace, "folded", "runs.csv")
    assert sorted(run["fold"] for run in runs) == ["0", "0", "1", "1", "2", "2"]
    assert len({run["val/iou"] for run in runs}) == 6
    for run in runs:  # in percent there, counted from 0; here shares, counted from 1
        log = last_segment(workspace, "folded", run["run"]) / "out" / "log.jsonl"
        best = max(map(json.loads, log.read_text().splitlines()), key=lambda line: line["valid"]["jaccard"])
        assert float(run["val/iou"]) == pytest.approx(best["valid"]["jaccard"] / 100)
        assert int(run["best_epoch"]) == best["ep"] + 1
    assert workspace.would_train(study=study) == []
    study = write_variant(workspace, "argparse_script", "folded", **keys | {"epochs": 6})
    assert {line.rpartition(", ")[2] for line in workspace.would_train(study=study)} == {"epochs 5-6"}
