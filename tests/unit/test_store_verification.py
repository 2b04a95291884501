"""Damage to what lies on the disk is noticed by whoever reads it, listed by `verify`, and forgotten by `repair`."""

import json
import os
import re
import shutil

import numpy as np
import pytest
import verify

from segsweep.analysis.collect import collect
from segsweep.checksums import MEMORY, SUMS, DamagedFile, write_sums
from segsweep.data.prepared import MANIFEST, Prepared
from segsweep.data.prepared_checks import check_prepared, open_checked, prepared_problems, write_prepared_sums
from segsweep.data.prepared_facts import open_without_images
from segsweep.errors import InputError
from segsweep.io import write_csv
from segsweep.store.best_epoch import best_of_run, read_epochs
from segsweep.store.checkpoints import write_arrays
from segsweep.store.segment_store import SegmentStore
from segsweep.store.shared_segments import pack
from segsweep.store.verification import segment_problems, verify_segments
from tests.segments import segment_plan, segment_record, study_plan
from tests.unit.test_data_preparation import root, run  # noqa: F401 (a fixture)

ONE, TWO = "a" * 16 + "-0002", "b" * 16 + "-0002"
FOUR = "c" * 16 + "-0004"
CLASSES = ["background", "thing"]
DATASET = {"name": "tiny", "reader": "demo", "task": "binary", "classes": {0: "background", 1: "thing"}}
ROWS = [{"epoch": epoch, "lr": 1e-3, "train/loss": 0.5 / epoch, "seconds": 2.0} for epoch in (1, 2)]
REPAIR = r"`make repair` forgets the segment"


def publish(store, segment, rows=ROWS, confusion=((5, 1), (1, 5)), **fields):
    """A complete segment of two epochs, as a job publishes it."""
    part = store.part(segment)
    write_csv(part / "epochs.csv", rows)
    counts = np.array([confusion] * len(rows), np.int64)
    write_arrays(part / "counts.npz", {"confusion": counts})
    write_arrays(part / "images-0002.npz", {"names": np.array(["x", "y"]), "confusion": counts})
    (part / "weights-0002.pt").write_bytes(b"w" * 1000)
    (part / "last.pt").write_bytes(b"s" * 1000)
    best = {"max val/miou": {"epoch": 2, "value": 0.7, "segment": segment}}
    store.publish(segment_record(segment, best=best, **fields))


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Two complete segments in the store of a project."""
    monkeypatch.chdir(tmp_path)
    store = SegmentStore(tmp_path / "results/segments")
    for segment in (ONE, TWO):
        publish(store, segment)
    return store


def edit(path, old, new):
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def again(store):
    return SegmentStore(store.root)


def test_one_digit_of_a_number_is_never_believed(store):
    edit(store.rows(ONE), b"0.25", b"0.29")
    for read in (store.read_rows, lambda one: read_epochs(store, one)):
        with pytest.raises(DamagedFile, match=rf"epochs\.csv: differs from its checksum.*{REPAIR}"):
            read(ONE)
    plan = study_plan(segment_plan(ONE, dataset=DATASET), segment_plan(TWO, dataset=DATASET))
    with pytest.raises(DamagedFile, match=r"epochs\.csv: differs"):
        collect(plan, again(store))
    assert store.read_rows(TWO)[1]["train/loss"] == "0.25"


RECOUNTED = [
    (b"1,0.001", b"7,0.001", "row 2 is of epoch '7'; epoch 1 belongs there"),
    (b"2,0.001", b"1,0.001", "row 3 is of epoch '1'; epoch 2 belongs there"),
    (b"2,0.001", b",0.001", "row 3 is of epoch ''; epoch 2 belongs there"),
    (b"2,0.001", b"nan,0.001", "row 3 is of epoch '(nan)?'"),
    (b"2,0.001", b"-2,0.001", "row 3 is of epoch '-2'"),
    (b"2,0.001,0.25,2.0\n", b"", "has no row of epoch 2, but 2 epochs were trained"),
    (b"2,0.001,0.25,2.0\n", b"2,0.001,0.25,2.0\n3,0.001,0.25,2.0\n", "none, as the training ended after epoch 2"),
    (b"epoch,", b"step,", "."),
]


@pytest.mark.parametrize(("old", "new", "said"), RECOUNTED)
def test_rows_are_those_of_the_epochs_that_were_trained(store, old, new, said):
    """Whatever the checksums say: a program of somebody else's may have written both."""
    edit(store.rows(ONE), old, new)
    write_sums(store.folder(ONE))
    plan = study_plan(segment_plan(ONE, dataset=DATASET))
    for read in (lambda: read_epochs(store, ONE), lambda: collect(plan, again(store))):
        with pytest.raises(InputError, match=rf"epochs\.csv: .*{said}.*make repair"):
            read()
    assert len(segment_problems(again(store), ONE)) == 1


@pytest.mark.parametrize(
    ("epochs", "said"),
    [("124", ""), ("14", ""), ("", ""), ("142", "row 4 is of epoch '2'; none"), ("115", "row 3 is of epoch '1'; an")],
)
def test_a_program_may_leave_out_epochs_and_not_repeat_them(tmp_path, epochs, said):
    store, program = SegmentStore(tmp_path), {"results": {"file": "metrics.csv", "columns": {"epoch": "step"}}}
    write_csv(store.part(FOUR) / "epochs.csv", [{"epoch": one, "val/miou": 0.5} for one in epochs], ["epoch"])
    store.publish(segment_record(FOUR, program=program))
    problems = segment_problems(store, FOUR)
    assert [said in problem for problem in problems] == [True] * bool(said)


def test_rows_that_are_gone_are_damage(store):
    store.rows(ONE).unlink()
    plan = study_plan(segment_plan(ONE, dataset=DATASET))
    for read in (
        lambda: collect(plan, store),
        lambda: best_of_run(store, [ONE], "val/dice", False, "binary", CLASSES),
    ):
        with pytest.raises(InputError, match=r"epochs\.csv: cannot be read.*make repair"):
            read()


def test_a_run_that_was_out_of_memory_from_the_start_has_no_rows(tmp_path):
    store = SegmentStore(tmp_path)
    store.part(ONE).mkdir(parents=True)
    write_arrays(store.part(ONE) / "counts.npz", {})
    store.publish(segment_record(ONE, status="oom", epochs=0))
    (run,) = collect(study_plan(segment_plan(ONE, dataset=DATASET)), store).runs
    assert (run["status"], run["epochs"]) == ("oom", 0)
    assert segment_problems(store, ONE) == []


@pytest.mark.parametrize("name", ["counts.npz", "images-0002.npz", "weights-0002.pt", "last.pt"])
def test_one_bit_of_a_file_is_found_by_its_reader(store, name):
    path = store.folder(ONE) / name
    assert store.checked(path) == path
    flip(path)
    with pytest.raises(DamagedFile, match=f"{name}: differs from its checksum"):
        store.checked(path)


def test_a_record_with_another_score_is_none(store):
    edit(store.folder(ONE) / "segment.json", b"0.7", b"0.9")
    with pytest.raises(DamagedFile, match=r"segment\.json: differs"):
        again(store).record(ONE)
    assert again(store).record_or_none(ONE) is None
    with pytest.raises(DamagedFile):
        best_of_run(again(store), [ONE], "val/miou", False, "binary", CLASSES)
    # A plan that must know its best epoch has it trained again.
    assert not again(store).stands(ONE, "skip", ["max val/miou"])


def cut(sums, before, more=0):
    """Of the checksums, what comes before a file's, and so many bytes of its line."""
    content = sums.read_bytes()
    line = next(one for one in content.splitlines(keepends=True) if one.rstrip().endswith(before))
    sums.write_bytes(content[: content.index(line) + more])


@pytest.mark.parametrize("lost", [b"counts.npz", b"epochs.csv"])  # the first line: an empty file
@pytest.mark.parametrize("more", [0, 20])
def test_checksums_that_are_cut_are_not_those_of_an_earlier_version(store, lost, more):
    cut(store.folder(ONE) / SUMS, lost, more)
    edit(store.rows(ONE), b"0.25", b"0.29")
    for use in (store.read_rows, lambda one: pack(store.folder(one), store.root / "packed.tar")):
        with pytest.raises(DamagedFile, match=rf"SHA256SUMS: (has no checksum of|cannot be read).*{REPAIR}"):
            use(ONE)
    assert len(segment_problems(again(store), ONE)) == 1
    assert store.read_rows(TWO)[1]["train/loss"] == "0.25"


def test_what_was_not_published_with_a_segment_needs_no_checksum(store, tmp_path):
    folder = store.folder(ONE)
    (folder / ".DS_Store").write_text("a file manager's")
    (folder / "notes.txt").write_text("a person's")
    (tmp_path / "elsewhere.csv").write_text("linked")
    (folder / "out").mkdir()
    (folder / "out/link.csv").symlink_to(tmp_path / "elsewhere.csv")
    assert segment_problems(store, ONE) == []
    assert store.checked(folder / "out/link.csv").read_text() == "linked"
    os.mkfifo(folder / "out/pipe")
    assert store.checked(folder / "out/pipe").is_fifo()
    pack(folder, store.root / "packed.tar")


def test_checksums_that_are_gone_are_damage(store):
    (store.folder(ONE) / SUMS).unlink()
    edit(store.rows(ONE), b"0.25", b"0.29")
    for use in (store.read_rows, store.record, lambda one: pack(store.folder(one), store.root / "packed.tar")):
        with pytest.raises(DamagedFile, match=rf"SHA256SUMS: is gone, and was written.*{REPAIR}"):
            use(ONE)
    found = verify_segments(again(store))
    assert (found.without_sums, list(found.damaged)) == ([], [store.folder(ONE)])
    assert verify.main(["--repair"]) == 0
    assert list(again(store).complete) == [TWO]


def as_before_checksums(folder):
    """What an earlier version published."""
    (folder / SUMS).unlink()
    record = json.loads((folder / "segment.json").read_text())
    assert record.pop("checksums") is True
    (folder / "segment.json").write_text(json.dumps(record))


def test_segments_of_earlier_versions_are_taken_as_they_are(store):
    as_before_checksums(store.folder(ONE))
    edit(store.rows(ONE), b"0.25", b"0.29")
    assert store.read_rows(ONE)[1]["train/loss"] == "0.29"
    found = verify_segments(store)
    assert (found.checked, found.without_sums, found.damaged) == (2, [ONE], {})


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("val/miou", "1.2", r"epochs\.csv: val/miou of epoch 2 is 1\.2, but mIoU lies between 0 and 1"),
        ("val/iou/thing", "-0.1", r"val/iou/thing of epoch 2 is -0\.1"),
        ("lr", "-1", r"lr of epoch 2 is -1, but a learning rate lies between 0 and inf"),
        ("lr", "1e", r"lr of epoch 2 is '1e', no number"),
    ],
)
def test_values_that_cannot_be_reach_no_table(store, column, value, said):
    shutil.rmtree(store.folder(ONE))
    publish(store, ONE, [{**row, column: value if row["epoch"] == 2 else 0.5} for row in ROWS])
    with pytest.raises(InputError, match=said):
        read_epochs(store, ONE)
    assert re.search(said, segment_problems(store, ONE)[0])


def test_counts_that_cannot_be_reach_no_table(store):
    shutil.rmtree(store.folder(ONE))
    publish(store, ONE, confusion=((5, 1), (-1, 5)))
    with pytest.raises(InputError, match=r"counts\.npz: confusion holds -1 in row 1: a count is no less than 0"):
        store.read_counts(ONE)
    shutil.rmtree(store.folder(ONE))
    publish(store, ONE)
    write_arrays(store.counts(TWO), {"precision": np.array([[-1.0, 0.5], [np.nan, 0.5]])})
    as_before_checksums(store.folder(TWO))
    with pytest.raises(InputError, match=r"precision holds nan in row 2"):
        store.read_counts(TWO)


def test_verify_names_what_is_damaged_and_repair_forgets_it_alone(store, capsys):
    flip(store.weights(ONE, 2))
    store.state(TWO).unlink()  # as `make clean-up` does
    assert verify.main([]) == 1
    said = capsys.readouterr().out
    assert f"{store.weights(ONE, 2).name}: differs from its checksum" in said
    assert (
        "2 segments, 0 prepared data sets and the tables of 0 studies compared with their checksums: 1 damaged." in said
    )
    assert verify.main(["--repair"]) == 0
    assert f"Forgotten: results/segments/{ONE}" in capsys.readouterr().out
    assert set(again(store).complete) == {TWO}
    assert verify.main([]) == 0
    assert "none damaged" in capsys.readouterr().out
    assert sorted(path.name for path in store.root.iterdir() if path.name != MEMORY) == [TWO]


def test_a_state_whose_weights_are_gone_is_damaged(store):
    shutil.rmtree(store.folder(ONE))
    publish(store, ONE, state_without_weights=True)
    assert segment_problems(again(store), ONE) == []
    store.weights(ONE, 2).unlink()
    (said,) = segment_problems(again(store), ONE)
    assert re.match(rf"{store.state(ONE)}: its weights are those of weights-0002\.pt, which is gone\. {REPAIR}", said)
    store.state(ONE).unlink()
    assert segment_problems(again(store), ONE) == []


def test_a_missing_file_is_damage_where_nobody_lets_it_go(store):
    store.counts(ONE).unlink()
    assert segment_problems(store, ONE)[0].startswith(f"{store.counts(ONE)}: is missing")


@pytest.fixture
def prepared(root):  # noqa: F811
    run(root)
    write_prepared_sums(root.parent / "out")
    return root.parent / "out"


@pytest.mark.parametrize("name", ["train.images.bin", "train.masks.bin", "val.index.npz"])
def test_one_bit_of_prepared_data_is_found_before_it_is_used(prepared, name):
    open_checked(prepared)
    flip(prepared / name)
    for read in (check_prepared, open_checked):
        with pytest.raises(DamagedFile, match=rf"{name}: differs from its checksum.*make repair.*prepared again"):
            read(prepared)
    assert len(prepared_problems(prepared)) == 1


def test_statistics_are_checked_as_well(prepared):
    manifest = json.loads((prepared / MANIFEST).read_text())
    manifest["statistics"]["mean"][0] += 0.1
    (prepared / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    for read in (open_checked, lambda folder: open_without_images(folder, ["sky", "road"])):
        with pytest.raises(DamagedFile, match=r"manifest\.json: differs"):
            read(prepared)


@pytest.mark.parametrize("before", [b"manifest.json", b"train.images.bin"])
def test_checksums_of_prepared_data_that_are_cut_are_damage(prepared, before):
    cut(prepared / SUMS, before)
    flip(prepared / "train.images.bin")
    with pytest.raises(DamagedFile, match=r"SHA256SUMS: has no checksum of manifest\.json.*prepared again"):
        check_prepared(prepared)
    assert len(prepared_problems(prepared)) == 1


def test_checksums_of_prepared_data_that_are_gone_are_damage(prepared):
    (prepared / SUMS).unlink()
    for read in (check_prepared, open_checked, lambda folder: open_without_images(folder, ["sky", "road"])):
        with pytest.raises(DamagedFile, match=r"SHA256SUMS: is gone, and was written.*make repair.*prepared again"):
            read(prepared)
    assert len(prepared_problems(prepared)) == 1


def test_data_that_was_prepared_by_earlier_versions_is_checked_by_its_manifest(prepared):
    (prepared / SUMS).unlink()
    edit(prepared / MANIFEST, b',\n "checksums": true', b"")
    assert open_checked(prepared).splits.keys() == {"train", "val"}
    flip(prepared / "train.images.bin")
    with pytest.raises(DamagedFile, match=r"train\.images\.bin: differs"):
        check_prepared(prepared)
    assert len(prepared_problems(prepared)) == 1


def test_damaged_data_is_forgotten(prepared, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/data").mkdir(parents=True)
    folder = prepared.rename(tmp_path / "results/data/tiny-f00d")
    assert verify.main([]) == 0
    flip(folder / "train.masks.bin")
    assert verify.main([]) == 1
    assert verify.main(["--repair"]) == 0
    assert not folder.exists()
    assert "Forgotten: results/data/tiny-f00d" in capsys.readouterr().out


def test_prepared_data_that_is_not_there_is_left_to_its_reader(tmp_path):
    check_prepared(tmp_path / "nowhere")
    with pytest.raises(InputError, match="cannot be read"):
        Prepared.open(tmp_path / "nowhere")
