"""One process trains a segment; others wait for it, and take over when it is gone."""

import json
import os
import socket
import stat
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import psutil

from segsweep.disk_errors import naming
from segsweep.errors import InputError
from segsweep.io import regular

BEAT_S = 10.0
# Several missed beats: a node that is gone, not a file system that is slow.
SILENCE_S = 90.0
SIGNED = {"token", "host", "machine", "pid", "started"}  # what a lock file says of its holder


class Stopped(Exception):
    """`should_stop` said so while waiting."""


class Lock:
    """A lock file that works on shared file systems: made exclusively, kept alive by touching it.

    Holders on this machine are known by their process; those elsewhere by the age of their last touch, measured by
    the file system's own clock.

    Args:
        path: the lock file.
        say: told why it waits, or why it takes over.
        should_stop: asked while waiting.
        sleep: waits some seconds.
    """

    def __init__(
        self,
        path: Path,
        *,
        say: Callable[[str], None] = print,
        should_stop: Callable[[], bool] = lambda: False,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.path, self.say, self.should_stop, self.sleep = path, say, should_stop, sleep
        self.since = 0.0  # when it was taken, seconds since the epoch
        self.lost = False  # another one took over, because this process was suspended for long
        self._token = uuid.uuid4().hex
        self._end = Event()
        self._heart = Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "Lock":
        told = False
        while not self._made():
            holder = _read(self.path)
            if gone := self._gone(holder):
                self.say(f"{self.path} was left behind by {_who(holder)}: {gone}. Taking over.")
                self._remove(holder.get("token"))
                continue
            if not told:
                self.say(
                    f"being trained by {_who(holder)}; waiting. If that process is gone for good, remove {self.path}"
                )
                told = True
            if self.should_stop():
                raise Stopped
            self.sleep(1.0)
        self._heart.start()
        return self

    def __exit__(self, *error) -> None:
        self._end.set()
        self._heart.join()
        if not self.lost:
            self._remove(self._token)

    def _made(self) -> bool:
        try:
            handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            self._check_kind()
            return False
        me = {"token": self._token, "host": socket.gethostname(), "machine": _machine(), "pid": os.getpid()}
        me["started"] = _started(os.getpid())
        me["since"] = self.since = time.time()
        try:
            with naming(self.path), os.fdopen(handle, "w") as file:
                json.dump(me, file)
        except OSError:
            self.path.unlink(missing_ok=True)  # not signed, it would be waited for
            raise
        return True

    def _check_kind(self) -> None:
        """Refuse what was never a lock file: nobody would let go of it."""
        with suppress(FileNotFoundError):  # released meanwhile
            if not stat.S_ISREG(self.path.lstat().st_mode):
                raise InputError(
                    f"{self.path}: is no file, and the lock of a training belongs there. Remove it, and start again."
                )

    def _gone(self, holder: dict) -> str | None:
        """Why the holder is taken to be gone."""
        if holder.get("machine") == _machine():
            return None if _started(holder["pid"]) == holder["started"] else "that process has ended"
        try:
            silent = self._clock() - self.path.stat().st_mtime
        except FileNotFoundError:
            return None
        return f"no sign of life for {silent:.0f} s" if silent > SILENCE_S else None

    def _clock(self) -> float:
        """Now, by the clock of the file system: those of two machines may differ."""
        probe = self.path.with_name(f".{self.path.name}.{self._token}")
        probe.touch()
        try:
            return probe.stat().st_mtime
        finally:
            probe.unlink()

    def _remove(self, token: str | None) -> None:
        """Remove the lock file if it is still the one with this token."""
        aside = self.path.with_name(f".{self.path.name}.{self._token}.old")
        try:
            os.rename(self.path, aside)  # of several, one succeeds
        except FileNotFoundError:
            return
        found = _read(aside).get("token")
        if found != token and not self.path.exists():
            os.rename(aside, self.path)  # someone else's, made in between
        else:
            aside.unlink()

    def _beat(self) -> None:
        while not self._end.wait(BEAT_S):
            try:
                holder = _read(self.path)
                if holder and holder.get("token") != self._token:
                    self.lost = True
                    return
                os.utime(self.path)
            except OSError:  # for a moment out of reach; the next beat tells
                continue


def remove_abandoned_lock(path: Path) -> None:
    """Remove a lock file whose holder is gone, as one does who takes over; any other stays."""
    lock, holder = Lock(path), _read(path)
    if lock._gone(holder):
        lock._remove(holder.get("token"))


def is_held(path: Path) -> bool:
    """Whether a process that lives holds a lock file; asked without taking it, or writing anything.

    Of a process elsewhere, whether it has touched the file lately, by this machine's clock.
    """
    holder = _read(path)
    if holder.get("machine") == _machine():
        return _started(holder["pid"]) == holder["started"]
    try:
        return time.time() - path.stat().st_mtime < SILENCE_S
    except FileNotFoundError:
        return False


def held_since(path: Path) -> float | None:
    """When a process that lives took a lock file, seconds since the epoch; None if none holds it.

    Of one that does not say so, when the file was last touched: it is just being written.
    """
    if not is_held(path):
        return None
    since = _read(path).get("since")
    if isinstance(since, int | float):
        return float(since)
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # released meanwhile
        return None


def _read(path: Path) -> dict:
    """What a lock file says of its holder; nothing where it was just released, is not yet written, or is damaged."""
    try:
        holder = json.loads(regular(path).read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return holder if isinstance(holder, dict) and holder.keys() >= SIGNED else {}


def _who(holder: dict) -> str:
    return f"process {holder['pid']} on {holder['host']}" if holder else "a process that did not sign"


def _started(pid: int) -> float | None:
    """When a process of this machine started; None if there is none (or only its remains)."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except (psutil.Error, TypeError, ValueError, OverflowError):  # the latter of what is no number of a process
        return None


def _machine() -> str:
    """Name of what process numbers belong to: this boot of this machine, this container."""
    parts = [socket.gethostname()]
    for read in (
        lambda: Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        lambda: os.readlink("/proc/self/ns/pid"),
    ):
        try:
            parts.append(read())
        except OSError:  # not on Linux
            parts.append("")
    return " ".join(parts)
