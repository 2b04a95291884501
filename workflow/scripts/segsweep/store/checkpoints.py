"""Checkpoints: tensors and plain values in files, and reading them without running anybody's code.

A checkpoint is torch's own file (`torch.load` reads it) with a line behind it, the CRC-32 of all that comes before: on
a processor without instructions for SHA a better one would take as long as the writing. Checkpoints of earlier versions
have no such line.
"""

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

LINE = re.compile(rb"\ncrc32 ([0-9a-f]{8})\n")
LENGTH = len(b"\ncrc32 00000000\n")
CHUNK = 2**20


def write_checkpoint(path: Path, content: dict[str, Any], *, flush: bool = True, set_aside: bool = False) -> None:
    """Write tensors and plain values, with a checksum of our own: torch's takes longer, and torch never reads it.

    Args:
        path: the file.
        content: nested dicts and lists.
        flush: return only when it is on the disk.
        set_aside: nobody reads it soon; its digest is noted for whoever publishes it.
    """
    digest = None

    def write(file: IO[bytes]) -> None:
        nonlocal digest
        large = LargeFile(file, set_aside)
        with config.patch("save.compute_crc32", False):
            torch.save(content, large)
        large.write(b"\ncrc32 %08x\n" % large.crc)
        digest = large.finish()

    write_bytes(path, write, flush=flush)
    if digest:
        note_digest(path, digest)


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
        left = max(0, os.fstat(file.fileno()).st_size - LENGTH)
        file.seek(left)
        said = LINE.fullmatch(file.read())
        if said is None:
            return
        file.seek(0)
        crc = 0
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            crc, left = zlib.crc32(chunk, crc), left - len(chunk)
    if crc != int(said[1], 16):
        raise DamagedFile(f"{path}: differs from its checksum")


def write_arrays(path: Path, arrays: dict[str, np.ndarray], *, flush: bool = True) -> None:
    """Write arrays by name as a compressed npz file; `SegmentStore` reads it."""
    write_bytes(path, lambda file: np.savez_compressed(file, **arrays), flush=flush)
