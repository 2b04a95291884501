"""What may lie where a file belongs, and is none."""

import os
import stat
from enum import StrEnum
from pathlib import Path


class Stray(StrEnum):
    """One of them."""

    PIPE = "a pipe"
    SOCKET = "a socket"
    DEVICE = "a link to a device"
    FOLDER = "a folder"
    LINK_TO_ITSELF = "a link to itself"
    LINK_TO_NOTHING = "a link to nothing"

    def lay(self, path: Path) -> None:
        """Have it lie under a path."""
        match self:
            case Stray.PIPE:
                os.mkfifo(path)
            case Stray.SOCKET:
                os.mknod(path, stat.S_IFSOCK | 0o600)
            case Stray.DEVICE:
                path.symlink_to("/dev/zero")
            case Stray.FOLDER:
                path.mkdir()
            case Stray.LINK_TO_ITSELF:
                path.symlink_to(path.name)
            case Stray.LINK_TO_NOTHING:
                path.symlink_to("/nosuch/file")
