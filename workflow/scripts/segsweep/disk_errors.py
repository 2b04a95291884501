"""What a disk refuses: that it is full, broken, or may only be read, said in one line."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# By the system's number: what helps.
REMEDIES = {
    errno.ENOSPC: "Make room (`make clean-up` shows what can go)",
    errno.EDQUOT: "Make room (`make clean-up` shows what can go), or ask for a larger quota",
    errno.EIO: "Have the disk checked",
    errno.EROFS: "Make it writable",
}


def refusal_of_disk(error: BaseException) -> str | None:
    """What a disk refused first, of what led to an error: a line that names the file; None where it refused nothing."""
    refused = _refused(error)
    if not refused:
        return None
    number = refused[0].errno
    files = [one.filename2 or one.filename for one in refused]  # the second is the one that is written
    file = next(filter(None, files), "a file")
    return (
        f"{file}: {os.strerror(number)}. {REMEDIES[number]}, and start again: what is complete stays, and the "
        "rest resumes or is made again."
    )


def in_words(error: BaseException) -> str:
    """What an error says; what the disk refused where that led to it, as libraries say only what they make of it."""
    refused = _refused(error)
    return os.strerror(refused[0].errno) if refused else str(error)


def _refused(error: BaseException | None) -> list[OSError]:
    """Errors of a disk that led to an error, the first one first."""
    found = []
    while error is not None:
        if isinstance(error, OSError) and error.errno in REMEDIES:
            found.insert(0, error)
        error = error.__cause__ or error.__context__
    return found


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have the system's errors name a file where they name none: those of reading and writing do not."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
