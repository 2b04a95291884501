"""What a cell costs beyond its training: from the command to its end, less the seconds of its epochs."""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import workload
from measuring import SCRIPTS, Row, interleaved, run, single

PART = "overhead of a cell"


def measure(quick: bool) -> list[Row]:
    """A training by itself, in a warm process, and in a pack of twelve."""
    rounds = 1 if quick else 2
    with tempfile.TemporaryDirectory() as scratch:
        folder = workload.with_images(Path(scratch), 8, 4)
        train = workload.TRAIN | {"epochs": 2, "batch_size": 4}
        cells = 2 if quick else 12
        rates = [1e-3 + 1e-5 * i for i in range(1 + 4 * rounds + cells * rounds)]
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

        cell("--warm")  # starts the warm process: a study pays that once
        found = interleaved({"alone": cell, "warm": lambda: cell("--warm"), "pack": pack}, rounds)
    return [
        single(PART, "a process of its own", found["alone"], note="imports; what a job on a cluster pays"),
        single(PART, "forked from a warm process (the default on one machine)", found["warm"], wanted="<= 1"),
        single(PART, f"in a pack of {cells}, a cell's share", found["pack"], note="what a pack on a cluster pays"),
    ]


def trained(folder: Path, segments: list[str]) -> float:
    """Seconds of the segments' epochs, as they wrote down; removes them, as a checkpoint takes 230 MB."""
    seconds = 0.0
    for segment in segments:
        where = folder / "results" / "segments" / segment
        seconds += json.loads((where / "segment.json").read_text())["train_seconds"]
        shutil.rmtree(where)
    return seconds
