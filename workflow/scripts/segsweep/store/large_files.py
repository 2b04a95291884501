"""Writing a large file past the memory in which the system keeps files, with a checksum of what was written.

Of checkpoints a study writes many gigabytes that nobody reads soon. In the system's memory they would take the place of
the data that trainings read; and where a virtual machine gets its memory when it first touches it, filling that takes
several times as long as the disk does. A file system that cannot do it (tmpfs of older kernels) has the system begin
to write what it was given, so that whoever flushes the file waits for little.
"""

import ctypes
import errno
import mmap
import os
import sys
import zlib
from typing import IO

if sys.platform == "linux":
    import fcntl

# What is written at once; and what sizes must be multiples of, on any disk.
BLOCK, ALIGNED = 2**22, 2**12
SYNC_FILE_RANGE_WRITE = ctypes.c_uint(2)  # begin, and do not wait


class LargeFile:
    """An open file that is written block by block; `finish` writes the rest.

    Attributes:
        crc: CRC-32 of all that was written.
    """

    def __init__(self, file: IO[bytes]):
        self.crc = 0
        self._handle = file.fileno()
        self._block = memoryview(mmap.mmap(-1, BLOCK))  # it begins at a page
        self._filled = self._written = 0
        self._past_cache = _set_past_cache(self._handle, True)

    def write(self, data: bytes) -> int:
        """Write bytes; returns their number."""
        left = memoryview(data).cast("B")
        count = len(left)
        self.crc = zlib.crc32(left, self.crc)
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
        """Write the rest, whose size is any."""
        self._leave_cache_in()
        self._put()

    def _put(self) -> None:
        left = self._block[: self._filled]
        while left:
            try:
                count = os.write(self._handle, left)
            except OSError as error:
                if error.errno != errno.EINVAL or not self._past_cache:
                    raise
                count = 0
            if count % ALIGNED or not count:  # the file system takes other sizes, or is full: it will say so
                self._leave_cache_in()
            left = left[count:]
        if not self._past_cache:
            _send_to_disk(self._handle, self._written, self._filled)
        self._written += self._filled
        self._filled = 0

    def _leave_cache_in(self) -> None:
        self._past_cache = self._past_cache and _set_past_cache(self._handle, False)


def _set_past_cache(handle: int, wanted: bool) -> bool:
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
