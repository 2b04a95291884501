"""What a person wrote or supplied is wrong, and what a disk refuses."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# What a disk refuses that is full, broken, or may only be read; and what helps.
DISK_REMEDIES = {
    errno.ENOSPC: "Make room (`make clean-up` shows what can go)",
    errno.EDQUOT: "Make room (`make clean-up` shows what can go), or ask for a larger quota",
    errno.EIO: "Have the disk checked",
    errno.EROFS: "Make it writable",
}


class InputError(Exception):
    """Something a person wrote or supplied is wrong. The message is a list of problems, one a line.

    Each problem names file and location, what was found, what is allowed and a remedy.
    """

    def __init__(self, *problems: str):
        self.problems = list(problems)
        super().__init__("\n".join(problems))


def check_all(*checks: Callable[[], object]) -> None:
    """Make all checks, so that a person learns at once what each of them finds.

    Raises:
        InputError: with the problems of all of them, each once.
    """
    problems: dict[str, None] = {}
    for check in checks:
        try:
            check()
        except InputError as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise InputError(*problems)


def refusal_of_disk(error: BaseException) -> str | None:
    """What a disk refused first, of what led to an error: a line that names the file; None where it refused nothing."""
    refused = []
    while error is not None:
        if isinstance(error, OSError) and error.errno in DISK_REMEDIES:
            refused.insert(0, error)
        error = error.__cause__ or error.__context__
    if not refused:
        return None
    number = refused[0].errno
    file = next((one.filename for one in refused if one.filename), "a file")
    return (
        f"{file}: {os.strerror(number)}. {DISK_REMEDIES[number]}, and start again: what is complete stays, and the "
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
