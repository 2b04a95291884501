"""Folders for what processes of one user share on a machine, in a place that all users can write to."""

import os
import tempfile
from pathlib import Path


def private_folder(name: str) -> Path:
    """A folder beside others' temporary files that nobody but this user can enter; made if it is not there.

    Raises:
        PermissionError: what lies there under this name is a link, another user's, or open to others.
    """
    folder = Path(tempfile.gettempdir(), f"{name}-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    state = folder.lstat()
    if folder.is_symlink() or state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise PermissionError(
            f"{folder} is not this user's alone: another user may have put it there. Remove it, or name a folder of "
            "your own with the environment variable TMPDIR."
        )
    return folder
