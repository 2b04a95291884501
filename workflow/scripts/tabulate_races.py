"""Put the decisions of races into tables: how each ended, its rounds, its settings."""

import argparse
import sys
from pathlib import Path

from segsweep.exits import program
from segsweep.planning.plan_file import open_plan
from segsweep.search.race_tables import write_tables
from segsweep.search.step_files import read_steps
from segsweep.table_sums import note_tables


@program
def main(argv: list[str] | None = None) -> int:
    """Read the steps, write the tables; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the study")
    parser.add_argument("--output", type=Path, required=True, help="folder for the tables, with step files in sweep/")
    options = parser.parse_args(argv)
    write_tables(read_steps(options.output / "sweep"), open_plan(options.plan), options.output)
    note_tables(options.output, "tabulate_races")
    return 0


if __name__ == "__main__":
    sys.exit(main())
