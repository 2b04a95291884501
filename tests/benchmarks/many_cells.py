"""Dry run and rerun without anything to do of studies of many cells, against a bare flat Snakemake workflow."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import workload
from measuring import Row, compared, environment_of_commands, interleaved, single, timed

from segsweep.planning.plan_writer import PlanWriter
from segsweep.store.segment_store import selection_key
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
        "touch {{output}}"
"""
# How 100, 1,000 and 10,000 cells come about: values on two axes.
AXES = {4: (2, 2), 100: (10, 10), 1000: (40, 25), 10000: (100, 100)}


def measure(quick: bool) -> list[Row]:
    """Seconds and memory for each number of cells."""
    rows = []
    for count, rounds in {4: 1}.items() if quick else {100: 2, 1000: 2, 10000: 2}.items():
        with tempfile.TemporaryDirectory() as scratch:
            rows += of(count, rounds, Path(scratch))
    return rows


def of(count: int, rounds: int, folder: Path) -> list[Row]:
    """The rows of one number of cells."""
    flat = folder / "flat"
    flat.mkdir()
    (flat / "Snakefile").write_text(FLAT.format(count=count))
    ours = folder / "ours"
    ours.mkdir()
    workload.with_images(ours, 1, 1)
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
    plans = [timed(lambda: workload.plan(ours, "many")) for _ in range(rounds)]
    rows.append(single(PART, "planning alone", plans, note="a part of both"))
    for row in rows:
        row.what += f", {count:,} cells"
    return rows


def finish(ours: Path, flat: Path, count: int) -> None:
    """Make both workflows look finished: complete segments without content, and all files that follow from them."""
    study = workload.plan(ours, "many")
    best = {selection_key(study.plan.metric, study.plan.minimize): None}
    for segment in study.plan.segments:
        write_segment(ours / "results" / "segments", segment, best=best)
    (ours / study.plan.data[0]).mkdir(parents=True, exist_ok=True)
    (ours / study.plan.data[0] / "manifest.json").write_text("{}")
    writer = PlanWriter(study)
    writer.start()
    writer.finish()
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
