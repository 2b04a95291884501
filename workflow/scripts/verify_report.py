"""Read a report again: each number must have a source, and say what the source says."""

import argparse
import sys
from pathlib import Path

from segsweep.exits import program


@program
def main(argv: list[str] | None = None) -> int:
    """Parse, compare, complain. Exit code 1 when a number is without a source or unlike it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder with the tables of the study")
    parser.add_argument(
        "--report", type=Path, help="folder with report.md and report.sources.csv; the same if not given"
    )
    options = parser.parse_args(argv)

    from segsweep.report.trace import verify
    from segsweep.study.settings.base import InputError

    folder = options.report or options.results
    texts = {}
    for name in ("report.md", "report.sources.csv"):
        try:
            texts[name] = (folder / name).read_text(encoding="utf-8")
        except OSError as error:
            raise InputError(f"{folder / name}: cannot be read ({error.strerror}). Build the report first.") from error
    complaints = verify(texts["report.md"], texts["report.sources.csv"], options.results)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
