"""Put the decisions of a sweep into tables, and its trials into Optuna's storage: all of it beside its step files."""

import argparse
import sys
from pathlib import Path

from segsweep.exits import program
from segsweep.planning.plan_file import open_plan
from segsweep.search.optuna_journal import write_journal
from segsweep.search.search_tables import write_tables
from segsweep.search.step_files import read_steps
from segsweep.store.segment_store import STORE, SegmentStore


@program
def main(argv: list[str] | None = None) -> int:
    """Read the steps, write the tables and the storage; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the study")
    parser.add_argument("--store", type=Path, default=STORE, help="folder of trained segments")
    parser.add_argument("--sweep", type=Path, required=True, help="folder of step files; what is made goes there too")
    options = parser.parse_args(argv)
    states = read_steps(options.sweep)
    write_tables(states, options.sweep)
    write_journal(states, open_plan(options.plan), SegmentStore(options.store), options.sweep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
