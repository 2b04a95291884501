"""Remove results and other folders for good, after saying what is in them and asking.

make clean            asks on the terminal
make clean YES=1      does not ask

It needs nothing but Python: the environment may be gone, or be one of the folders.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

from segsweep.errors import InputError
from segsweep.exits import program
from segsweep.formatting import duration, file_size, plural
from segsweep.io import read_json_or_none
from segsweep.planning import markers


@program
def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status: 1 where nothing was removed because of the answer."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, help="to be removed; those that are not there are passed over")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    arguments = parser.parse_args(argv)
    folders = [folder for folder in arguments.folders if os.path.lexists(folder)]
    if not folders:
        print(f"Nothing to remove: there is no {' or '.join(map(str, arguments.folders))} here.")
        return 0
    _refuse_while_it_trains(folders)
    for folder in folders:
        print(f"{file_size(_bytes(folder)):>9}  {folder}{_trained(folder)}")
    if not arguments.yes and not _agrees():
        print("Nothing was removed.")
        return 1
    for folder in folders:
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder)
    print(f"Removed: {', '.join(map(str, folders))}.")
    return 0


def _refuse_while_it_trains(folders: list[Path]) -> None:
    running = [study for folder in folders for study in markers.running(folder / markers.MARKERS.name).values()]
    if running:
        names = ", ".join(sorted({study.name for study in running if study.name})) or "something"
        raise InputError(f"Nothing was removed: Snakemake is at work here, on {names}. Stop it before (Ctrl-C).")


def _agrees() -> bool:
    """Whether a person at the terminal wants it.

    Raises:
        InputError: there is none.
    """
    if not sys.stdin.isatty():
        raise InputError(
            "Nothing was removed: there is no terminal to ask on. `make clean YES=1` removes all of it without asking; "
            "`make clean-up` says what of results/ nothing needs."
        )
    print("What was trained has to be trained again, unless it was pushed (`make push`). Remove all of it for good?")
    try:
        return input("Type yes: ").strip() == "yes"
    except EOFError:
        print()
        return False


def _bytes(folder: Path) -> int:
    """Of the files in a folder; a link is a link."""
    if folder.is_symlink():
        return 0
    paths = (os.path.join(inner, name) for inner, _, names in os.walk(folder) for name in names)
    return sum(os.lstat(path).st_size for path in paths)


def _trained(folder: Path) -> str:
    """What of it was trained, in words; of a link, that only it goes."""
    if folder.is_symlink():
        return f", a link to {os.readlink(folder)}: what it links to stays"
    if (folder / "segments").is_symlink():
        return ""
    records = [read_json_or_none(path) for path in folder.glob("segments/*/segment.json")]
    seconds = sum(record.get("train_seconds") or 0.0 for record in records if isinstance(record, dict))
    trained = f"{plural(len(records), 'trained segment')}, {duration(seconds)} of training"
    return f": {trained}" if records else ""


if __name__ == "__main__":
    sys.exit(main())
