"""What a program's last words say of how it failed."""

import re
import signal
from pathlib import Path

# What libraries say when memory runs out: PyTorch, CUDA's own, Python, TensorFlow and JAX.
OUT_OF_MEMORY = re.compile(
    r"out of memory|OutOfMemoryError|\bMemoryError\b|can't allocate memory|Cannot allocate memory|"
    r"CUBLAS_STATUS_ALLOC_FAILED|RESOURCE_EXHAUSTED"
)
# The line of a traceback that names the error: not one of the code around it, nor a message of what was survived.
_ERROR = re.compile(r"(?=\S).*(Error|Exception)\b")
_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)
_TRACEBACK = "Traceback (most recent call last)"
# Of a program that Python could not even read there are no frames but this one.
_UNREADABLE = re.compile(
    r'^  File "[^"]+", line \d+\n(?=(.*\n){1,3}(SyntaxError|IndentationError|TabError): )', re.MULTILINE
)
_NOT_THEIRS = re.compile(r"site-packages|dist-packages|/lib/python3[^/]*/|^<")
_VMSTAT = Path("/proc/vmstat")


def last_lines(said: str, count: int) -> str:
    """The last lines of a text that hold something; of a line that was written over (a progress bar) its last state."""
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in said.splitlines()]
    return "\n".join([line for line in lines if line][-count:])


def failing_line(said: str, folder: Path) -> str | None:
    """`file:line` of the last frame of the last traceback that is in the user's own code; None without one.

    Args:
        said: what the program said.
        folder: where it ran: files in it are named from there.
    """
    unreadable = list(_UNREADABLE.finditer(said))
    at = max(said.rfind(_TRACEBACK), unreadable[-1].start() if unreadable else -1)
    frames = [found for found in _FRAME.finditer(said, max(at, 0)) if not _NOT_THEIRS.search(found["file"])]
    if at < 0 or not frames:
        return None
    path, root = Path(frames[-1]["file"]), folder.resolve()
    path = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{path}:{frames[-1]['line']}"


def memory_ran_out(said: str, status: int, kills_before: int) -> str | None:
    """Why a program that failed is taken to have run out of memory; None if it did not.

    Args:
        said: what it said at the end.
        status: its exit status, minus the number of a signal.
        kills_before: `kernel_kills()` when it was started.
    """
    lines = said.splitlines()
    if _TRACEBACK in said:
        lines = [line for line in lines if _ERROR.match(line)]
    for line in reversed(lines):
        if OUT_OF_MEMORY.search(line):
            return line.strip()
    if status == -signal.SIGKILL and kernel_kills() > kills_before:
        return "the system killed it because memory ran out"
    return None


def kernel_kills() -> int:
    """How many processes the kernel has killed on this machine because memory ran out; 0 where it does not say."""
    try:
        lines = _VMSTAT.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def status_in_words(status: int) -> str:
    """`exit status 1`, `signal SIGSEGV`; those that have no name by their number."""
    if status >= 0:
        return f"exit status {status}"
    names = {one.value: one.name for one in signal.Signals}
    return f"signal {names.get(-status, -status)}"
