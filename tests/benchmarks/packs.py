"""What a job costs beyond its training, and how packs divide it: 24 short cells in packs of 1, 4 and 8.

    python tests/benchmarks/packs.py [--cells N] [--packs 1 4 8]

All start cold, as jobs on a cluster do: one process that imports the libraries for each job. What Slurm adds is on top
(three starts of Snakemake for each job). Prints a table and writes results/benchmarks/packs.csv.
"""

import argparse
import csv
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.workspace import SMALL, Workspace  # noqa: E402


def measure(folder: Path, cells: int, pack: int) -> dict[str, float]:
    """Train that many cells in packs; seconds in all, in training, and beside training for each cell."""
    workspace = Workspace(folder)
    workspace.write_tiny_dataset()
    rates = [round(1e-4 * (1 + i), 6) for i in range(cells)]
    workspace.write_study(train=SMALL, grid={"optimizer.lr": rates})
    workspace.snakemake("--until", "prepare_data")
    began = time.perf_counter()
    last = "accept_segment" if pack > 1 else "train_segment"
    workspace.snakemake("--until", last, config=("warm=false", f"pack={pack}"))
    whole = time.perf_counter() - began
    records = [json.loads(path.read_text()) for path in (folder / "results" / "segments").glob("*/segment.json")]
    assert len(records) == cells
    training = sum(record["train_seconds"] for record in records)
    return {
        "pack": pack,
        "cells": cells,
        "seconds": round(whole, 1),
        "training_seconds": round(training, 1),
        "overhead_seconds_per_cell": round((whole - training) / cells, 2),
    }


def main() -> int:
    """Measure each size of packs once and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=24, help="cells to train")
    parser.add_argument("--packs", type=int, nargs="+", default=[1, 4, 8], help="segments in a job")
    options = parser.parse_args()
    rows = []
    for pack in options.packs:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(Path(folder), options.cells, pack))
        if len(rows) == 1:
            print(" ".join(f"{name:>26}" for name in rows[0]))
        print(" ".join(f"{value:>26}" for value in rows[-1].values()), flush=True)
    target = ROOT / "results" / "benchmarks" / "packs.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
