"""What a person wrote or supplied is wrong."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Result = TypeVar("Result")
# In place of file and line of a key that was left out, as it is wrong itself: what begins with it is no problem of its
# own.
LEFT_OUT = "(left out)"


class InputError(Exception):
    """Something a person wrote or supplied is wrong. The message is a list of problems, one a line.

    Each problem names file and location, what was found, what is allowed and a remedy.
    """

    def __init__(self, *problems: str):
        self.problems = list(problems)
        super().__init__("\n".join(problems))


class ImageError(InputError):
    """An image file cannot be used.

    Args:
        problem: what is wrong, without a remedy.
        remedy: of an image of a data set.
        remedy_of_file: of an image that a trained model is to predict, where what the data set's file says cannot
            change any more.
    """

    def __init__(self, problem: str, remedy: str, remedy_of_file: str):
        super().__init__(f"{problem} {remedy}")
        self.problem_of_file = f"{problem} {remedy_of_file}"


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


def check_all(*checks: Callable[[], object]) -> None:
    """Make all checks, so that a person learns at once what each of them finds.

    Raises:
        InputError: with the problems of all of them, each once.
    """
    problems = Problems()
    for check in checks:
        problems.of(check)
    problems.tell()
