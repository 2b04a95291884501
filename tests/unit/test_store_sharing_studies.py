"""Tables of studies in the shared store, and what may be cleaned away."""

import os
import time
from dataclasses import replace

import pytest
from dvc_objects.fs import LocalFileSystem

from segsweep.errors import InputError
from segsweep.store.clean_up import DAY_S, find_waste, plans_to_serve, remove
from segsweep.store.remote import Remote
from segsweep.store.segment_store import SegmentStore
from segsweep.store.shared_tables import PULLED, pull_tables, push_tables, state_of
from segsweep.table_sums import check_tables, note_tables
from tests.segments import segment_plan, study_plan

STUDY, DATASET = {"name": "little", "metric": "val/miou"}, {"name": "drawn"}
STATE = state_of(STUDY, DATASET, False)
USED, UNUSED = "a" * 16 + "-0001", "b" * 16 + "-0001"


@pytest.fixture
def remote(tmp_path):
    return Remote(LocalFileSystem(), str(tmp_path / "remote"), "the store")


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results" / "little"
    (folder / "figures").mkdir(parents=True)
    plan = study_plan(segment_plan(USED), study=STUDY)
    (folder / "plan.json").write_text(replace(plan, study=STUDY, dataset=DATASET).text())
    for name in ("runs.csv", "report.md", "best.yaml", "history.json", "figures/one.svg"):
        (folder / name).write_text(f"mine: {name}")
    return tmp_path / "results"


def pulled(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_tables_come_as_something_to_read(results, remote, tmp_path):
    assert push_tables(results, remote) == ["little"]
    assert push_tables(results, remote) == []
    other = tmp_path / "other"
    brought = pull_tables(other, remote, "little", STATE)
    assert sorted(brought) == ["best.yaml", "figures/one.svg", "report.md", "runs.csv"]
    assert pulled(other / "little") == {name: f"mine: {name}" for name in brought}
    # Older than all that the workflow's rules look at: they make their own.
    assert {(other / "little" / name).stat().st_mtime for name in brought} == {PULLED}
    assert pull_tables(other, remote, "little", STATE) == []


def test_a_plan_that_the_disk_does_not_give_back_is_not_passed_over(results, remote):
    (results / "little" / "plan.json").unlink()
    (results / "little" / "plan.json").symlink_to("/proc/self/mem")  # reading it is an I/O error
    with pytest.raises(InputError, match=r"plan\.json: cannot be read \(Input/output error\)"):
        push_tables(results, remote)
    (results / "little" / "plan.json").unlink()
    (results / "little" / "plan.json").write_text("no plan")
    assert push_tables(results, remote) == []


def test_a_newer_state_of_pulled_tables_replaces_them(results, remote, tmp_path):
    push_tables(results, remote)
    pull_tables(tmp_path / "other", remote, "little", STATE)
    (results / "little" / "runs.csv").write_text("mine: more runs")
    assert push_tables(results, remote) == ["little"]
    assert pull_tables(tmp_path / "other", remote, "little", STATE) == ["runs.csv"]
    assert (tmp_path / "other" / "little" / "runs.csv").read_text() == "mine: more runs"


def test_tables_made_here_are_never_overwritten(results, remote, tmp_path):
    push_tables(results, remote)
    mine = tmp_path / "other" / "little"
    mine.mkdir(parents=True)
    (mine / "runs.csv").write_text("made here")
    assert pull_tables(tmp_path / "other", remote, "little", STATE) == []
    assert pulled(mine) == {"runs.csv": "made here"}


def test_checksums_of_tables_that_were_here_are_not_those_of_what_is_pulled(results, remote, tmp_path):
    push_tables(results, remote)
    mine = tmp_path / "other" / "little"
    mine.mkdir(parents=True)
    (mine / "runs.csv").write_text("made here")
    note_tables(mine, "collect_results")
    (mine / "runs.csv").unlink()
    assert "runs.csv" in pull_tables(tmp_path / "other", remote, "little", STATE)
    check_tables(mine)


def test_decisions_made_here_are_not_mixed_with_others(results, remote, tmp_path):
    for number in range(2):
        (results / "little" / "sweep").mkdir(exist_ok=True)
        (results / "little" / "sweep" / f"step_{number:03d}.json").write_text("theirs")
    push_tables(results, remote)
    assert "sweep/step_001.json" in pull_tables(tmp_path / "other", remote, "little", STATE)
    (tmp_path / "third" / "little" / "sweep").mkdir(parents=True)
    (tmp_path / "third" / "little" / "sweep" / "step_000.json").write_text("mine")
    assert "sweep/step_001.json" not in pull_tables(tmp_path / "third", remote, "little", STATE)


def test_two_states_of_a_study_lie_side_by_side(results, remote, tmp_path):
    push_tables(results, remote)
    changed = STUDY | {"metric": "val/dice"}
    (results / "little" / "plan.json").write_text(replace(study_plan(), study=changed, dataset=DATASET).text())
    (results / "little" / "runs.csv").write_text("of the changed study")
    push_tables(results, remote)
    pull_tables(tmp_path / "one", remote, "little", STATE)
    pull_tables(tmp_path / "two", remote, "little", state_of(changed, DATASET, False))
    assert (tmp_path / "one" / "little" / "runs.csv").read_text() == "mine: runs.csv"
    assert (tmp_path / "two" / "little" / "runs.csv").read_text() == "of the changed study"


def test_a_table_that_is_just_being_replaced_is_left_out(results, remote, tmp_path):
    push_tables(results, remote)
    (tmp_path / "remote" / "studies" / "little" / STATE / "runs.csv").write_text("newer than the checksums")
    assert "runs.csv" not in pull_tables(tmp_path / "other", remote, "little", STATE)


def test_names_in_the_store_cannot_leave_the_folder(results, remote, tmp_path):
    push_tables(results, remote)
    sums = tmp_path / "remote" / "studies" / "little" / STATE / "SHA256SUMS"
    digest = sums.read_text().split()[0]
    sums.write_text(f"{digest}  ../../escaped\n{digest}  /escaped\n")
    assert pull_tables(tmp_path / "other", remote, "little", STATE) == []


def make(path, *, age=0.0, files=("segment.json",), size=100):
    path.mkdir(parents=True)
    for name in files:
        (path / name).write_bytes(b"x" * size)
    for one in [*path.iterdir(), path]:
        os.utime(one, (time.time() - age,) * 2)


def test_waste_is_what_no_plan_reaches(results):
    store = results / "segments"
    for name in (USED, UNUSED):
        make(store / name)
    make(store / f"{'c' * 16}-0001.part", age=2 * DAY_S, files=("last.pt",))
    make(store / f"{'d' * 16}-0001.part", files=("last.pt",))
    make(store / f"{'e' * 16}-0001.part", age=2 * DAY_S, files=("last.pt",))
    (store / f"{'e' * 16}-0001.lock").write_text("")
    make(store / f".removing-{'f' * 32}.part")
    make(store / ".pull-abcd_123" / "x")
    waste = find_waste(store, plans_to_serve(results).values())
    assert [(one.path.name, one.kind, one.bytes) for one in waste] == [
        (f".removing-{'f' * 32}.part", "scratch", 100),
        (UNUSED, "segment", 100),
        (f"{'c' * 16}-0001.part", "unfinished", 100),
    ]
    assert (store / UNUSED).is_dir()
    remove(waste)
    assert find_waste(store, plans_to_serve(results).values()) == []
    # One that is killed halfway leaves nothing that a reader of the store takes for a segment.
    make(store / ".removing-x.part")
    assert set(SegmentStore(store).complete) == {USED}
    remove(find_waste(store, plans_to_serve(results).values()))
    assert sorted(path.name for path in store.iterdir()) == [
        ".pull-abcd_123", USED, f"{'d' * 16}-0001.part", f"{'e' * 16}-0001.lock", f"{'e' * 16}-0001.part",
    ]  # fmt: skip


def test_unfinished_segments_of_a_plan_are_kept(results):
    make(results / "segments" / f"{USED}.part", age=9 * DAY_S)
    assert find_waste(results / "segments", plans_to_serve(results).values()) == []


def test_without_a_plan_nothing_is_waste(results):
    make(results / "segments" / UNUSED)
    (results / "little" / "plan.json").write_text("half a pl")
    with pytest.raises(InputError, match="plans of little cannot be read"):
        plans_to_serve(results)
    (results / "little" / "plan.json").unlink()
    with pytest.raises(InputError, match="no study has a plan here"):
        plans_to_serve(results)
