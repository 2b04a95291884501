"""`snakemake --profile slurm` on a real Slurm: a study that meets everything that clusters do to jobs, to its report.

Needs root and Debian's packages of Slurm (the script beside this project installs and starts them); skipped elsewhere.
"""

import csv
import json
import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager, suppress

import pytest
import yaml

from tests.workspace import ROOT, SMALL, Workspace

CLUSTER = ROOT.parent / "shared" / "slurm" / "cluster"
PATIENCE_S = 400
EPOCHS = 60
# Looks at Slurm's queue every other second instead of every half minute: jobs here last seconds.
QUICK = ("--slurm-init-seconds-before-status-checks", "2", "--max-jobs-per-timespan", "50/1s", "--latency-wait", "10")
PROFILE = ("--profile", "profiles/slurm", *QUICK)


def slurm(*command: str) -> str:
    """Output of one of Slurm's commands; empty where it failed."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout


@pytest.fixture(scope="module")
def cluster():
    """A running Slurm with two fake GPUs; stopped afterwards if it was started here."""
    if not CLUSTER.is_file():
        pytest.skip(f"there is no {CLUSTER}, which starts a Slurm for tests")
    if os.geteuid() != 0:
        pytest.skip("starting a Slurm needs root")
    was_up = subprocess.run([CLUSTER, "status"], capture_output=True, check=False).returncode == 0
    try:
        up = subprocess.run([CLUSTER, "up"], capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("no Slurm came up in 300 s")
    if up.returncode != 0:
        pytest.skip(f"no Slurm came up: {(up.stdout + up.stderr)[-300:]}")
    if "2 fake GPUs" not in up.stdout:
        pytest.skip("the Slurm that runs here is not one with two fake GPUs")
    yield
    if not was_up:
        subprocess.run([CLUSTER, "down"], capture_output=True, timeout=120, check=False)


def prepare(folder, **cluster):
    """A workspace with a study of two cells, and config/cluster.yaml filled in."""
    workspace = Workspace(folder)
    workspace.write_tiny_dataset()
    workspace.write_study(train=SMALL | {"epochs": EPOCHS})
    fill_in(workspace, **cluster)
    return workspace


def fill_in(workspace, **cluster):
    """Write into config/cluster.yaml what this cluster is."""
    path = workspace.folder / "config" / "cluster.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    values["cluster"] |= {"partition": "preempt", "account": "test", "time_min": 20} | cluster
    workspace.write("config/cluster.yaml", values)


class Study:
    """What can be seen of a study in the hands of Slurm, and what is done to it."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.store = workspace.folder / "results" / "segments"
        self.output = workspace.folder / "snakemake.out"
        self.asked: dict[str, dict[str, str]] = {}
        self.shared: list[str] = []
        # Segment: epochs of each log so far; Snakemake begins a new log with each job.
        self.trained: dict[str, list[list[int]]] = {}

    @contextmanager
    def controller(self):
        """A Snakemake that was started, ended with its group if the test ends before it."""
        with self.output.open("a") as output:
            process = subprocess.Popen(
                self.workspace.command(*PROFILE), cwd=self.workspace.folder, env=self.workspace.environment(),
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def wait(self, what, ready, process=None):
        """Wait until something is so, looking at all jobs meanwhile."""
        until = time.monotonic() + PATIENCE_S
        while not (found := ready()):
            self.look()
            tail = self.output.read_text()[-3000:]
            assert time.monotonic() < until, f"waited {PATIENCE_S} s for {what}\n{slurm('squeue')}\n{tail}"
            assert process is None or process.poll() is None, f"Snakemake ended before {what}\n{tail}"
            time.sleep(0.1)
        return found

    def look(self):
        """Note what each job asked for, which GPUs the running ones hold, and which epochs are trained."""
        for segment in self.segments():
            found, logs = self.logged(segment), self.trained.setdefault(segment, [[]])
            if logs[-1] == found[: len(logs[-1])]:
                logs[-1] = found
            else:
                logs.append(found)
        held = []
        for line in slurm("scontrol", "-d", "-o", "show", "job").splitlines():
            job = dict(re.findall(r"(\S+?)=(\S*)", line))
            if "rule_train_segment" not in job.get("Comment", ""):
                continue
            self.asked[job["JobId"]] = job
            if job["JobState"] == "RUNNING" and "IDX:" in line:
                held += re.findall(r"GRES=gpu:fake:\d+\(IDX:([\d,-]+)\)", line)
        if len(held) != len(set(held)) or any(not one.isdigit() for one in held):
            self.shared.append(str(held))

    def segments(self):
        """Ids of the two segments, once the plan is there."""
        plan = self.workspace.folder / "results" / "little" / "plan.json"
        return sorted(json.loads(plan.read_text())["segments"]) if plan.is_file() else []

    def starts(self, segment):
        """The starts of a training so far."""
        try:
            return json.loads((self.store / f"{segment}.part" / "history.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return []

    def logged(self, segment):
        """Epochs in the log of a segment's present job."""
        log = self.workspace.folder / "results" / "logs" / "train_segment" / f"{segment}.log"
        text = log.read_text() if log.is_file() else ""
        return [int(epoch) for epoch in re.findall(r"^epoch (\d+)/.*\n", text, re.MULTILINE)]

    def hold(self, segment, starts):
        """Stop a training in its tracks once it was started that often and has finished an epoch since."""
        if len(self.starts(segment)) < starts:
            return False
        if not self.logged(segment) or not self.job(segment):
            return False
        os.kill(self.starts(segment)[-1]["pid"], signal.SIGSTOP)
        self.look()
        return True

    def go_on(self, segment):
        """Let a training that is held go on, if something did not end it."""
        with suppress(ProcessLookupError):
            os.kill(self.starts(segment)[-1]["pid"], signal.SIGCONT)

    def warned(self, segment, job):
        """Whether a job has heard of its time limit, or is over already."""
        folder = self.workspace.folder / "results" / "logs" / "slurm" / "rule_train_segment" / segment
        return not self.job(segment) or "Will exit after finishing" in (folder / f"{job}.log").read_text()

    def job(self, segment):
        """Number of the running job of a segment; empty if there is none."""
        for line in slurm("squeue", "-h", "-t", "R", "-o", "%i %k").splitlines():
            number, _, comment = line.partition(" ")
            if comment.endswith(segment):
                return number
        return ""


def runs_of(workspace, study="little"):
    """Rows of runs.csv without what a clock or a machine says."""
    with (workspace.folder / "results" / study / "runs.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{name: value for name, value in row.items() if not name.startswith("cost/")} for row in rows]


def epochs_of(workspace, study="little"):
    """All scores and losses of all epochs, as written."""
    with (workspace.folder / "results" / study / "epochs.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{name: value for name, value in row.items() if name.startswith(("epoch", "lr", "train/", "val/", "run"))}
            for row in rows]  # fmt: skip


@pytest.fixture(scope="module")
def disturbed(cluster, tmp_path_factory):
    """The study after all of it: killed, cancelled, requeued, out of time, preempted, node and controller lost."""
    study = Study(prepare(tmp_path_factory.mktemp("slurm")))
    try:
        disturb(study)
    finally:
        slurm("scancel", "--signal=KILL", *study.asked)
        slurm("scancel", *study.asked)
    return study


def disturb(study):
    """Everything that happens to the study, one after the other."""
    with study.controller() as first:
        one, two = both = study.wait("a plan", study.segments, first)

        def hold(starts):
            for each in both:
                study.wait(f"start {starts} of {each}", lambda each=each: study.hold(each, starts), first)

        def let_go():
            for each in both:
                study.go_on(each)

        hold(1)
        os.kill(study.starts(one)[-1]["pid"], signal.SIGKILL)
        slurm("scancel", study.job(two))
        study.go_on(two)
        hold(2)
        slurm("scontrol", "requeue", study.job(one))
        study.go_on(one)
        job = study.job(two)
        # What is left is less than the two minutes before which it is warned, and more than none.
        minutes = slurm("squeue", "-h", "-j", job, "-o", "%M").strip().split(":")[0]
        slurm("scontrol", "update", f"JobId={job}", f"TimeLimit={int(minutes or 0) + 2}")
        study.wait("the warning", lambda: study.warned(two, job), first)
        study.go_on(two)
        study.wait("the way back into the queue", lambda: not study.job(two), first)
        slurm("scontrol", "update", f"JobId={job}", "TimeLimit=20")
        hold(3)
        slurm("sbatch", "-p", "gpu", "--gpus=2", "--mem=100", "-t", "1", "-o", "/dev/null", "--wrap", "true")
        study.wait("the one that is more important", lambda: not study.job(one) and not study.job(two), first)
        let_go()
        hold(4)
        slurm("scontrol", "update", "NodeName=gpu1", "State=DOWN", "Reason=test")
        let_go()
        study.wait("the end of the node", lambda: not study.job(one) and not study.job(two), first)
        slurm("scontrol", "update", "NodeName=gpu1", "State=RESUME")
        hold(5)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    study.workspace.snakemake("--unlock")
    let_go()
    study.wait("jobs that outlive their Snakemake", lambda: all((study.store / each).is_dir() for each in both))
    with study.controller() as second:
        study.wait("the end", lambda: second.poll() is not None)
        assert second.returncode == 0, study.output.read_text()[-5000:]


@pytest.fixture(scope="module")
def quiet(cluster, tmp_path_factory):
    """The same study on this machine."""
    workspace = prepare(tmp_path_factory.mktemp("local"))
    workspace.snakemake("results/little/epochs.csv", cores=2)
    return workspace


def test_a_disturbed_study_ends_in_its_report(disturbed):
    report = disturbed.workspace.folder / "results" / "little" / "report.html"
    assert report.stat().st_size > 1000
    assert disturbed.workspace.would_train() == []


def test_it_ends_in_the_same_numbers_as_an_undisturbed_one(disturbed, quiet):
    assert epochs_of(disturbed.workspace) == epochs_of(quiet)
    assert runs_of(disturbed.workspace) == runs_of(quiet)


def test_no_finished_epoch_was_trained_twice(disturbed):
    for segment in disturbed.segments():
        logs = [log for log in disturbed.trained[segment] if log]
        assert len(logs) >= 5
        assert [epoch for log in logs for epoch in log] == list(range(1, EPOCHS + 1))
        record = json.loads((disturbed.store / segment / "segment.json").read_text())
        assert len(record["history"]) >= 5
        assert record["epochs"] == EPOCHS


def test_jobs_asked_for_what_the_profile_says(disturbed):
    assert disturbed.asked
    for job in disturbed.asked.values():
        assert job["Partition"] == "preempt"
        assert job["Account"] == "test"
        assert job["Requeue"] == "1"
        assert "gpu:1" in job["TresPerJob"]
        assert int(job["MinMemoryNode"].removesuffix("M")) >= 3500


def test_no_two_trainings_shared_a_gpu(disturbed):
    assert disturbed.shared == []


def test_the_demo_in_packs_ends_in_the_numbers_of_this_machine(cluster, tmp_path):
    there, here = Workspace(tmp_path / "there"), Workspace(tmp_path / "here")
    fill_in(there)
    smoke = {"study": "demo", "config": ("smoke=true",)}
    packed = {"study": "demo", "config": ("smoke=true", "pack=8", "pack_at_once=2")}
    output = there.snakemake(*PROFILE, **packed)
    assert len(re.findall(r"has been submitted with SLURM jobid", output)) == 2
    assert (there.folder / "results" / "demo_smoke" / "report.html").stat().st_size > 1000
    here.snakemake("results/demo_smoke/epochs.csv", cores=2, **smoke)
    assert len(runs_of(there, "demo_smoke")) == 16
    assert runs_of(there, "demo_smoke") == runs_of(here, "demo_smoke")
    assert epochs_of(there, "demo_smoke") == epochs_of(here, "demo_smoke")


def test_a_crash_fails_once_with_the_end_of_its_log(cluster, tmp_path):
    workspace = prepare(tmp_path, gpu="none")
    wrong = SMALL["model"] | {"options": {"decoder_channels": [16, 16]}}
    workspace.write_study("wrong", train=SMALL | {"model": wrong}, grid={"optimizer.lr": [0.1]})
    output = workspace.snakemake(*PROFILE, study="wrong", check=False)
    assert len(re.findall(r"has been submitted with SLURM jobid", output)) == 1
    assert "Trying to restart" not in output
    found = re.search(r"Segment (\S+) failed. All of it: less (\S+)", output)
    assert found, output
    assert (workspace.folder / found[2]).stat().st_size > 0
    assert "decoder" in output


def test_what_is_missing_is_said_before_the_first_job(cluster, tmp_path):
    workspace = prepare(tmp_path, partition=None)
    output = workspace.snakemake(*PROFILE, "--dry-run", check=False)
    assert "config/cluster.yaml: cluster.partition is not set" in output
    assert "This cluster has: gpu, preempt" in output
    assert "Traceback" not in output
