"""Small files that are read whole and written whole."""

import json
import os
from pathlib import Path
from typing import Any

from segsweep.errors import InputError


def read_text(path: Path | str, remedy: str) -> str:
    """A text file's content, UTF-8.

    Raises:
        InputError: it cannot be read, or is no text; `remedy` says what a person can do.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). {remedy}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error


def read_json(path: Path | str, remedy: str = "Check the path.") -> Any:
    """A JSON file's content.

    Raises:
        InputError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(read_text(path, remedy))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: is no JSON ({error}). Delete it; it is made again.") from error


def write_if_changed(path: Path, text: str) -> None:
    """Write a file whole, and only if its content changes: its time means something to Snakemake."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)
