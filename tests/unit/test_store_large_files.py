"""Large files are whole and known by their digests, whatever the file system can do."""

import errno
import fcntl
import hashlib
import os

import pytest
import torch

from segsweep import checksums
from segsweep.store import large_files
from segsweep.store.checkpoints import read_checkpoint, write_checkpoint
from segsweep.store.large_files import ALIGNED, BLOCK, LargeFile

CONTENT = bytes(range(256)) * (2 * BLOCK // 256) + b"an end of any size"


def write(path, set_aside: bool, content: bytes = CONTENT, at_once: int = BLOCK // 3 + 1) -> LargeFile:
    with path.open("wb") as file:
        large = LargeFile(file, set_aside)
        for start in range(0, len(content), at_once):
            large.write(content[start : start + at_once])
        large.finish()
    return large


@pytest.mark.parametrize("content", [CONTENT, CONTENT[:BLOCK], CONTENT[:100], b""])
@pytest.mark.parametrize("set_aside", [True, False])
def test_what_was_written_is_there_and_summed_up(tmp_path, set_aside, content):
    written = write(tmp_path / "x", set_aside, content)
    assert (tmp_path / "x").read_bytes() == content
    assert written.sum.hexdigest() == hashlib.sha256(content).hexdigest()


def calls(monkeypatch, answers=()) -> list[tuple[bool, int]]:
    """Of each write to come whether it goes past the system's memory, and its size.

    `answers`: of the first ones, an error or the number of bytes that are taken.
    """
    made, answers, really = [], list(answers), os.write

    def noted(handle: int, data) -> int:
        made.append((bool(fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_DIRECT), len(data)))
        answer = answers.pop(0) if answers else len(data)
        if isinstance(answer, OSError):
            raise answer
        return really(handle, data[:answer])

    monkeypatch.setattr(large_files.os, "write", noted)
    return made


@pytest.fixture
def goes_past(tmp_path):
    """Skips where the file system of the tests cannot do it."""
    with (tmp_path / "tried").open("wb") as file:
        if not large_files._set_past_memory(file.fileno(), True):
            pytest.skip("the file system of temporary files cannot go past the memory of the system")


def test_whole_blocks_of_what_is_set_aside_go_past_the_systems_memory(tmp_path, monkeypatch, goes_past):
    made = calls(monkeypatch)
    write(tmp_path / "x", set_aside=True)
    assert made == [(True, BLOCK), (True, BLOCK), (False, 18)]
    made.clear()
    write(tmp_path / "x", set_aside=False)
    assert made == [(False, BLOCK), (False, BLOCK), (False, 18)]


@pytest.mark.parametrize("answer", [OSError(errno.EINVAL, "no such size"), ALIGNED + 7])
def test_a_file_system_that_takes_no_such_sizes_gets_it_in_its_own_way(tmp_path, monkeypatch, goes_past, answer):
    made = calls(monkeypatch, [BLOCK, answer])
    written = write(tmp_path / "x", set_aside=True)
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert written.sum.hexdigest() == hashlib.sha256(CONTENT).hexdigest()
    assert [past for past, _ in made] == [True, True, *[False] * (len(made) - 2)]


@pytest.mark.parametrize("set_aside", [True, False])
def test_a_full_disk_says_so(tmp_path, monkeypatch, set_aside):
    calls(monkeypatch, [BLOCK, OSError(errno.ENOSPC, "No space left on device")])
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "x", set_aside)


def test_what_was_written_to_be_published_is_not_read_again(tmp_path, monkeypatch):
    part = tmp_path / "part"
    tensors = {"model": {"weight": torch.arange(3_000_000.0)}}
    write_checkpoint(part / "last.pt", tensors, flush=False, set_aside=True)
    write_checkpoint(part / "weights.pt", tensors, flush=False, set_aside=True)
    (part / "weights.pt").write_bytes(b"another one")
    (part / "epochs.csv").write_text("epoch")
    read, digest_of = [], checksums.digest_of
    monkeypatch.setattr(checksums, "digest_of", lambda path: read.append(path.name) or digest_of(path))
    checksums.write_sums(part)
    assert sorted(read) == ["epochs.csv", "weights.pt"]
    found = checksums.read_sums(part, "")
    assert found == {path.name: digest_of(path) for path in part.iterdir() if path.name != checksums.SUMS}
    assert torch.equal(read_checkpoint(part / "last.pt")["model"]["weight"], tensors["model"]["weight"])
