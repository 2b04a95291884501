"""What Snakemake sees of trainings: small files of one start of Snakemake, and of no other.

What is trained is asked of the store. Snakemake itself needs a file for each training that it waits for; such a file
lies in a folder whose name is new at each start, so that none can be left over from an earlier one:
    results/markers/<start>/<segment>    a training that this start waited for is complete
    results/markers/<start>.running      this start runs, while its process holds it (see `hold`)
    results/markers/<start>/device       torch can use the GPU that trainings of this start ask for
    results/markers/<start>/weights      encoder weights were fetched into the cache, as this start found some missing
    results/markers/<start>/pending      newer than all tables: decisions are left to make (see `pending_file`)
    results/outcomes/<start>/<segment>   how a job on a cluster ended: empty if well, else what went wrong
    results/outcomes/<start>/<pack>/     the same for the segments of a pack
"""

import atexit
import fcntl
import os
import shutil
import time
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from segsweep.disk_errors import is_no_file, naming, refusals_told
from segsweep.io import regular, write_text

MARKERS = Path("results/markers")
OUTCOMES = Path("results/outcomes")
RUNNING = ".running"
VARIABLE = "SEGSWEEP_START"


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


def weights(start: str) -> str:
    """The file that names the encoder weights that a start has fetched."""
    return f"{MARKERS}/{start}/weights"


def device(start: str) -> str:
    """The file that says that torch can use the device that trainings ask for."""
    return f"{MARKERS}/{start}/device"


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


def hold(start: str, study: Path | None, folder: Path = MARKERS) -> IO[str]:
    """Show other starts in this working folder that this one runs: for as long as the file is open.

    Snakemake's own locks cannot: the first Snakemake that ends removes those of all.

    Args:
        start: that runs.
        study: folder of the study that it writes into; None where it only looks.
        folder: of all markers.

    Returns:
        The open file; the system lets go of it when the process ends, however it ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = folder.parent / f".{start}{RUNNING}"
    file = made.open("w", encoding="utf-8")
    fcntl.flock(file, fcntl.LOCK_EX)
    with naming(made):
        file.write(str(study or ""))
        file.flush()
    made.rename(folder / f"{start}{RUNNING}")  # whoever sees it finds it locked
    return file


def release(start: str, file: IO[str], folder: Path = MARKERS) -> None:
    """End what `hold` began."""
    (folder / f"{start}{RUNNING}").unlink(missing_ok=True)
    file.close()


def running(folder: Path = MARKERS) -> dict[str, Path]:
    """The starts that run in this working folder, and the folders of the studies that they write into."""
    found = {}
    for path in folder.glob(f"*{RUNNING}"):
        try:
            file = regular(path).open(encoding="utf-8", errors="replace")
        except OSError as error:
            if is_no_file(error):  # removed meanwhile, or none that a start has made
                continue
            raise
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:  # it is held, or this file system has no locks: then it may be
                found[path.name.removesuffix(RUNNING)] = Path(file.read())
    return found


@refusals_told()
def show_pending(start: str) -> None:
    """Make the pending file of a start, which lasts as long as this process.

    Raises:
        InputError: the disk refuses it.
    """
    atexit.register(release, start, hold(start, None))  # so that no other start removes the file
    write_pending(start)
    atexit.register(remove_pending, start)


def write_pending(start: str) -> None:
    """Make the pending file of a start."""
    write_text(pending_file(start), "")


def remove_pending(start: str) -> None:
    """Remove the pending file of a start, and its folder if nothing else is in it."""
    pending_file(start).unlink(missing_ok=True)
    with suppress(OSError):
        pending_file(start).parent.rmdir()


def remove_old(start: str, folders: Sequence[Path] = (MARKERS, OUTCOMES)) -> None:
    """Remove the files of all starts but this one and those that run, as the first of the folders says."""
    kept = {start, *running(folders[0])}
    for folder in folders:
        if folder.is_dir():
            for entry in os.scandir(folder):
                if entry.name.removesuffix(RUNNING) not in kept:
                    shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
