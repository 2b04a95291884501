"""Small files that are read whole and written whole."""

import json
import os
from pathlib import Path
from typing import Any


def read_json(path: Path | str) -> Any:
    """A JSON file's content."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_if_changed(path: Path, text: str) -> None:
    """Write a file whole, and only if its content changes: its time means something to Snakemake."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)
