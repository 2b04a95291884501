"""Seconds that the analysis of large studies takes, from the files to the files."""

import tempfile
from pathlib import Path

import numpy as np
from measuring import Row, single, timed

from segsweep.analysis.analyze import Analysis
from segsweep.analysis.study_results import open_results
from tests.synthetic_files import write_study

PART = "analysis"
LR, DECAY, BATCH, ARCH = "optimizer.lr", "optimizer.weight_decay", "batch_size", "model.arch"


def studies(quick: bool) -> dict[str, tuple[dict, str]]:
    """Options of `write_study` by name, and how long the analysis may take."""
    tenths = 2 if quick else 10

    def rates(count: int) -> list[float]:
        return [float(f"{rate:.3g}") for rate in np.geomspace(1e-5, 1e-1, count)]

    encoders = [f"encoder_{i}" for i in range(10 * tenths)]
    grid = {LR: rates(tenths), BATCH: [2**i for i in range(tenths)], ARCH: encoders[: 2 * tenths]}
    search = {LR: [1e-5, 1e-1], DECAY: [1e-6, 1e-2], ARCH: encoders[:6]}
    return {
        "grid, 2,000 cells, 20,000 runs": ({"axes": grid, "seeds": tuple(range(tenths))}, "<= 60"),
        "search, 10,000 trials, 20,000 runs": (
            {"axes": search, "kind": "sweep", "trials": 1000 * tenths, "seeds": (0, 1)},
            "<= 60",
        ),
        "a factor of 100 levels, 600 runs": (
            {"axes": {ARCH: encoders, BATCH: [8, 16]}, "effects": {ARCH: list(np.linspace(0, 0.1, 10 * tenths))}},
            "<= 20",
        ),
    }


def measure(quick: bool) -> list[Row]:
    """Seconds for each study; with `quick` they are a hundredth as large or less."""
    rows = []
    for name, (drawn, wanted) in studies(quick).items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            write_study(folder, curves=False, epochs=4, **({"effects": {}} | drawn))
            seconds = timed(lambda where=folder: Analysis(open_results(where)).write(where))
        rows.append(single(PART, name, [seconds], wanted=wanted))
    return rows
