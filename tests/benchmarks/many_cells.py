"""Studies of many cells against a bare flat Snakemake workflow: seconds and memory of a dry run and of a rerun without
anything to do, and the processor time that Snakemake itself takes while jobs run.
"""

import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import workload
from measuring import Row, compared, environment_of_commands, interleaved, single, timed

from segsweep.planning.plan_writer import PlanWriter
from segsweep.store.segment_record import selection_key
from tests.many_jobs import STUDY_FILE, ManyJobs
from tests.segments import write_segment

PART = "many cells"
FLAT = """\
rule all:
    input:
        expand("out/{{i}}", i=range({count})),


rule job:
    output:
        "out/{{i}}",
    shell:
        "{before}touch {{output}}"
"""
# Jobs after which Snakemake's processor time is looked at first, and last: with two at a time, half a second each.
LOOKS = (50, 250)
# How 100, 1,000 and 10,000 cells come about: values on two axes.
AXES = {4: (2, 2), 100: (10, 10), 1000: (40, 25), 10000: (100, 100)}


def measure(quick: bool) -> list[Row]:
    """Seconds and memory for each number of cells."""
    rows = []
    for count, rounds in {4: 1}.items() if quick else {100: 2, 1000: 2, 10000: 2}.items():
        with tempfile.TemporaryDirectory() as scratch:
            rows += of(count, rounds, Path(scratch))
    looks, counts = ((1, 6), (8,)) if quick else (LOOKS, (1000, 10000))
    return rows + [while_jobs_run(count, *looks) for count in counts]


def of(count: int, rounds: int, folder: Path) -> list[Row]:
    """The rows of one number of cells."""
    flat = folder / "flat"
    flat.mkdir()
    (flat / "Snakefile").write_text(FLAT.format(count=count, before=""))
    ours = folder / "ours"
    ours.mkdir()
    workload.with_images(ours, 8, 4)
    first, second = AXES[count]
    rates = [1e-4 * (1 + i / 10) for i in range(first)]
    decays = [1e-6 * (1 + i) for i in range(second)]
    workload.study(ours, "many", workload.TRAIN, {"optimizer.lr": rates, "optimizer.weight_decay": decays})
    memory: dict[str, list[float]] = {}

    def snakemake(name: str, where: Path, *options: str) -> float:
        # Up to the tables of results: what follows is a handful of jobs, however many cells there are.
        own = ["results/many/runs.csv", "--config", "study=many"] if where == ours else []
        seconds, peak = of_process(["--cores", "1", *options, *own, "--quiet"], where)
        memory.setdefault(name, []).append(peak)
        return seconds

    rows = []
    for what, options in (("dry run", ["--dry-run"]), ("rerun, nothing to do", [])):
        names = f"segsweep {what}", f"flat {what}"
        if not options:
            finish(ours, flat, count)
        found = interleaved(
            {
                names[0]: lambda n=names[0], o=options: snakemake(n, ours, *o),
                names[1]: lambda n=names[1], o=options: snakemake(n, flat, "--rerun-triggers", "mtime", *o),
            },
            rounds,
        )
        # The most cells show what each of them costs, few of them what a start does.
        rows.append(compared(PART, found, names, wanted="<= 1.3" if count > 1000 else "<= 1.5"))
        rows.append(compared(PART, memory, names, unit="MB", wanted="<= 1.5"))
    gc.disable()  # as Snakemake's process plans
    plans = [timed(lambda: workload.plan(ours, "many")) for _ in range(rounds)]
    gc.enable()
    rows.append(single(PART, "planning alone", plans, note="a part of both"))
    for row in rows:
        row.what += f", {count:,} cells"
    return rows


def while_jobs_run(count: int, first: int, last: int) -> Row:
    """Snakemake's processor time for a job, in ms, of the jobs from the first to the last of many that are ready."""
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        ours, flat = Path(scratch, "ours"), Path(scratch, "flat")
        for folder in (ours, flat):
            folder.mkdir()
        ManyJobs(ours, count, 1)
        (flat / "Snakefile").write_text(FLAT.format(count=count, before="sleep 0.4; "))
        for name, folder, done, options in (
            ("segsweep", ours, "results/segments/*/segment.json", ["--config", f"study={STUDY_FILE}"]),
            ("flat", flat, "out/*", []),
        ):
            command = [sys.executable, "-m", "snakemake", "--cores", "2", "--quiet", "all", *options]
            process = subprocess.Popen(command, cwd=folder, env=environment_of_commands(), start_new_session=True)
            try:
                spent = [spent_at(process, folder, done, number) for number in (first, last)]
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            found[name] = [1000 * (spent[1] - spent[0]) / (last - first)]
    note = f"Snakemake alone, two jobs at a time, from job {first} to {last}"
    row = compared(PART, found, ("segsweep", "flat"), unit="ms", wanted="<= 1", note=note)
    row.what += f", processor time a job, {count:,} cells ready"
    return row


def spent_at(process: subprocess.Popen, folder: Path, done: str, number: int) -> float:
    """Seconds of processor time of a process itself at the moment when so many files are there."""
    while sum(1 for _ in folder.glob(done)) < number:
        if process.poll() is not None:
            raise SystemExit(f"Snakemake ended before {number} jobs, with status {process.returncode}")
        time.sleep(0.2)
    # After the name in brackets: state is the first; the time as a user and in the system the 12th and 13th.
    ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def finish(ours: Path, flat: Path, count: int) -> None:
    """Make both workflows look finished: complete segments without content, and all files that follow from them."""
    study = workload.plan(ours, "many")
    best = {selection_key(study.plan.metric, study.plan.minimize): None}
    for segment in study.plan.segments:
        write_segment(ours / "results" / "segments", segment, best=best)
    writer = PlanWriter(study)
    writer.start()
    writer.finish()
    workload.prepare(ours, study)
    for name in ("cells", "runs", "epochs", "images", "missing"):
        (ours / "results" / "many" / f"{name}.csv").touch()
    (flat / "out").mkdir()
    for number in range(count):
        (flat / "out" / str(number)).touch()


# A process counts as its own the memory of the one that it was forked from: so Snakemake is started by a small one.
LAUNCHER = """\
import resource, subprocess, sys
status = subprocess.call([sys.executable, "-m", "snakemake", *sys.argv[1:]], stdout=sys.stderr)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
sys.exit(status)
"""


def of_process(options: list[str], folder: Path) -> tuple[float, float]:
    """Seconds and most memory in MB of Snakemake with these options."""
    command = [sys.executable, "-c", LAUNCHER, *options]
    began = time.perf_counter()
    environ = environment_of_commands()
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"snakemake {' '.join(options)} failed:\n{done.stderr[-3000:]}")
    return time.perf_counter() - began, float(done.stdout.split()[-1])
