"""The store of segments: what counts as complete, what a record says, how a segment gets its name."""

import errno
import json
import os

import pytest

from segsweep.errors import InputError
from segsweep.store.segment_record import selection_key
from segsweep.store.segment_store import SegmentStore
from tests.segments import segment_record, write_segment

ONE, TWO, THREE = (f"{'a' * 16}-{epoch:04d}" for epoch in (10, 20, 30))


@pytest.fixture
def store(tmp_path):
    return SegmentStore(tmp_path / "segments")


def again(store):
    """The same folder, as another process sees it."""
    return SegmentStore(store.root)


def test_a_store_that_is_not_there_holds_nothing(store):
    assert store.complete == {}
    assert store.started == frozenset()


def test_folders_of_other_names_are_left_alone(store):
    folder = write_segment(store.root, ONE)
    os.utime(folder / "segment.json", (1000, 1000))
    for name in (f"{ONE}.bak", "notes", ".pull-x", f"{'g' * 16}-0001", f"{'b' * 16}-1"):
        write_segment(store.root, TWO).rename(store.root / name)
    (store.root / TWO).mkdir()  # half a folder, as a broken copy leaves it
    for name in (f"{THREE}.part", "notes.part", f"{ONE}.bak.part"):
        (store.root / name).mkdir()
    (store.root / "README").write_text("of a person")
    assert store.complete == {ONE: 1000}
    assert store.started == {THREE}
    assert store.ends == {"a" * 16: [10]}


def test_a_record_is_read_as_it_was_written(store):
    record = segment_record(ONE, best={"max val/miou": {"epoch": 7, "value": 0.5, "segment": ONE}}, seed=3)
    store.part(ONE).mkdir(parents=True)
    store.publish(record)
    assert again(store).record(ONE) == record
    assert record.best_by("val/miou", minimize=False)["epoch"] == 7
    assert record.best_by("val/miou", minimize=True) is None
    assert selection_key("val/loss", minimize=True) == "min val/loss"


def test_what_another_edition_wrote_besides_is_passed_over(store):
    path = write_segment(store.root, ONE) / "segment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weather": "fair"}))
    assert store.record(ONE).id == ONE


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"id": "x"}'])
def test_a_damaged_record_is_said_with_a_remedy(store, text):
    (write_segment(store.root, ONE) / "segment.json").write_text(text)
    with pytest.raises(InputError, match=r"segment\.json: is no "):
        store.record(ONE)
    assert list(store.readable_records(9)) == []


def test_a_record_that_the_disk_does_not_give_back_counts_as_no_damaged_one(store, monkeypatch):
    write_segment(store.root, ONE)

    def broken(*_):
        raise InputError("segment.json: cannot be read") from OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(SegmentStore, "record", broken)
    with pytest.raises(InputError, match="cannot be read"):
        store.record_or_none(ONE)


def test_the_records_of_a_run_end_where_it_ended(store):
    write_segment(store.root, ONE)
    assert [one.id for one in store.records_of([ONE, TWO, THREE])] == [ONE]
    write_segment(store.root, TWO, status="early_stopped")
    write_segment(store.root, THREE, status="early_stopped")
    assert [one.id for one in again(store).records_of([ONE, TWO, THREE])] == [ONE, TWO]


@pytest.mark.parametrize(
    ("ended", "with_on_oom", "now", "stands"),
    [
        ("oom", "skip", "skip", True),
        ("oom", "accumulate", "skip", True),
        ("oom", "accumulate", "accumulate", True),
        ("oom", "skip", "accumulate", False),
        ("oom", "skip", "fail", False),
        ("finished", "skip", "fail", True),
    ],
)
def test_out_of_memory_stands_while_it_is_to_be_recorded(store, ended, with_on_oom, now, stands):
    write_segment(store.root, ONE, status=ended, train={"on_oom": with_on_oom})
    assert store.stands(ONE, now) is stands


def test_a_segment_stands_for_the_selections_that_it_knows(store):
    write_segment(store.root, ONE, best={"max val/miou": None})
    assert store.stands(ONE, "skip", ["max val/miou"])
    assert not store.stands(ONE, "skip", ["max val/miou", "max val/dice"])
    assert not store.stands(TWO, "skip")


def test_what_is_left_out_is_not_complete(store):
    write_segment(store.root, ONE)
    write_segment(store.root, TWO, parent=ONE)
    assert store.ends == {"a" * 16: [10, 20]}
    store.leave_out([TWO])
    assert list(store.complete) == [ONE]
    assert store.ends == {"a" * 16: [10]}
    assert [one.id for one in store.records_of([ONE, TWO])] == [ONE]


def test_the_chain_is_what_a_segment_was_really_trained_from(store):
    write_segment(store.root, ONE)
    write_segment(store.root, TWO, parent=ONE)  # another study's
    write_segment(store.root, THREE, parent=ONE)
    assert store.chain(THREE) == [ONE, THREE]
    assert store.chain(ONE) == [ONE]


def made(store, record, content):
    """A part with a file, published."""
    part = store.part(record.id)
    part.mkdir(parents=True)
    (part / "history.json").write_text("[]")
    (part / "epochs.csv").write_text(content)
    store.publish(record)
    assert not part.exists()


def test_the_first_of_two_equal_segments_stays(store):
    made(store, segment_record(ONE, train_seconds=1.0), "epoch\n1\n")
    made(store, segment_record(ONE, train_seconds=2.0), "epoch\n2\n")
    assert again(store).record(ONE).train_seconds == 1.0
    assert store.read_rows(ONE) == [{"epoch": "1"}]
    assert sorted(path.name for path in store.folder(ONE).iterdir()) == ["SHA256SUMS", "epochs.csv", "segment.json"]


def test_a_segment_that_does_not_stand_gives_way(store):
    made(store, segment_record(ONE, status="oom"), "epoch\n")
    made(store, segment_record(ONE, train={"on_oom": "accumulate"}), "epoch\n1\n")
    assert again(store).record(ONE).status == "finished"
    made(store, segment_record(ONE, best={"max val/dice": None}), "epoch\n2\n")
    assert store.read_rows(ONE) == [{"epoch": "2"}]


def test_half_a_folder_gives_way(store):
    store.folder(ONE).mkdir(parents=True)
    (store.folder(ONE) / "last.pt").write_text("half")
    made(store, segment_record(ONE), "epoch\n1\n")
    assert list(again(store).complete) == [ONE]


def test_counts_are_read_and_damage_is_said(store):
    np = pytest.importorskip("numpy")
    folder = write_segment(store.root, ONE)
    with pytest.raises(InputError, match=r"counts\.npz: cannot be read"):
        store.read_counts(ONE)
    confusion = np.arange(8).reshape(2, 2, 2)
    np.savez_compressed(folder / "counts.npz", confusion=confusion)
    (found,) = store.read_counts(ONE).values()
    assert (found == confusion).all()
    (folder / "counts.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"counts\.npz: cannot be read.*make repair"):
        store.read_counts(ONE)
