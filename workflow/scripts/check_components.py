"""Try the components of a study's own code on its prepared data, before the first training."""

import argparse
import sys
from pathlib import Path

from segsweep.errors import InputError
from segsweep.exits import program
from segsweep.io import read_json, write_text
from segsweep.planning.plan_file import open_plan

REMEDY = "If a component cannot be tried here, as it needs a GPU: `--config check_components=false` trains at once."


@program
def main(argv: list[str] | None = None) -> int:
    """Parse, try, write what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the study")
    parser.add_argument("--components", type=Path, required=True, help="own_components.json beside it")
    parser.add_argument("--manifest", type=Path, required=True, help="manifest.json of prepared data")
    parser.add_argument("--output", type=Path, required=True, help="file to write, a line for each component")
    options = parser.parse_args(argv)

    from segsweep.component_checks.study_components import check_study  # imports torch

    try:
        seen = check_study(open_plan(options.plan), read_json(options.components), options.manifest.parent)
    except InputError as error:
        raise InputError(*error.problems, REMEDY) from error
    write_text(options.output, "".join(f"{line}\n" for line in seen))
    print("\n".join(seen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
