"""Checkpoints carry a checksum, and what is damaged is never resumed from."""

import zlib

import numpy as np
import pytest
import torch

from segsweep.checksums import DamagedFile
from segsweep.store import large_files
from segsweep.store.checkpoints import read_checkpoint, write_arrays, write_checkpoint
from segsweep.trainers.builtin import _drop_damaged

CONTENT = {"model": {"weight": torch.arange(3000.0)}, "epoch": 3}


def flip(path, where, bit=1):
    data = bytearray(path.read_bytes())
    data[where] ^= bit
    path.write_bytes(data)


def test_torch_reads_what_was_written(tmp_path):
    write_checkpoint(tmp_path / "x.pt", CONTENT)
    for found in (read_checkpoint(tmp_path / "x.pt"), torch.load(tmp_path / "x.pt", weights_only=True)):
        assert found["epoch"] == 3
        assert torch.equal(found["model"]["weight"], CONTENT["model"]["weight"])


def test_all_of_a_large_one_but_its_end_is_on_the_way_to_the_disk(tmp_path, monkeypatch):
    sent = []
    monkeypatch.setattr(large_files, "_send_to_disk", lambda handle, start, count: sent.append((start, count)))
    write_checkpoint(tmp_path / "x.pt", {name: torch.zeros(2**20) for name in "abcdef"}, flush=False)
    starts = [start for start, _ in sent]
    assert len(sent) >= 2
    assert starts[0] == 0
    assert [start + count for start, count in sent][:-1] == starts[1:]  # without gaps
    assert (tmp_path / "x.pt").stat().st_size - sum(count for _, count in sent) < 2**24


def test_one_of_an_earlier_version_has_none(tmp_path):
    torch.save(CONTENT, tmp_path / "x.pt")
    assert read_checkpoint(tmp_path / "x.pt")["epoch"] == 3


def test_its_bytes_do_not_tell_when_it_was_written(tmp_path):
    for set_aside in (True, False):
        write_checkpoint(tmp_path / f"{set_aside}" / "x.pt", CONTENT, set_aside=set_aside)
    assert (tmp_path / "True" / "x.pt").read_bytes() == (tmp_path / "False" / "x.pt").read_bytes()


def with_crc(path):
    """As earlier versions wrote it."""
    torch.save(CONTENT, path)
    content = path.read_bytes()
    path.write_bytes(content + b"\ncrc32 %08x\n" % zlib.crc32(content))


@pytest.mark.parametrize(
    ("write", "name"), [(lambda path: write_checkpoint(path, CONTENT), b"sha256"), (with_crc, b"crc32")]
)
def test_a_flipped_bit_anywhere_is_found(tmp_path, write, name):
    path = tmp_path / "x.pt"
    write(path)
    end = path.read_bytes().rindex(b"\n" + name)
    for where in [0, 100, *range(500, end, 997), end - 1]:
        flip(path, where, 4)
        with pytest.raises(DamagedFile, match=r"x\.pt: differs from its checksum"):
            read_checkpoint(path)
        flip(path, where, 4)
    assert read_checkpoint(path)["epoch"] == 3


@pytest.mark.parametrize("name", ["last.pt", "weights-0002.pt", "images-0002.npz"])
def test_an_interrupted_segment_with_a_flipped_bit_begins_again(tmp_path, name):
    write_checkpoint(tmp_path / "last.pt", CONTENT)
    write_checkpoint(tmp_path / "weights-0002.pt", CONTENT)
    write_arrays(tmp_path / "images-0002.npz", {"confusion": np.arange(1000) ** 2})
    notes = []
    _drop_damaged(tmp_path, notes.append)
    assert notes == []
    flip(tmp_path / name, (tmp_path / name).stat().st_size // 2)
    _drop_damaged(tmp_path, notes.append)
    assert len(notes) == 1
    assert f"{tmp_path / name} cannot be read" in notes[0]
    assert "the segment begins again" in notes[0]
    assert not (tmp_path / "last.pt").exists()
