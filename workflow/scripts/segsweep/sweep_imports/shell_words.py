"""Words of a study's `command`: plain text in the template language, quoted for the shell."""

import shlex


def literal(text: str) -> str:
    """A word that reaches the program as it is: quoted, and with its braces doubled."""
    return shlex.quote(text).replace("{", "{{").replace("}", "}}")
