#!/usr/bin/env python
"""Write a trained run as one plain script, which trains it again without segsweep."""

import argparse
import sys
from pathlib import Path

from segsweep.exits import program


@program
def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="name of the run in runs.csv")
    parser.add_argument("--script", type=Path, required=True, help="file to write: train_run.py")
    parser.add_argument("--study", default="demo", help="name of the study's folder in results: %(default)s")
    parser.add_argument("--store", type=Path, default=Path("results/segments"), help="folder of trained segments")
    options = parser.parse_args(argv)

    from segsweep.io import write_text
    from segsweep.plain_script.script import script_of
    from segsweep.plain_script.trained_run import read_trained_run
    from segsweep.planning.plan_file import PLAN_FILE, open_plan
    from segsweep.store.segment_store import SegmentStore

    plan = open_plan(Path("results") / options.study / PLAN_FILE)
    run = read_trained_run(plan, options.run, SegmentStore(options.store))
    write_text(options.script, script_of(run, options.script.name))
    print(f"{options.script}: the run {run.run} of {run.study}. Train it: python {options.script}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
