"""Disks that fail: a sample of what `make faults` tries, and what was once answered wrongly."""

import errno
import os
import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.faults.failing_calls import COMPILER, KINDS

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler to build failing_calls.c with")

# The stage, how the disk fails, and the first, second, ... call of a kind that does.
ONCE_WRONG = [
    ("plan", "full", "w", 0),  # a traceback
    ("training", "full", "w", 0),  # its lock was left without a signature, and the next start waited for 90 s
    ("pull", "full", "w", 0),  # said that the store is full, and what was to be pushed again
    ("push", "an error once", "r", 1),  # a segment that could not be read was not sent, with status 0
    ("prediction", "an error once", "r", -1),  # an image that could not be read was left out, with status 0
]


def test_each_stage_ends_with_a_clear_word_and_is_then_done_as_ever():
    from tests.faults.disk import SMALL, STAGES, Disk

    drawn, chosen = random.Random(0), []
    with Disk() as disk:
        tested = [stage.name for stage in STAGES.values() if stage.tested and stage.name != "report"]  # that takes long
        faults = {stage: disk.faults(stage) for stage in tested}
        for found in faults.values():
            chosen.append(drawn.choice([one for (kind, _), ones in found.items() for one in ones if kind in KINDS]))
        chosen += faults["training"]["killed", "w"][:1]
        chosen += faults["training"][SMALL, ""][2:3]  # as root
        chosen += [faults[stage][kind, letter][number] for stage, kind, letter, number in ONCE_WRONG]
        tried = list(disk.tried(chosen))
    assert [f"{one.fault} {one.path}: {one.wrong}\n{one.words}" for one in tried if one.wrong] == []
    assert {one.answer for one in tried} >= {"said", "killed"}


def test_a_report_that_does_not_fit_names_its_file(tmp_path, monkeypatch):
    from segsweep.store.epoch_reports import REPORTS, add_report

    monkeypatch.setattr("segsweep.store.epoch_reports.regular", lambda path: Path("/dev/full"))
    with pytest.raises(OSError, match=f"No space left on device.*{REPORTS}"):
        add_report(tmp_path, {"epoch": 1})


def test_predictions_that_do_not_fit_name_their_journal(tmp_path):
    from segsweep.inference.prediction_journal import JOURNAL, PredictionJournal

    journal = PredictionJournal(tmp_path)
    with open("/dev/full", "wb") as full:
        os.dup2(full.fileno(), journal._file.fileno())
    with pytest.raises(OSError, match=f"No space left on device.*{JOURNAL}"):
        journal.keep([])


def test_a_file_is_named_where_a_library_makes_an_error_of_its_own_of_a_full_disk(tmp_path):
    """torch says `unexpected pos 64 vs 0`."""
    from segsweep.disk_errors import refusal_of_disk
    from segsweep.io import write_bytes

    def fail(file):
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            raise RuntimeError("unexpected pos 64 vs 0")

    with pytest.raises(RuntimeError) as caught:
        write_bytes(tmp_path / "last.pt", fail)
    assert refusal_of_disk(caught.value).startswith(f"{tmp_path / 'last.pt'}: No space left on device")


def test_an_image_that_the_disk_does_not_give_is_not_left_out(monkeypatch):
    from segsweep.data.image_files.image_file import DEFAULT
    from segsweep.inference import unseen_images

    def fail(path, reading):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(unseen_images, "image_size", fail)
    with pytest.raises(OSError, match=r"Input/output error.*a\.png"):
        unseen_images.size_of(Path("a.png"), DEFAULT)


def test_a_figure_that_does_not_fit_names_its_file_and_leaves_the_former_one(tmp_path):
    from segsweep.report.figures.theme import store

    def fail(file, **how):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "ranking.png"
    path.write_bytes(b"former")
    with pytest.raises(OSError, match=path.name):
        store(SimpleNamespace(savefig=fail), path)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [(path.name, b"former")]


def test_what_is_wrong_is_seen():
    from tests.faults.disk import _differences, _unclear

    assert _differences({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "3", "d": "4"}, "now") == [
        "now d is too many, b differs, c lacks"
    ]
    assert _unclear("Traceback (most recent call last):\n", 28, "out") == ["a traceback"]
    assert _unclear("out/a.csv: cannot be written", 28, "out") == ["it does not say 'No space left on device'"]
    assert _unclear("No space left on device", 28, "out/a.csv") == ["it names no file"]
    for name in ("out/a.csv", "out"):
        assert _unclear(f"{name}: No space left on device", 28, name) == []
