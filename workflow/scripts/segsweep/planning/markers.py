"""What Snakemake sees of trainings: small files of one start of Snakemake, and of no other.

What is trained is asked of the store. Snakemake itself needs a file for each training that it waits for; such a file
lies in a folder whose name is new at each start, so that none can be left over from an earlier one:
    results/markers/<start>/<segment>    a training that this start waited for is complete
    results/markers/<start>/pending      newer than all tables: decisions are left to make (see `pending_file`)
    results/outcomes/<start>/<segment>   how a job on a cluster ended: empty if well, else what went wrong
    results/outcomes/<start>/<pack>/     the same for the segments of a pack
"""

import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path

from segsweep.io import write_text

MARKERS = Path("results/markers")
OUTCOMES = Path("results/outcomes")
# Names of the files that running Snakemakes make and read.
LOCKS = Path(".snakemake/locks")
VARIABLE = "SEGSWEEP_START"
START = re.compile(r"\d{8}-\d{6}-\d+")


def new_start() -> str:
    """The name of a start: time and process."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"


def pass_on(start: str, environ: MutableMapping[str, str]) -> None:
    """Let the processes that this one starts on this machine know the start."""
    environ[VARIABLE] = start


def passed_on(environ: Mapping[str, str]) -> str | None:
    """The start of the process that this one was started by, or that it is; None where nothing was passed on."""
    return environ.get(VARIABLE)


def marker(start: str, segment: str) -> str:
    """The file that says that a training is complete."""
    return f"{MARKERS}/{start}/{segment}"


def outcome(start: str, name: str) -> str:
    """The file that says how the job of a segment ended, or a pack's folder of such files."""
    return f"{OUTCOMES}/{start}/{name}"


def pending_file(start: str) -> Path:
    """A file that is newer than all tables, for decisions that are left to make.

    That a decision lacks, or no longer holds, is no reason for Snakemake to make it while tables of an earlier search
    are there: of what depends on a checkpoint it looks at the checkpoint's own inputs alone. It compares the content of
    small inputs with what it was the last time; for a path that is new at each start there is no last time.
    """
    return MARKERS / start / "pending"


def write_pending(start: str) -> None:
    """Make the pending file of a start."""
    write_text(pending_file(start), "")


def remove_pending(start: str) -> None:
    """Remove the pending file of a start, and its folder if nothing else is in it."""
    pending_file(start).unlink(missing_ok=True)
    with suppress(OSError):
        pending_file(start).parent.rmdir()


def remove_old(start: str, folders: Iterable[Path] = (MARKERS, OUTCOMES), locks: Path = LOCKS) -> None:
    """Remove the files of all starts but this one and those that still run."""
    kept = {start, *running(locks)}
    for folder in folders:
        if folder.is_dir():
            for entry in os.scandir(folder):
                if entry.name not in kept:
                    shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)


def running(locks: Path = LOCKS) -> set[str]:
    """The starts whose files are named by locks of Snakemakes that run in this folder."""
    return {part for path in locked(locks) for part in Path(path).parts if START.fullmatch(part)}


def locked(locks: Path = LOCKS) -> set[str]:
    """Files that Snakemakes which run in this folder make and read."""
    found: set[str] = set()
    for path in locks.glob("*.lock"):
        with suppress(OSError):  # released meanwhile
            found.update(path.read_text(encoding="utf-8").splitlines())
    return found
