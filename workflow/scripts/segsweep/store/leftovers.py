"""What writers that were killed have left behind below results/: found by its name, removed when nobody can need it.

    .NAME.PROCESS.tmp               a file that was being written (`segsweep.io`)
    .START.running                  the marker of a start, before it was shown (`segsweep.planning.markers`)
    .SEGMENT.lock.TOKEN[.old]       a lock that was being judged or let go of (`segsweep.store.lock`)
    SEGMENT.lock                    the lock of a training of which nothing else is left
    .push-*, .pull-*                what was being sent or brought
    .removing-*                     what was being removed (`segsweep.store.clean_up`)
    .model-*                        a model that was being exported
    data/KEY.part                   a data set that was being prepared

A file goes a day after its last change, a folder a week after that of anything in it: whoever prepares or brings
writes all the time, and no batch takes longer to send. What bears the number of a process of this machine stays.
Nothing here tells what processes of other machines do. Unfinished segments hold epochs that were trained: they resume,
or `clean_up` names them.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from psutil import pid_exists

from segsweep.io import PROCESS
from segsweep.store.lock import is_held, remove_abandoned_lock
from segsweep.store.segment_store import PART, STORE

DAY_S = 86400.0
FILE_S, FOLDER_S = DAY_S, 7 * DAY_S
FILES = re.compile(rf"\..+{PROCESS.pattern}|\.\d{{8}}-\d{{6}}-\d+\.running|\..+\.lock\.[0-9a-f]{{32}}(\.old)?")
FOLDERS = re.compile(rf"\.(push|pull|model)-\w{{8}}|\.removing-[0-9a-f]{{32}}{PART}")
LOCK = ".lock"
DATA, SEGMENTS = "data", STORE.name


def leftovers(results: Path, studies: list[Path] | None = None, now: float | None = None) -> list[Path]:
    """The files and folders that were left behind.

    Args:
        results: folder of all studies, with `segments` and `data`.
        studies: folders below it to look through besides; all if not given.
        now: seconds since the epoch.
    """
    now = time.time() if now is None else now
    segments = results / SEGMENTS
    found = [*_below(results, deep=False), *_below(segments, deep=False), *_below(segments / ".unplanned")]
    found += [*_locks(segments), *_below(results / DATA), *_parts(results / DATA)]
    for folder in _folders(results) if studies is None else studies:
        found += _below(folder)
    return [path for path in dict.fromkeys(found) if is_abandoned(path, now)]


def remove_leftovers(results: Path, studies: list[Path] | None = None, now: float | None = None) -> None:
    """Remove them; what this user may not remove, or the disk refuses, stays: nothing depends on it."""
    for path in leftovers(results, studies, now):
        remove_leftover(path)


def remove_leftover(path: Path) -> None:
    """Remove one of them."""
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name.endswith(LOCK):
            remove_abandoned_lock(path)
        else:
            path.unlink()


def _below(folder: Path, deep: bool = True) -> Iterator[Path]:
    """What bears a name of something temporary, in a folder and in those within it."""
    for path, folders, files in os.walk(folder):
        yield from (Path(path, name) for name in files if name.startswith(".") and FILES.fullmatch(name))
        named = [name for name in folders if name.startswith(".") and FOLDERS.fullmatch(name)]
        yield from (Path(path, name) for name in named)
        folders[:] = [name for name in folders if name not in named] if deep else []


def _folders(results: Path) -> list[Path]:
    """Those of studies, logs and markers."""
    with suppress(FileNotFoundError):
        return [Path(one) for one in os.scandir(results) if one.is_dir() and one.name not in (DATA, SEGMENTS)]
    return []


def _parts(data: Path) -> Iterator[Path]:
    yield from (path for path in data.glob(f"*{PART}") if path.is_dir())


def _locks(segments: Path) -> Iterator[Path]:
    """Lock files beside which no unfinished segment lies, and that no living process holds."""
    with suppress(FileNotFoundError):
        entries = {entry.name: entry for entry in os.scandir(segments)}
        for name, entry in entries.items():
            segment = name.removesuffix(LOCK)
            of_nothing = segment != name and f"{segment}{PART}" not in entries
            if of_nothing and entry.is_file(follow_symlinks=False) and not is_held(segments / name):
                yield segments / name


def is_abandoned(path: Path, now: float) -> bool:
    """Whether nobody can need something temporary any more, at a time in seconds since the epoch."""
    process = PROCESS.search(path.name)
    try:
        is_folder = path.is_dir() and not path.is_symlink()
        last = max(one.lstat().st_ctime for one in [path, *(path.rglob("*") if is_folder else ())])
    except FileNotFoundError:  # it is in use, or gone
        return False
    waited = now - last > (FOLDER_S if is_folder else FILE_S)
    return waited and not (process and pid_exists(int(process[1])))
