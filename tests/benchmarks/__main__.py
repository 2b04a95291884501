"""Measure how fast it is, and how often a study without an effect is said to have one.

    python tests/benchmarks [PART ...] [--quick]

The parts: step, loading, overhead, cells, inprocess, many_cells, prefixes, pipelined, null_studies, racing and
analysis_cost; all if none is named. `overhead` measures Hydra and Ray Tune too where PYTHON_OF_RIVALS names a Python
that has them.

Prints a table and writes results/benchmarks/PART.csv; `table.md` there holds the parts measured so far. `--quick` runs
everything as a smoke test, to see that it works: its numbers mean nothing and are not written.
"""

import argparse
import sys
import time
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow" / "scripts"))
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from measuring import RESULTS, machine, read, table, write

PARTS = (
    "step",
    "loading",
    "overhead",
    "cells",
    "inprocess",
    "many_cells",
    "prefixes",
    "pipelined",
    "null_studies",
    "racing",
    "analysis_cost",
)


def main() -> int:
    """Measure the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all of {', '.join(PARTS)} if none is named")
    parser.add_argument("--quick", action="store_true", help="a smoke test in small sizes; nothing is written")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    where = machine()
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {where}", flush=True)
    for name in options.parts or PARTS:
        began = time.perf_counter()
        rows = import_module(name).measure(options.quick)
        if not options.quick:
            write(rows, RESULTS / f"{name}.csv")
        print(f"\n{name} ({time.perf_counter() - began:.0f} s)\n{table(rows)}", flush=True)
    if not options.quick:
        sections = [
            f"Measured {time.strftime('%Y-%m-%d')} on {where}. Ratios: of the minima (median of the rounds').\n"
        ]
        for name in PARTS:
            if (RESULTS / f"{name}.csv").exists():
                rows = read(RESULTS / f"{name}.csv")
                sections.append(f"### {rows[0].part.capitalize()}\n\n{table(rows)}\n")
        (RESULTS / "table.md").write_text("\n".join(sections), encoding="utf-8")
        print(f"\nWritten: {RESULTS / 'table.md'} and a CSV file for each part")
    return 0


if __name__ == "__main__":
    sys.exit(main())
