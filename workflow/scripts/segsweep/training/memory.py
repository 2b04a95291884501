"""Running out of memory, recognised and put into words."""

import ctypes
import gc
import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

MB = 1024**2


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the GPU or the machine, is exhausted."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "DefaultCPUAllocator" in text or "_STATUS_ALLOC_FAILED" in text or "out of memory" in text
    )


def asked_and_available(error: BaseException, device: torch.device) -> str:
    """What was asked for (the allocator's words) and what was available."""
    said = " ".join(str(error).split()) or type(error).__name__
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        ours = torch.cuda.max_memory_allocated(device)
        available = (
            f"{torch.cuda.get_device_name(device)} with {total // MB} MB, of which this training had used up to "
            f"{ours // MB} MB; free now: {free // MB} MB"
        )
    else:
        available = f"this process had used up to {peak_memory_mb(device):.0f} MB of the machine's memory"
    return f"asked: {said[:400]}; available: {available}"


def release(device: torch.device) -> None:
    """Give back what a failed step held."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def forget_peak() -> None:
    """Give back what is free, and have the peak of this process begin where it is now.

    Raises:
        OSError: the system cannot do it.
    """
    if sys.platform != "linux":
        raise OSError("a process cannot forget its peak here")
    with suppress(AttributeError):  # a C library whose allocator keeps nothing
        ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb(device: torch.device) -> float:
    """Most memory held so far, in MB: the GPU's by tensors, or the process's resident set."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / MB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MB if sys.platform == "darwin" else peak / 1024
