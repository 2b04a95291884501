"""What lies under a path where a file with content should be."""

import os
import stat
from pathlib import Path

KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def not_a_file(path: Path) -> str | None:
    """What is wrong with a path that cannot be read as a file: "no such file", "a FIFO", "empty"; else None.

    Nothing is opened: a FIFO would make whoever opens it wait.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return f"a link to {os.readlink(path)}, which is not there" if path.is_symlink() else "no such file"
    except (OSError, ValueError) as error:  # a loop of links, a name that is too long, a NUL in it
        return f"cannot be read ({getattr(error, 'strerror', None) or error})"
    for is_kind, name in KINDS:
        if is_kind(status.st_mode):
            return f"{name}, not a file"
    if status.st_size == 0:
        return "empty"
    return None if os.access(path, os.R_OK) else "may not be read by this user"
