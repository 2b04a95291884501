"""python -m tests.faults.disk: disks that fail in each stage of a study, and a table of what became of it.

A stage is done once while its calls are counted that touch its folder. Then again and again from the same state, each
time with another call failing, in each way of `failing_calls.KINDS`; and each time once more without a fault. As root,
on disks that are really small, too. Exit status 1 where something is wrong: see `Tried`.
"""

import argparse
import errno
import gc
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "workflow" / "scripts")]

import torch  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from torch.utils._pytree import tree_flatten  # noqa: E402

from segsweep.checksums import SUMS, digest_of, parse_sums  # noqa: E402
from segsweep.exits import end_with, program  # noqa: E402
from segsweep.store.checkpoints import read_checkpoint  # noqa: E402
from tests.faults.failing_calls import KINDS, FailingCalls  # noqa: E402
from tests.faults.stages import STAGES, Stage, load, steady  # noqa: E402

LIMIT_S = 120  # of a machine that has other work, too
LINES = 8  # of an answer
# So many calls of a kind are made to fail in each way, evenly spread where a stage has more: fewer of reading.
SPREAD = defaultdict(lambda: 8, r=4, o=4)
# A file system in memory with room for so many pages more than what a stage begins with.
SMALL, PAGES = "small", (0, 1, 2, 4, 8, 16, 32, 64)
# What may be there or not: memories of what was compared, and what a killed process leaves behind, blocking nothing.
PASSED_OVER = re.compile(r"/\.checked/|/\.(push|pull)-|/store/incoming/|\.(tmp|lock|old|running)$")
TIMES = re.compile(rb'"datetime_\w+":"[^"]*"')


@dataclass(frozen=True)
class Fault:
    """The call of a stage that fails: how, which one, and the letter of its kind; on a small disk, its free pages."""

    stage: str
    kind: str
    number: int
    letter: str


@dataclass(frozen=True)
class Tried:
    """A fault and what became of it.

    Attributes:
        fault: it.
        path: whose call failed.
        answer: `done` where the stage ended well all the same, with the same files; `said` where it ended with words
            that say what the disk refused; `killed`.
        words: what it said.
        wrong: empty, or what is wrong: the answer; what was complete before, and is lost; or that the same stage
            without a fault then does not end well, or leaves other files than an undisturbed one.
    """

    fault: Fault
    path: str
    answer: str
    words: str
    wrong: str


class Disk:
    """A folder in which stages are done, by processes of their own. To be used as a context."""

    def __init__(self, workers: int = 1):
        self.workers = workers

    def __enter__(self) -> "Disk":
        self._top = Path(tempfile.mkdtemp(prefix="faults."))
        self._pool = get_context("fork").Pool(self.workers, _begin, (self._top,))
        return self

    def __exit__(self, *error) -> None:
        self._pool.terminate()
        shutil.rmtree(self._top)

    def faults(self, stage: str) -> dict[tuple[str, str], list[Fault]]:
        """All faults of a stage, by kind and letter."""
        return self._pool.apply(_faults, (stage,))

    def tried(self, faults: Iterable[Fault]) -> Iterator[Tried]:
        """Try them, in any order."""
        return self._pool.imap_unordered(_tried, faults)


class _Trials:
    """Stages that are done in a process of the pool, in a folder of its own.

    Attributes:
        states: the folder as it is after each of the stages that were reached; `""` is the empty one.
        contents: of these.
        calls_of: the letters of the calls of each stage.
    """

    def __init__(self, top: Path):
        self._scratch = Path(tempfile.mkdtemp(dir=top))
        self.work, self.calls = self._scratch / "work", FailingCalls(self._scratch)
        self.states = {"": self._scratch / "empty"}
        self.states[""].mkdir()
        self.contents = {"": {}}
        self.calls_of: dict[str, str] = {}

    def reach(self, stage: Stage) -> None:
        """Do a stage, and those before it, without a fault, where that was not done."""
        if stage.name in self.states:
            return
        if stage.after:
            self.reach(STAGES[stage.after])
        status, words = self.run(stage)
        if status != 0:
            raise RuntimeError(f"{stage.name} ended with {status}: {words}")
        self.states[stage.name] = self.work.rename(self._scratch / stage.name)
        self.contents[stage.name] = _contents(self.states[stage.name])
        self.calls_of[stage.name] = self.calls.calls

    def run(self, stage: Stage, kind: str = "", number: int = 0) -> tuple[int, str]:
        """Do a stage from its beginning, with a fault."""
        shutil.rmtree(self.work, ignore_errors=True)
        if kind == SMALL:
            self.work.mkdir()
            _mount("tmpfs", self.work)
        shutil.copytree(self.states[stage.after], self.work, dirs_exist_ok=True)
        if kind == SMALL:
            used = shutil.disk_usage(self.work).used
            _mount("tmpfs", self.work, f"remount,size={used + number * os.sysconf('SC_PAGESIZE')}")
        self.calls.clear()
        return _done(stage, self.work, lambda: self.calls.arm(self.work, kind, number))


def _mount(kind: str, folder: Path, options: str = "size=64m") -> None:
    subprocess.run(["mount", "-t", kind, "-o", options, kind, folder], check=True, capture_output=True)


@cache
def can_mount() -> bool:
    """Whether this process may mount file systems."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            _mount("tmpfs", Path(folder))
        except (OSError, subprocess.CalledProcessError):
            return False
        subprocess.run(["umount", folder], check=True)
        return True


def _begin(top: Path) -> None:
    global _trials
    load()
    gc.freeze()  # each fault forks this process twice
    _trials = _Trials(top)


def _faults(stage: str) -> dict[tuple[str, str], list[Fault]]:
    _trials.reach(STAGES[stage])
    seen = list(enumerate(_trials.calls_of[stage], 1))
    small = {(SMALL, ""): [Fault(stage, SMALL, pages, "") for pages in (PAGES if can_mount() else ())]}
    return small | {
        (kind, letter): [Fault(stage, kind, number, letter) for number, one in seen if one == letter]
        for kind, how in KINDS.items()
        for letter in how.at
    }


def _tried(fault: Fault) -> Tried:
    try:
        return _judged(fault)
    finally:
        if fault.kind == SMALL:
            subprocess.run(["umount", _trials.work], check=True)


def _judged(fault: Fault) -> Tried:
    stage = STAGES[fault.stage]
    _trials.reach(stage)
    before, after = _trials.contents[stage.after], _trials.contents[stage.name]
    status, words = _trials.run(stage, fault.kind, fault.number)
    path = _trials.calls.failed_at.removeprefix(f"{_trials.work}/")
    wrong = [] if path or fault.kind == SMALL else ["the call was not reached"]
    now = _contents(_trials.work)
    if status == 0:
        wrong += _differences(after, now, "it ended well, but")
    elif status > 0:
        wrong += _unclear(words, errno.ENOSPC if fault.kind == SMALL else KINDS[fault.kind].error, path)
    elif status != -signal.SIGKILL or not fault.kind.startswith("killed"):
        wrong.append(f"ended by {signal.Signals(-status).name}")
    wrong += [f"lost: {name}" for name in before if after.get(name) == before[name] != now.get(name)]
    if fault.kind == SMALL:
        _mount("tmpfs", _trials.work, "remount,size=64m")
    status_again, said = _done(stage, _trials.work)
    if status_again != 0:
        wrong.append(f"done again, it ended with {status_again}: {said}")
    else:
        wrong += _differences(after, _contents(_trials.work), "done again,")
    answer = "done" if status == 0 else "said" if status > 0 else "killed"
    return Tried(fault, path, answer, words, "; ".join(wrong))


def _done(stage: Stage, folder: Path, arm: Callable[[], None] = lambda: None) -> tuple[int, str]:
    """Do a stage in a folder, in a forked process: its exit status, or minus the signal that ended it; its words."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LIMIT_S)
        os.chdir(folder)
        steady()
        arm()
        end_with(program(lambda _: stage.work()))
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        words = pipe.read().decode("utf-8", "replace")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), words


def _contents(folder: Path) -> dict[str, str]:
    """Digests by name of what a folder holds, but for times and processes."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        name: hashlib.sha256(_lasting(path)).hexdigest()
        for name, path in found.items()
        if not PASSED_OVER.search(f"/{name}")
    }


def _lasting(path: Path) -> bytes:
    """What of a file's content is the same each time."""
    content = path.read_bytes()
    try:
        if path.name == SUMS:  # the digests of what holds times are others each time
            return repr(
                [(name, digest_of(path.with_name(name)) == one) for name, one in parse_sums(content).items()]
            ).encode()
        if path.name == "segment.json":
            return json.dumps(json.loads(content) | {"history": None}).encode()
        if path.name == "last.pt":  # of a run that resumed, pickle writes the same values in other bytes
            leaves, _ = tree_flatten(read_checkpoint(path))
            return repr([one.numpy().tobytes() if isinstance(one, torch.Tensor) else one for one in leaves]).encode()
    except Exception as error:  # torch names no type for a broken file
        return f"{error!r}".encode()
    return TIMES.sub(b"", content)


def _differences(meant: dict[str, str], found: dict[str, str], when: str) -> list[str]:
    said = [f"{name} is too many" for name in found.keys() - meant]
    said += [f"{name} {'differs' if name in found else 'lacks'}" for name in meant if meant[name] != found.get(name)]
    return [f"{when} {', '.join(said[:5])}"] if said else []


def _unclear(words: str, error: int, path: str) -> list[str]:
    """What is wrong with the words of a stage that ended at what the system calls `error`, at a path."""
    if "Traceback" in words:
        return ["a traceback"]
    if len(words.splitlines()) > LINES:
        return [f"{len(words.splitlines())} lines"]
    if os.strerror(error) not in words:
        return [f"it does not say {os.strerror(error)!r}"]
    return [] if "/" in words or (path and path in words) else ["it names no file"]


def spread(faults: list[Fault], most: int) -> list[Fault]:
    """So many of them, the first and the last too."""
    if len(faults) <= most:
        return faults
    return [faults[round(i * (len(faults) - 1) / (most - 1))] for i in range(most)]


def main(argv: list[str] | None = None) -> int:
    """Try, and show."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=[stage.name for stage in STAGES.values() if stage.tested], action="append")
    parser.add_argument("--every", action="store_true", help="make every call fail in each way, not some of each kind")
    parser.add_argument("--sample", type=int, help="try so many faults of each stage, drawn from a fixed seed")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="at the same time")
    options = parser.parse_args(argv)
    console, found = Console(), []
    table = Table("stage", "calls", "faults tried", "done all the same", "clear word", "killed", "wrong")
    with Disk(options.workers) as disk:
        for stage in options.only or [stage.name for stage in STAGES.values() if stage.tested]:
            faults = disk.faults(stage)
            chosen = [
                one
                for (_, letter), ones in faults.items()
                for one in (ones if options.every else spread(ones, SPREAD[letter]))
            ]
            if options.sample:
                chosen = random.Random(0).sample(chosen, min(options.sample, len(chosen)))
            tried = list(disk.tried(chosen))
            for one in (one for one in tried if one.wrong):
                console.print(f"{one.fault} {one.path}: {one.wrong}\n{one.words}\n", markup=False)
            answers = Counter(one.answer for one in tried)
            wrong = sum(bool(one.wrong) for one in tried)
            calls = max(one.number for ones in faults.values() for one in ones)
            cells = [calls, len(tried), *(answers[name] for name in ("done", "said", "killed")), wrong]
            table.add_row(stage, *map(str, cells))
            found += tried
    console.print(table)
    return int(any(one.wrong for one in found))


if __name__ == "__main__":
    sys.exit(main())
