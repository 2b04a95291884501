"""Checkpoints: tensors and plain values in files, and reading them without running anybody's code."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.serialization import config

from segsweep.io import write_bytes


def write_checkpoint(path: Path, content: dict[str, Any], *, flush: bool = True) -> None:
    """Write tensors and plain values, without the archive's checksums: half of the time, and torch never reads them."""
    with config.patch("save.compute_crc32", False):
        write_bytes(path, lambda file: torch.save(content, file), flush=flush)


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read what `write_checkpoint` wrote. Never runs code from the file."""
    return torch.load(path, map_location=device, weights_only=True)


def write_arrays(path: Path, arrays: dict[str, np.ndarray], *, flush: bool = True) -> None:
    """Write arrays by name as a compressed npz file; `SegmentStore` reads it."""
    write_bytes(path, lambda file: np.savez_compressed(file, **arrays), flush=flush)
