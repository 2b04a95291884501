"""Writing large files, with checksums of what was written.

What is set aside goes past the memory in which the system keeps files: a study writes gigabytes of checkpoints that
nobody reads soon, which would take the place of the data that trainings read; and where a virtual machine gets its
memory when that is first touched, filling it takes several times as long as the disk does. Of other files, and where a
file system cannot do that, the system begins to write what it has got: so whoever flushes them waits for little.
"""

import ctypes
import errno
import hashlib
import mmap
import os
import sys
from typing import IO

if sys.platform == "linux":
    import fcntl

# What is written at once; and what sizes must be multiples of, on any disk.
BLOCK, ALIGNED = 2**22, 2**12
SYNC_FILE_RANGE_WRITE = ctypes.c_uint(2)  # begin, and do not wait


class LargeFile:
    """An open file that is written block by block, and summed up.

    Attributes:
        sum: SHA-256 of all that was written.
    """

    def __init__(self, file: IO[bytes], set_aside: bool):
        """
        Args:
            file: to be written by this alone.
            set_aside: whether nobody reads it soon.
        """
        self.sum = hashlib.sha256()
        self._handle = file.fileno()
        self._block = memoryview(mmap.mmap(-1, BLOCK, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))  # begins at a page
        self._filled = self._written = 0
        self._past_memory = set_aside and _set_past_memory(self._handle, True)

    def write(self, data: bytes) -> int:
        """Write bytes; returns their number."""
        left = memoryview(data).cast("B")
        count = len(left)
        self.sum.update(left)
        while left:
            end = min(BLOCK, self._filled + len(left))
            part, left = left[: end - self._filled], left[end - self._filled :]
            self._block[self._filled : end] = part
            self._filled = end
            if end == BLOCK:
                self._put()
        return count

    def flush(self) -> None:
        """What is no whole block waits for `finish`."""

    def finish(self) -> None:
        """Write the rest."""
        self._use_memory()
        self._put()

    def _put(self) -> None:
        left = self._block[: self._filled]
        while left:
            try:
                count = os.write(self._handle, left)
            except OSError as error:
                if error.errno != errno.EINVAL or not self._past_memory:
                    raise
                count = 0
            if not count or count % ALIGNED:  # the file system takes no such sizes, or is full, which it says next
                self._use_memory()
            left = left[count:]
        if not self._past_memory:
            _send_to_disk(self._handle, self._written, self._filled)
        self._written += self._filled
        self._filled = 0

    def _use_memory(self) -> None:
        self._past_memory = self._past_memory and _set_past_memory(self._handle, False)


def _set_past_memory(handle: int, wanted: bool) -> bool:
    """Have writes to an open file go past the system's memory, or not; returns whether they do."""
    if sys.platform != "linux":
        return False
    flags = fcntl.fcntl(handle, fcntl.F_GETFL) & ~os.O_DIRECT
    try:
        fcntl.fcntl(handle, fcntl.F_SETFL, flags | os.O_DIRECT if wanted else flags)
    except OSError:  # this file system cannot do it
        return False
    return wanted


def _send_to_disk(handle: int, start: int, count: int) -> None:
    """Have Linux begin to write bytes of a file to the disk. That it cannot be done, the flush will tell."""
    if sys.platform == "linux":
        begin = ctypes.CDLL(None).sync_file_range
        begin(handle, ctypes.c_int64(start), ctypes.c_int64(count), SYNC_FILE_RANGE_WRITE)
