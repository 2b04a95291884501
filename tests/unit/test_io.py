"""Small files, read whole and written whole."""

import pytest

from segsweep.config.yaml_documents import Document
from segsweep.errors import InputError
from segsweep.io import read_json, read_text, write_if_changed


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
