"""`snakemake --profile slurm` on a real Slurm: a study that meets everything that clusters do to jobs, to its report.

Needs root and Debian's packages of Slurm (the script beside this project installs and starts them); skipped elsewhere.
"""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
from contextlib import contextmanager, suppress
from itertools import pairwise

import pytest
import yaml

from tests.many_jobs import ManyJobs
from tests.slurm_cluster import (
    CLUSTER,
    Watch,
    bring_node_back,
    end_leftovers,
    jobs,
    lose_node,
    mend_node,
    slurm,
    tail,
)
from tests.workspace import ROOT, SMALL, Workspace

EPOCHS = 60
# Looks at Slurm's queue every other second instead of every half minute: jobs here last seconds.
QUICK = ("--slurm-init-seconds-before-status-checks", "2", "--max-jobs-per-timespan", "50/1s", "--latency-wait", "10")
PROFILE = ("--profile", "profiles/slurm", *QUICK)


@pytest.fixture(scope="module")
def cluster():
    """A running Slurm with two fake GPUs; stopped afterwards if it was started here, which it tells."""
    if not CLUSTER.is_file():
        pytest.skip(f"there is no {CLUSTER}, which starts a Slurm for tests")
    if os.geteuid() != 0:
        pytest.skip("starting a Slurm needs root")
    installed = shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin") is not None
    was_up = subprocess.run([CLUSTER, "status"], capture_output=True, check=False).returncode == 0
    up = subprocess.run([CLUSTER, "up"], capture_output=True, text=True, timeout=300, check=False)
    if up.returncode != 0:
        said = f"no Slurm came up: {(up.stdout + up.stderr)[-2000:]}"
        pytest.fail(said) if installed else pytest.skip(said)
    if "2 fake GPUs" not in up.stdout:
        pytest.skip("the Slurm that runs here is not one with two fake GPUs")
    yield not was_up
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
    """Write into config/cluster.yaml what this cluster is, and that its fake GPUs train nothing."""
    workspace.write("config/config.yaml", {"study": "little", "device": "cpu"})
    path = workspace.folder / "config" / "cluster.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    values["cluster"] |= {"partition": "preempt", "account": "test", "time_min": 20} | cluster
    workspace.write("config/cluster.yaml", values)


@contextmanager
def started(workspace, **options):
    """A Snakemake on Slurm, ended with its group if the test ends before it; its words go to `snakemake.out`."""
    mend_node()
    with (workspace.folder / "snakemake.out").open("a") as output:
        process = subprocess.Popen(
            workspace.command(*PROFILE, **options), cwd=workspace.folder, env=workspace.environment(),
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def finish(workspace, *, may_fail=False, **options):
    """Run Snakemake on Slurm to its end; its whole output."""
    before, output = set(jobs()), workspace.folder / "snakemake.out"
    try:
        with started(workspace, **options) as snakemake:
            Watch(output, may_fail=may_fail).wait("Snakemake's end", lambda: snakemake.poll() is not None)
    finally:
        if left := set(jobs("PD,R,CG")) - before:
            slurm("scancel", *left, check=False)
    assert may_fail or snakemake.returncode == 0, tail(output)
    return output.read_text()


class Study:
    """What can be seen of a study in the hands of Slurm, and what is done to it."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.store = workspace.folder / "results" / "segments"
        self.watch = Watch(workspace.folder / "snakemake.out", self.look)
        self.asked: dict[str, dict[str, str]] = {}
        self.shared: list[str] = []
        # Snakemake removes the log of a job that starts again. A second link keeps it, with all that it still gets.
        self.kept_logs = workspace.folder / "kept_logs"
        self.kept_logs.mkdir()

    def look(self):
        """Note what each job asked for and which GPUs the running ones hold; what changes while trainings go on."""
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
        return [(segment, self.logged(segment)[-1:], len(self.starts(segment))) for segment in self.segments()]

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
        return trained_epochs(self.log(segment))

    def log(self, segment):
        """The log of a segment's present job; empty before it has one."""
        logs = (self.workspace.folder / "results" / "logs" / "train_segment").glob(f"{segment}*.log")
        newest = max(logs, key=lambda log: log.stat().st_mtime, default=None)
        if newest is None:
            return ""
        try:
            self.keep(segment, newest)
            return newest.read_text()
        except FileNotFoundError:  # the job just starts again
            return ""

    def keep(self, segment, log):
        """Link a log, if it is not linked yet."""
        links = self.links(segment)
        if not any(link.samefile(log) for link in links):
            os.link(log, self.kept_logs / f"{segment}.{len(links):02d}")

    def links(self, segment):
        """The logs of all jobs of a segment, the oldest first."""
        return sorted(self.kept_logs.glob(f"{segment}.*"))

    def hold(self, segment, starts):
        """Stop a training in its tracks once it was started that often and has finished an epoch since."""
        if len(self.starts(segment)) < starts or not self.logged(segment) or not self.job(segment):
            return False
        try:
            os.kill(self.starts(segment)[-1]["pid"], signal.SIGSTOP)
        except ProcessLookupError:
            return False
        self.look()
        return True

    def release(self, segment):
        """Let a training that is held continue, if something did not end it."""
        with suppress(ProcessLookupError):
            os.kill(self.starts(segment)[-1]["pid"], signal.SIGCONT)

    def warned(self, segment, job):
        """Whether a job has heard of its time limit, or is over already."""
        logs = (self.workspace.folder / "results" / "logs" / "slurm").glob(f"*/*{segment}/{job}.log")
        return not self.job(segment) or any("Will exit after finishing" in log.read_text() for log in logs)

    def job(self, segment, states="R"):
        """Number of the job of a segment in one of the states; empty if there is none."""
        return next((number for number, comment in jobs(states).items() if comment.endswith(segment)), "")

    def is_idle(self):
        """Whether Slurm runs no training."""
        return not any(self.job(segment, "R,CG") for segment in self.segments())

    def is_trained(self, segment):
        """Whether a segment is in the store.

        Raises:
            AssertionError: it is not, and no job is left that could train it.
        """
        there = (self.store / segment).is_dir()
        waits = there or self.job(segment, "PD,R,CG") or (self.store / segment).is_dir()
        assert waits, f"the job of {segment} ended before its training\n{self.log(segment)[-3000:]}"
        return there


def trained_epochs(log):
    """Epochs that a log says are finished."""
    return [int(epoch) for epoch in re.findall(r"^epoch (\d+)/.*\n", log, re.MULTILINE)]


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
        if study.asked:
            slurm("scancel", "--signal=KILL", *study.asked, check=False)
            slurm("scancel", *study.asked, check=False)
    return study


def disturb(study):
    """Everything that happens to the study, one after the other."""
    wait = study.watch.wait
    with started(study.workspace) as first:
        one, two = both = wait("a plan", study.segments, first)

        def hold(starts):
            for each in both:
                wait(f"start {starts} of {each}", lambda each=each: study.hold(each, starts), first)

        hold(1)
        os.kill(study.starts(one)[-1]["pid"], signal.SIGKILL)
        slurm("scancel", study.job(two))
        study.release(two)
        hold(2)
        slurm("scontrol", "requeue", study.job(one))
        study.release(one)
        # Held at once: while the other one runs out of time, it could train to its end.
        wait(f"start 3 of {one}", lambda: study.hold(one, 3), first)
        job = study.job(two)
        # What is left is less than the two minutes before which it is warned, and more than none.
        minutes = slurm("squeue", "-h", "-j", job, "-o", "%M").strip().split(":")[0]
        slurm("scontrol", "update", f"JobId={job}", f"TimeLimit={int(minutes or 0) + 2}")
        wait("the warning", lambda: study.warned(two, job), first)
        study.release(two)
        wait("the way back into the queue", lambda: not study.job(two), first)
        slurm("scontrol", "update", f"JobId={job}", "TimeLimit=20")
        hold(3)
        slurm("sbatch", "-p", "gpu", "--gpus=2", "--mem=100", "-t", "1", "-o", "/dev/null", "--wrap", "true")
        wait("the one that is more important", lambda: not study.job(one) and not study.job(two), first)
        for each in both:
            study.release(each)
        hold(4)
        lose_node()
        study.watch.node_is_lost = True
        # Everything on a node that is lost ends with it. What outlived it would be in the way of the requeued jobs.
        wait("the end of all on the node", lambda: study.is_idle() and end_leftovers(), first)
        study.watch.node_is_lost = False
        bring_node_back()
        hold(5)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    study.workspace.snakemake("--unlock")
    for each in both:
        study.release(each)
    wait("jobs that outlive their Snakemake", lambda: all(study.is_trained(each) for each in both))
    with started(study.workspace) as second:
        wait("the end", lambda: second.poll() is not None)
        assert second.returncode == 0, tail(study.watch.output)


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


def test_each_job_resumed_at_the_last_saved_state(disturbed):
    for segment in disturbed.segments():
        logs = [epochs for log in disturbed.links(segment) if (epochs := trained_epochs(log.read_text()))]
        assert len(logs) >= 5
        assert all(epochs == list(range(epochs[0], epochs[-1] + 1)) for epochs in logs)
        assert (logs[0][0], logs[-1][-1]) == (1, EPOCHS)
        # What was killed without a word lost the epochs since its last state; what heard SIGTERM none.
        lost = [earlier[-1] + 1 - later[0] for earlier, later in pairwise(logs)]
        assert min(lost) == 0, lost
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
    output = finish(there, **packed)
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
    output = finish(workspace, study="wrong", config=("check_components=false",), may_fail=True)
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


def test_a_program_of_ones_own_is_requeued_and_resumes(cluster, tmp_path):
    workspace = Workspace(tmp_path)
    example = yaml.safe_load((ROOT / "docs" / "examples" / "programs" / "plain_script.yaml").read_text("utf-8"))
    shutil.copytree(ROOT / "docs" / "examples" / "programs", tmp_path / "my")
    example |= {"name": "little", "epochs": EPOCHS, "grid": {"lr": [0.02]}}
    workspace.write("my/little.yaml", example)
    fill_in(workspace)
    study = Study(workspace)

    def rows(segment):
        metrics = study.store / f"{segment}.part" / "out" / "metrics.csv"
        return metrics.read_text("utf-8").count("\n") - 1 if metrics.is_file() else 0

    with started(workspace, study="my/little.yaml") as snakemake:
        one, two = study.watch.wait("a plan", study.segments, snakemake)
        study.watch.wait("epochs of both", lambda: rows(one) > 2 and rows(two) > 2, snakemake)
        slurm("scontrol", "requeue", study.job(one))
        study.watch.wait("the end", lambda: snakemake.poll() is not None)
    assert snakemake.returncode == 0, tail(study.watch.output)
    assert [run["status"] for run in runs_of(workspace)] == ["finished"] * 2
    for run in runs_of(workspace):
        alone = tmp_path / "alone" / run["seed"]
        workspace.run("my/plain_script.py", "--seed", run["seed"], "--epochs", str(EPOCHS), "--out", str(alone))
        trained = study.store / run["segments"]
        assert (trained / "out" / "metrics.csv").read_text("utf-8") == (alone / "metrics.csv").read_text("utf-8")
        assert len(json.loads((trained / "segment.json").read_text())["history"]) == 1 + (run["segments"] == one)


def test_very_many_short_trainings_are_each_trained_once(cluster, tmp_path):
    study = ManyJobs(tmp_path, cells=20, pack=4)
    study.disturbed(kill_controller=cluster)  # of one that was up before, others may need it
    study.check()
