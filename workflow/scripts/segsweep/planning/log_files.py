"""The log files of jobs, whose shells open them before any program of ours can look."""

import os
from pathlib import Path

from segsweep.io import regular

LOGS = Path("results/logs")


def clear_log_files(folder: Path = LOGS) -> None:
    """Remove the pipes, sockets, links to devices and to nothing in place of logs: who writes to a pipe waits for ever.

    A folder stays, which may hold much: the shell names it.
    """
    for entry in os.scandir(folder) if folder.is_dir() else ():
        if entry.is_dir(follow_symlinks=False):
            clear_log_files(Path(entry.path))
        elif not entry.is_file(follow_symlinks=False):
            try:
                regular(entry.path)
            except OSError:
                os.unlink(entry.path)
