"""Segments to the shared store and back: nothing is lost, overwritten or believed unchecked."""

import errno
import os
import threading

import pytest
import share_store
from dvc_objects.fs import LocalFileSystem, MemoryFileSystem

from segsweep.checksums import SUMS, write_sums
from segsweep.errors import InputError
from segsweep.exits import CRASHED
from segsweep.planning.unplanned_segments import FOLDER
from segsweep.store.remote import INCOMING, Remote, open_remote
from segsweep.store.segment_store import SegmentStore
from segsweep.store.shared_segments import Corrupt, listing, pack, pull, push, unpack, usable_segments
from tests.segments import write_segment

ONE, TWO, THREE = (f"{digit * 16}-0030" for digit in "abc")


def make_segment(store, segment, *, status="finished", state=True, size=1000):
    folder = write_segment(store, segment, status=status)
    (folder / "epochs.csv").write_text("epoch\n1\n")
    (folder / "weights-0001.pt").write_bytes(segment.encode() * size)
    if state:
        (folder / "last.pt").write_bytes(os.urandom(size))


def content(folder):
    """What was packed: the checksums stay beside it."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != SUMS}


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def mine(tmp_path):
    for segment in (ONE, TWO):
        make_segment(tmp_path / "mine", segment)
    return tmp_path / "mine"


@pytest.fixture
def theirs(tmp_path):
    return tmp_path / "theirs"


@pytest.fixture
def location(tmp_path):
    return tmp_path / "remote"


@pytest.fixture
def remote(location):
    return Remote(LocalFileSystem(), str(location), "the store")


def test_what_is_pushed_comes_back_byte_for_byte(mine, theirs, remote, location):
    assert push(mine, remote).moved == [ONE, TWO]
    assert files_in(location) == [f"segments/{ONE}.tar", f"segments/{TWO}.tar"]
    outcome = pull(theirs, remote)
    assert outcome.moved == [ONE, TWO]
    for segment in (ONE, TWO):
        assert content(theirs / segment) == content(mine / segment)
    assert sorted(path.name for path in theirs.iterdir() if path.name != FOLDER) == [ONE, TWO]


def test_the_files_of_a_program_move_with_their_folders(mine, theirs, remote):
    folder = write_segment(mine, THREE)
    (folder / "out" / "logs").mkdir(parents=True)
    (folder / "out" / "logs" / "metrics.csv").write_text("epoch\n1\n")
    (folder / "out" / "last.pt").write_bytes(b"x" * 5000)
    assert SegmentStore(mine).bytes(THREE) == 5008 + (folder / "segment.json").stat().st_size
    assert push(mine, remote, [THREE]).light == []
    assert pull(theirs, remote).light == []
    assert files_in(theirs / THREE) == [SUMS, "out/last.pt", "out/logs/metrics.csv", "segment.json"]
    assert (theirs / THREE / "out" / "logs" / "metrics.csv").read_text() == "epoch\n1\n"


def test_only_what_is_missing_moves(mine, theirs, remote):
    push(mine, remote)
    make_segment(mine, THREE)
    assert push(mine, remote).moved == [THREE]
    assert pull(theirs, remote, {ONE}).moved == [ONE]
    outcome = pull(theirs, remote, {ONE, TWO, "d" * 16 + "-0001"})
    assert (outcome.moved, outcome.there, outcome.lacking) == ([TWO], 1, ["d" * 16 + "-0001"])
    assert push(mine, remote).moved == []


def test_half_written_segments_stay_here(mine, remote, location):
    make_segment(mine, THREE)
    (mine / THREE).rename(mine / f"{THREE}.part")
    (mine / ("e" * 16 + "-0001")).mkdir()
    (mine / f"{THREE}.lock").write_text("")
    push(mine, remote)
    assert files_in(location) == [f"segments/{ONE}.tar", f"segments/{TWO}.tar"]


def test_a_remote_that_cannot_rename_atomically(mine, theirs):
    remote = Remote(MemoryFileSystem(global_store=False), "/store", "memory")
    push(mine, remote)
    assert set(listing(remote)) == {ONE, TWO}
    assert pull(theirs, remote).moved == [ONE, TWO]
    assert content(theirs / ONE) == content(mine / ONE)


def test_both_push_at_once(mine, theirs, remote, location):
    make_segment(theirs, THREE)
    for number in range(30):
        make_segment(mine, f"{number:016x}-0001", size=10)
        make_segment(theirs, f"{number:016x}-0001", size=10)
    together = threading.Barrier(2)
    errors = []

    def run(store):
        together.wait()
        try:
            push(store, Remote(LocalFileSystem(), str(location), "the store"))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(store,)) for store in (mine, theirs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(listing(remote)) == 33
    assert len(files_in(location)) == 33
    outcome = pull(location.parent / "third", remote)
    assert (len(outcome.moved), outcome.corrupt) == (33, [])


def test_a_pull_that_is_cut_off_goes_on(mine, theirs, remote, monkeypatch):
    push(mine, remote)
    monkeypatch.setattr("segsweep.store.shared_segments.BATCH_FILES", 1)
    fetched = []

    def fetch(files):
        if fetched:
            # As a killed process leaves it: half a file.
            next(iter(files.values())).write_bytes(b"half")
            raise KeyboardInterrupt
        fetched.append(files)
        Remote.fetch(remote, files)

    broken = Remote(remote.fs, remote.root, remote.name)
    broken.fetch = fetch
    with pytest.raises(KeyboardInterrupt):
        pull(theirs, broken)
    assert set(SegmentStore(theirs).complete) == {ONE}
    assert pull(theirs, remote).moved == [TWO]
    assert content(theirs / TWO) == content(mine / TWO)


def test_scratch_of_a_killed_pull_is_no_segment(mine, theirs, remote):
    push(mine, remote)
    make_segment(theirs / ".pull-killed", THREE)
    assert SegmentStore(theirs).complete == {}
    assert pull(theirs, remote).moved == [ONE, TWO]


@pytest.mark.parametrize("where", [0, 600, 5000, -3000, -20000])
def test_a_flipped_bit_is_found_and_never_stored(mine, theirs, remote, location, where):
    push(mine, remote)
    file = location / "segments" / f"{ONE}.tar"
    data = bytearray(file.read_bytes())
    data[where] ^= 4
    file.write_bytes(data)
    outcome = pull(theirs, remote)
    if outcome.corrupt:
        assert [segment for segment, _ in outcome.corrupt] == [ONE]
        assert set(SegmentStore(theirs).complete) == {TWO}
        assert files_in(location) == [f"corrupt/{ONE}.tar", f"segments/{TWO}.tar"]
        # Who has a good one sends it again.
        assert push(mine, remote).moved == [ONE]
        assert pull(theirs, remote).moved == [ONE]
    assert content(theirs / ONE) == content(mine / ONE)


def test_a_file_damaged_on_the_way_is_fetched_again(mine, theirs, remote):
    push(mine, remote)
    flaky = Remote(remote.fs, remote.root, remote.name)
    calls = []

    def fetch(files):
        Remote.fetch(remote, files)
        if not calls:
            path = next(iter(files.values()))
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        calls.append(files)

    flaky.fetch = fetch
    outcome = pull(theirs, flaky)
    assert (outcome.moved, outcome.corrupt) == ([ONE, TWO], [])
    assert len(calls) == 2


def test_a_segment_under_another_name_is_refused(mine, theirs, remote, location):
    push(mine, remote, [ONE])
    (location / "segments" / f"{ONE}.tar").rename(location / "segments" / f"{THREE}.tar")
    outcome = pull(theirs, remote)
    assert outcome.moved == []
    assert ONE in outcome.corrupt[0][1]


class Full(LocalFileSystem):
    """A disk with room for a number of files; the next one is truncated, as on a full disk."""

    room = 2

    def put_file(self, from_file, to_info, **options):
        if self.room == 0:
            with open(to_info, "wb") as file:
                file.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= 1
        super().put_file(from_file, to_info, **options)


def test_a_full_remote(mine, theirs, remote, location, monkeypatch):
    make_segment(mine, THREE)
    monkeypatch.setattr("segsweep.store.shared_segments.BATCH_FILES", 1)
    before = {segment: content(mine / segment) for segment in (ONE, TWO, THREE)}
    with pytest.raises(InputError, match=r"the store is full .*push again"):
        push(mine, Remote(Full(), str(location), "the store"))
    assert {segment: content(mine / segment) for segment in before} == before
    assert files_in(location) == [f"segments/{ONE}.tar", f"segments/{TWO}.tar"]
    assert sorted(path.name for path in mine.iterdir()) == [ONE, TWO, THREE]
    assert push(mine, remote).moved == [THREE]
    assert pull(theirs, remote).moved == [ONE, TWO, THREE]


def test_a_full_disk_here_is_not_called_a_full_remote(mine, theirs, remote, monkeypatch):
    push(mine, remote)

    def fail(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("dvc_objects.fs.generic.copy", fail)
        with pytest.raises(OSError, match=r"\.pull-") as caught:
            pull(theirs, remote)
    assert caught.value.errno == errno.ENOSPC
    assert pull(theirs, remote).moved == [ONE, TWO]


def test_a_broken_disk_here_is_not_called_a_damaged_archive(mine, theirs, remote, location, monkeypatch):
    push(mine, remote)

    def fail(*arguments, **options):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr("shutil.copyfileobj", fail)
        with pytest.raises(OSError, match=ONE):
            pull(theirs, remote)
    assert files_in(location) == [f"segments/{ONE}.tar", f"segments/{TWO}.tar"]
    assert pull(theirs, remote).moved == [ONE, TWO]


def test_a_push_of_a_damaged_segment_does_not_end_well(mine, location, tmp_path, monkeypatch, capsys):
    write_sums(mine / ONE)
    (mine / ONE / "epochs.csv").write_text("epoch\n2\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(share_store, "STORE", mine)
    monkeypatch.setattr(share_store, "open_remote", lambda name: Remote(LocalFileSystem(), str(location), "the store"))
    monkeypatch.setattr(share_store, "signatures_of", lambda configured, key: None)
    assert share_store.main(["push"]) == CRASHED
    assert f"not sent: {ONE}" in capsys.readouterr().out
    assert files_in(location) == [f"segments/{TWO}.tar"]


def test_an_unreachable_remote(mine, tmp_path):
    remote = Remote(LocalFileSystem(), str(tmp_path / "not" / "mounted"), "the store")
    with pytest.raises(InputError, match=r"does not exist\. Mount or make it"):
        push(mine, remote)
    assert not (tmp_path / "not").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="could not be"):
        push(mine, Remote(LocalFileSystem(), str(tmp_path / "file" / "store"), "the store"))
    with pytest.raises(InputError, match="could not be read"):
        remote.fetch({"segments/x.tar": tmp_path / "x"})
    assert set(SegmentStore(mine).complete) == {ONE, TWO}


def test_without_the_state_a_segment_says_so(mine, theirs, remote, location):
    make_segment(mine, THREE, status="diverged", state=False)
    assert push(mine, remote, with_state=False).light == [ONE, TWO]
    outcome = pull(theirs, remote)
    assert outcome.light == [ONE, TWO]
    assert set(content(theirs / ONE)) == {"weights-0001.pt", "epochs.csv", "segment.json"}
    # A light one never passes for a whole one; a whole one replaces it for those who come later.
    assert push(theirs, remote).moved == []
    assert push(mine, remote).moved == [ONE, TWO]
    assert pull(location.parent / "third", remote).light == []


def test_what_a_killed_push_left_is_swept_later(mine, remote, location):
    for day in ("20200101", "99990101"):
        folder = location / INCOMING / f"{day}-x"
        folder.mkdir(parents=True)
        (folder / "0").write_text("half")
    push(mine, remote)
    assert [path.name for path in (location / INCOMING).iterdir()] == ["99990101-x"]


def test_a_plan_takes_all_segments_of_its_phases():
    phase, other = "a" * 16, "b" * 16
    held = {f"{phase}-0010", f"{phase}-0030", f"{phase}-0060", f"{other}-0010", "readme"}
    assert usable_segments({f"{phase}-0030"}, held) == {f"{phase}-0010", f"{phase}-0030"}
    assert usable_segments({f"{other}-0099"}, held) == {f"{other}-0010", f"{other}-0099"}


def test_equal_content_is_packed_into_equal_bytes(mine, tmp_path):
    pack(mine / ONE, tmp_path / "one.tar")
    os.utime(mine / ONE / "weights-0001.pt", (0, 0))
    pack(mine / ONE, tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_names_that_are_no_utf8_or_hold_what_parts_lines_elsewhere_come_back(tmp_path):
    folder = tmp_path / "segment"
    folder.mkdir()
    names = [b"caf\xe9.txt", "a\u2028b\x1cc.txt".encode()]  # Latin-1; characters at which `splitlines` parts
    for name in names:
        (folder / os.fsdecode(name)).write_bytes(name)
    pack(folder, tmp_path / "packed.tar")
    unpack(tmp_path / "packed.tar", tmp_path / "there")
    assert content(tmp_path / "there") == {os.fsdecode(name): name for name in names}


def test_a_tar_that_was_cut_off(mine, tmp_path):
    pack(mine / ONE, tmp_path / "one.tar")
    whole = (tmp_path / "one.tar").read_bytes()
    for number, length in enumerate((0, 100, 512, 5000, len(whole) // 2)):
        (tmp_path / "cut.tar").write_bytes(whole[:length])
        with pytest.raises(Corrupt):
            unpack(tmp_path / "cut.tar", tmp_path / f"out{number}")
    unpack(tmp_path / "one.tar", tmp_path / "out")
    assert content(tmp_path / "out") == content(mine / ONE)


def test_the_remote_is_the_one_of_dvcs_configuration(tmp_path):
    (tmp_path / ".dvc").mkdir()
    config = tmp_path / ".dvc" / "config"
    config.write_text("[core]\n    remote = group\n['remote \"group\"']\n    url = ../shelf\n")
    remote = open_remote(tmp_path)
    assert remote.root == str(tmp_path / "shelf")
    with pytest.raises(InputError, match="'nowhere' cannot be used"):
        open_remote(tmp_path, "nowhere")
    config.write_text("['remote \"group\"']\n    url = ../shelf\n")
    with pytest.raises(InputError, match=r"known: group.*dvc remote add --default"):
        open_remote(tmp_path)
