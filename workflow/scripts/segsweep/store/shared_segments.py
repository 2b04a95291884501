"""Trained segments to the shared store and back: one file a segment, named by its address.

An address stands for its content, so nothing is ever overwritten: a push sends the addresses that the remote lacks, a
pull brings those that are wanted and not here, and any number of people may do both at the same time.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from segsweep.store.packing import Corrupt, pack, unpack
from segsweep.store.remote import Remote
from segsweep.store.segment_store import SegmentStore, split_id

FOLDER, CORRUPT = "segments", "corrupt"
# With all files; without the state that a training goes on from.
WHOLE, LIGHT = ".tar", ".light.tar"
STATE = "last.pt"
# Scratch space is bounded by a batch, and a pull that is cut off loses at most one.
BATCH_FILES, BATCH_BYTES = 100, 2**30
SCRATCH = (".push-", ".pull-")


@dataclass
class Outcome:
    """What a push or pull did. `moved` in the order in which it was done, `bytes` of those."""

    moved: list[str] = field(default_factory=list)
    bytes: int = 0
    there: int = 0
    light: list[str] = field(default_factory=list)
    corrupt: list[tuple[str, str]] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)


def listing(remote: Remote) -> dict[str, tuple[str, int]]:
    """Segments of the remote: name of the file (the whole one if there are two) and its size in bytes."""
    found: dict[str, tuple[str, int]] = {}
    for name, size in remote.sizes(FOLDER).items():
        if name.endswith(LIGHT):
            found.setdefault(name.removesuffix(LIGHT), (name, size))
        elif name.endswith(WHOLE):
            found[name.removesuffix(WHOLE)] = (name, size)
    return found


def push(
    store: Path,
    remote: Remote,
    chosen: Iterable[str] | None = None,
    *,
    with_state: bool = True,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Send complete segments that the remote lacks.

    Args:
        store: folder of all segments here.
        remote: where to.
        chosen: ids; all if not given.
        with_state: False leaves out the state to go on from, most of a segment's bytes: it can be reported on, but
            not prolonged.
        say: told of progress.

    Raises:
        InputError: the remote cannot be reached or written.
    """
    remote.sweep()
    complete = set(SegmentStore(store).complete)
    held = listing(remote)
    outcome = Outcome()
    waiting = []
    for segment in sorted(complete if chosen is None else complete & set(chosen)):
        state = (store / segment / STATE).exists()
        light = (state and not with_state) or not (state or can_be_prolonged(store / segment))
        if segment in held and (light or not held[segment][0].endswith(LIGHT)):
            outcome.there += 1
        else:
            waiting.append((segment, segment + (LIGHT if light else WHOLE), size_of(store / segment)))
    total = len(waiting)
    for batch in _batches(waiting):
        with _scratch(store, SCRATCH[0]) as scratch:
            files = {}
            for segment, name, _ in batch:
                try:
                    pack(store / segment, scratch / name, without=(STATE,) if name.endswith(LIGHT) else ())
                except FileNotFoundError:  # cleaned away meanwhile
                    continue
                files[segment] = scratch / name
                outcome.bytes += files[segment].stat().st_size
            remote.send({f"{FOLDER}/{path.name}": path for path in files.values()})
        outcome.moved += files
        outcome.light += [segment for segment, path in files.items() if path.name.endswith(LIGHT)]
        say(f"sent {len(outcome.moved)} of {total}")
    return outcome


def pull(
    store: Path,
    remote: Remote,
    chosen: Iterable[str] | None = None,
    *,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Bring segments of the remote that are not here, check them, and give them their names.

    One that does not match its checksums, twice, is set aside in the remote and listed in `corrupt`: it is not in the
    store afterwards, so it trains again.

    Args:
        store: folder of all segments here.
        remote: where from.
        chosen: ids; all if not given. Those that the remote lacks are listed in `lacking`.
        say: told of progress.

    Raises:
        InputError: the remote cannot be reached or read.
    """
    store.mkdir(parents=True, exist_ok=True)
    complete = set(SegmentStore(store).complete)
    held = listing(remote)
    wanted = set(held) if chosen is None else set(chosen)
    outcome = Outcome(there=len(wanted & complete), lacking=sorted(wanted - complete - set(held)))
    waiting = [(segment, *held[segment]) for segment in sorted(wanted & set(held) - complete)]
    total = len(waiting)
    for batch in _batches(waiting):
        with _scratch(store, SCRATCH[1]) as scratch:
            arrived = []
            remote.fetch({f"{FOLDER}/{name}": scratch / name for _, name, _ in batch})
            for segment, name, size in batch:
                if _checked(remote, segment, scratch, name, outcome):
                    arrived.append((segment, size))
            os.sync()  # a segment's name must not outlive a power cut that its files do not
            for segment, size in arrived:
                _publish(scratch / segment, store / segment)
                outcome.moved.append(segment)
                outcome.bytes += size
                if not can_be_prolonged(store / segment):
                    outcome.light.append(segment)
        say(f"brought {len(outcome.moved)} of {total}")
    return outcome


def wanted_of(planned: Iterable[str], held: Iterable[str]) -> set[str]:
    """Which segments of a remote a plan can use, and the planned ones themselves.

    A stretch may be cut elsewhere here than where it was trained, so all segments of a planned stretch that end
    within it are of use: as parts of a longer chain, or to go on from.
    """
    ends: dict[str, int] = {}
    planned = set(planned)
    for segment in planned:
        stretch, epoch = split_id(segment)
        ends[stretch] = max(epoch, ends.get(stretch, 0))
    usable = {one for one in held if _is_id(one) and split_id(one)[1] <= ends.get(split_id(one)[0], 0)}
    return planned | usable


def size_of(folder: Path) -> int:
    """Bytes of the files of a folder."""
    try:
        return sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())
    except FileNotFoundError:
        return 0


def can_be_prolonged(folder: Path) -> bool:
    """Whether nothing is missing to go on from a segment; one that ended otherwise than planned never is."""
    if (folder / STATE).exists():
        return True
    return json.loads((folder / "segment.json").read_text(encoding="utf-8")).get("status") != "finished"


def _is_id(name: str) -> bool:
    stretch, dash, epoch = name.rpartition("-")
    return bool(stretch and dash and epoch.isdigit())


def _batches(waiting: list[tuple[str, str, int]]) -> Iterator[list[tuple[str, str, int]]]:
    batch, size = [], 0
    for entry in waiting:
        if batch and (len(batch) == BATCH_FILES or size + entry[2] > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry[2]
    if batch:
        yield batch


@contextmanager
def _scratch(store: Path, prefix: str) -> Iterator[Path]:
    """A folder beside the segments, on their disk; its name is no segment's."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=store))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _checked(remote: Remote, segment: str, scratch: Path, name: str, outcome: Outcome) -> bool:
    """Unpack a file that arrived; once more from the remote where it is damaged: it may have happened on the way."""
    for last in (False, True):
        try:
            unpack(scratch / name, scratch / segment)
            _same_segment(scratch / segment, segment)
            (scratch / name).unlink()
            return True
        except Corrupt as error:
            shutil.rmtree(scratch / segment)
            if last:
                moved = remote.set_aside(f"{FOLDER}/{name}", CORRUPT)
                place = f"set aside as {CORRUPT}/{name}" if moved else f"could not be set aside: remove {FOLDER}/{name}"
                outcome.corrupt.append((segment, f"{error}; {place}"))
            else:
                (scratch / name).unlink()
                remote.fetch({f"{FOLDER}/{name}": scratch / name})
    return False


def _same_segment(folder: Path, segment: str) -> None:
    """A file under another segment's name would be believed for ever."""
    try:
        found = json.loads((folder / "segment.json").read_text(encoding="utf-8"))["id"]
    except (OSError, ValueError, KeyError) as error:
        raise Corrupt(f"no segment.json that names its segment ({error})") from error
    if found != segment:
        raise Corrupt(f"it holds the segment {found}")


def _publish(arrived: Path, final: Path) -> None:
    if final.exists() and not (final / "segment.json").exists():
        shutil.rmtree(final)  # half of a folder, as a broken copy leaves it
    try:
        arrived.rename(final)
    except OSError:
        if not (final / "segment.json").exists():
            raise  # else it was trained or pulled meanwhile
