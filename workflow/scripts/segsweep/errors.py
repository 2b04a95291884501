"""What a person wrote or supplied is wrong."""


class InputError(Exception):
    """Something a person wrote or supplied is wrong. The message is a list of problems, one a line.

    Each problem names file and location, what was found, what is allowed and a remedy.
    """

    def __init__(self, *problems: str):
        self.problems = list(problems)
        super().__init__("\n".join(problems))
