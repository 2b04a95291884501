"""What was worked out of files, kept as long as the files are the same: hashing and parsing them takes seconds."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segsweep.io import read_json_or_none, write_if_changed


class Remembered:
    """Values by file, in a JSON file of its own. Nothing is written before `save`; a broken file is an empty one."""

    def __init__(self, file: Path | None, version: str = "", *, drop_unasked: bool = False):
        """
        Args:
            file: where the values are kept; None for nowhere.
            version: of what works them out; those of another version are forgotten.
            drop_unasked: keep only what this process asked for, as of a data set whose files come and go.
        """
        self.file, self.version, self.drop_unasked = file, version, drop_unasked
        self._asked: dict[str, list] = {}
        self._earlier: dict[str, list] | None = None

    def of(self, path: Path | str, work_out: Callable[[Path], Any]) -> Any:
        """The value of a file (JSON's types), worked out where the file is not the one that it was.

        Size and time of modification can be set back; the time of change of the file's entry and its inode cannot.

        Raises:
            OSError: there is no such file, or it is none with content, such as a FIFO.
        """
        key = os.fspath(path)
        if key not in self._asked:
            status = os.stat(key)
            if not stat.S_ISREG(status.st_mode):  # whoever opens a FIFO waits
                raise OSError(f"{key} is no file")
            stamp = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
            known = self._read().get(key)
            self._asked[key] = known if known and known[0] == stamp else [stamp, work_out(Path(key))]
        return self._asked[key][1]

    def text(self) -> str:
        """Everything known, as the text of the file."""
        files = self._asked if self.drop_unasked else self._read() | self._asked
        return json.dumps({"version": self.version, "files": files}, sort_keys=True)

    def save(self) -> None:
        """Write the file, if it changes."""
        if self.file is not None and self._asked:
            write_if_changed(self.file, self.text())

    def _read(self) -> dict[str, list]:
        if self._earlier is None:
            self._earlier = {}
            content = read_json_or_none(self.file) if self.file else None
            try:
                if content["version"] == self.version:
                    self._earlier = dict(content["files"])
            except (ValueError, LookupError, TypeError):
                pass  # everything is worked out again
        return self._earlier
