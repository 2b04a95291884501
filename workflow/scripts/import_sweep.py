"""Write a study file for a sweep that W&B, Hydra or Optuna has: its definition, not its results.

python workflow/scripts/import_sweep.py sweep.yaml
python workflow/scripts/import_sweep.py conf/config.yaml lr=0.1,0.01 model=unet,fpn
python workflow/scripts/import_sweep.py sqlite:///study.db --study NAME --program train.py
"""

import argparse
import sys
from dataclasses import fields
from pathlib import Path

from segsweep.config.load import requested
from segsweep.errors import InputError
from segsweep.exits import DONE, program
from segsweep.formatting import plural
from segsweep.io import write_text
from segsweep.planning.planner import planned
from segsweep.sweep_imports.sources import Given, read_definition
from segsweep.sweep_imports.study_draft import draft, study_name
from segsweep.typed_commands import typed_plan

STUDIES = Path("config/studies")


@program
def main(argv: list[str] | None = None) -> int:
    """Read, write the study, say what is left to do; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="W&B sweep file, Hydra configuration or multirun folder, Optuna storage")
    parser.add_argument("words", nargs="*", help="for Hydra: overrides of the multirun, `lr=0.1,0.01`")
    parser.add_argument("--program", type=Path, help="Python file that trains, where the source does not name it")
    parser.add_argument("--study", help="for Optuna: name of the study in its storage")
    parser.add_argument("--metric", help="metric as the program calls it, where the source does not name it")
    parser.add_argument("--epochs", type=int, help="epochs of a run, where the source does not say")
    parser.add_argument("--trials", type=int, help="number of trials, in place of the source's")
    parser.add_argument("--resume", help="how the program is told to resume: '--resume {out}/last.pt'")
    parser.add_argument("--name", help="name of the new study (default: the sweep's)")
    parser.add_argument("--output", type=Path, help=f"file to write (default: {STUDIES}/NAME.yaml)")
    arguments = parser.parse_intermixed_args(argv)  # overrides may stand behind options
    given = Given(**{field.name: getattr(arguments, field.name) for field in fields(Given)})
    definition = read_definition(arguments.source, given)
    definition.name = study_name(arguments.name or definition.name)
    path = arguments.output or STUDIES / f"{definition.name}.yaml"
    if path.exists():
        raise InputError(f"{path} is there already. Remove it, or choose another file with --output or --name.")
    text = draft(definition, path).as_yaml(definition.origin)
    write_text(path, text)
    print(text)
    print(f"Written to {path}. Read its comments.")
    try:
        planner = planned(requested(str(path), []))
    except InputError as error:
        print(
            "\n".join([f"{plural(len(error.problems), 'problem')} to solve before it can be planned:", *error.problems])
        )
    else:
        sweep = planner.loaded.study.sweep
        size = plural(sweep.trials, "trial") if sweep else plural(len(planner.plan.runs), "run")
        print(f"It can be planned, with {size}: {typed_plan(str(path))}")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
