"""Prepare a data set: decode and check all its files, and write memory-mapped arrays.

python workflow/scripts/prepare_data.py --description data.json --output FOLDER [--workers N]
"""

import argparse
import json
import sys
from pathlib import Path

from segsweep.config.dataset import parse_dataset
from segsweep.config.train import Data
from segsweep.data.preparation import prepare
from segsweep.errors import InputError
from segsweep.exits import program


@program
def main(argv: list[str] | None = None) -> int:
    """Read the description, prepare, say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--description", type=Path, required=True, help="JSON with dataset, root, data, fingerprint")
    parser.add_argument("--output", type=Path, required=True, help="folder to make")
    parser.add_argument("--workers", type=int, default=1, help="threads that decode (default: 1)")
    options = parser.parse_args(argv)
    description = json.loads(options.description.read_text(encoding="utf-8"))
    dataset = parse_dataset(description["dataset"])
    data = Data.model_validate(description["data"]) if description.get("data") else None
    try:
        manifest = prepare(
            dataset,
            Path(description["root"]),
            data,
            options.output,
            description["fingerprint"],
            workers=options.workers,
        )
    except InputError as error:
        count = len(error.problems)
        head = f"The data set {dataset.name} cannot be used ({count} problems):"
        raise InputError(head, *(f"  {problem}" for problem in error.problems)) from error
    counts = ", ".join(f"{len(entry['names'])} {split}" for split, entry in manifest["splits"].items())
    print(f"{dataset.name}: {counts}; {len(manifest['classes'])} classes")
    print(*(f"  note: {warning}" for warning in manifest["warnings"]), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
