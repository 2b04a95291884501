"""Disk calls that fail: `failing_calls.c`, built and armed in a process that is about to do some work."""

import ctypes
import errno
import mmap
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
COMPILER = shutil.which("cc")
MOST = 1 << 16  # calls whose kinds are noted
# Letters of failing_calls.c. What a full disk refuses, and what changes something.
GROWS, CHANGES, ALL = "cwms", "cwnmsfd", "ocwfnmsrd"


class _Seen(ctypes.Structure):
    _fields_ = [
        ("calls", ctypes.c_long),
        ("failed", ctypes.c_long),
        ("path", ctypes.c_char * 1024),
        ("kinds", ctypes.c_char * MOST),
    ]


@dataclass(frozen=True)
class Kind:
    """A way in which a disk fails.

    Attributes:
        mode: of failing_calls.c: what becomes of the n-th call.
        error: what the system says.
        at: the kinds of calls that it begins with.
        then: those that fail from then on.
    """

    mode: int
    error: int
    at: str
    then: str = ""


KINDS = {
    "an error once": Kind(1, errno.EIO, ALL),
    "full": Kind(2, errno.ENOSPC, GROWS, GROWS),
    "gone": Kind(2, errno.EIO, ALL, ALL),
    "full in a write": Kind(3, errno.ENOSPC, "w", GROWS),
    "killed": Kind(4, 0, CHANGES),
    "killed in a write": Kind(5, 0, "w"),
}


class FailingCalls:
    """In processes that are forked and armed, calls that touch a folder are counted, and one of them fails.

    This process, too, calls the library from now on, which passes the calls on.

    Args:
        scratch: folder for the library that is built.
    """

    def __init__(self, scratch: Path):
        library = scratch / "failing_calls.so"
        command = [COMPILER, "-O1", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"]
        subprocess.run(command, check=True)
        loaded = ctypes.CDLL(str(library))
        loaded.fault_install()
        self._arm = loaded.fault_arm
        self._memory = mmap.mmap(-1, ctypes.sizeof(_Seen))  # shared with forked processes
        self._seen = _Seen.from_buffer(self._memory)

    def clear(self) -> None:
        """Forget what was seen."""
        ctypes.memset(ctypes.byref(self._seen), 0, ctypes.sizeof(_Seen))

    def arm(self, folder: Path, kind: str = "", number: int = 0) -> None:
        """Count this process's calls that touch a folder from now on; the `number`-th fails in a way of `KINDS`."""
        how = KINDS.get(kind, Kind(0, 0, ""))
        self._arm(
            ctypes.byref(self._seen), bytes(folder), how.mode, ctypes.c_long(number), how.error, how.then.encode()
        )

    @property
    def calls(self) -> str:
        """The kinds of the calls that were seen, a letter each."""
        return ctypes.string_at(ctypes.addressof(self._seen) + _Seen.kinds.offset, self._seen.calls).decode()

    @property
    def failed_at(self) -> str:
        """The path whose call failed; empty where none did."""
        return self._seen.path.decode("utf-8", "replace") if self._seen.failed else ""
