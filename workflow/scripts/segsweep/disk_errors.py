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
    refused = []
    while error is not None:
        if isinstance(error, OSError) and error.errno in REMEDIES:
            refused.insert(0, error)
        error = error.__cause__ or error.__context__
    if not refused:
        return None
    number = refused[0].errno
    file = next((one.filename for one in refused if one.filename), "a file")
    return (
        f"{file}: {os.strerror(number)}. {REMEDIES[number]}, and start again: what is complete stays, and the "
        "rest resumes or is made again."
    )


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have the system's errors name a file where they name none: those of reading and writing do not."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
