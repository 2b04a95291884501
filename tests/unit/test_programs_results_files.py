"""Files that programs write metrics into: each format, files that grow, and rows that become epochs."""

import errno
import json
import os

import pytest

from segsweep.config.program import ProgramResults
from segsweep.programs.epoch_rows import EpochRows
from segsweep.programs.results_files import MalformedFile, format_name, format_of
from segsweep.programs.results_reader import ResultsReader, cut_half_lines


def read(folder, name, text, whole=True):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return format_of(format_name(name)).read(path, whole)


def epoch_rows(results, kept=(), begins=1, **options):
    return EpochRows(ProgramResults(**results), options.pop("column", "epoch"), begins, kept, **options)


def write_events(folder, scalars):
    """An event file of (step, tag, value), as TensorBoard's own writer makes it."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder))
    for step, tag, value in scalars:
        writer.add_event(Event(step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)])))
    writer.close()


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("metrics.csv", "csv"), ("logs/x.TSV", "csv"), ("log.jsonl", "jsonl"), ("a/*.json", "jsonl"),
        ("**/events.out.tfevents.*", "tensorboard"), ("log.txt", None),
    ],
)  # fmt: skip
def test_a_name_tells_the_format(name, format):
    assert format_name(name) == format


def test_csv_with_its_ways_of_being_written(tmp_path):
    rows = [{"epoch": "1", "a": "0.5"}, {"epoch": "2", "a": "nan"}]
    assert read(tmp_path, "m.csv", "epoch,a,note\n1,0.5,good\n2,nan,\n") == rows
    assert read(tmp_path, "m.csv", "  epoch;   a\r\n 1 ;0.5\r\n\r\n2;nan\r\n") == rows
    assert read(tmp_path, "m.tsv", "epoch\ta\n1\t0.5\nepoch\ta\n2\tnan\n") == rows  # the header of a second start
    assert read(tmp_path, "m.csv", "") == []
    with pytest.raises(MalformedFile, match=r"m.csv:3: 1 fields, but the header names 2: epoch, a"):
        read(tmp_path, "m.csv", "epoch,a\n1,0.5\n2\n3,1\n")
    assert read(tmp_path, "m.csv", ",epoch,\n0,1,2\n") == [{"": "2", "epoch": "1"}]  # nobody asks for them
    with pytest.raises(MalformedFile, match=r"m.csv:1: the header names 'a', 'b' more than once\."):
        read(tmp_path, "m.csv", "epoch,b,a,a,b\n1,2,3,4,5\n")


def test_only_line_feeds_part_lines(tmp_path):
    odd = "a\u2028b\x0bc\x1cd"  # characters at which `splitlines` parts, too
    assert read(tmp_path, "m.csv", f"epoch,note,a\n1,{odd},5\n") == [{"epoch": "1", "a": "5"}]
    assert read(tmp_path, "m.jsonl", f'{{"epoch": 1, "note": "{odd[:3]}"}}\n') == [{"epoch": "1"}]


def test_a_field_that_no_csv_holds_is_named_by_its_line(tmp_path):
    with pytest.raises(MalformedFile, match=r"m.csv:2: is no CSV \(field larger than field limit"):
        read(tmp_path, "m.csv", f"epoch,note\n1,{'x' * 200_000}\n")


def test_a_line_without_its_end_counts_when_the_program_has_ended(tmp_path):
    for name, text in (("m.csv", "epoch\n1\n2"), ("m.jsonl", '{"epoch": 1}\n{"epoch": 2}')):
        assert read(tmp_path, name, text, whole=False) == [{"epoch": "1"}]
        assert read(tmp_path, name, text) == [{"epoch": "1"}, {"epoch": "2"}]
    assert read(tmp_path, "m.jsonl", '{"epoch": 1}\n{"epo', whole=False) == [{"epoch": "1"}]


def test_json_lines_with_sections(tmp_path):
    text = json.dumps({"ep": 1, "valid": {"iou": 0.5, "names": ["a"]}, "best": True, "note": "x", "loss": float("nan")})
    assert read(tmp_path, "log.jsonl", f"{text}\n\n") == [{"ep": "1", "valid.iou": "0.5", "loss": "nan"}]
    with pytest.raises(MalformedFile, match=r"log.jsonl:2: is no JSON \(.*\); each line is to be an object"):
        read(tmp_path, "log.jsonl", f"{text}\nnonsense\n")
    with pytest.raises(MalformedFile, match=r"log.jsonl:1: is list, but each line is to be an object"):
        read(tmp_path, "log.jsonl", "[1]\n")


def test_tensorboard_has_a_row_for_each_step(tmp_path):
    write_events(tmp_path, [(0, "val/iou", 0.1), (0, "loss", 2.0), (1, "val/iou", 0.3)])
    (path,) = tmp_path.iterdir()
    rows = [{"step": "0", "val/iou": "0.1", "loss": "2.0"}, {"step": "1", "val/iou": "0.3"}]
    assert format_of("tensorboard").read(path, True) == rows
    path.write_bytes(path.read_bytes()[:-5])  # as a kill leaves it
    assert format_of("tensorboard").read(path, True) == rows[:1]


def test_what_lay_there_before_the_start_is_not_of_it(tmp_path):
    results = ProgramResults(file="version_*/metrics.csv")
    old, new = tmp_path / "version_0" / "metrics.csv", tmp_path / "version_1" / "metrics.csv"
    for path in (old, new):
        path.parent.mkdir()
    old.write_text("epoch,a\n1,5\n")
    reader = ResultsReader(tmp_path, results)
    assert reader.rows(False) == []
    assert not reader.changed()
    new.write_text("epoch,a\n2,6\n")
    assert reader.changed()
    assert reader.rows(False) == [{"epoch": "2", "a": "6"}]
    with old.open("a") as file:
        file.write("3,7\n")
    os.utime(old, (1, 1))  # the older file comes first
    assert reader.rows(False) == [{"epoch": "3", "a": "7"}, {"epoch": "2", "a": "6"}]
    old.write_text("epoch,a\n1,9\n")  # written again: all of it counts
    os.utime(old, (1, 1))
    assert reader.rows(False)[0] == {"epoch": "1", "a": "9"}
    assert len(ResultsReader(tmp_path, results, from_nothing=True).rows(True)) == 2


def test_a_file_that_is_being_written_again_keeps_its_rows_meanwhile(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,a\n1,5\n2,6\n")
    reader = ResultsReader(tmp_path, ProgramResults(), from_nothing=True)
    both = reader.rows(False)
    assert len(both) == 2
    path.write_text("epoch,a\n1,5\n")
    assert reader.rows(False) == both
    path.write_text("epoch,a\n1,5\n2,7\n")
    assert reader.rows(False) == [both[0], {"epoch": "2", "a": "7"}]


def test_a_file_that_goes_away_while_it_is_read_is_no_error(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,a\n1,5\n")
    reader = ResultsReader(tmp_path, ProgramResults(), from_nothing=True)

    def gone(path, whole):
        raise FileNotFoundError(path)

    reader.format = reader.format._replace(read=gone)
    assert reader.rows(False) == []
    assert reader.changed()


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch,a\n1,5\n")
    reader = ResultsReader(tmp_path, ProgramResults(), from_nothing=True)

    def broken(path, whole):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    reader.format = reader.format._replace(read=broken)
    with pytest.raises(MalformedFile, match=r"metrics.csv: cannot be read \(Input/output error\)"):
        reader.rows(False)


def test_half_a_line_of_a_program_that_was_killed_is_cut_off(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,a\n1,5\n2,")
    cut_half_lines(tmp_path, "*.csv")
    assert path.read_text() == "epoch,a\n1,5\n"


LIGHTNING = [
    {"epoch": "0", "step": "3", "train_loss": "0.7"},
    {"epoch": "0", "step": "5", "val_iou": "0.2"},
    {"epoch": "0", "step": "5", "train_loss": "0.6"},
    {"epoch": "1", "step": "9", "train_loss": "0.5"},
    {"epoch": "1", "step": "11", "val_iou": "0.3"},
    {"epoch": "2", "step": "12", "test_iou": "0.9"},
]


def test_rows_of_an_epoch_are_put_together_and_count_from_one():
    rows = epoch_rows({"columns": {"val/iou": "val_iou", "train/loss": "train_loss"}})
    assert rows.update(LIGHTNING, 4.0) == [1, 2]
    assert rows.first_epoch == 0
    assert rows.by_epoch == {
        1: {"epoch": "1", "step": "5", "train_loss": "0.6", "val_iou": "0.2", "seconds": "2.000"},
        2: {"epoch": "2", "step": "11", "train_loss": "0.5", "val_iou": "0.3", "seconds": "2.000"},
    }
    assert rows.here(2) == {"epoch": "2", "train/loss": "0.5", "val/iou": "0.3", "seconds": "2.000"}
    assert rows.update(LIGHTNING, 1.0) == []


def test_a_start_that_resumes_replaces_the_epochs_that_it_trains_again():
    kept = [{"epoch": str(epoch), "val/iou": f"0.{epoch}", "seconds": "7"} for epoch in (1, 2, 3, 4)]
    rows = epoch_rows({}, kept)
    assert rows.update([{"epoch": "3", "val/iou": "0.35"}], 2.0) == [3]
    assert [row["val/iou"] for row in rows.by_epoch.values()] == ["0.1", "0.2", "0.35"]
    assert [row["seconds"] for row in rows.by_epoch.values()] == ["7", "7", "2.000"]
    again = epoch_rows({}, kept)  # a program that writes its file again, with all epochs
    assert again.update([{"epoch": row["epoch"], "val/iou": row["val/iou"]} for row in kept], 2.0) == []
    assert [row["seconds"] for row in again.by_epoch.values()] == ["7.000"] * 4


def test_the_first_epoch_is_known_from_an_earlier_start_or_the_study():
    raw = [{"epoch": "5", "val/iou": "0.5"}]
    assert list(_numbered({}, raw, first_epoch=0)) == [6]
    assert list(_numbered({"first_epoch": 0}, raw)) == [6]
    assert list(_numbered({"first_epoch": 1}, [{"epoch": "0", "val/iou": "0"}, *raw])) == [5]
    assert list(_numbered({}, raw, begins=6)) == []
    with pytest.raises(MalformedFile, match=r"holds 0\.5; the number of an epoch is a whole one"):
        _numbered({}, [{"epoch": "0.5", "val/iou": "0"}])


def test_a_loss_that_is_no_number_is_found_under_its_name_here():
    rows = epoch_rows({"columns": {"train/loss": "bce"}})
    rows.update([{"epoch": "1", "bce": "0.5", "other": "nan"}, {"epoch": "2", "bce": "inf"}], 1.0)
    assert rows.bad_loss(2) == (2, "train/loss", "inf")
    assert rows.bad_loss(1) is None


def test_an_epoch_that_is_trained_again_to_the_same_row_costs_no_later_ones():
    kept = [{"epoch": str(epoch), "loss": str(1 / epoch)} for epoch in range(1, 6)]
    rows = epoch_rows({"columns": {"train/loss": "loss"}}, kept)
    assert rows.update([{"epoch": "3", "loss": str(1 / 3)}], 1.0) == []
    assert list(rows.by_epoch) == [1, 2, 3, 4, 5]
    assert rows.update([{"epoch": "3", "loss": "0.5"}], 1.0) == [3]
    assert list(rows.by_epoch) == [1, 2, 3]


@pytest.mark.parametrize(
    ("left", "written", "lost"),
    [
        ([1, 2, 3], [4, 5], None),
        ([1, 2, 3], [2, 3, 4], None),
        ([1, 2, 3], [7], (4, 6)),
        ([1], [3], (2, 2)),
        ([5, 10], [15, 18], None),  # a row every five epochs
        ([3], [6], None),
        ([4, 5, 6], [7, 8], None),  # none of the first ones
        ([4, 5, 6], [9], (7, 8)),
        ([1, 2, 3], [], None),
    ],
)
@pytest.mark.parametrize("of_parent", [False, True])
def test_epochs_whose_rows_are_lost_are_told_from_those_that_a_program_leaves_out(left, written, lost, of_parent):
    kept = [{"epoch": str(epoch), "loss": "1"} for epoch in left]
    results = ProgramResults(columns={"train/loss": "loss"})
    if of_parent:
        rows = EpochRows(results, "epoch", left[-1] + 1, earlier=left)
    else:
        rows = EpochRows(results, "epoch", 1, kept)
    rows.update([{"epoch": str(epoch), "loss": "2"} for epoch in written], 1.0)
    assert rows.lost() == lost


def _numbered(results, raw, **options):
    rows = epoch_rows(results, **options)
    rows.update(raw, 1.0)
    return rows.by_epoch
