"""Try what a study asks of torch and its libraries, before the first training: no data is needed."""

import argparse
import sys
from pathlib import Path

from segsweep.config.load import requested
from segsweep.exits import program
from segsweep.io import write_text
from segsweep.planning.planner import planned
from segsweep.planning.tried_settings import read_tried


@program
def main(argv: list[str] | None = None) -> int:
    """Parse, try, write what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", help="name or path of the study; what was tried before is not tried again")
    parser.add_argument("--tried", type=Path, help="tried_settings.json of a planned study, in place of --study")
    parser.add_argument("--output", type=Path, help="with --tried: file to write, a line for each section")
    parser.add_argument("options", nargs="*", help="with --study, as behind --config: dataset=camvid smoke=true")
    arguments = parser.parse_args(argv)
    if arguments.tried:
        tried, output = read_tried(arguments.tried), arguments.output
    else:
        study = planned(requested(arguments.study, [word for word in arguments.options if "=" in word]))
        # Not the file of the job, of which Snakemake would say that it does not know where it comes from.
        tried, output = study.tried, study.checked_file.with_suffix(".plan.txt")
        if study.checked_file.exists():
            return 0
    if tried and not output.exists():
        from segsweep.component_checks.settings import check_settings  # imports torch

        write_text(output, "".join(f"{line}\n" for line in check_settings(tried)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
