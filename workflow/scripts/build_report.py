"""Write the report of a study from its tables."""

import argparse
import sys
from pathlib import Path

from segsweep.exits import program
from segsweep.table_sums import check_tables


@program
def main(argv: list[str] | None = None) -> int:
    """Parse, build, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder with the tables of the study")
    parser.add_argument("--output", type=Path, required=True, help="folder for report.md, report.html and figures/")
    parser.add_argument("--store", type=Path, help="folder with the segments, for provenance")
    parser.add_argument("--partial", action="store_true", help="planned runs may be missing; the report says which")
    options = parser.parse_args(argv)

    from segsweep.report.build import build

    check_tables(options.results)
    store = options.store or options.results.parent / "segments"
    build(options.results, options.output, store, partial=options.partial)
    return 0


if __name__ == "__main__":
    sys.exit(main())
