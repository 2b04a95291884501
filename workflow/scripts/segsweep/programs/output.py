"""What a program says: written into a file, from which the job's own log gets it."""

import codecs
import sys
from collections.abc import Callable
from pathlib import Path

from segsweep.io import regular

KEPT_BYTES = 64 * 1024


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


class Output:
    """The file of what a program says, on all its starts."""

    def __init__(self, path: Path, say: Callable[[str], None] = _print):
        """
        Args:
            path: of the file.
            say: told what the program says, as it says it.
        """
        self.path, self.say = path, say
        self.begin()

    def begin(self) -> None:
        """A start begins: what is there already was said before."""
        self._began = self._passed_on = self.path.stat().st_size if self.path.exists() else 0
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def pass_on(self) -> None:
        """Say what the program has said since."""
        with regular(self.path).open("rb") as file:
            file.seek(self._passed_on)
            content = file.read()
        if content:
            self._passed_on += len(content)
            self.say(self._decode(content))

    def said(self) -> str:
        """What it said on this start, the end of it if that is long."""
        with self.path.open("rb") as file:
            file.seek(max(self._began, self.path.stat().st_size - KEPT_BYTES))
            return file.read().decode("utf-8", "replace")

    def shorten(self) -> None:
        """Keep the end of the file alone."""
        if self.path.exists() and self.path.stat().st_size > KEPT_BYTES:
            self.path.write_bytes(self.path.read_bytes()[-KEPT_BYTES:])
