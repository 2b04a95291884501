"""Which complete segments train again under another metric: tiny segments by hand."""

import json
import shutil

import numpy as np
import pytest

from segsweep.planning.code_fingerprint import Code
from segsweep.planning.rerun_reasons import History, read_history
from segsweep.planning.runs import Phase, Plan, Run
from segsweep.planning.selection import Selection, to_select_again
from segsweep.store.segment_store import SegmentStore
from tests.segments import write_segment

ONE, TWO = f"{'a' * 16}-0002", f"{'a' * 16}-0004"
# Pixel accuracy 0.9 and 0.7; mIoU (0.9 + 0) / 2 = 0.45 and (60 / 90 + 10 / 40) / 2 = 0.458.
ACCURATE, FAIR = [[90, 0], [10, 0]], [[60, 30], [0, 10]]
WORSE = [[50, 40], [10, 0]]  # 0.5, and (50 / 100 + 0) / 2 = 0.25


class Trained:
    """A run of two segments with two epochs each; of some epochs the weights were kept."""

    def __init__(self, root, counts, losses=(0.5, 0.4, 0.6, 0.7), kept=((ONE, 2),)):
        self.root = root
        for segment, parent, first in ((ONE, None, 1), (TWO, ONE, 3)):
            best = {"max val/miou": {"epoch": kept[0][1], "value": 0.458, "segment": kept[0][0]}}
            folder = write_segment(root, segment, parent=parent, first_epoch=first, best=best)
            rows = [f"{epoch},{losses[epoch - 1]}" for epoch in (first, first + 1)]
            (folder / "epochs.csv").write_text("\n".join(["epoch,val/loss", *rows, ""]))
            np.savez(folder / "counts.npz", confusion=np.array(counts[first - 1 : first + 1]))
        for segment, epoch in kept:
            (root / segment / f"weights-{epoch:04d}.pt").touch()
        phase = Phase("a" * 16, 1, 4, {}, {}, frozenset(), "")
        self.run = Run("c-s0", None, 0, None, 4, 4, phases=[phase], segments=[ONE, TWO])
        self.history = History(Code())

    def again(self, metric, minimize=False, version="1", history=None):
        """What trains again for a metric, in a new process."""
        store, history = SegmentStore(self.root), history or self.history
        history.remember(Plan([self.run], {}), store)
        selection = Selection(metric, minimize, "multiclass", ["a", "b"], version)
        return to_select_again([self.run], store, selection, history)


@pytest.fixture
def trained(tmp_path):
    return Trained(tmp_path, [ACCURATE, FAIR, WORSE, WORSE])


def test_a_run_stands_while_its_best_epoch_is_one_that_was_kept(trained):
    assert trained.again("val/miou") == {}
    assert trained.again("val/loss", minimize=True) == {}  # epoch 2 as well


def test_the_segment_that_holds_another_best_epoch_trains_again_and_no_other(trained):
    reason = "the best epoch by val/pixel_accuracy is another one"
    assert trained.again("val/pixel_accuracy") == {ONE: reason}
    assert trained.again("val/loss") == {TWO: "the best epoch by val/loss is another one"}  # 0.7 in epoch 4


def test_what_was_kept_by_another_selection_stands(tmp_path):
    trained = Trained(tmp_path, [ACCURATE, FAIR, WORSE, WORSE], kept=((ONE, 2), (ONE, 1)))
    assert trained.again("val/pixel_accuracy") == {}


def test_what_trained_under_the_metric_knows_its_best_epoch_without_counts(trained):
    (trained.root / TWO / "counts.npz").unlink()
    (trained.root / ONE / "counts.npz").write_bytes(b"spoilt")
    assert trained.again("val/miou") == {}
    assert trained.again("val/pixel_accuracy") == {ONE: "its files are damaged"}


def test_an_earlier_segment_that_trained_under_another_metric_is_looked_at(trained):
    best = {"max val/pixel_accuracy": {"epoch": 1, "value": 0.9, "segment": ONE}}
    write_segment(trained.root, TWO, parent=ONE, first_epoch=3, best=best)
    assert trained.again("val/pixel_accuracy") == {ONE: "the best epoch by val/pixel_accuracy is another one"}


def test_counts_are_read_once_for_each_version_of_the_metric(tmp_path, trained):
    kept = Trained(tmp_path / "kept", [ACCURATE, FAIR, WORSE, WORSE], kept=((ONE, 2), (ONE, 1)))
    assert kept.again("val/pixel_accuracy") == {}
    for segment in (ONE, TWO):
        (kept.root / segment / "counts.npz").write_bytes(b"spoilt, which shows where it is read")
    (tmp_path / "history.json").write_text(kept.history.text())
    later = History(Code(), read_history(tmp_path / "history.json"))
    assert kept.again("val/pixel_accuracy", history=later) == {}
    assert set(kept.again("val/pixel_accuracy", version="2", history=later)) == {ONE, TWO}


def test_a_run_without_a_best_epoch_stands(tmp_path):
    trained = Trained(tmp_path, [ACCURATE, FAIR, WORSE, WORSE], losses=("", "", "", ""))
    assert trained.again("val/loss", minimize=True) == {}


def test_a_run_that_is_not_complete_is_not_looked_at(trained):
    (trained.root / TWO / "segment.json").unlink()
    assert trained.again("val/pixel_accuracy") == {}


def test_what_did_not_measure_a_metric_that_only_training_can_measure_trains_again(trained):
    reason = "it did not measure val/soft_jaccard"
    assert trained.again("val/soft_jaccard") == {ONE: reason, TWO: reason}
    measured = lambda *values: "\n".join(["epoch,val/loss,val/soft_jaccard", *values, ""])  # noqa: E731
    (trained.root / ONE / "epochs.csv").write_text(measured("1,0.5,0.3", "2,0.4,0.6"))
    (trained.root / TWO / "epochs.csv").write_text(measured("3,0.6,", "4,0.7,0.5"))  # named while it was interrupted
    assert trained.again("val/soft_jaccard") == {TWO: reason}
    (trained.root / TWO / "epochs.csv").write_text(measured("3,0.6,0.4", "4,0.7,0.5"))
    assert trained.again("val/soft_jaccard") == {}  # epoch 2, whose weights are kept
    shutil.rmtree(trained.root / TWO)
    (trained.root / ONE / "epochs.csv").write_text("epoch,val/loss\n1,0.5\n2,0.4\n")
    assert trained.again("val/soft_jaccard") == {ONE: reason}  # what continues it looks for the best in it as well


def test_a_chain_keeps_a_segment_that_trains_again(trained):
    store = SegmentStore(trained.root)
    store.leave_out({ONE})
    assert store.chain(TWO) == [ONE, TWO]


@pytest.mark.parametrize(
    "text", ["{broken", "[]", '{"format": 1}', json.dumps({"format": 2, "runs": {"r": 1}, "code": {}})]
)
def test_an_unreadable_history_is_dropped(tmp_path, text):
    (tmp_path / "history.json").write_text(text)
    assert read_history(tmp_path / "history.json") is None
    assert read_history(tmp_path / "missing.json") is None
