"""Small files, read whole and written whole."""

import errno
import os

import pytest

from segsweep.config.yaml_documents import Document
from segsweep.disk_errors import in_words, refusal_of_disk
from segsweep.errors import InputError
from segsweep.io import (
    read_csv,
    read_json,
    read_json_or_none,
    read_text,
    remove_temporaries,
    write_bytes,
    write_csv,
    write_if_changed,
    write_json,
)


def test_what_cannot_be_read_is_said_with_a_remedy(tmp_path):
    with pytest.raises(InputError, match=r"none\.txt: cannot be read \(No such file or directory\)\. Make one\."):
        read_text(tmp_path / "none.txt", "Make one.")
    (tmp_path / "study.yaml").write_bytes("name: M\u00fcller".encode("latin-1"))
    with pytest.raises(InputError, match=r"study\.yaml: is not UTF-8 \(byte 7\)\. Save it as UTF-8\."):
        Document(tmp_path / "study.yaml")
    (tmp_path / "plan.json").write_text('{"runs": [')
    with pytest.raises(InputError, match=r"plan\.json: is no JSON \(.+\)\. Delete it; it is made again\."):
        read_json(tmp_path / "plan.json")


def test_the_mark_that_some_editors_write_first_is_no_content(tmp_path):
    (tmp_path / "study.yaml").write_bytes(b"\xef\xbb\xbfname: little")
    assert Document(tmp_path / "study.yaml").values == {"name": "little"}


def test_a_file_is_only_written_where_its_content_changes(tmp_path):
    path = tmp_path / "new" / "code.txt"
    write_if_changed(path, "a")
    first = path.stat().st_ino
    write_if_changed(path, "a")
    assert path.stat().st_ino == first
    write_if_changed(path, "b")
    assert path.stat().st_ino != first
    assert path.read_text() == "b"
    assert [entry.name for entry in path.parent.iterdir()] == ["code.txt"]


def test_a_file_that_cannot_be_read_counts_as_another_content(tmp_path):
    path = tmp_path / "code.txt"
    path.write_bytes(b"\xff")
    assert write_if_changed(path, "a")
    assert not write_if_changed(path, "a")


def test_what_fails_while_it_is_written_leaves_the_former_file(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("former")

    def fail(file):
        file.write(b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_bytes(path, fail)
    assert path.read_text() == "former"
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]


def test_what_the_disk_refuses_names_the_file(tmp_path):
    def fail(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match=r"table\.csv") as caught:
        write_bytes(tmp_path / "table.csv", fail)
    assert refusal_of_disk(RuntimeError("torch's own")) is None
    wrapped = RuntimeError("torch's own")
    wrapped.__context__ = caught.value
    said = refusal_of_disk(wrapped)
    assert said.startswith(f"{tmp_path / 'table.csv'}: No space left on device. Make room")
    assert in_words(wrapped) == "No space left on device"
    assert in_words(RuntimeError("torch's own")) == "torch's own"
    copied = OSError(errno.ENOSPC, "No space left on device", "from.csv", None, "to.csv")
    assert refusal_of_disk(copied).startswith("to.csv: No space")
    assert refusal_of_disk(FileNotFoundError(errno.ENOENT, "No such file", "a.csv")) is None


@pytest.mark.parametrize("flush", [False, True])
def test_a_writer_that_was_killed_leaves_what_can_be_removed(tmp_path, flush):
    write_json(tmp_path / "a.json", [1], flush=flush)
    (tmp_path / ".a.json.77.tmp").write_text("half")
    remove_temporaries(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]
    assert read_json(tmp_path / "a.json") == [1]


def test_rows_are_read_as_texts_and_what_lacks_is_empty(tmp_path):
    path = tmp_path / "runs.csv"
    write_csv(path, [{"b": 0.1, "a": None}, {"a": "x,y", "c": True}], columns=["a"])
    assert path.read_bytes() == b'a,b,c\n,0.1,\n"x,y",,True\n'
    assert read_csv(path) == [{"a": "", "b": "0.1", "c": ""}, {"a": "x,y", "b": "", "c": "True"}]
    write_csv(path, [], columns=["a", "b"])
    assert read_csv(path) == []


@pytest.mark.parametrize("row", ["1", "1,2,3"])
def test_a_row_that_does_not_go_with_the_header_is_said(tmp_path, row):
    (tmp_path / "runs.csv").write_text(f"a,b\n1,2\n{row}\n")
    with pytest.raises(InputError, match=r"runs\.csv: row 3 has not as many fields as the header"):
        read_csv(tmp_path / "runs.csv")


def test_what_is_made_again_without_loss_is_nothing_where_it_is_damaged(tmp_path):
    assert read_json_or_none(tmp_path / "none.json") is None
    (tmp_path / "cache.json").write_bytes(b"\xff{")
    assert read_json_or_none(tmp_path / "cache.json") is None
