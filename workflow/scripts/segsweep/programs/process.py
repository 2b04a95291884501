"""A program as a process of its own group, which never outlives the one that started it."""

import errno
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from segsweep.errors import InputError
from segsweep.io import regular

# Bears the unfinished folder of the segment: by it all that a program started is known, also in sessions of its own.
SEGMENT_VARIABLE = "SEGSWEEP_SEGMENT"
# Bears what no other start has: the guard of a start that was killed must leave the next one of the segment alone.
START_VARIABLE = "SEGSWEEP_PROGRAM_START"
GRACE_S = 20.0
POLL_S = 0.05
END_ROUNDS = 5  # a process may start another one while it is being ended
_SIGNALS = frozenset(signal.Signals)
_REMEDIES = {
    errno.E2BIG: "Its command line or environment is too long: pass parameters in a file, `{config}`.",
    errno.ENOENT: "Correct `folder` in the study.",
    errno.ENOTDIR: "Correct `folder` in the study.",
}
# Reads the number of the group, then waits until the process that started it is gone, however it went. $0 is what the
# environment of all that the program started holds.
GUARD = """
read group; read rest
all() { echo "-$group"; grep -lzxsF -e "$0" /proc/[0-9]*/environ | cut -d / -f 3; }
kill -TERM $(all); sleep 5; kill -KILL $(all)
"""


class Program:
    """A line of the shell that runs; use it in a `with`, at whose end all that it started ends too."""

    def __init__(self, command: str, *, folder: Path, environ: Mapping[str, str], output: Path):
        """
        Args:
            command: run by bash where there is one, else by /bin/sh.
            folder: where it runs.
            environ: its environment.
            output: file to which it writes what it says.
        """
        start = uuid.uuid4().hex
        self.command, self.folder, self.output = command, folder, output
        self.environ = {**environ, START_VARIABLE: start}
        self._mark = f"{START_VARIABLE}={start}"

    def __enter__(self) -> "Program":
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
        guard = ["/bin/sh", "-c", GUARD, self._mark]
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, **quiet)
        shell = shutil.which("bash") or "/bin/sh"
        try:
            with regular(self.output).open("ab") as output:
                self._process = subprocess.Popen(
                    [shell, "-c", self.command],
                    cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                    start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            self._end_guard()
            raise InputError(
                f"{self.folder}: the program could not be started there ({error.strerror}). "
                f"{_REMEDIES.get(error.errno, '')}"
            ) from error
        self._guard.stdin.write(f"{self.group}\n".encode())
        self._guard.stdin.flush()
        return self

    def __exit__(self, *error) -> None:
        self._end(signal.SIGKILL)  # also what it has left in the background
        self._process.wait()
        _end_all(self._mark)
        self._end_guard()

    @property
    def group(self) -> int:
        """Number of its process group."""
        return self._process.pid

    def status(self) -> int | None:
        """Its exit status, minus the number of a signal that ended it; None while it runs."""
        code = self._process.poll()
        return 128 - code if code is not None and code - 128 in _SIGNALS else code  # as shells say it

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Ask it to end, and end it if it does not."""
        self._end(signal.SIGTERM)
        until = time.monotonic() + grace_s
        while self._process.poll() is None and time.monotonic() < until:
            time.sleep(POLL_S)
        self._end(signal.SIGKILL)
        self._process.wait()

    def processes(self) -> list[psutil.Process]:
        """It and all that it has started, as far as they run."""
        return _running(self._mark, self.group)

    def _end(self, number: int) -> None:
        _signal(self.processes(), number)
        signal_group(self.group, number)  # also what was started meanwhile

    def _end_guard(self) -> None:
        self._guard.kill()
        self._guard.wait()
        self._guard.stdin.close()


def resident_mb(processes: Iterable[psutil.Process]) -> float:
    """Main memory that processes hold, MiB; what two of them share counts twice."""
    return sum(map(_resident, processes)) / 2**20


def signal_group(group: int, number: int) -> None:
    """Send a signal to a process group, if there is any such group."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def end_left_behind(part: str) -> list[int]:
    """End all processes of this machine that earlier starts of a segment have left.

    Args:
        part: its unfinished folder, as `SEGMENT_VARIABLE` bears it.

    Returns:
        Their numbers.
    """
    return _end_all(f"{SEGMENT_VARIABLE}={part}")


def _end_all(mark: str) -> list[int]:
    """End all processes with a mark, `NAME=value`, in their environment; their numbers."""
    ended: dict[int, None] = {}
    for _ in range(END_ROUNDS):
        found = _running(mark)
        if not found:
            break
        ended |= dict.fromkeys(process.pid for process in found)
        _signal(found, signal.SIGKILL)
        time.sleep(POLL_S)
    return list(ended)


def _running(mark: str, group: int | None = None) -> list[psutil.Process]:
    """The processes in a group, and where there is /proc those with a mark in their environment."""
    entry, found = os.fsencode(mark), []
    for number in psutil.pids():
        try:
            if os.getpgid(number) == group or entry in Path(f"/proc/{number}/environ").read_bytes().split(b"\0"):
                found.append(psutil.Process(number))
        except (OSError, psutil.Error):  # another user's, or gone
            continue
    return found


def _signal(processes: Iterable[psutil.Process], number: int) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:  # gone
            continue


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:  # gone
        return 0
