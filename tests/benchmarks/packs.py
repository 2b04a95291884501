"""What a job costs beyond its training, and how packs divide it: 24 short cells in packs of 1, 4 and 8.

    python tests/benchmarks/packs.py [--cells N] [--packs 1 4 8] [--profile slurm]

All start cold, as jobs on a cluster do: one process that imports the libraries for each job. On one machine, what is
counted is the time of Snakemake; with `--profile slurm` and config/cluster.yaml filled in, it is the time that Slurm
says its jobs took, each of them with three starts of Snakemake. Prints a table, writes results/benchmarks/packs*.csv.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow" / "scripts")]

from tests.workspace import SMALL, Workspace  # noqa: E402

# One job at a time, so that none slows another; looks at the queue often, as they last seconds.
ON_SLURM = ("--profile", "profiles/slurm", "--jobs", "1", "--slurm-init-seconds-before-status-checks", "2")


def measure(folder: Path, cells: int, pack: int, on_slurm: bool) -> dict[str, float]:
    """Train that many cells in packs; seconds in all, in training, and beside training for each cell."""
    workspace = Workspace(folder)
    workspace.write_tiny_dataset()
    rates = [round(1e-4 * (1 + i), 6) for i in range(cells)]
    workspace.write_study(train=SMALL, grid={"optimizer.lr": rates})
    workspace.snakemake("--until", "prepare_data")
    before = seconds_of_jobs() if on_slurm else time.perf_counter()
    last = "check_outcome" if on_slurm or pack > 1 else "train_segment"
    start = workspace.command("--until", last, *ON_SLURM * on_slurm, config=("warm=false", f"pack={pack}"))
    subprocess.run(start, cwd=folder, env=workspace.environment(), check=True)
    whole = (seconds_of_jobs() if on_slurm else time.perf_counter()) - before
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


def seconds_of_jobs() -> float:
    """Seconds that all jobs of ours took that Slurm's accounting knows of."""
    command = ["sacct", "-X", "-n", "-P", "-o", "ElapsedRaw"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(sum(map(int, done.stdout.split())))


def main() -> int:
    """Measure each size of packs once and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=24, help="cells to train")
    parser.add_argument("--packs", type=int, nargs="+", default=[1, 4, 8], help="segments in a job")
    parser.add_argument("--profile", choices=["slurm"], help="train on a cluster")
    options = parser.parse_args()
    rows = []
    for pack in options.packs:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(Path(folder), options.cells, pack, bool(options.profile)))
        if len(rows) == 1:
            print(" ".join(f"{name:>26}" for name in rows[0]))
        print(" ".join(f"{value:>26}" for value in rows[-1].values()), flush=True)
    target = ROOT / "results" / "benchmarks" / f"packs{'_slurm' * bool(options.profile)}.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
