"""Look at a data set without any study: what it holds, what is wrong with it, images with their labels.

python workflow/scripts/inspect_data.py NAME_OR_FILE_OR_FOLDER [data_root=DIR]
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from segsweep.config.load import load_dataset, requested
from segsweep.errors import InputError
from segsweep.exits import DONE, WRONG_INPUT, program
from segsweep.io import write_text
from segsweep.project_files import CONFIG
from segsweep.typed_commands import typed

SHOWN = 20  # problems on the terminal; the page has all of them
DATASETS, RESULTS = Path("config/datasets"), Path("results/data")
SHIPPED = CONFIG / "datasets"


@program
def main(argv: list[str] | None = None) -> int:
    """Look, write the page, say the main facts; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", help="a name in config/datasets, the path of such a file, or a folder of images")
    parser.add_argument("options", nargs="*", help="as behind --config: data_root=/data")
    parser.add_argument("--workers", type=int, default=2, help="threads that decode (default: 2)")
    arguments = parser.parse_args(argv)
    # `make` gives all programs the same words, those for Snakemake itself among them.
    request = requested(None, [word for word in arguments.options if "=" in word])
    data_root = Path(request.data_root)
    if folder := unknown_folder(arguments.dataset, data_root):
        return describe(folder, data_root)
    dataset = load_dataset(arguments.dataset)

    # What follows takes seconds to import.
    from segsweep.inspection.findings import inspect
    from segsweep.inspection.page import write_page

    findings = inspect(dataset, data_root / dataset.root, RESULTS, workers=arguments.workers)
    page = write_page(findings, RESULTS / dataset.name)
    show(findings, page, Console(soft_wrap=True, highlight=False, markup=False))
    return WRONG_INPUT if findings.problems else DONE


def unknown_folder(name: str, data_root: Path) -> Path | None:
    """The folder that is meant, where no data set file is.

    Raises:
        InputError: there is no such folder.
    """
    if name.endswith((".yaml", ".yml")) or any((one / f"{name}.yaml").is_file() for one in (DATASETS, SHIPPED)):
        return None
    found = next((path for path in (Path(name), data_root / name) if path.is_dir()), None)
    if found is None and "/" in name:
        raise InputError(
            f"{name}: no such folder. Give a folder of images, the name of a file in {DATASETS}, or the path of such a "
            "file with its .yaml."
        )
    return found


def describe(folder: Path, data_root: Path) -> int:
    """Propose a data set file for a folder and write it, unless there is one."""
    from segsweep.inspection.proposal import propose

    name, text = propose(folder, data_root)
    path = DATASETS / f"{name}.yaml"
    look = typed("data", name, target=f"data DATASET={name}")
    print(text)
    if path.exists():
        print(f"{path} is there already and stays as it is; `{look}` looks at its data.")
        return DONE
    write_text(path, text)
    print(f"Written to {path}. Correct it, then look at what it gives: {look}")
    return DONE


def show(findings, page: Path, console: Console) -> None:
    """The main facts on the terminal."""
    from segsweep.inspection.page import classes_table, facts, found_wrong, splits_table

    console.print(f"{findings.dataset.name}: {findings.dataset.title or ''}".rstrip(": "))
    if findings.problems:
        console.print(found_wrong(findings).strip())
        for problem in findings.problems[:SHOWN]:
            console.print(f"  {problem}")
        if len(findings.problems) > SHOWN:
            console.print(f"  ... and {len(findings.problems) - SHOWN} more.")
        console.print(f"all of it: {page}")
        return
    for sentence in facts(findings):
        console.print(sentence)
    for head, rows in (splits_table(findings), classes_table(findings)):
        if head:
            table = Table()
            for i, name in enumerate(head):
                table.add_column(name, justify="right" if i else "left", no_wrap=not i)
            for row in rows:
                table.add_row(*row)
            console.print(table)
    for warning in findings.prepared.warnings:
        console.print(f"note: {warning}")
    console.print(f"images with their labels: {page}")


if __name__ == "__main__":
    sys.exit(main())
