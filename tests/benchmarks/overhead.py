"""What a cell costs beyond its training: from the command to its end, less the seconds of its epochs.

Beside it what other launchers cost: a trial of theirs imports what a training needs, and does nothing else (see
`launched_trial`). Hydra and Ray Tune are measured where PYTHON_OF_RIVALS names a Python that has them.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import workload
from measuring import SCRIPTS, Row, interleaved, run, single, timed

PART = "overhead of a cell"
# Launchers that are no dependencies of this project, and the module that has each.
INSTALLED = {"Hydra, joblib launcher": "hydra_plugins.hydra_joblib_launcher", "Ray Tune": "ray.tune"}


def measure(quick: bool) -> list[Row]:
    """A training by itself, in a warm process, in a pack, in a whole study; trials of other launchers."""
    rounds = 1 if quick else 2
    with tempfile.TemporaryDirectory() as scratch:
        folder = workload.with_images(Path(scratch), 8, 4)
        train = workload.TRAIN | {"epochs": 2, "batch_size": 4}
        cells = 2 if quick else 12
        rates = [1e-3 + 1e-5 * i for i in range(1 + 4 * rounds + cells * rounds)]
        workload.study(folder, "whole", train, {"optimizer.lr": rates[:cells]})
        workload.study(folder, "short", train, {"optimizer.lr": rates})
        segments = list(workload.plan(folder, "short").plan.segments)
        workload.prepare(folder, workload.plan(folder, "short"))
        todo = iter(segments)

        def cell(*options: str) -> float:
            segment = next(todo)
            common = ["--plan", "results/short/plan.json", "--store", "results/segments"]
            began = time.perf_counter()
            run(
                [sys.executable, str(SCRIPTS / "train_segment.py"), *common, "--segment", segment, *options],
                folder, TMPDIR=scratch,
            )  # fmt: skip
            whole = time.perf_counter() - began
            return whole - trained(folder, [segment])

        def pack() -> float:
            chosen = [next(todo) for _ in range(cells)]
            common = ["--plan", "results/short/plan.json", "--store", "results/segments"]
            began = time.perf_counter()
            run([sys.executable, str(SCRIPTS / "train_pack.py"), *common, "--segments", *chosen], folder)
            whole = time.perf_counter() - began
            return (whole - trained(folder, chosen)) / cells

        def study() -> float:
            seconds = workload.train_study(folder, "whole", cores=1)
            records = (folder / "results" / "segments").glob("*/segment.json")
            return (seconds - trained(folder, [record.parent.name for record in records])) / cells

        cell("--warm")  # starts the warm process: a study pays that once
        found = interleaved({"alone": cell, "warm": lambda: cell("--warm"), "pack": pack}, rounds)
        others = launchers(folder, cells)
        found |= interleaved({"study": study} | others, rounds)
    of = f"{cells} on one core, a cell's share"
    rows = [
        single(PART, "a process of its own", found["alone"], note="imports; what a job on a cluster pays"),
        single(PART, "forked from a warm process (the default on one machine)", found["warm"], wanted="<= 1"),
        single(PART, f"in a pack of {cells}, a cell's share", found["pack"], note="what a pack on a cluster pays"),
        single(PART, f"a whole study of {of}", found["study"], note="with Snakemake, data and tables"),
    ]
    rows += [single(PART, f"{name}: {of}", found[name], note="imports what a training needs") for name in others]
    rows += [
        single(PART, f"{name}: {of}", [float("nan")], note="not measured: PYTHON_OF_RIVALS names no Python that has it")
        for name in INSTALLED.keys() - others.keys()
    ]
    return rows


def launchers(folder: Path, trials: int) -> dict[str, Callable[[], float]]:
    """Seconds of a trial under each launcher that is there, the command's own start within."""
    script = str(Path(__file__).with_name("launched_trial.py"))
    python = os.environ.get("PYTHON_OF_RIVALS", "")
    values = ",".join(map(str, range(trials)))
    one_by_one = [[sys.executable, script, "alone"]] * trials
    hydra = ["hydra", "-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=1", f"+lr={values}"]
    commands = {
        "a process a trial": one_by_one,
        "Hydra, joblib launcher": [[python, script, *hydra]],
        "Ray Tune": [[python, script, "ray", str(trials)]],
    }

    def share(name: str) -> float:
        return timed(lambda: [run(command, folder) for command in commands[name]]) / trials

    there = [name for name in commands if name not in INSTALLED or has_module(python, INSTALLED[name])]
    return {name: lambda name=name: share(name) for name in there}


def has_module(python: str, module: str) -> bool:
    """Whether a Python can import a module."""
    return bool(python) and not subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode


def trained(folder: Path, segments: list[str]) -> float:
    """Seconds of the segments' epochs, as they wrote down; removes them, as a checkpoint takes 230 MB."""
    seconds = 0.0
    for segment in segments:
        where = folder / "results" / "segments" / segment
        seconds += json.loads((where / "segment.json").read_text())["train_seconds"]
        shutil.rmtree(where)
    return seconds
