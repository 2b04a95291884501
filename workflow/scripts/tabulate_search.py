"""Put the decisions of a sweep into tables: trials.csv and decisions.csv beside its step files."""

import argparse
import sys
from pathlib import Path

from segsweep.exits import program
from segsweep.search.search_tables import write_tables
from segsweep.search.step_files import read_steps


@program
def main(argv: list[str] | None = None) -> int:
    """Read the steps, write the tables; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweep", type=Path, required=True, help="folder of step files; the tables go there too")
    options = parser.parse_args(argv)
    write_tables(read_steps(options.sweep), options.sweep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
