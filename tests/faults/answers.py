"""How segsweep answers an input: asked in a process of its own, with a limit of time and of memory."""

import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from segsweep.errors import InputError

LIMIT_S = 20  # of processor time
PATIENCE = 6  # so many times as long on the clock, as others may keep the processors busy
RECURSION = 1000  # calls, Python's own limit, which planning runs under
MEMORY = 6 << 30  # bytes of address space that answering may take
REFUSED, ACCEPTED, TRACEBACK, HANG, KILLED = "refused", "accepted", "traceback", "hang", "killed"


@dataclass(frozen=True)
class Answer:
    """What became of an input.

    Attributes:
        kind: `refused` with problems in words, `accepted`, or what must not be: `traceback`, `hang`, `killed`.
        words: the problems, what an accepted input gave, or the traceback.
        seconds: that it took.
    """

    kind: str
    words: str
    seconds: float


def answer_of(ask: Callable[[], object], limit_s: int = LIMIT_S) -> Answer:
    """Ask in a forked process.

    Args:
        ask: raises InputError for what it refuses; what it returns is an accepted input's `words`.
        limit_s: seconds of processor time until it counts as hanging, or `PATIENCE` times as many on the clock.
    """
    reading, writing = os.pipe()
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_AS, (_address_space() + MEMORY,) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 1))
        sys.setrecursionlimit(RECURSION)  # a library may have raised it: then a deep file is the end of the process
        kind, words = _asked(ask)
        with os.fdopen(writing, "w", encoding="utf-8", errors="replace") as pipe:
            pipe.write(f"{kind}\n{words}")
        os._exit(0)
    os.close(writing)
    said, in_time = _read(reading, start + PATIENCE * limit_s)
    if not in_time:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - start
    if not in_time or os.waitstatus_to_exitcode(status) == -signal.SIGXCPU:
        return Answer(HANG, f"no answer within {limit_s} s of processor time", seconds)
    kind, _, words = said.partition("\n")
    return Answer(kind or KILLED, words, seconds)


def _address_space() -> int:
    """Bytes that this process has mapped: it may have loaded torch."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _asked(ask: Callable[[], object]) -> tuple[str, str]:
    try:
        return ACCEPTED, str(ask())
    except InputError as error:
        return REFUSED, "\n".join(error.problems)
    except BaseException:
        return TRACEBACK, traceback.format_exc()


def _read(handle: int, until: float) -> tuple[str, bool]:
    """All that comes through a pipe, and whether its end came in time."""
    found = b""
    with os.fdopen(handle, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
            part = pipe.read(1 << 16)
            if not part:
                return found.decode("utf-8", "replace"), True
            found += part
    return "", False
