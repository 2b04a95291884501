"""Files that are either whole or absent.

Written under a temporary name and renamed: whatever kills the process, a file is the old or the new one. That a power
cut does not spoil it either needs a flush to the disk, which may take longer than a short epoch; it can be left out
where `flush_all` follows.
"""

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch.utils.serialization import config


def write_json(path: Path, content: Any, *, flush: bool = True) -> None:
    """Write JSON, indented."""
    _write(path, lambda file: file.write((json.dumps(content, indent=1) + "\n").encode()), flush)


def write_table(path: Path, rows: list[dict], columns: list[str] | None = None, *, flush: bool = True) -> None:
    """Write rows as CSV. Columns: those given, then the others in the order in which they first occur."""
    columns = list(dict.fromkeys([*(columns or []), *(name for row in rows for name in row)]))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    _write(path, lambda file: file.write(text.getvalue().encode()), flush)


def write_arrays(path: Path, arrays: dict[str, np.ndarray], *, flush: bool = True) -> None:
    """Write arrays by name as a compressed npz file."""
    _write(path, lambda file: np.savez_compressed(file, **arrays), flush)


def write_checkpoint(path: Path, content: dict, *, flush: bool = True) -> None:
    """Write tensors and plain values, without the archive's checksums: half of the time, and torch never reads them."""
    with config.patch("save.compute_crc32", False):
        _write(path, lambda file: torch.save(content, file), flush)


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict:
    """Read what `write_checkpoint` wrote. Never runs code from the file."""
    return torch.load(path, map_location=device, weights_only=True)


def remove_temporaries(folder: Path) -> None:
    """Remove what writers that were killed have left behind."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def flush_all(folder: Path) -> None:
    """Flush all files of a folder, and the folder itself, to the disk."""
    for path in [*folder.iterdir(), folder]:
        flush_path(path)


def flush_path(path: Path) -> None:
    """Flush a file, or what a folder says of the names in it, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # some network file systems cannot do it for folders
        if not path.is_dir():
            raise
    finally:
        os.close(handle)


def _write(path: Path, write: Callable[[IO[bytes]], Any], flush: bool) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        write(file)
        if flush:
            file.flush()
            os.fsync(file.fileno())
    os.replace(temporary, path)
    if flush:
        flush_path(path.parent)
