"""What is done of a prediction, image by image, in a hidden file beside what it writes.

A prediction that was interrupted goes on from it, and what is of all images together is put together out of it, without
ever being in the memory at once.
"""

import fcntl
import json
from collections.abc import Iterable, Iterator, Sequence
from os import SEEK_END
from pathlib import Path
from typing import Any

from segsweep.disk_errors import naming
from segsweep.errors import InputError
from segsweep.io import regular

JOURNAL = ".predictions.jsonl"
POSITION, PARTS = "position", "parts"


class PredictionJournal:
    """A JSON object a line: what the prediction is, then an image each. `{"kept": n}` takes back all images but the
    first n.

    Args:
        folder: of the predictions; it is made where it is missing.

    Raises:
        InputError: another process predicts into the folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / JOURNAL
        self._begins: dict[str, int] = {}  # of each image its line, in bytes from the start of the file
        self._file = regular(self.path).open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise InputError(
                f"{folder}: another process predicts into this folder. Wait for it, or give another folder."
            ) from error
        except OSError:  # a file system without locks, as some network drives are
            pass

    def start(self, about: Any) -> None:
        """Forget what it holds, and begin a prediction; `about` tells it from others."""
        self._begins.clear()
        with naming(self.path):
            self._file.truncate(0)
        self._write({"about": about})

    def read(self, about: Any) -> dict[str, dict[str, Any]]:
        """What was noted of each image, but for its parts; nothing where the file is of another prediction.

        The file ends after the last line that can be read: what is added follows it.
        """
        with naming(self.path):
            return self._read(about)

    def keep(self, names: Sequence[str]) -> None:
        """Take back all but the images of the first positions, which are named."""
        self._write({"kept": len(names)})
        self._begins = {name: self._begins[name] for name in names}

    def add(self, name: str, note: dict[str, Any], parts: dict[str, Any]) -> None:
        """Note that an image is done.

        Args:
            name: of the image.
            note: what `read` is to give of it.
            parts: what it adds to the files of all images, by format.
        """
        with naming(self.path):
            self._file.seek(0, SEEK_END)
        self._begins[name] = self._file.tell()
        self._write({"name": name} | note | {PARTS: parts})

    def parts_of(self, key: str, names: Iterable[str] = ()) -> "Parts":
        """What images add to the file of a format, in the order of `names`; in that in which they came if none are."""
        return Parts(self, key, list(names) or list(self._begins))

    def part(self, key: str, name: str) -> Any:
        """What an image adds to the file of a format; None where it adds nothing, or is not done."""
        if name not in self._begins:
            return None
        with naming(self.path):
            self._file.seek(self._begins[name])
            return json.loads(self._file.readline())[PARTS].get(key)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def remove(self) -> None:
        """Remove the file: all is done."""
        self.path.unlink(missing_ok=True)

    def _read(self, about: Any) -> dict[str, dict[str, Any]]:
        notes: dict[str, dict[str, Any]] = {}
        self._file.seek(0)
        if _line(self._file.readline()) != {"about": about}:
            return {}
        end = self._file.tell()
        while (content := _line(self._file.readline())) is not None:
            if "kept" in content:
                notes = {name: note for name, note in notes.items() if note[POSITION] < content["kept"]}
            else:
                content.pop(PARTS)
                notes[content["name"]] = content
                self._begins[content["name"]] = end
            end = self._file.tell()
        self._file.truncate(end)
        return notes

    def _write(self, content: dict[str, Any]) -> None:
        with naming(self.path):
            self._file.write(json.dumps(content).encode() + b"\n")
            self._file.flush()


class Parts:
    """What images add to a file, read from the disk each time that it is asked for."""

    def __init__(self, journal: PredictionJournal, key: str, names: list[str]) -> None:
        """See `PredictionJournal.parts_of`."""
        self._journal, self._key, self._names = journal, key, names

    def __iter__(self) -> Iterator[Any]:
        for name in self._names:
            part = self._journal.part(self._key, name)
            if part is not None:
                yield part


def _line(line: bytes) -> Any:
    """The content of a line; None of one that was not written to its end."""
    if not line.endswith(b"\n"):
        return None
    try:
        return json.loads(line)
    except ValueError:  # the machine went down before it was on the disk
        return None
