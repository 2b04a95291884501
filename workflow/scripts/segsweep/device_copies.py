"""Copies between main memory and a GPU for which neither waits.

Memory that is copied from or to in the background has to be pinned, and must not be used again before the copy is done.
torch's allocator of pinned memory keeps what was freed for the next one who asks, once a CUDA event says that the
copies from and to it are done (`CachingHostAllocator`): so the blocks go round, and nobody here counts them. This was
never run on a GPU.
"""

from collections.abc import Callable
from typing import Any

import torch

from segsweep.network_outputs import map_tensors


def pinned(batch: dict) -> dict:
    """A loaded batch with its tensors in pinned memory; those on a device stay there."""
    return map_tensors(lambda tensor: tensor.pin_memory() if tensor.device.type == "cpu" else tensor, batch)


class Arriving:
    """A tensor on its way to main memory, while its device goes on with what it is told next."""

    def __init__(self, tensor: torch.Tensor):
        self._copy, self._wait = (tensor, None) if tensor.device.type == "cpu" else started(tensor)

    def arrived(self) -> torch.Tensor:
        """The tensor; waits for what its device was told before the copy, and not for what it was told since."""
        if self._wait is not None:
            self._wait()
        return self._copy


def started(tensor: torch.Tensor) -> tuple[torch.Tensor, Callable[[], Any]]:
    """A copy of a GPU's tensor that is under way, and what waits for it."""
    copy = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(tensor, non_blocking=True)
    event = torch.cuda.Event()
    event.record()
    return copy, event.synchronize
