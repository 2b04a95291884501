"""What a person wrote or supplied is wrong."""

import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

# What a person can do where the system refuses to read or write a file.
REMEDIES = {
    errno.EISDIR: "A file belongs there: move the folder away.",
    errno.ENOTDIR: "A folder belongs there: move the file away.",
    errno.ELOOP: "A link leads to itself: remove it.",
    errno.EACCES: "Have its permissions, or those of its folder, changed.",
    errno.EPERM: "Have its permissions, or those of its folder, changed.",
    errno.EROFS: "Work where files can be written.",
}

Result = TypeVar("Result")
# In place of file and line of a key that was left out, as it is wrong itself: what begins with it is no problem of its
# own.
LEFT_OUT = "(left out)"


class InputError(Exception):
    """Something a person wrote or supplied is wrong. The message is a list of problems, one a line.

    Each problem names file and location, what was found, what is allowed and a remedy.

    Args:
        problems: as they are said, but for `remedy`.
        remedy: of an image of a data set, where that of one that a trained model is to predict is another one.
        remedy_of_file: the latter: the image's file alone can change, as what the data set's file says holds for the
            model.
    """

    def __init__(self, *problems: str, remedy: str = "", remedy_of_file: str = ""):
        self.problems = [f"{problem} {remedy}".strip() for problem in problems]
        self.problems_of_file = [f"{problem} {remedy_of_file or remedy}".strip() for problem in problems]
        super().__init__("\n".join(self.problems))


class Problems:
    """What is wrong, of all stages of checking: each adds to it, and goes on with what is right. Then all is told."""

    def __init__(self):
        self._found: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __contains__(self, problem: str) -> bool:
        return problem in self._found

    def add(self, found: Iterable[str]) -> None:
        """Take in problems, each once; none of what was left out."""
        self._found |= dict.fromkeys(one for one in found if not one.startswith(LEFT_OUT))

    def of(self, check: Callable[..., Result], *arguments, **named) -> Result | None:
        """What a check gives; None where it raises InputError, whose problems are taken in."""
        try:
            return check(*arguments, **named)
        except InputError as error:
            self.add(error.problems)
            return None

    def tell(self) -> None:
        """Stop here if anything is wrong.

        Raises:
            InputError: with all that was found.
        """
        if self._found:
            raise InputError(*self._found)


@contextmanager
def files_named() -> Iterator[None]:
    """Say of which file it is, and what a person can do, where the system refuses to read or write one.

    Raises:
        InputError: in place of an OSError that is in `REMEDIES`.
    """
    try:
        yield
    except OSError as error:
        file = error.filename2 or error.filename
        if file is None or error.errno not in REMEDIES:
            raise
        raise InputError(f"{file}: {error.strerror}. {REMEDIES[error.errno]} Nothing was lost; start again.") from error


def check_all(*checks: Callable[[], object]) -> None:
    """Make all checks, so that a person learns at once what each of them finds.

    Raises:
        InputError: with the problems of all of them, each once.
    """
    problems = Problems()
    for check in checks:
        problems.of(check)
    problems.tell()
