"""Paths in what leaves this machine with a model: relative to the project, or the file's name alone.

Where a project lies, and what lies beside it, is nobody else's business.
"""

import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

from segsweep.io import write_bytes
from segsweep.own_code.names import OwnName, own_name

# An absolute path of at least two parts in a text; a URL is none.
ABSOLUTE = re.compile(r"(?<![\w.:/~<-])~?(?:/[\w.@+-]+){2,}")
DEBUG = ".debug_pkl"  # of TorchScript: the lines of the code that it was traced from, each with its file


def for_others(value: Any) -> Any:
    """Settings, without places on this machine: files of own code, and values that are paths."""
    if isinstance(value, dict):
        return {for_others(key): for_others(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [for_others(one) for one in value]
    if not isinstance(value, str):
        return value
    if own := own_name(value):
        return str(OwnName(_place(own.file), own.function))
    return _place(value) if os.path.isabs(value) else text_for_others(value)


def text_for_others(text: str) -> str:
    """A text without places on this machine."""
    return ABSOLUTE.sub(lambda found: _place(found[0]), text)


def drop_source_lines(path: Path) -> None:
    """Take the lines of code, and the places of their files, out of a file of TorchScript, which loads without."""

    def write(file: Any) -> None:
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(file, "w") as new:
            for entry in old.infolist():
                if not entry.filename.endswith(DEBUG):
                    with old.open(entry) as source, new.open(entry, "w") as target:
                        shutil.copyfileobj(source, target)

    write_bytes(path, write)


def _place(path: str) -> str:
    """A path relative to the project; the name of what lies outside of it."""
    whole, project = Path(os.path.abspath(Path(path).expanduser())), Path.cwd()
    return whole.relative_to(project).as_posix() if whole.is_relative_to(project) else whole.name
