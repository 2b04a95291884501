"""What a person wrote or supplied is wrong."""

from collections.abc import Callable


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
