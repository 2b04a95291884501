#!/usr/bin/env python
"""Measure what a model of a study costs to use: operations and time for an image."""

import argparse
import sys
from pathlib import Path

from segsweep.exits import program


@program
def main(argv: list[str] | None = None) -> int:
    """Measure; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the study")
    parser.add_argument("--model", required=True, help="address of the model, as in the plan")
    parser.add_argument("--output", type=Path, required=True, help="JSON file of what was measured")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="threads of the computations on a CPU")
    options = parser.parse_args(argv)

    from segsweep.execution.measured_model import measure
    from segsweep.io import write_json
    from segsweep.planning.plan_file import open_plan

    found = measure(open_plan(options.plan), options.model, device=options.device, threads=options.threads)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_json(options.output, found)
    for name, value in found.items():
        print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
