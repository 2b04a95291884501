"""Why a segment trains: one true reason for each change, over two plans of a small study."""

import json
import shutil

import pytest

from segsweep.config.load import Request, load
from segsweep.planning.code_fingerprint import PACKAGE, Code
from segsweep.planning.grid import lay_out
from segsweep.planning.rerun_reasons import History, read_history
from segsweep.planning.runs import cut, make_run
from segsweep.planning.study_context import context_of
from segsweep.store.segment_store import SegmentStore
from tests.segments import write_segment

GAMMA = "loss.main.focal.gamma"
PHASES = [{"until_epoch": 10}, {"main": {"lovasz": 1.0}}]


class Study:
    """A study of one run that is planned, trained and planned again."""

    def __init__(self, folder):
        self.folder = folder
        self.package = PACKAGE
        self.file = folder / "history.json"
        for name in ("studies", "datasets"):
            (folder / name).mkdir()
        (folder / "datasets" / "two.yaml").write_text("{name: two, reader: folder, classes: {0: a, 1: b}}")

    def plan(self, data="data", weights="", metric="val/miou", **train):
        """Why each missing segment trains, by its last epoch."""
        base = {"loss": {"main": {"focal": 1.0}}, "epochs": 30} | train
        study = {"name": "s", "dataset": "two", "train": base, "metric": metric, "runs": [{"id": "r"}]}
        (self.folder / "studies" / "s.yaml").write_text(json.dumps(study))
        loaded = load(Request(study="s"), self.folder)
        code = Code(package=self.package)
        context = context_of(loaded.study, loaded.dataset, code, lambda section, folded: data, lambda value: weights)
        runs = [make_run(cell, 0, context) for cell in lay_out(loaded.study, loaded.base, loaded.location).cells]
        self.store = SegmentStore(self.folder / "segments")
        self.cut = cut(runs, self.store)
        history = History(code, read_history(self.file))
        history.remember(self.cut, self.store)
        self.file.write_text(history.text())
        missing = [one for one in self.cut.segments.values() if one.id not in self.store.complete]
        return {one.last_epoch: history.why(one, self.store, {}) for one in missing}

    def train(self):
        """Complete all segments that are planned."""
        for one in self.cut.segments.values():
            write_segment(self.store.root, one.id, parent=one.parent, first_epoch=one.first_epoch)


@pytest.fixture
def study(tmp_path):
    """A study that is trained, and was planned since."""
    study = Study(tmp_path)
    assert study.plan() == {30: "not trained yet"}
    study.train()
    assert study.plan() == {}
    return study


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"data": "other"}, "the data changed"),
        ({"batch_size": 4}, "the setting batch_size changed from its default to 4"),
        ({"optimizer": {"name": "adam", "lr": 0.01}}, "the setting optimizer.lr changed from its default to 0.01"),
        ({"optimizer": {"name": "sgd", "momentum": 0.5}}, "the settings optimizer.momentum, optimizer.name changed"),
        ({"loss": {"main": {"focal": {"gamma": 1.0}}}}, f"the setting {GAMMA} changed from its default to 1.0"),
        ({"epochs": 40}, "extended from epoch 30"),
    ],
)  # fmt: skip
def test_what_changed_is_named(study, changed, reason):
    assert list(study.plan(**changed).values()) == [reason]


def test_a_file_of_weights_that_was_exchanged(tmp_path):
    study = Study(tmp_path)
    (tmp_path / "a.pt").touch()
    model = {"arch": "unet", "encoder_weights": str(tmp_path / "a.pt")}
    study.plan(weights="before", model=model)
    study.train()
    study.plan(weights="before", model=model)
    assert study.plan(weights="after", model=model) == {30: "the file of the encoder's weights changed"}


def test_a_schedule_that_looks_at_the_end_has_another_end(tmp_path):
    study = Study(tmp_path)
    poly = {"scheduler": {"name": "poly"}}
    study.plan(**poly)
    study.train()
    study.plan(**poly)
    assert study.plan(**poly, epochs=40) == {40: "the setting epochs changed from 30 to 40"}


def test_the_definition_whose_code_changed_is_named(study, tmp_path):
    study.package = tmp_path / "segsweep"
    shutil.copytree(PACKAGE, study.package, ignore=shutil.ignore_patterns("__pycache__"))
    assert study.plan() == {}
    file = study.package / "losses" / "focal.py"
    text = file.read_text()
    file.write_text(text.replace("\ndef build(", "\n@edited\ndef build(", 1))
    assert study.plan() == {30: "the code of losses.focal.build changed"}


def test_of_many_definitions_two_are_named(study, tmp_path):
    study.package = tmp_path / "segsweep"
    shutil.copytree(PACKAGE, study.package, ignore=shutil.ignore_patterns("__pycache__"))
    file = study.package / "training" / "seeding.py"
    edited = file.read_text().replace("\ndef ", "\n@edited\ndef ")
    file.write_text(edited)
    others = edited.count("@edited") - 2
    assert others > 1
    (reason,) = study.plan().values()
    assert reason.startswith("the code of training.seeding.")
    assert reason.endswith(f" and {others} others changed")


def test_a_changed_later_phase_leaves_the_first_one_alone(tmp_path):
    study = Study(tmp_path)
    phases = {"loss": {"main": {"focal": 1.0}, "phases": PHASES}}
    study.plan(**phases)
    study.train()
    assert study.plan(**phases) == {}
    later = {"loss": {"main": {"focal": 1.0}, "phases": [PHASES[0], {"main": {"dice": 1.0}}]}}
    assert study.plan(**later) == {30: "the settings loss.main.dice, loss.main.lovasz changed"}
    first = {"loss": {"main": {"focal": {"gamma": 1.0}}, "phases": PHASES}}
    why = study.plan(**first)
    assert why[10] == why[30] == f"the setting {GAMMA} changed from its default to 1.0"


def test_interrupted_lost_and_left_out(study):
    (segment,) = study.cut.segments
    shutil.rmtree(study.store.folder(segment))
    assert study.plan() == {30: "no longer in the store"}
    study.store.part(segment).mkdir()
    assert study.plan() == {30: "was interrupted, resumes"}
    history = History(Code(), read_history(study.file))
    left_out = {segment: "the best epoch by val/dice is another one"}
    study.store = SegmentStore(study.folder / "nowhere")
    assert history.why(study.cut.segments[segment], study.store, left_out) == left_out[segment]


def test_the_metric_is_no_reason(study):
    assert study.plan(metric="val/dice") == {}


def test_without_a_history_reasons_are_vague_and_nothing_fails(study):
    study.file.write_text("{broken")
    assert study.plan() == {}  # and remembered again
    assert study.plan(batch_size=4) == {30: "the setting batch_size changed from its default to 4"}
    study.file.write_text("[]")
    assert study.plan(batch_size=4) == {30: "not trained yet"}
