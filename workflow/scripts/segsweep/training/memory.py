"""Running out of memory, recognised and put into words."""

import ctypes
import gc
import mmap
import resource
import sys
from contextlib import suppress
from ctypes import c_int, c_size_t, c_ssize_t, c_void_p
from pathlib import Path

import torch

MB = 1024**2
LARGE_PAGE = 2 * MB
# What is asked for to find free memory; each holds a large page, wherever it begins.
FREE_BLOCKS = (16 * LARGE_PAGE - 4096, 4 * LARGE_PAGE, 2 * LARGE_PAGE)


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
    with suppress(AttributeError):  # a C library with another allocator
        _give_back(ctypes.CDLL(None))
    Path("/proc/self/clear_refs").write_text("5")


def _give_back(libc: ctypes.CDLL) -> None:
    """Give back the large pages in which nothing lies.

    `malloc_trim` gives back small ones, and large pages that have lost one are never large again: the next trainings
    then took up to a tenth longer. Only the allocator knows what is free, so it is asked for that.
    """
    libc.malloc.restype = libc.sbrk.restype = c_void_p
    libc.malloc.argtypes, libc.free.argtypes, libc.sbrk.argtypes = [c_size_t], [c_void_p], [c_ssize_t]
    libc.madvise.argtypes = [c_void_p, c_size_t, c_int]
    blocks = []
    for size in FREE_BLOCKS:
        end = libc.sbrk(0)
        while block := libc.malloc(size):
            blocks.append(block)
            if block + size > end:  # it was not free, and is untouched
                break
            begin = -(-block // LARGE_PAGE) * LARGE_PAGE
            libc.madvise(begin, (block + size) // LARGE_PAGE * LARGE_PAGE - begin, mmap.MADV_DONTNEED)
    for block in blocks:
        libc.free(block)


def peak_memory_mb(device: torch.device) -> float:
    """Most memory held so far, in MB: the GPU's by tensors, or the process's resident set."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / MB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MB if sys.platform == "darwin" else peak / 1024
