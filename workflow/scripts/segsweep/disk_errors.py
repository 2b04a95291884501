"""What a disk refuses: that it is full, broken, or may only be read, or that something is in the way, in one line."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segsweep.errors import InputError
from segsweep.typed_commands import typed

ROOM = f"Make room (`{typed('clean-up')}` shows what can go)"
# By the system's number: what helps.
REMEDIES = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: f"{ROOM}, or ask for a larger quota",
    errno.EIO: "Have the disk checked",
    errno.EROFS: "Make it writable",
}
# Of an error itself, and not of what led to it: a program may well get over these.
IN_THE_WAY = {
    errno.EISDIR: "A file belongs there: move the folder away",
    errno.ENOTDIR: "A folder belongs there: move the file away",
    errno.EEXIST: "A folder belongs there: move what is none away",
    errno.ENXIO: "A file belongs there: remove what is none",
    errno.ELOOP: "The link leads to itself: remove it",
    errno.EACCES: "Have its permissions, or those of its folder, changed",
    errno.EPERM: "Have its permissions, or those of its folder, changed",
}


def refusal_of_disk(error: BaseException) -> str | None:
    """What a disk refused first, of what led to an error: a line that names the file; None where it refused nothing."""
    if isinstance(error, OSError) and error.errno in IN_THE_WAY and error.filename is not None:
        return _refusal(error.filename2 or error.filename, error.strerror, IN_THE_WAY[error.errno])
    refused = refused_by_disk(error)
    if not refused:
        return None
    number = refused[0].errno
    files = [one.filename2 or one.filename for one in refused]  # the second is the one that is written
    return _refusal(next(filter(None, files), "a file"), os.strerror(number), REMEDIES[number])


@contextmanager
def refusals_told() -> Iterator[None]:
    """Have what a disk refuses told as what is wrong with an input is, where that alone is caught.

    Raises:
        InputError: in place of the system's error.
    """
    try:
        yield
    except OSError as error:
        if refusal := refusal_of_disk(error):
            raise InputError(refusal) from error
        raise


def is_no_file(error: OSError) -> bool:
    """Whether what was opened is none: nothing lies there, or a folder, a pipe, a link to itself or to nothing."""
    return error.errno in (errno.ENOENT, errno.EISDIR, errno.ENXIO, errno.ELOOP)


def in_words(error: BaseException) -> str:
    """What an error says; what the disk refused where that led to it, as libraries say only what they make of it."""
    refused = refused_by_disk(error)
    return os.strerror(refused[0].errno) if refused else str(error)


def refused_by_disk(error: BaseException | None) -> list[OSError]:
    """Errors of a disk that is full, broken, or may only be read, which led to an error: the first one first."""
    return [one for one in _led_to(error) if one.errno in REMEDIES][::-1]


def _led_to(error: BaseException | None) -> Iterator[OSError]:
    """The system's errors among an error and what led to it, the last one first."""
    while error is not None:
        if isinstance(error, OSError):
            yield error
        error = error.__cause__ or error.__context__


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have the system's errors name a file where they name none: those of reading and writing do not.

    So do those of which a library made an error of its own.
    """
    try:
        yield
    except Exception as error:
        for one in _led_to(error):
            if one.filename is None and one.errno is not None:  # without a number it is a library's own
                one.filename = str(path)
        raise


def _refusal(file: str, said: str, remedy: str) -> str:
    return f"{file}: {said}. {remedy}, and start again: what is complete stays, and the rest resumes or is made again."
