"""Pipes, sockets, devices, folders and broken links in place of files: named, or passed over, and never waited for."""

import errno
import os
import signal

import pytest

from segsweep.checksums import MEMORY, CheckedFiles, digest_of
from segsweep.data.prepared import MANIFEST
from segsweep.data.prepared_checks import check_prepared
from segsweep.disk_errors import refusal_of_disk
from segsweep.errors import InputError
from segsweep.io import read_json, read_json_or_none, read_text, regular, write_if_changed, write_text
from segsweep.planning import markers
from segsweep.planning.data_fit import data_fit
from segsweep.planning.log_files import clear_log_files
from segsweep.planning.plan_writer import ends_as_a_plan
from segsweep.planning.results_files import lacks_figures, lacks_images
from segsweep.store.epoch_reports import REPORTS, add_report, read_reports
from segsweep.store.lock import Lock
from segsweep.store.segment_store import read_arrays
from tests.faults.strays import Stray

AT_MOST_S = 20


@pytest.fixture(autouse=True)
def _nobody_waits():
    """A test that would wait for ever ends."""
    signal.alarm(AT_MOST_S)
    yield
    signal.alarm(0)


@pytest.fixture(params=list(Stray), ids=str)
def kind(request) -> Stray:
    return request.param


@pytest.fixture
def stray(kind, tmp_path):
    path = tmp_path / "file"
    kind.lay(path)
    return path


def test_a_file_and_nothing_are_let_through(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link", "none"):
        assert regular(tmp_path / name) == tmp_path / name


def test_what_is_no_file_is_named_with_a_remedy(stray):
    for read in (read_text, read_json, read_arrays):
        with pytest.raises(InputError, match=f"{stray}: cannot be read .*") as found:
            read(stray)
        assert len(found.value.problems) == 1
    for touch in (digest_of, lambda path: regular(path).open("a")):
        with pytest.raises(OSError) as refused:
            touch(stray)
        assert str(stray) in refusal_of_disk(refused.value)
        assert "start again" in refusal_of_disk(refused.value)


def test_what_can_be_made_again_is_passed_over_and_replaced(kind, stray):
    assert read_json_or_none(stray) is None
    assert not ends_as_a_plan(stray)
    if kind is Stray.FOLDER:  # it may hold much
        with pytest.raises(IsADirectoryError):
            write_if_changed(stray, "new")
    else:
        assert write_if_changed(stray, "new")
        assert stray.read_text() == "new"


def test_a_lock_that_is_none_is_refused(stray):
    with pytest.raises(InputError, match="is no file, and the lock"), Lock(stray, say=pytest.fail):
        pytest.fail("it was taken")


def test_a_marker_that_is_none_shows_no_start_and_is_removed(kind, tmp_path):
    folder = tmp_path / "markers"
    with markers.hold("20260101-000000-1", tmp_path / "little", folder):
        kind.lay(folder / "x.running")
        assert markers.running(folder) == {"20260101-000000-1": tmp_path / "little"}
        markers.remove_old("20260101-000000-2", [folder])
        assert [path.name for path in folder.iterdir()] == ["20260101-000000-1.running"]


def test_a_log_that_is_none_gives_way_to_one(kind, tmp_path):
    write_text(tmp_path / "rule" / "former.log", "it went well")
    (tmp_path / "rule" / "link.log").symlink_to("former.log")
    kind.lay(tmp_path / "rule" / "little.log")
    clear_log_files(tmp_path)
    kept = {"former.log", "link.log"} | ({"little.log"} if kind is Stray.FOLDER else set())
    assert {path.name for path in (tmp_path / "rule").iterdir()} == kept
    clear_log_files(tmp_path / "none")


def test_a_marker_that_may_not_be_read_is_no_sign_that_nobody_runs(tmp_path, monkeypatch):
    (tmp_path / "x.running").write_text("")

    def refused(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path / "x.running"))

    monkeypatch.setattr("pathlib.Path.open", refused)
    with pytest.raises(PermissionError):
        markers.running(tmp_path)


def test_reports_are_named_and_others_lines_passed_over(kind, tmp_path):
    lines = [
        '{"epoch": 1, "val/loss": 2.0}',
        "[3]",
        "{}",
        '{"epoch": "b"}',
        "[" * 100_000,
        "4",
        '{"epoch": 2, "a": []}',
    ]
    (tmp_path / REPORTS).write_bytes("\n".join(lines).encode() + b"\n\xff\xfe\n")
    assert read_reports(tmp_path) == [{"epoch": 1, "val/loss": 2.0}, {"epoch": 2}]
    (tmp_path / REPORTS).unlink()
    kind.lay(tmp_path / REPORTS)
    with pytest.raises(OSError) as refused:
        add_report(tmp_path, {"epoch": 3})
    assert str(tmp_path / REPORTS) in refusal_of_disk(refused.value)


def test_a_memory_of_compared_files_is_passed_over(kind, tmp_path):
    write_text(tmp_path / "ab" / "file", "x")
    digest = digest_of(tmp_path / "ab" / "file")
    (tmp_path / MEMORY).mkdir()
    kind.lay(tmp_path / MEMORY / "ab")
    assert CheckedFiles(tmp_path).matches(tmp_path / "ab" / "file", lambda: digest)


def test_the_manifest_of_prepared_data_is_no_pipe(kind, tmp_path):
    kind.lay(tmp_path / MANIFEST)
    with pytest.raises((OSError, InputError)):
        check_prepared(tmp_path)
    assert data_fit(None, str(tmp_path)).problems == []


@pytest.mark.parametrize(
    ("content", "lacks"),
    [("[]", False), ("3", True), ('[{"file": 4}]', True), ('{"a": 1}', True), ("[", True), ('[{"file": "x"}]', True)],
)
def test_images_are_drawn_again_where_their_list_is_damaged(content, lacks, tmp_path):
    write_text(tmp_path / "images" / "images.json", content)
    assert lacks_images(tmp_path) is lacks


def test_a_report_is_written_again_where_it_is_no_text(kind, tmp_path):
    assert not lacks_images(tmp_path)
    assert not lacks_figures(tmp_path)
    (tmp_path / "report.md").write_bytes(b"\xff\xfe")
    assert lacks_figures(tmp_path)
    (tmp_path / "report.md").unlink()
    kind.lay(tmp_path / "report.md")
    assert not lacks_figures(tmp_path)


def test_a_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "model").write_text("")
    with pytest.raises(OSError) as refused:
        (tmp_path / "model").mkdir(exist_ok=True)
    assert f"{tmp_path / 'model'}: File exists. A folder belongs there" in refusal_of_disk(refused.value)
