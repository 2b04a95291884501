"""Checking all that lies in the store and in the folders of prepared data, and forgetting what is damaged."""

import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from segsweep.checksums import SUMS, compared, files_in
from segsweep.config.program import ProgramResults
from segsweep.data.prepared import MANIFEST
from segsweep.data.prepared_checks import prepared_problems
from segsweep.errors import InputError
from segsweep.store.best_epoch import read_epochs
from segsweep.store.clean_up import Waste, remove
from segsweep.store.segment_store import PROGRAM_FILES, REPAIR, STATE, SegmentStore, published_digest, published_sums

# What `keep` of a study, or a person, may let go of a complete segment.
MAY_BE_GONE = (STATE, "weights-*.pt", f"{PROGRAM_FILES}/*")


@dataclass
class Verified:
    """What was found in some folders.

    Attributes:
        checked: how many folders were looked at.
        without_sums: segments that were published before there were checksums: they can be read, and no more is known.
        damaged: by folder, what is wrong with it.
    """

    checked: int = 0
    without_sums: list[str] = field(default_factory=list)
    damaged: dict[Path, list[str]] = field(default_factory=dict)


def verify_segments(store: SegmentStore, chosen: Collection[str] | None = None) -> Verified:
    """Compare all files of complete segments with their checksums, and read their rows and counts.

    An unfinished segment is checked when it resumes.

    Args:
        store: of all segments.
        chosen: ids; all if not given.
    """
    found = Verified()
    for segment in sorted(store.complete):
        if chosen is None or segment in chosen:
            found.checked += 1
            folder = store.folder(segment)
            if problems := segment_problems(store, segment):
                found.damaged[folder] = problems
            elif not (folder / SUMS).is_file():
                found.without_sums.append(segment)
    return found


def segment_problems(store: SegmentStore, segment: str) -> list[str]:
    """What is wrong with the files of a complete segment."""
    folder = store.folder(segment)
    try:
        sums = published_sums(folder)
        if wrong := compared(folder, sums or {}, _may_be_gone, REPAIR):
            return wrong
        for name in files_in(folder):
            published_digest(folder, name, sums)
        record = store.record(segment)
        state, *weights = store.state_files(segment)
        if state.exists() and not all(path.exists() for path in weights):
            return [f"{state}: its weights are those of {weights[0].name}, which is gone. {REPAIR}"]
        results = ProgramResults.model_validate(record.program["results"]) if record.program else None
        if record.trained_epochs:
            read_epochs(store, segment, results)
    except InputError as error:
        return error.problems
    except (LookupError, TypeError, ValueError) as error:  # a record whose fields are no longer what they were
        return [f"{folder}: cannot be read ({error!r}). {REPAIR}"]
    return []


def verify_prepared(data: Path, chosen: Collection[Path] | None = None) -> Verified:
    """Compare all files of folders of prepared data with their checksums.

    Args:
        data: holds the folders.
        chosen: folders; all if not given.
    """
    found = Verified()
    for folder in sorted(path.parent for path in data.glob(f"*/{MANIFEST}")):
        if chosen is None or folder in chosen:
            found.checked += 1
            if problems := prepared_problems(folder):
                found.damaged[folder] = problems
    return found


def forget_segments(folders: Iterable[Path]) -> None:
    """Remove segments, so that they train again where they are needed."""
    remove([Waste(folder, "segment", 0) for folder in folders])


def forget_prepared(folders: Iterable[Path]) -> None:
    """Remove folders of prepared data, so that they are prepared again: first the manifest, with which one is whole."""
    for folder in folders:
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder)


def _may_be_gone(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in MAY_BE_GONE)
