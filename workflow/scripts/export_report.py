"""Export a finished report for use elsewhere: tables as LaTeX and CSV, report.docx, report.pdf."""

import argparse
import sys
from pathlib import Path

from segsweep.exits import program


@program
def main(argv: list[str] | None = None) -> int:
    """Parse, export, say what could not be made on this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder with report.md, report.html and figures/")
    parser.add_argument("--output", type=Path, required=True, help="folder for the exported files")
    parser.add_argument("--only", nargs="+", default=[], metavar="FORM", help="some forms; all of them by default")
    options = parser.parse_args(argv)

    from segsweep.report.export import export

    done = export(options.results, options.output, options.only)
    for problem in done.problems:
        print(f"not made: {problem}", file=sys.stderr)
    print(f"{len(done.files)} files in {options.output}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
