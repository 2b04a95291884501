"""Check a report: every number must have a source that still says so, every section be what the files make it."""

import argparse
import sys
from pathlib import Path

from segsweep.exits import program


@program
def main(argv: list[str] | None = None) -> int:
    """Parse, check, print problems. Exit code 1 when the report is not what the files say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder with the tables of the study")
    parser.add_argument("--report", type=Path, help="folder with report.md and report.sources.csv; the same by default")
    options = parser.parse_args(argv)

    from segsweep.io import read_text
    from segsweep.report.verify import verify

    folder = options.report or options.results
    texts = [read_text(folder / name, "Build the report first.") for name in ("report.md", "report.sources.csv")]
    problems = verify(*texts, options.results)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
