"""What killed writers leave behind: each is killed with something temporary there, which goes when nobody needs it."""

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

from segsweep.data import preparation
from segsweep.io import write_text
from segsweep.planning import markers, unplanned_segments
from segsweep.store.clean_up import Waste, remove
from segsweep.store.leftovers import FILE_S, FOLDER_S, leftovers, remove_leftovers
from segsweep.store.lock import Lock
from segsweep.store.shared_segments import SCRATCH, _scratch
from segsweep.store.shared_tables import FOLDER, SUMS, pull_tables

SEGMENT = f"{'a' * 16}-0001"
SEGMENTS, DATA = Path("results/segments"), Path("results/data")


STAYING = {"segments", "data", "data/key", "little", "little/figures/ranking.svg", "segments/.unplanned", "markers"}


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def after(act):
    """What an act does, and then dies."""
    return lambda *values, **named: (act(*values, **named), die())


def a_table():
    write_text(Path("results/little/figures/ranking.svg"), "former")
    Path.replace = die
    write_text(Path("results/little/figures/ranking.svg"), "new")


def a_noted_segment():
    Path.replace = die
    unplanned_segments.note_unplanned(SEGMENTS, SEGMENT)


def a_manifest():
    Path.replace = die
    write_text(DATA / "key" / "manifest.json", "{}")


def a_start():
    Path.rename = die
    markers.hold(markers.new_start(), None)


def a_look_at_the_clock():
    Path.touch = after(Path.touch)
    Lock(SEGMENTS / f"{SEGMENT}.lock")._clock()


def a_release():
    os.rename = after(os.rename)
    with Lock(SEGMENTS / f"{SEGMENT}.lock"):
        pass


def a_training_of_nothing():
    Lock(SEGMENTS / f"{SEGMENT}.lock")._made()
    die()


def a_push():
    with _scratch(SEGMENTS, SCRATCH[0]) as folder:
        (folder / "archive.tar").write_text("half")
        die()


def a_pull():
    with _scratch(SEGMENTS, SCRATCH[1]) as folder:
        (folder / SEGMENT).mkdir()
        die()


class _Remote:
    fetch = staticmethod(die)

    @staticmethod
    def read(name):
        return f"{'0' * 64}  runs.csv\n".encode() if name == f"{FOLDER}/little/state/{SUMS}" else None


def a_pull_of_tables():
    pull_tables(Path("results"), _Remote(), "little", "state")


def a_removal():
    (SEGMENTS / SEGMENT).mkdir()
    (SEGMENTS / SEGMENT / "epochs.csv").write_text("")
    shutil.rmtree = die
    remove([Waste(SEGMENTS / SEGMENT, "segment", 0)])


def an_export():  # as `export_model` has it, whose libraries take seconds
    with tempfile.TemporaryDirectory(prefix=".model-", dir="results/little"):
        die()


def a_preparation():
    preparation.read = preparation.assign_groups = preparation.class_table = lambda *values: {}
    preparation._write = die
    preparation.prepare(None, Path(), None, DATA / "key", "")


WRITERS = {
    a_table: FILE_S, a_noted_segment: FILE_S, a_manifest: FILE_S, a_start: FILE_S, a_look_at_the_clock: FILE_S,
    a_release: FILE_S, a_training_of_nothing: FILE_S, a_push: FOLDER_S, a_pull: FOLDER_S, a_pull_of_tables: FOLDER_S,
    a_removal: FOLDER_S, an_export: FOLDER_S, a_preparation: FOLDER_S,
}  # fmt: skip


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("segments", "data", "little"):
        Path("results", folder).mkdir(parents=True)
    return Path("results")


def all_in(folder):
    """Files, and empty folders, but for those that are meant to be there."""
    found = {path for path in folder.rglob("*") if path.is_file() or not any(path.iterdir())}
    return {path.relative_to(folder).as_posix() for path in found} - STAYING


def killed(work):
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("work", WRITERS, ids=lambda work: work.__name__)
def test_what_a_killed_writer_leaves_goes_when_nobody_can_need_it(results, work):
    killed(work)
    left, now = all_in(results), time.time()
    assert left
    remove_leftovers(results, [results / "little"], now + WRITERS[work] - 60)
    assert all_in(results) == left
    remove_leftovers(results, [results / "little"], now + WRITERS[work] + 60)
    assert all_in(results) == set()


def test_what_is_in_use_or_holds_work_or_is_a_persons_own_stays(results):
    part = SEGMENTS / f"{SEGMENT}.part"
    kept = [
        part / "last.pt",
        SEGMENTS / f"{SEGMENT}.lock",  # left behind, beside what resumes
        SEGMENTS / SEGMENT / ".weights.pt.1.tmp",  # nothing writes into a complete segment: nobody looks there
        results / "little" / f".runs.csv.{os.getpid()}.tmp",
        *(results / "little" / name for name in (".mine.tmp", ".model-of-mine/a", "notes.part/a")),
        DATA / ".hidden.part",
    ]
    for path in kept:
        write_text(path, "")
    held = Lock(SEGMENTS / f"{'b' * 16}-0001.lock")
    with held:
        remove_leftovers(results, now=time.time() + 2 * FOLDER_S)
        assert [path for path in [*kept, held.path] if not path.exists()] == []


def test_a_start_looks_at_its_own_study_and_a_clean_up_at_all(results):
    killed(a_table)
    later = time.time() + 2 * FOLDER_S
    assert leftovers(results, [results / "other"], later) == []
    (found,) = leftovers(results, now=later)
    assert found.parent == results / "little" / "figures"


def test_a_folder_that_something_in_it_changed_lately_stays(results):
    killed(a_push)
    later = time.time() + 2 * FOLDER_S
    (folder,) = leftovers(results, now=later)
    (folder / "later").touch()
    assert leftovers(results, now=(folder / "later").stat().st_ctime + FOLDER_S - 60) == []


def test_a_link_in_place_of_a_lock_stays(results):
    (SEGMENTS / f"{SEGMENT}.lock").symlink_to(f"{SEGMENT}.lock")  # to itself: reading it is an error
    assert leftovers(Path("results"), now=time.time() + 2 * FOLDER_S) == []
