"""Several segments in one job: K at a time, each in a process of its own, forked from one that has the libraries."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from segsweep import lean_imports, registry
from segsweep.exits import CRASHED, INTERRUPTED, end_with, note_killed, signal_in_words

LIBRARIES = (
    "numpy",
    "cv2",
    "torch",
    "torch._dynamo",  # what the first optimizer imports
    "torchvision",
    "albumentations",
    "segmentation_models_pytorch",
    "pydantic",
    "shapely",
    "yaml",
)
# Of this project, what a training executes whatever its settings.
CODE = ("segsweep.execution.segment_job", "segsweep.trainers.builtin", "segsweep.data.augmentation")


def preload() -> None:
    """Import libraries and the code of trainings, so that processes forked from here need not, and build the classes of
    settings. Starts no thread and touches no GPU."""
    lean_imports.install()
    for name in LIBRARIES:
        with suppress(ImportError):  # whoever needs what is missing will say so
            import_module(name)
    for name in CODE:
        import_module(name)
    for kind in registry.kinds():
        registry.classes(kind)


def run_forked(work: Callable[[], int], log: Path | None = None) -> int:
    """Run `work` in a forked process, its output going to `log`; returns its process id."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid

    def child() -> int:
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        if log:
            log.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            # The inherited stream may be a capture of the parent's; this process writes to its own file.
            sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1, closefd=False)
        return work()

    end_with(child)


def run_pack(
    parents: dict[str, str | None],
    train: Callable[[str], int],
    log: Callable[[str], Path | None],
    *,
    at_once: int,
    should_stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = print,
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Train segments, `at_once` at a time, each after its parent.

    Args:
        parents: segment id: id of its parent (in the pack or not).
        train: run in the forked process of a segment; returns an exit status.
        log: where a segment's output goes.
        should_stop: True passes SIGTERM on to the running ones, once, and starts no more.

    Returns:
        0; 1 if any crashed (or was left out because its parent did); 75 if any was interrupted.
    """
    waiting, running, status = list(parents), {}, {}
    stopping = False
    while waiting or running:
        if should_stop() and not stopping:
            stopping = True
            for pid in running:
                os.kill(pid, signal.SIGTERM)
        for segment in list(waiting):
            parent = parents[segment]
            if stopping:
                waiting.remove(segment)
                status[segment] = INTERRUPTED
            elif status.get(parent, 0) != 0:
                waiting.remove(segment)
                status[segment] = status[parent]
                say(f"{segment}: left out, its parent {parent} did not end well")
            elif len(running) < at_once and parent not in waiting and parent not in running.values():
                waiting.remove(segment)
                running[run_forked(lambda segment=segment: train(segment), log(segment))] = segment
        ended = _ended(running)
        for pid, code in ended.items():
            segment = running.pop(pid)
            status[segment] = code
            if code:
                what = "interrupted" if code == INTERRUPTED else f"crashed with {_in_words(code)}"
                say(f"{segment}: {what}; its log: {log(segment) or 'above'}")
            if file := log(segment):
                note_killed(file, code)
        if running and not ended:
            pause(0.05)
    crashed = [segment for segment, code in status.items() if code not in (0, INTERRUPTED)]
    if crashed:
        say(f"{len(crashed)} of {len(parents)} segments crashed or were left out: {', '.join(crashed)}")
        return CRASHED
    return INTERRUPTED if INTERRUPTED in status.values() else 0


def _ended(pids: Iterable[int]) -> dict[int, int]:
    """Those of our processes that have ended, with exit status; minus the number of a signal that killed it."""
    found = {}
    for pid in pids:
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            found[pid] = os.waitstatus_to_exitcode(code)
    return found


def _in_words(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    return signal_in_words(-code)
