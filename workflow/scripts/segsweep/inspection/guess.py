"""What a layout of files gives away: keys of a data set file, and what a person should know or decide about them."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Guess:
    """Keys of a data set file, `name` and `root` aside.

    Attributes:
        keys: by name, in the order in which they are written.
        comments: of some of them, what a person should check.
    """

    keys: dict[str, Any]
    comments: dict[str, str] = field(default_factory=dict)
