"""What an image can be called: its name becomes part of paths, in the data set and in what is written of it."""

import posixpath
import re

CONTROL = re.compile(r"[\x00-\x1f]")
NOT_UTF_8 = re.compile("[\udc80-\udcff]")  # what Python puts in the place of such bytes


def not_unicode(name: str) -> bool:
    """Whether a name, of a list or of a file on the disk, holds bytes that are not UTF-8: nothing can be called so."""
    return NOT_UTF_8.search(name) is not None


def usable_name(name: str, location: str, problems: list[str]) -> str:
    """A name as it is meant (`./a` is `a`, `a//b` is `a/b`). One that no image can have is appended to the problems.

    Args:
        name: as a list or table has it.
        location: "train.txt:17".
        problems: of all names.
    """
    if not_unicode(name):
        problems.append(f"{location}: {name!a} is not UTF-8. Rename the image if need be, and save the list as UTF-8.")
    elif CONTROL.search(name):
        problems.append(f"{location}: {name!r} holds a control character. Save the list as plain UTF-8 text.")
    return posixpath.normpath(name)
