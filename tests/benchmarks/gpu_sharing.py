"""Several small cells on one GPU at once, as processes, with and without MPS; and what the start of a cell costs there.

    python tests/benchmarks/gpu_sharing.py --request FILE      what `gpu.py` starts; it prints JSON

A process of its own, which touches no GPU and forks the cells, as `train_pack.py` does.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
import workload  # noqa: F401  (the package's folder)
from gpu_step import FAST
from gpu_training import Bench, Sizes, changed, make, small, step, wait
from measuring import Row, compared, single

PART = "gpu sharing"
READY_S = 120.0


def sharing(bench: Bench) -> Iterator[Row]:
    """Images a second of 1, 2, 4 and 8 cells together, against one cell, and the seconds of a cell's start."""
    if not bench.on_gpu:
        bench.skip("MPS", "no GPU")
    alone: float | None = None
    for mps in (False, True) if bench.on_gpu else (False,):
        if not bench.has_time(f"cells at once, MPS {mps}"):
            return
        found = asked(bench, mps)
        if mps and not found["mps"]:
            bench.skip("MPS", found["said"])
            return
        how = "by MPS" if mps else "by process"
        if not mps:
            new, kept = found["starts"]
            row = compared(PART, {"new process": [new], "kept process": [kept]}, ("new process", "kept process"))
            row.what = f"start of a cell, {row.what}"
            row.note = "model, context and first step; libraries imported"
            yield row
        for count, rates in found["rates"].items():
            together = 1 / sum(rates)
            alone = alone or together
            what = f"{count} cells {how}"
            note = f"{1 / together:,.0f} images/s together at batch {bench.sizes.small_batch}"
            if what == "1 cells by process":
                yield single(PART, "one cell", [alone], unit="s/image", note=note)
                continue
            pair = {"one cell": [alone], what: [together]}
            yield compared(
                PART, pair, ("one cell", what), unit="s/image", wanted=">= 3" if count == "8" else "", note=note
            )
        if found["left_out"]:
            bench.skip(f"cells at once {how}", f"time is over before {found['left_out']} cells")


def asked(bench: Bench, mps: bool) -> dict:
    """What the process that forks cells answers; see `measured`."""
    sizes = asdict(bench.sizes)
    request = {"sizes": sizes, "description": small(bench.sizes, bench.description), "device": bench.device.type}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "request.json")
        file.write_text(json.dumps(request | {"mps": mps, "seconds": bench.left}), encoding="utf-8")
        command = [sys.executable, __file__, "--request", str(file)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=max(60.0, bench.left + 30.0)
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-500:])
        return json.loads(done.stdout.splitlines()[-1])


def measured(request: dict, folder: Path) -> dict:
    """Train cells side by side.

    Returns:
        {"rates": images a second of each cell, by the number of cells, "starts": seconds until the first step is
        taken, in a new process and again in the same one, "mps": whether it is in force, "said": why not, "left_out":
        numbers of cells for which there was no time}
    """
    from segsweep.execution.mps import MultiProcessService
    from segsweep.execution.preloading import preload

    sizes = Sizes(**{**request["sizes"], "cells": tuple(request["sizes"]["cells"])})
    until = time.perf_counter() + request["seconds"]
    preload()
    said: list[str] = []
    mps = MultiProcessService(say=said.append)
    in_force = request["mps"] and mps.start()
    rates, starts, left_out = {}, [], []
    try:
        for count in sizes.cells if in_force or not request["mps"] else ():
            if rates and time.perf_counter() > until:
                left_out.append(count)
                continue
            found = at_once(request, sizes, folder, count)
            starts = starts or found[0]["starts"]
            rates[count] = [one["rate"] for one in found]
    finally:
        mps.stop()
    return {"rates": rates, "starts": starts, "mps": in_force, "said": " ".join(said), "left_out": left_out}


def at_once(request: dict, sizes: Sizes, folder: Path, count: int) -> list[dict]:
    """What each of some cells found that were trained at the same time."""
    from segsweep.execution.pack import run_forked

    place = folder / str(count)
    place.mkdir()
    cells = [run_forked(lambda i=i: cell(request, sizes, place, i, count), place / f"{i}.log") for i in range(count)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in cells]
    if any(codes):
        logs = [(place / f"{i}.log").read_text()[-400:] for i, code in enumerate(codes) if code]
        raise SystemExit(f"of {count} cells {len(logs)} failed: {logs[0]}")
    return [json.loads((place / f"{i}.json").read_text()) for i in range(count)]


def cell(request: dict, sizes: Sizes, place: Path, number: int, count: int) -> int:
    """One of several cells: trains for a while when all are ready; writes its images a second."""
    from segsweep.training.seeding import set_determinism

    device = torch.device(request["device"])
    torch.set_num_threads(1)
    set_determinism(True)
    starts = []
    for _ in range(2):
        began = time.perf_counter()
        made = make(changed(request["description"], **FAST), device)
        batches = made.loaders.train.epoch(0)
        step(made, made.to_device(next(iter(batches))), device)
        wait(device)
        starts.append(time.perf_counter() - began)
    (place / f"{number}.ready").touch()
    until = time.monotonic() + READY_S
    while len(list(place.glob("*.ready"))) < count:
        time.sleep(0.01)
        if time.monotonic() > until:
            return 1
    began, images, epoch = time.perf_counter(), 0, 0
    while time.perf_counter() - began < sizes.cell_seconds:
        epoch += 1
        for batch in made.loaders.train.epoch(epoch):
            step(made, made.to_device(batch), device)
            images += len(batch["image"])
            if time.perf_counter() - began >= sizes.cell_seconds:
                break
        wait(device)
    rate = images / (time.perf_counter() - began)
    (place / f"{number}.json").write_text(json.dumps({"rate": rate, "starts": starts}))
    return 0


def main() -> int:
    """Answer the request in a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--request", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measured(json.loads(options.request.read_text()), Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
