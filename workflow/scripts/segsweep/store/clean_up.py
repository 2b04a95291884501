"""Segments that no study reaches, and what was left behind by trainings, pushes and pulls that were killed."""

import os
import shutil
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from segsweep.errors import InputError
from segsweep.planning.plan_file import StudyPlan
from segsweep.store.leftovers import DAY_S, leftovers, remove_leftover
from segsweep.store.segment_store import PART, SegmentStore, folder_bytes
from segsweep.store.shared_tables import studies_here
from segsweep.typed_commands import typed_plan

REMOVING = ".removing-"


@dataclass(frozen=True)
class Waste:
    """Something in the store that nothing needs: its folder, what it is, and the space that it takes."""

    path: Path
    kind: str
    bytes: int


def plans_to_serve(results: Path) -> dict[str, StudyPlan]:
    """The plans of all studies in results/, by name: what any of them needs stays.

    Raises:
        InputError: there is a study whose plan cannot be read, or none at all: then everything would be waste.
    """
    plans = studies_here(results)
    unread = sorted({path.parent.name for path in results.glob("*/plan.json")} - set(plans))
    if unread:
        raise InputError(
            f"{results}: the plans of {', '.join(unread)} cannot be read, so what they need is unknown. "
            f"Plan them again (`{typed_plan('NAME')}`), or remove their folders."
        )
    if not plans:
        raise InputError(
            f"{results}: no study has a plan here, so no segment would be kept. Plan those that are to be kept "
            f"(`{typed_plan('NAME')}`); to remove everything, remove the folder segments."
        )
    return plans


def find_waste(store: Path, plans: Iterable[StudyPlan], now: float | None = None) -> list[Waste]:
    """What can go: complete segments that no plan has; unfinished ones after a day; what `leftovers` finds."""
    needed = {segment for plan in plans for segment in plan.segments}
    now = time.time() if now is None else now
    if not store.is_dir():
        return []
    segments = SegmentStore(store)
    complete = segments.complete
    scratch = dict.fromkeys([*leftovers(store.parent, now=now), *store.glob(f"{REMOVING}*")])
    found = [Waste(path, "scratch", _bytes(path)) for path in scratch]
    for entry in sorted(os.scandir(store), key=lambda entry: entry.name):
        path, name = Path(entry.path), entry.name
        if not entry.is_dir():
            continue
        old = now - _last_change(path) > DAY_S
        if name.startswith("."):
            continue
        if name.endswith(PART):
            segment = name.removesuffix(PART)
            if old and (segment not in needed or segment in complete) and not _locked(segments.lock(segment), now):
                found.append(Waste(path, "unfinished", folder_bytes(path)))
        elif name in complete and name not in needed:
            found.append(Waste(path, "segment", folder_bytes(path)))
    return found


def remove(waste: list[Waste]) -> None:
    """Remove them. A segment loses its name first: what is half removed must not look complete."""
    for one in waste:
        if one.kind == "scratch":
            remove_leftover(one.path)
            continue
        # No reader of the store takes a folder of this ending for a segment.
        aside = one.path.with_name(f"{REMOVING}{uuid.uuid4().hex}{PART}")
        try:
            one.path.rename(aside)
        except FileNotFoundError:  # somebody else was faster
            continue
        shutil.rmtree(aside)


def _bytes(path: Path) -> int:
    return folder_bytes(path) if path.is_dir() else path.lstat().st_size


def _last_change(folder: Path) -> float:
    try:
        return max([folder.stat().st_mtime, *(entry.stat().st_mtime for entry in os.scandir(folder))])
    except FileNotFoundError:
        return time.time()


def _locked(lock: Path, now: float) -> bool:
    """Whether a training holds its lock; it touches it all the time."""
    try:
        return now - lock.stat().st_mtime < DAY_S
    except FileNotFoundError:
        return False
