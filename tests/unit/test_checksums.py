"""Files are compared with their checksums when they are first read after a change."""

import os
import subprocess

import pytest

from segsweep import checksums
from segsweep.checksums import (
    MEMORY,
    SUMS,
    CheckedFiles,
    DamagedFile,
    compared,
    parse_sums,
    read_sums,
    sums_text,
    write_sums,
)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "ab12"
    (made / "out").mkdir(parents=True)
    (made / "rows.csv").write_text("epoch\n1\n")
    (made / "out" / "weights.bin").write_bytes(bytes(range(256)) * 40)
    write_sums(made)
    return made


@pytest.fixture
def hashed(monkeypatch):
    """The files that are read to compare them, in order."""
    found = []
    digest = checksums.digest_of
    monkeypatch.setattr(checksums, "digest_of", lambda path: found.append(path.name) or digest(path))
    return found


def matches(folder, name="rows.csv", checked=None):
    checked = checked or CheckedFiles(folder.parent)
    return checked.matches(folder / name, lambda: (read_sums(folder, "") or {}).get(name))


def test_sums_are_those_of_sha256sum(folder):
    done = subprocess.run(["sha256sum", "-c", SUMS], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == "out/weights.bin: OK\nrows.csv: OK\n"


def test_a_file_is_read_once_for_each_state_of_it(folder, hashed):
    assert matches(folder)
    assert matches(folder)  # another process
    assert hashed == ["rows.csv"]
    os.utime(folder / "rows.csv", (0, 0))
    assert matches(folder)
    assert matches(folder)
    assert hashed == ["rows.csv"] * 2


def test_a_change_is_seen_though_size_and_time_were_set_back(folder):
    assert matches(folder)
    before = (folder / "rows.csv").stat()
    (folder / "rows.csv").write_text("epoch\n2\n")
    os.utime(folder / "rows.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not matches(folder)
    (folder / "rows.csv").write_text("epoch\n1\n")
    assert matches(folder)


@pytest.mark.parametrize("content", [None, b"", b"\xff\x00 half a line", b"1/2/3/4 ab12/rows.csv\n"])
def test_the_memory_may_be_lost_or_spoiled(folder, content, hashed):
    assert matches(folder)
    (memory,) = (folder.parent / MEMORY).iterdir()
    memory.unlink() if content is None else memory.write_bytes(content)
    assert matches(folder)
    assert len(hashed) == 2


def test_without_a_place_to_remember_it_is_compared_each_time(folder, hashed):
    (folder.parent / MEMORY).write_text("no folder")
    assert matches(folder)
    assert matches(folder)
    assert len(hashed) == 2


def test_what_has_no_checksum_is_taken_as_it_is(folder):
    (folder / SUMS).unlink()
    (folder / "rows.csv").write_text("else")
    assert matches(folder)
    assert read_sums(folder, "") is None


def test_all_damage_is_named(folder):
    data = bytearray((folder / "out" / "weights.bin").read_bytes())
    data[5000] ^= 16
    (folder / "out" / "weights.bin").write_bytes(data)
    (folder / "rows.csv").unlink()
    sums = read_sums(folder, "")
    assert compared(folder, sums, lambda name: False, "Do so.") == [
        f"{folder}/out/weights.bin: differs from its checksum. Do so.",
        f"{folder}/rows.csv: is missing. Do so.",
    ]
    assert len(compared(folder, sums, lambda name: name == "rows.csv", "")) == 1


@pytest.mark.parametrize(
    ("content", "said"), [("half a li\n", "'half a li' is no line of a checksum"), ("0" * 70, "has no end")]
)
def test_checksums_that_are_none_are_damage(folder, content, said):
    (folder / SUMS).write_text(content)
    with pytest.raises(DamagedFile, match=rf"SHA256SUMS: cannot be read \(.*{said}\)\. Do so\."):
        read_sums(folder, "Do so.")


def test_names_that_are_no_utf8_keep_their_bytes():
    sums = {os.fsdecode(b"caf\xe9"): "0" * 64, "a\u2028b\x1cc": "1" * 64}
    assert parse_sums(sums_text(sums.items())) == sums
