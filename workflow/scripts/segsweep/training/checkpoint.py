"""Files that are either whole or absent."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import torch


def write_bytes(path: Path, content: bytes) -> None:
    """Write under a temporary name, flush to the disk, rename."""
    temporary = _temporary(path)
    with temporary.open("wb") as file:
        file.write(content)
        _to_disk(file)
    _rename(temporary, path)


def write_json(path: Path, content: Any) -> None:
    """Write JSON as `write_bytes` does."""
    write_bytes(path, (json.dumps(content, indent=1) + "\n").encode())


def write_table(path: Path, rows: list[dict], columns: list[str] | None = None) -> None:
    """Write rows as CSV, as `write_bytes` does. Columns in the order in which they first occur."""
    columns = list(dict.fromkeys([*(columns or []), *(name for row in rows for name in row)]))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode())


def write_checkpoint(path: Path, content: dict) -> None:
    """Write tensors and plain values as `write_bytes` does."""
    temporary = _temporary(path)
    with temporary.open("wb") as file:
        torch.save(content, file)
        _to_disk(file)
    _rename(temporary, path)


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict:
    """Read what `write_checkpoint` wrote. Never runs code from the file."""
    return torch.load(path, map_location=device, weights_only=True)


def remove_temporaries(folder: Path) -> None:
    """Remove what writers that were killed have left behind."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # some network file systems cannot do it for folders
        pass
    finally:
        os.close(handle)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _to_disk(file) -> None:
    file.flush()
    os.fsync(file.fileno())


def _rename(temporary: Path, path: Path) -> None:
    os.replace(temporary, path)
    flush_folder(path.parent)
