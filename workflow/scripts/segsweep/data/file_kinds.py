"""What lies under a path where a file with content should be."""

import os
import stat
import unicodedata
from functools import lru_cache
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
        if path.is_symlink():
            return f"a link to {os.readlink(path)}, which is not there"
        return f"no such file{_but_similar(path)}"
    except (OSError, ValueError) as error:  # a loop of links, a name that is too long, a NUL in it
        return f"cannot be read ({getattr(error, 'strerror', None) or error})"
    for is_kind, name in KINDS:
        if is_kind(status.st_mode):
            return f"{name}, not a file"
    if status.st_size == 0:
        return "empty"
    return None if os.access(path, os.R_OK) else "may not be read by this user"


def _but_similar(path: Path) -> str:
    """A file beside a missing one that may be meant: of another case, Unicode form or ending."""
    if "\\" in str(path) and Path(str(path).replace("\\", "/")).exists():
        return ", but one with / in place of \\"
    try:
        there = _names_by_key(path.parent, path.parent.stat().st_mtime_ns)
    except OSError:
        return ""
    if same := there.get(_key(path.name)):
        form = unicodedata.normalize("NFC", same) == unicodedata.normalize("NFC", path.name)
        return f", but {same!r} is there" + (", in another Unicode form" if form else "")
    other = there.get(_key(path.stem))
    return f", but {other!r} is there" if other else ""


@lru_cache(maxsize=8)
def _names_by_key(folder: Path, changed: int) -> dict[str, str]:
    """Names of the files in a folder, by what is left of them without case, Unicode form, and ending."""
    names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    return {_key(Path(name).stem): name for name in names} | {_key(name): name for name in names}


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
