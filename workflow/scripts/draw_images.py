"""Draw the predictions of the best runs of a study."""

import argparse
import sys
from pathlib import Path

from segsweep.exits import program
from segsweep.table_sums import check_tables


@program
def main(argv: list[str] | None = None) -> int:
    """Parse, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the study")
    parser.add_argument("--store", type=Path, required=True, help="folder with the segments")
    parser.add_argument("--results", type=Path, required=True, help="folder with ranking.csv and images.csv")
    parser.add_argument("--output", type=Path, required=True, help="folder for the images and images.json")
    options = parser.parse_args(argv)

    from segsweep.report.images.gallery import draw_images
    from segsweep.report.images.selection import Candidates

    check_tables(options.results)
    draw_images(Candidates.read(options.plan, options.results, options.store), options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
