"""Checkpoints: tensors and plain values in files, and reading them without running anybody's code.

A checkpoint is torch's own file (`torch.load` reads it) with a line behind it, the SHA-256 of all that comes before. It
was a CRC-32 in earlier versions, and in the first ones there was no such line.
"""

import hashlib
import os
import re
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch.utils.serialization import config

from segsweep.checksums import DamagedFile, note_digest
from segsweep.io import regular, write_bytes
from segsweep.store.large_files import LargeFile
from segsweep.store.segment_store import REPAIR, weights_name

LINE = re.compile(rb"\n(crc32 [0-9a-f]{8}|sha256 [0-9a-f]{64})\n\Z")
LONGEST = len(b"\nsha256 \n") + 64
CHUNK = 2**20


class Crc32:
    """CRC-32 with the face of hashlib's."""

    def __init__(self):
        self._value = 0

    def update(self, data: bytes) -> None:
        """Sum up more bytes."""
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        """Of all so far, in hexadecimal."""
        return f"{self._value:08x}"


def write_checkpoint(path: Path, content: dict[str, Any], *, flush: bool = True, set_aside: bool = False) -> None:
    """Write tensors and plain values, with a checksum of our own: torch's takes longer, and torch never reads it.

    Args:
        path: the file.
        content: nested dicts and lists.
        flush: return only when it is on the disk.
        set_aside: nobody reads it soon; its digest is noted for whoever publishes it.
    """
    total = None

    def write(file: IO[bytes]) -> None:
        nonlocal total
        large = LargeFile(file, set_aside)
        total = large.sum
        with config.patch("save.compute_crc32", False):
            torch.save(content, large)
        large.write(f"\nsha256 {total.hexdigest()}\n".encode())
        large.finish()

    write_bytes(path, write, flush=flush)
    if set_aside:
        note_digest(path, total.hexdigest())


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read what `write_checkpoint` wrote. Never runs code from the file.

    Raises:
        DamagedFile: it differs from its checksum.
    """
    check_checkpoint(path)
    return torch.load(path, map_location=device, weights_only=True)


def read_state(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a complete state; one without weights takes those of its epoch, which are kept beside it.

    Raises:
        DamagedFile: it differs from its checksum, or its weights do, or these are gone.
    """
    content = read_checkpoint(path, device)
    if "model" in content:
        return content
    weights = path.with_name(weights_name(content["epoch"]))
    if not weights.exists():
        raise DamagedFile(f"{path}: its weights are those of {weights.name}, which is gone. {REPAIR}")
    return content | {"model": read_checkpoint(weights, device)["model"]}


def check_checkpoint(path: Path) -> None:
    """Compare a checkpoint with the checksum that it carries, if it does.

    Raises:
        DamagedFile: it differs.
    """
    with regular(path).open("rb") as file:
        begin = max(0, os.fstat(file.fileno()).st_size - LONGEST)
        file.seek(begin)
        line = LINE.search(file.read())
        if line is None:
            return
        name, said = line[1].decode().split()
        total, left = Crc32() if name == "crc32" else hashlib.sha256(), begin + line.start()
        file.seek(0)
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            total.update(chunk)
            left -= len(chunk)
    if total.hexdigest() != said:
        raise DamagedFile(f"{path}: differs from its checksum")


def write_arrays(path: Path, arrays: dict[str, np.ndarray], *, flush: bool = True) -> None:
    """Write arrays by name as a compressed npz file; `SegmentStore` reads it."""
    write_bytes(path, lambda file: np.savez_compressed(file, **arrays), flush=flush)
