"""Fetch a public data set, check it, lay it out for its reader, and track it with DVC.

python workflow/scripts/fetch_data.py camvid [--archives FOLDER] [--data-root data] [--no-dvc]
python workflow/scripts/fetch_data.py --list

Archives that you have already are taken from --archives; data/README.md says what to put there.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from segsweep.data import fetching
from segsweep.data.archives import obtain
from segsweep.errors import InputError
from segsweep.exits import program
from segsweep.store.leftovers import is_abandoned


@program
def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("set", nargs="?", choices=fetching.names(), help="the data set")
    parser.add_argument("--list", action="store_true", help="what there is, with size and licence")
    parser.add_argument("--data-root", type=Path, default=Path("data"), help="where data sets lie (default: data)")
    parser.add_argument("--archives", type=Path, help="where archives lie or go (default: DATA_ROOT/archives)")
    parser.add_argument("--no-dvc", action="store_true", help="do not run `dvc add`")
    options = parser.parse_args(argv)
    if options.list or options.set is None:
        for name in fetching.names():
            one = fetching.load(name)
            print(f"{name:11} {one.TITLE}; {one.SIZE}; {one.LICENCE}; {one.PAGE}")
        return 0
    folder = fetch(options.set, options.data_root, options.archives or options.data_root / "archives")
    if not options.no_dvc:
        track(folder)
    return 0


def fetch(name: str, data_root: Path, archives: Path) -> Path:
    """Make the folder of a data set, whole or not at all; one that is there is left alone.

    Raises:
        InputError: an archive is missing, cannot be downloaded, or is not what it should be.
    """
    one = fetching.load(name)
    folder = data_root / one.ROOT
    if folder.exists():
        print(f"{folder} is there already and was left alone; remove it to fetch it again")
        return folder
    print(f"{one.TITLE}: {one.SIZE}. Licence: {one.LICENCE}. {one.PAGE}")
    found = obtain(one.ARCHIVES, archives, one.PAGE)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}-*"):  # by a process that was killed
        if left.is_dir() and is_abandoned(left, time.time()):
            shutil.rmtree(left)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        one.lay_out(found, scratch)
        scratch.chmod(0o755)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{folder} is ready; the archives in {archives} are no longer needed")
    return folder


def track(folder: Path) -> None:
    """`dvc add`: from then on a study's data fingerprint is DVC's hash.

    Raises:
        InputError: DVC refuses.
    """
    command = [sys.executable, "-m", "dvc", "--cd", str(folder.parent), "add", "--quiet", folder.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(
            f"{folder}: fetched, but `dvc add` failed: {done.stderr.strip()}. Correct that and run `dvc add {folder}`, "
            "or leave it: data that DVC does not track is recognised by its files' hashes."
        )
    print(f"tracked: commit {folder}.dvc to git, and share the files with `dvc push {folder}.dvc`")


if __name__ == "__main__":
    sys.exit(main())
