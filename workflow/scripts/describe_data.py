"""Describe the data of a study: its splits and how often each class occurs: data.csv, data_classes.csv."""

import argparse
import sys
from pathlib import Path

from segsweep.analysis.data_tables import write_data_tables
from segsweep.exits import program
from segsweep.formatting import plural
from segsweep.planning.plan_file import read_plan
from segsweep.table_sums import note_tables


@program
def main(argv: list[str] | None = None) -> int:
    """Describe; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the study")
    parser.add_argument("--output", type=Path, required=True, help="folder for the tables")
    arguments = parser.parse_args(argv)
    count = write_data_tables(read_plan(arguments.plan), arguments.output)
    note_tables(arguments.output, "describe_data")
    print(f"{arguments.output}: {plural(count, 'split')} described")
    return 0


if __name__ == "__main__":
    sys.exit(main())
