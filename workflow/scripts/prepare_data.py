"""Prepare a data set: decode and check all its files, and write memory-mapped arrays.

python workflow/scripts/prepare_data.py (--plan PLAN | --description JSON) --output FOLDER [--workers N]
"""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from segsweep.component_checks.own_component import own_component
from segsweep.component_checks.reader import check_reader
from segsweep.config.dataset import parse_dataset
from segsweep.config.dataset_keys import Dataset
from segsweep.config.train import Data
from segsweep.data.preparation import prepare
from segsweep.data.prepared_checks import write_prepared_sums
from segsweep.data.readers import files
from segsweep.disk_errors import naming
from segsweep.errors import InputError
from segsweep.exits import program
from segsweep.formatting import plural
from segsweep.io import read_json
from segsweep.planning.augmentation_trials import augmentation_problems
from segsweep.planning.data_fingerprint import data_fingerprint, file_hashes
from segsweep.planning.data_fit import Fit, data_fit
from segsweep.planning.plan_file import StudyPlan, read_plan
from segsweep.typed_commands import typed

SHOWN = 20  # problems; `make data` shows all of them


@program
def main(argv: list[str] | None = None) -> int:
    """Read the description, prepare, say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--plan", type=Path, help="plan.json of a study that needs the folder")
    source.add_argument("--description", type=Path, help="JSON with dataset, root, data, fingerprint")
    parser.add_argument("--output", type=Path, required=True, help="folder to make")
    parser.add_argument("--workers", type=int, default=1, help="threads that decode (default: 1)")
    options = parser.parse_args(argv)
    plan = read_plan(options.plan) if options.plan else None
    description = read_json(options.description) if plan is None else described(plan, options.output)
    dataset = parse_dataset(description["dataset"])
    data = Data.model_validate(description["data"]) if description.get("data") else None
    if dataset.own:
        root = Path(description["root"])
        check_reader(own_component("reader", dataset), root, files(dataset, root))
    try:
        with naming(options.output):
            manifest = prepare(
                dataset,
                Path(description["root"]),
                data,
                options.output,
                description["fingerprint"],
                workers=options.workers,
            )
    except InputError as error:
        head = f"The data set {dataset.name} cannot be used ({plural(len(error.problems), 'problem')}):"
        more = len(error.problems) - SHOWN
        command = typed("data", dataset.name, target=f"data DATASET={dataset.name}")
        rest = [f"  ... and {more} more: {command}"] if more > 0 else []
        raise InputError(head, *(f"  {problem}" for problem in error.problems[:SHOWN]), *rest) from error
    write_prepared_sums(options.output)
    if split := changed_split(dataset, description, options.output.parent):
        shutil.rmtree(options.output)  # its name stands for what the files held
        raise InputError(
            f"The data set {dataset.name} changed since the study was planned: the files of {split}, or which files "
            "are in it. Start again."
        )
    fit = Fit([], []) if plan is None else data_fit(plan, str(options.output))
    problems = fit.problems if plan is None else fit.problems + augmentation_problems(plan, str(options.output))
    if problems:
        raise InputError(*problems)
    counts = ", ".join(f"{len(entry['names'])} {split}" for split, entry in manifest["splits"].items())
    print(f"{dataset.name}: {counts}; {manifest['num_classes']} classes")
    for warning in [*manifest["warnings"], *fit.warnings]:
        print(f"  note: {warning}")
    return 0


def changed_split(dataset: Dataset, description: dict[str, Any], parent: Path) -> str | None:
    """A split whose files are no longer those that a plan knows, or None.

    Args:
        dataset: the data set.
        description: of the plan.
        parent: folder of all prepared folders, where hashes of files are remembered.
    """
    planned = description.get("content", {})
    if not planned:
        return None
    found = data_fingerprint(dataset, Path(description["root"]), file_hashes(dataset, parent), {})
    return next((split for split in planned | found if planned.get(split) != found.get(split)), None)


def described(plan: StudyPlan, folder: Path) -> dict[str, Any]:
    """What a plan says of a folder of prepared data: dataset, root, data, fingerprint.

    Raises:
        InputError: the plan needs no such folder.
    """
    if str(folder) not in plan.prepared:
        there = ", ".join(plan.prepared)
        raise InputError(f"{plan.name}: no {folder} among {there}. If the study changed since, plan it again.")
    return plan.prepared[str(folder)]


if __name__ == "__main__":
    sys.exit(main())
