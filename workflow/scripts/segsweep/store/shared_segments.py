"""Trained segments to the shared store and back: one file a segment, named by its address.

An address stands for its content, so nothing is ever overwritten: a push sends the addresses that the remote lacks, a
pull brings those that are asked for and not here, and any number of people may do both at the same time.

The file is a plain tar, the same bytes for the same content; its last member, SHA256SUMS, is what `sha256sum -c` reads.
"""

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from segsweep.checksums import SUMS, DamagedFile, digest_of, files_in, parse_sums, sums_text
from segsweep.disk_errors import naming, refused_by_disk
from segsweep.errors import InputError
from segsweep.io import regular
from segsweep.planning.plan_file import SegmentPlan
from segsweep.planning.record_match import disagreement
from segsweep.planning.unplanned_segments import note_unplanned
from segsweep.store.remote import Remote
from segsweep.store.segment_record import ID, SegmentRecord, split_id
from segsweep.store.segment_store import REPAIR, STATE, SegmentStore, adopt, published_digest, published_sums
from segsweep.store.signatures import ENDING, Refused, Signatures

FOLDER, CORRUPT = "segments", "corrupt"
# With all files; without the state that another segment would continue.
WHOLE, LIGHT = ".tar", ".light.tar"
# Scratch space is bounded by a batch, and a pull that is interrupted loses at most one.
BATCH_FILES, BATCH_BYTES = 100, 2**30
SCRATCH = (".push-", ".pull-")


class Corrupt(Exception):
    """What arrived is not what was packed."""


@dataclass
class Outcome:
    """What a push or pull did. `moved` in the order in which it was done, `bytes` of those.

    `corrupt` and `refused` are ids with the reason: archives that are damaged, and what is not believed or not sent.
    """

    moved: list[str] = field(default_factory=list)
    bytes: int = 0
    there: int = 0
    light: list[str] = field(default_factory=list)
    corrupt: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)


def listing(remote: Remote, *, signed: bool = False) -> dict[str, tuple[str, int]]:
    """Segments of the remote: name of the file (the whole one if there are two) and its size in bytes.

    `signed`: those alone that have a signature, whoever's it is.
    """
    found: dict[str, tuple[str, int]] = {}
    there = remote.sizes(FOLDER)
    for name, size in there.items():
        if signed and f"{name}{ENDING}" not in there:
            continue
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
    signatures: Signatures | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Send complete segments that the remote lacks.

    Args:
        store: folder of all segments here.
        remote: where to.
        chosen: ids; all if not given.
        with_state: False leaves out the complete state, most of a segment's bytes: it can be reported on, but not
            extended.
        signatures: of the remote, where what is sent is signed: what lies there unsigned is sent again.
        say: told of progress.

    Raises:
        InputError: the remote cannot be reached or written, or nothing can be signed.
    """
    remote.sweep()
    segments = SegmentStore(store)
    complete = set(segments.complete)
    held = listing(remote, signed=signatures is not None)
    outcome = Outcome()
    waiting = []
    for segment in sorted(complete if chosen is None else complete & set(chosen)):
        state = segments.state(segment).exists()
        light = (state and not with_state) or not (state or segments.can_be_continued(segment))
        if segment in held and (light or not held[segment][0].endswith(LIGHT)):
            outcome.there += 1
        else:
            waiting.append((segment, segment + (LIGHT if light else WHOLE), segments.bytes(segment)))
    total = len(waiting)
    for batch in _batches(waiting):
        with _scratch(store, SCRATCH[0]) as scratch:
            files = {}
            for segment, name, _ in batch:
                try:
                    pack(store / segment, scratch / name, without=(STATE,) if name.endswith(LIGHT) else ())
                except FileNotFoundError:  # cleaned away meanwhile
                    continue
                except DamagedFile as error:
                    outcome.refused.append((segment, str(error)))
                    continue
                files[segment] = scratch / name
                outcome.bytes += files[segment].stat().st_size
            sent = {f"{FOLDER}/{path.name}": path for path in files.values()}
            if signatures and sent:  # they come first: nobody is to find a segment unsigned
                remote.send(signatures.sign({name: digest_of(path) for name, path in sent.items()}, scratch))
            remote.send(sent)
        outcome.moved += files
        outcome.light += [segment for segment, path in files.items() if path.name.endswith(LIGHT)]
        say(f"sent {len(outcome.moved)} of {total}")
    return outcome


def pull(
    store: Path,
    remote: Remote,
    chosen: Iterable[str] | None = None,
    *,
    planned: Mapping[str, SegmentPlan] | None = None,
    signatures: Signatures | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Bring segments of the remote that are not here, check them, and give them their names.

    One that does not match its checksums, twice, is set aside in the remote and listed in `corrupt`. One whose record
    is not of the training that is planned, or that is not signed by one who may, is left there and listed in
    `refused`. Neither is in the store afterwards, so it trains again.

    Args:
        store: folder of all segments here.
        remote: where from.
        chosen: ids; all if not given. Those that the remote lacks are listed in `lacking`.
        planned: what is to be trained, by id; a segment of a phase that none of it is of is noted, and compared with
            the first plan that asks for it.
        signatures: of the remote, where what it holds must be signed.
        say: told of progress.

    Raises:
        InputError: the remote cannot be reached or read, or signatures cannot be checked here.
    """
    by_phase = {split_id(segment)[0]: one for segment, one in (planned or {}).items()}
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
                try:
                    taken = _checked(remote, segment, scratch, name, outcome, signatures)
                    meant = (planned or {}).get(segment) or by_phase.get(split_id(segment)[0])
                    if taken and meant:
                        _as_planned(SegmentStore(scratch).record(segment), meant)
                except Refused as error:
                    shutil.rmtree(scratch / segment, ignore_errors=True)
                    outcome.refused.append((segment, str(error)))
                    continue
                if taken and not meant:
                    note_unplanned(store, segment)
                if taken:
                    arrived.append((segment, size))
            os.sync()  # a segment's name must not outlive a power cut that its files do not
            for segment, size in arrived:
                adopt(scratch / segment, store / segment)
                outcome.moved.append(segment)
                outcome.bytes += size
                if not SegmentStore(store).can_be_continued(segment):
                    outcome.light.append(segment)
        say(f"brought {len(outcome.moved)} of {total}")
    return outcome


def usable_segments(planned: Iterable[str], held: Iterable[str]) -> set[str]:
    """Which segments of a remote a plan can use, and the planned ones themselves.

    A phase may be cut elsewhere here than where it was trained, so all segments of a planned phase that end within it
    are of use: as parts of a longer chain, or to continue.
    """
    ends: dict[str, int] = {}
    planned = set(planned)
    for segment in planned:
        phase, epoch = split_id(segment)
        ends[phase] = max(epoch, ends.get(phase, 0))
    usable = {one for one in held if ID.fullmatch(one) and split_id(one)[1] <= ends.get(split_id(one)[0], 0)}
    return planned | usable


def pack(folder: Path, target: Path, without: Collection[str] = ()) -> None:
    """Write the files of a folder, but for those named in `without`, into a tar, with their checksums behind them.

    Raises:
        FileNotFoundError: the folder, or a file of it, went away.
        DamagedFile: a file is not what was published, or its checksum is lost.
    """
    published, sums = published_sums(folder), []
    with naming(target), tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files_in(folder) - set(without)):
            with regular(folder / name).open("rb") as file:
                with naming(folder / name):
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                if published_digest(folder, name, published) not in (None, digest):
                    raise DamagedFile(f"{folder / name}: differs from its checksum. {REPAIR}")
                sums.append((name, digest))
                entry = tarfile.TarInfo(name)  # no times, no owner: equal content, equal bytes
                entry.size = file.tell()
                file.seek(0)
                tar.addfile(entry, file)
        content = sums_text(sums)
        entry = tarfile.TarInfo(SUMS)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))


def unpack(source: Path, folder: Path) -> None:
    """Unpack into a folder, which is made, and check every file.

    Raises:
        Corrupt: the tar is truncated or damaged, a file is missing, was added, or has another checksum.
    """
    folder.mkdir()
    try:
        with naming(folder), tarfile.open(source, "r:") as tar:
            for one in _plain_files(tar, source.stat().st_size):
                _write(tar, one, folder)
        expected = parse_sums((folder / SUMS).read_bytes())
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        if refused_by_disk(error):  # of this machine: the archive may be good
            raise
        raise Corrupt(f"damaged or truncated ({error})") from error
    found = files_in(folder)
    if found != set(expected):
        raise Corrupt(f"files missing or added: {', '.join(sorted(found ^ set(expected)))}")
    for name, digest in expected.items():
        if digest_of(folder / name) != digest:
            raise Corrupt(f"{name} has another checksum than when it was packed")


def _plain_files(tar: tarfile.TarFile, most: int) -> list[tarfile.TarInfo]:
    """The members of a tar: `pack` writes plain files only, which take no more room than the tar itself.

    Raises:
        Corrupt: there are others.
    """
    members = tar.getmembers()
    other = next((one for one in members if not one.isreg() or one.issparse() or not _is_within(one.name)), None)
    if other is not None or sum(one.size for one in members) > most:
        raise Corrupt(f"{other.name if other else 'its size'}: no segment is packed like that")
    return members


def _is_within(name: str) -> bool:
    """Whether a name is that of a file within a folder: `pack` writes `figures/1.png`, never `/etc/x` or `../x`."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """A plain file of a tar; of owner, rights and times nothing. Python 3.11.2 of Debian 12 has no filters for that."""
    path = folder / member.name
    path.parent.mkdir(parents=True, exist_ok=True)
    with tar.extractfile(member) as content, path.open("xb") as file:
        shutil.copyfileobj(content, file)


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


def _checked(
    remote: Remote, segment: str, scratch: Path, name: str, outcome: Outcome, signatures: Signatures | None
) -> bool:
    """Unpack a file that arrived; again from the remote where it is damaged: it may have happened on the way.

    Raises:
        Refused: it is not signed by one who may; nothing of it was unpacked.
    """
    signature = remote.read(f"{FOLDER}/{name}{ENDING}") if signatures else None
    for last in (False, True):
        try:
            if signatures:
                signatures.check(f"{FOLDER}/{name}", digest_of(scratch / name), signature)
            unpack(scratch / name, scratch / segment)
            _same_segment(scratch, segment)
            (scratch / name).unlink()
            return True
        except Refused:
            if last or signature is None:
                raise
            remote.fetch({f"{FOLDER}/{name}": scratch / name})
        except Corrupt as error:
            shutil.rmtree(scratch / segment, ignore_errors=True)
            if last:
                moved = remote.set_aside(f"{FOLDER}/{name}", CORRUPT)
                done = f"set aside as {CORRUPT}/{name}" if moved else f"could not be set aside: remove {FOLDER}/{name}"
                outcome.corrupt.append((segment, f"{error}; {done}"))
            else:
                (scratch / name).unlink()
                remote.fetch({f"{FOLDER}/{name}": scratch / name})
    return False


def _as_planned(record: SegmentRecord, meant: SegmentPlan) -> None:
    """Raises: Refused if a record is not of the training that a plan means."""
    if wrong := disagreement(record, meant):
        raise Refused(f"it is not what the plan means: {wrong}")


def _same_segment(scratch: Path, segment: str) -> None:
    """A file under another segment's name would be believed for ever."""
    try:
        found = SegmentStore(scratch).record(segment).id
    except (InputError, RecursionError) as error:
        raise Corrupt(f"no record that names its segment ({error})") from error
    if found != segment:
        raise Corrupt(f"it holds the segment {found}")
