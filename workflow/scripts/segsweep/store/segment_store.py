"""The store of trained segments: a folder for each, named by its address. Nothing else reads or writes such a folder.

A folder of a segment holds
    segment.json            its record (`SegmentRecord`): with it a segment is complete; says that there are
    SHA256SUMS              checksums of all files, written last; whoever reads a file that changed since compares it
    epochs.csv              epoch, lr, train/*, val/loss and its parts, seconds, images_per_second, peak_memory_mb
    counts.npz              counts of the validation split, arrays with a leading axis of epochs
    weights-<epoch>.pt      the model's weights at an epoch that is kept: the best one by some selection
    images-<epoch>.npz      `names`, and counts with a leading axis of images, at such an epoch
    last.pt                 the complete state after its last epoch, where another segment may continue it; of an
                            unfinished one the last that was saved, between two steps. Where the weights of its epoch
                            are kept, they are not in it: `segsweep.store.checkpoints.read_state` takes them from there
Of a segment that a program of the user's own trained it holds the record and
    epochs.csv              epoch, and the program's own columns under its own names
    out/                    the program's files: all where another segment may continue it, else those that are kept
    output.log              the end of what the program said
It is made as `<id>.part`, with history.json (its starts so far), and renamed when all of it is there. `<id>.lock` says
who trains it. Folders of other names are left alone. Which files were compared is remembered in `.checked/`.
"""

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any

from segsweep.checksums import HAS_SUMS, SUMS, CheckedFiles, DamagedFile, read_sums, write_sums
from segsweep.disk_errors import in_words, refused_by_disk
from segsweep.errors import InputError
from segsweep.io import flush_folder, flush_path, read_csv, read_json, regular, write_json
from segsweep.store.segment_record import ID, SegmentRecord, split_id
from segsweep.store.value_ranges import check_counts
from segsweep.typed_commands import typed

STORE = Path("results/segments")
RECORD = "segment.json"
STATE = "last.pt"
PROGRAM_FILES = "out"
PART, LOCK = ".part", ".lock"
# Names of a segment's files. Others, and hidden ones, are somebody else's, such as a file manager's.
FILES = (RECORD, "epochs.csv", "counts.npz", "weights-*.pt", "images-*.npz", STATE, f"{PROGRAM_FILES}/*", "output.log")
REPAIR = f"`{typed('verify', '--repair', target='repair')}` forgets the segment; start again, and it trains."


def weights_name(epoch: int) -> str:
    """Name of the file with the weights of an epoch."""
    return f"weights-{epoch:04d}.pt"


class SegmentStore:
    """A folder of segments. What there is, is looked up when it is first asked for, and kept."""

    def __init__(self, root: Path = STORE):
        self.root = root
        self.left_out: set[str] = set()
        self._left_out_phases: set[str] = set()
        self._records: dict[str, SegmentRecord] = {}
        self._checked = CheckedFiles(root)

    # Where things lie.

    def folder(self, segment: str) -> Path:
        """Of a complete segment."""
        return self.root / segment

    def part(self, segment: str) -> Path:
        """Of a segment that is being trained, or was when something ended the training."""
        return self.root / f"{segment}{PART}"

    def lock(self, segment: str) -> Path:
        """The file that says who trains a segment."""
        return self.root / f"{segment}{LOCK}"

    def rows(self, segment: str) -> Path:
        """A row for each of its epochs."""
        return self.root / segment / "epochs.csv"

    def counts(self, segment: str) -> Path:
        """Counts of the validation split, for each of its epochs."""
        return self.root / segment / "counts.npz"

    def weights(self, segment: str, epoch: int) -> Path:
        """The model's weights at an epoch that is kept."""
        return self.root / segment / weights_name(epoch)

    def all_weights(self, segment: str) -> list[Path]:
        """The weights of all epochs that are kept."""
        return sorted((self.root / segment).glob("weights-*.pt"))

    def image_counts(self, segment: str, epoch: int) -> Path:
        """Counts of each validation image at an epoch that is kept."""
        return self.root / segment / f"images-{epoch:04d}.npz"

    def state(self, segment: str) -> Path:
        """The complete state after its last epoch."""
        return self.root / segment / STATE

    def state_files(self, segment: str) -> list[Path]:
        """All that the complete state lies in: with the weights that are kept where it leaves them out."""
        record = self.record(segment)
        weights = [self.weights(segment, record.epochs)] if record.state_without_weights else []
        return [self.state(segment), *weights]

    def program_files(self, segment: str) -> Path:
        """The folder of the files of a program of the user's own that trained it."""
        return self.root / segment / PROGRAM_FILES

    # What there is.

    @cached_property
    def complete(self) -> dict[str, float]:
        """Complete segments: when each was completed, seconds since the epoch."""
        found = {}
        for name, path in self._entries():
            if ID.fullmatch(name):
                try:
                    found[name] = os.stat(f"{path}/{RECORD}").st_mtime
                except OSError:  # half a folder, as a broken copy leaves it
                    continue
        return found

    @cached_property
    def started(self) -> frozenset[str]:
        """Ids of segments that are being trained, or were when something ended the training."""
        names = (name.removesuffix(PART) for name, _ in self._entries() if name.endswith(PART))
        return frozenset(name for name in names if ID.fullmatch(name))

    @cached_property
    def locked(self) -> frozenset[str]:
        """Ids of segments with a lock file, whether anybody holds it or not."""
        names = (name.removesuffix(LOCK) for name, _ in self._entries() if name.endswith(LOCK))
        return frozenset(name for name in names if ID.fullmatch(name))

    @cached_property
    def ends(self) -> dict[str, list[int]]:
        """Last epochs of the complete segments of each phase, ascending."""
        ends: dict[str, list[int]] = {}
        for segment in self.complete:
            phase, epoch = split_id(segment)
            ends.setdefault(phase, []).append(epoch)
        return {phase: sorted(epochs) for phase, epochs in ends.items()}

    def leave_out(self, segments: Iterable[str]) -> None:
        """Do not count these as complete from now on: they are to be trained again."""
        self.left_out |= set(segments)
        self._left_out_phases = {split_id(segment)[0] for segment in self.left_out}
        for segment in self.left_out:
            self.complete.pop(segment, None)
        self.__dict__.pop("ends", None)

    def has(self, segment: str) -> bool:
        """Whether a segment is complete at this moment; for a job that asks for one of many."""
        return (self.root / segment / RECORD).exists()

    def completed_at(self, segment: str) -> float:
        """When a segment was completed, seconds since the epoch; also of one that was not complete a moment ago."""
        return (self.root / segment / RECORD).stat().st_mtime

    # What a segment says.

    def record(self, segment: str) -> SegmentRecord:
        """What is written down of a complete segment.

        Raises:
            InputError: it is not there, or its record is damaged.
        """
        if segment not in self._records:
            path = self.root / segment / RECORD
            content = read_json(self.checked(path), f"Train {segment} first.", REPAIR)
            try:
                record = SegmentRecord.from_json(content)
                record.check_kinds()
            except (AttributeError, LookupError, TypeError) as error:
                raise InputError(f"{path}: is no record of a segment ({error}). {REPAIR}") from error
            self._records[segment] = record
        return self._records[segment]

    def newest(self) -> list[str]:
        """The complete segments, the newest first."""
        return sorted(self.complete, key=self.complete.__getitem__, reverse=True)

    def readable_records(self, count: int) -> Iterator[SegmentRecord]:
        """The records of so many complete segments, the newest ones; damaged ones are passed over."""
        found = map(self.record_or_none, self.newest()[:count])
        return (record for record in found if record is not None)

    def record_or_none(self, segment: str) -> SegmentRecord | None:
        """The record of a segment; None if it is not there, or damaged.

        Raises:
            InputError: the disk does not give it back.
        """
        try:
            return self.record(segment)
        except InputError as error:
            if refused_by_disk(error):
                raise
            return None

    def stands(self, segment: str, on_oom: str, selections: Collection[str] = ()) -> bool:
        """Whether a segment is complete at this moment, and stands for such a training (see `SegmentRecord.stands`)."""
        if not self.has(segment):
            return False
        if on_oom == "skip" and not selections:  # then being there is enough: ten thousand records need not be read
            return True
        record = self.record_or_none(segment)
        return record is not None and record.stands(on_oom, selections)

    def can_be_continued(self, segment: str) -> bool:
        """Whether nothing is missing to continue a complete segment; one that ended otherwise than planned never needs
        it."""
        if self.state(segment).exists():
            return True
        record = self.record_or_none(segment)
        if record is None or record.status != "finished":
            return record is not None
        return record.can_be_extended and self.program_files(segment).exists()

    def lacks_weights(self, segment: str, metric: str, minimize: bool) -> bool:
        """Whether a complete segment trained its run's best epoch by a metric, and the weights of it were let go."""
        record = self.record_or_none(segment)
        best = record and record.best_by(metric, minimize)
        return bool(best) and best["segment"] == segment and not self.weights(segment, best["epoch"]).is_file()

    def to_repeat(self, segments: Iterable[str], on_oom: str) -> set[str]:
        """Those of some complete segments that do not stand for a training with this `on_oom`."""
        if on_oom == "skip":  # then being there is enough: ten thousand records need not be read
            return set()
        return {segment for segment in segments if not self.stands(segment, on_oom)}

    def records_of(self, segments: Iterable[str]) -> list[SegmentRecord]:
        """Of a run's segments, the records up to the first that is missing or that ended the run."""
        found = []
        for segment in segments:
            if segment in self.left_out or not self.has(segment):
                break
            found.append(self.record(segment))
            if found[-1].status != "finished":
                break
        return found

    def chain(self, segment: str) -> list[str]:
        """A complete segment and those of the same phase that it was really trained from, the first one first."""
        chain = [segment]
        phase = split_id(segment)[0]
        # Most phases are one segment, and their records need not be read.
        while len(self.ends[phase]) > 1 or phase in self._left_out_phases:
            parent = self.record(chain[0]).parent
            if parent is None or split_id(parent)[0] != phase:
                break
            chain.insert(0, parent)
            if not self.has(parent):
                break
        return chain

    def read_rows(self, segment: str) -> list[dict[str, str]]:
        """The rows of epochs.csv. Raises: InputError."""
        return read_csv(self.checked(self.rows(segment)), REPAIR)

    def read_counts(self, segment: str) -> dict[str, Any]:
        """Counts by name, arrays with a leading axis of epochs.

        Raises:
            InputError: they cannot be read, or are none.
        """
        path = self.counts(segment)
        counts = read_arrays(self.checked(path))
        check_counts(path, counts, REPAIR)
        return counts

    def checked(self, path: Path) -> Path:
        """A file of a complete segment, to be read: it is what was published. Each reader of one asks for it so.

        One that is not there is left to the reader, and one of a segment without checksums is taken as it is.

        Raises:
            DamagedFile: it was changed since, or its checksum is lost.
        """
        segment, *inner = path.relative_to(self.root).parts
        folder = self.root / segment
        try:
            same = self._checked.matches(
                path, lambda: published_digest(folder, "/".join(inner), published_sums(folder))
            )
        except OSError:
            return path
        if not same:
            raise DamagedFile(f"{path}: differs from its checksum: it was changed since it was trained. {REPAIR}")
        return path

    def bytes(self, segment: str) -> int:
        """Size of a segment's files."""
        return folder_bytes(self.root / segment)

    # Making one.

    def publish(self, record: SegmentRecord) -> None:
        """Complete a segment: write its record into its `part`, and give that the segment's name.

        What bears the name already gives way if it does not stand for the same training, lacks the state or weights
        that the part has, or is half a folder; else it stays and the part goes, as another job trained the same bits.
        """
        part, final = self.part(record.id), self.folder(record.id)
        write_json(part / RECORD, record.to_json() | {HAS_SUMS: True})
        (part / "history.json").unlink(missing_ok=True)
        write_sums(part)
        flush_folder(part)
        there = SegmentStore(self.root)  # as it is now
        stands = there.stands(record.id, record.train["on_oom"], record.best)
        has_state = (part / STATE).exists() or (record.can_be_extended and (part / PROGRAM_FILES).exists())
        lacks_state = has_state and not there.can_be_continued(record.id)
        lacks_weights = any(not (final / path.name).exists() for path in part.glob("weights-*.pt"))
        if final.exists() and (not stands or lacks_state or lacks_weights):
            shutil.rmtree(final)
        self._records.pop(record.id, None)
        adopt(part, final)
        flush_path(self.root)

    def _entries(self) -> list[tuple[str, str]]:
        try:
            return [(entry.name, entry.path) for entry in os.scandir(self.root)]
        except FileNotFoundError:
            return []


def published_sums(folder: Path) -> dict[str, str] | None:
    """Digests by name of the files of a complete segment; None of one that was published before there were any.

    Raises:
        DamagedFile: the file of checksums cannot be read, or is gone.
    """
    return read_sums(folder, REPAIR, RECORD)


def published_digest(folder: Path, name: str, sums: Mapping[str, str] | None) -> str | None:
    """Digest of a file of a complete segment as it was published; None where none was written of it.

    Args:
        folder: of the segment.
        name: of the file, relative to it.
        sums: of the folder, from `published_sums`.

    Raises:
        DamagedFile: one was written, and is lost.
    """
    found = (sums or {}).get(name)
    if sums is not None and found is None and _is_own(folder, name):
        raise DamagedFile(f"{folder / SUMS}: has no checksum of {name}: a part of it is lost. {REPAIR}")
    return found


def _is_own(folder: Path, name: str) -> bool:
    """Whether a checksum was written of a file: by its name; of pipes and links, which name something else, none is."""
    hidden = name.rpartition("/")[2].startswith(".")
    plain = (folder / name).is_file() and (folder / name).resolve() == folder.resolve() / name
    return plain and not hidden and any(fnmatch(name, pattern) for pattern in FILES)


def adopt(folder: Path, final: Path) -> bool:
    """Give a whole folder the name of its segment; whether it was taken. If the segment is there, the folder goes."""
    if final.exists() and not (final / RECORD).exists():
        shutil.rmtree(final)  # half of a folder, as a broken copy leaves it
    try:
        folder.rename(final)
    except OSError:
        if not (final / RECORD).exists():
            raise
        shutil.rmtree(folder)
        return False
    return True


def read_arrays(path: Path) -> dict[str, Any]:
    """Arrays by name out of an npz file. Never runs code from the file.

    Raises:
        InputError: it is not there, or damaged.
    """
    from zipfile import BadZipFile

    import numpy as np  # which planning must not import

    try:
        with np.load(regular(path), allow_pickle=False) as content:
            return dict(content)
    except (OSError, ValueError, BadZipFile) as error:
        raise InputError(f"{path}: cannot be read ({in_words(error)}). {REPAIR}") from error


def folder_bytes(folder: Path) -> int:
    """Bytes of the files in a folder and in those within it; 0 if there is none."""
    found = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                found += os.lstat(f"{path}/{name}").st_size
            except FileNotFoundError:  # removed meanwhile
                continue
    return found
