"""A program as a process of its own group, which never outlives the one that started it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import psutil

SEGMENT_VARIABLE = "SEGSWEEP_SEGMENT"  # by which a process that was left behind is known
GRACE_S = 20.0
POLL_S = 0.05
# Reads the number of the group, then waits until the process that started it is gone, however it went.
GUARD = 'read group; read rest; kill -TERM "-$group"; sleep 5; kill -KILL "-$group"'


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
        self.command, self.folder, self.environ, self.output = command, folder, environ, output

    def __enter__(self) -> "Program":
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
        self._guard = subprocess.Popen(["/bin/sh", "-c", GUARD], stdin=subprocess.PIPE, **quiet)
        shell = shutil.which("bash") or "/bin/sh"
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [shell, "-c", self.command],
                cwd=self.folder, env=dict(self.environ), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self._guard.stdin.write(f"{self.group}\n".encode())
        self._guard.stdin.flush()
        return self

    def __exit__(self, *error) -> None:
        signal_group(self.group, signal.SIGKILL)  # also what it has left in the background
        self._process.wait()
        self._guard.kill()
        self._guard.wait()
        self._guard.stdin.close()

    @property
    def group(self) -> int:
        """Number of its process group."""
        return self._process.pid

    def status(self) -> int | None:
        """Its exit status, minus the number of a signal that ended it; None while it runs."""
        code = self._process.poll()
        return 128 - code if code is not None and code > 128 else code  # as shells say it

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Ask it to end, and end it if it does not."""
        signal_group(self.group, signal.SIGTERM)
        until = time.monotonic() + grace_s
        while self._process.poll() is None and time.monotonic() < until:
            time.sleep(POLL_S)
        signal_group(self.group, signal.SIGKILL)
        self._process.wait()

    def processes(self) -> list[psutil.Process]:
        """It and all that it has started, as far as they run."""
        return _members(self.group)


def resident_mb(processes: Iterable[psutil.Process]) -> float:
    """Main memory that processes hold, MiB; what two of them share counts twice."""
    return sum(map(_resident, processes)) / 2**20


def signal_group(group: int, number: int) -> None:
    """Send a signal to a process group, if there is any such group."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def end_left_behind(group: int, segment: str, note: Callable[[str], None]) -> None:
    """End what an earlier start of a segment has left running on this machine.

    Args:
        group: the process group of that start.
        segment: id of the segment.
        note: told if there was something.
    """
    for process in _members(group):
        try:
            mine = process.environ().get(SEGMENT_VARIABLE) == segment
        except psutil.Error:  # another user's, or gone
            continue
        if mine:
            note(f"ended process {process.pid}, which an earlier start had left behind")
            signal_group(group, signal.SIGKILL)
            return


def _members(group: int) -> list[psutil.Process]:
    found = []
    for number in psutil.pids():
        try:
            if os.getpgid(number) == group:
                found.append(psutil.Process(number))
        except (OSError, psutil.Error):  # gone
            continue
    return found


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:  # gone
        return 0
