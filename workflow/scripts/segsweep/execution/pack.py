"""Several segments in one job: K at a time, in processes forked from one that has the libraries.

Each segment has a process of its own, or processes stay and train one segment after the other: on a GPU a process pays
for its context, handles and memory once then.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from warnings import catch_warnings

from segsweep.exits import CRASHED, INTERRUPTED, end_with, note_killed, signal_in_words, take_signals_as_usual


def run_forked(work: Callable[[], int], log: Path | None = None) -> int:
    """Run `work` in a forked process, its output going to `log`; returns its process id."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid

    def child() -> int:
        take_signals_as_usual()
        if log:
            _write_to(log)
        return work()

    end_with(child)


class TrainingProcess:
    """A forked process that trains one segment after another, as they are given to it.

    It ends after a segment that did not end well, and after one that it may not outlive (`may_stay`).

    Attributes:
        segment: that it trains; None while it waits for one.
    """

    def __init__(
        self,
        train: Callable[[str], int],
        log: Callable[[str], Path | None],
        may_stay: Callable[[str], bool],
        others: Iterable["TrainingProcess"] = (),
    ):
        """
        Args:
            train: trains a segment; returns an exit status.
            log: where a segment's output goes.
            may_stay: asked in the process after a segment that ended well: whether another one may follow there.
            others: whose connections a forked process must not hold open.
        """
        self.segment: str | None = None
        self._connection, theirs = Pipe()
        inherited = [self._connection, *(other._connection for other in others)]

        def work() -> int:
            for connection in inherited:
                connection.close()
            return _train_what_comes(theirs, train, log, may_stay)

        self.pid = run_forked(work)
        theirs.close()

    def give(self, segment: str) -> None:
        """Have it train a segment."""
        self.segment = segment
        with suppress(BrokenPipeError):  # `ended` tells how it died
            self._connection.send(segment)

    def ended(self) -> tuple[int, bool] | None:
        """How the training of its segment ended, and whether the process is still there; None while it trains.

        Returns:
            An exit status, or minus the number of the signal that killed the process.
        """
        with suppress(EOFError, ConnectionResetError):
            if self._connection.poll():
                return self._connection.recv(), True
        pid, code = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        self._connection.close()
        return os.waitstatus_to_exitcode(code), False

    def dismiss(self) -> None:
        """End it while it waits."""
        self._connection.close()
        os.waitpid(self.pid, 0)


def _train_what_comes(
    connection: Connection,
    train: Callable[[str], int],
    log: Callable[[str], Path | None],
    may_stay: Callable[[str], bool],
) -> int:
    """Train the segments that come; returns the exit status of the last, which is not answered."""
    while True:
        try:
            segment = connection.recv()
        except EOFError:  # there are no more
            return 0
        if file := log(segment):
            _write_to(file)
        with catch_warnings():  # what is warned of once is warned of once in each log
            status = train(segment)
        if status or not may_stay(segment):
            return status
        sys.stdout.flush()
        sys.stderr.flush()
        take_signals_as_usual()
        connection.send(status)


def _write_to(log: Path) -> None:
    """Have all output of this process go to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    # The inherited stream may be a capture of the parent's; this process writes to its own file.
    sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1, closefd=False)


def run_pack(
    parents: dict[str, str | None],
    train: Callable[[str], int],
    log: Callable[[str], Path | None],
    *,
    at_once: int,
    may_stay: Callable[[str], bool] = lambda segment: False,
    should_stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = print,
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Train segments, `at_once` at a time, each after its parent.

    Args:
        parents: segment id: id of its parent (in the pack or not).
        train: run in a forked process; returns an exit status.
        log: where a segment's output goes.
        may_stay: asked in the process of a segment that ended well: whether it trains further ones. By default each
            has a process of its own.
        should_stop: True passes SIGTERM on to the running ones, once, and starts no more.

    Returns:
        0; 1 if any crashed (or was left out because its parent did); 75 if any was interrupted.
    """
    waiting, status = list(parents), {}
    running: list[TrainingProcess] = []
    idle: list[TrainingProcess] = []
    stopping = False
    while waiting or running:
        if should_stop() and not stopping:
            stopping = True
            for process in running:
                os.kill(process.pid, signal.SIGTERM)
        for segment in list(waiting):
            parent = parents[segment]
            if stopping:
                waiting.remove(segment)
                status[segment] = INTERRUPTED
            elif status.get(parent, 0) != 0:
                waiting.remove(segment)
                status[segment] = status[parent]
                say(f"{segment}: left out, its parent {parent} did not end well")
            elif len(running) < at_once and parent not in [*waiting, *(process.segment for process in running)]:
                waiting.remove(segment)
                running.append(idle.pop() if idle else TrainingProcess(train, log, may_stay, running))
                running[-1].give(segment)
        ended = [(process, found) for process in running if (found := process.ended())]
        for process, (code, stays) in ended:
            segment, process.segment = process.segment, None
            running.remove(process)
            idle += [process] * stays
            status[segment] = INTERRUPTED if stopping and code == -signal.SIGTERM else code
            if code:
                what = "interrupted" if status[segment] == INTERRUPTED else f"crashed with {_in_words(code)}"
                say(f"{segment}: {what}; its log: {log(segment) or 'above'}")
            if file := log(segment):
                note_killed(file, code)
        if running and not ended:
            pause(0.05)
    for process in idle:
        process.dismiss()
    crashed = [segment for segment, code in status.items() if code not in (0, INTERRUPTED)]
    if crashed:
        say(f"{len(crashed)} of {len(parents)} segments crashed or were left out: {', '.join(crashed)}")
        return CRASHED
    return INTERRUPTED if INTERRUPTED in status.values() else 0


def _in_words(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    return signal_in_words(-code)
