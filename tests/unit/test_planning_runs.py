"""From cells to segments: shared prefixes, phases, extended studies, what is in the store."""

import json
from pathlib import Path

import pytest

from segsweep.config.load import Request, load
from segsweep.planning.code_fingerprint import Code
from segsweep.planning.grid import lay_out
from segsweep.planning.runs import cut, make_run, not_continuable
from segsweep.planning.study_context import context_of
from segsweep.store.segment_record import split_id
from segsweep.store.segment_store import SegmentStore
from tests.segments import write_segment

ROOT = Path(__file__).parents[2]
CODE = Code()


def context(loaded, data="data"):
    return context_of(loaded.study, loaded.dataset, CODE, lambda section, folded: data, lambda weights: "")


def runs_of(tmp_path, train, *, epochs=50, seeds=(0,), data="data", study=None, **axes):
    (tmp_path / "studies").mkdir(exist_ok=True)
    (tmp_path / "datasets").mkdir(exist_ok=True)
    (tmp_path / "datasets" / "shapes.yaml").write_text("{name: shapes, reader: folder, classes: {0: a, 1: b}}")
    base = {"loss": {"main": {"cross_entropy": 1.0}}, "epochs": epochs} | train
    study = {"name": "study", "dataset": "shapes", "train": base, "grid": axes or {"batch_size": [8]}} | (study or {})
    (tmp_path / "studies" / "study.yaml").write_text(json.dumps(study))
    loaded = load(Request(study="study"), tmp_path)
    cells = lay_out(loaded.study, loaded.base, loaded.location).cells
    shared = context(loaded, data)
    return [make_run(cell, seed, shared) for cell in cells for seed in seeds]


def keep(store, *segments):
    """Pretend that segments are complete; each is (id, parent)."""
    for segment, parent in segments:
        write_segment(store, segment, parent=parent)


def lengths(plan):
    return sorted((one.first_epoch, one.last_epoch) for one in plan.segments.values())


PHASES = [{"until_epoch": 35}, {"main": {"lovasz": 1.0}}]


def test_runs_alike_up_to_a_phase_share_it(tmp_path):
    plan = cut(runs_of(tmp_path, {}, **{"loss.phases": [[], PHASES]}), SegmentStore(tmp_path / "store"))
    assert lengths(plan) == [(1, 35), (36, 50), (36, 50)]
    assert (plan.epochs, plan.epochs_run_by_run) == (65, 100)


def test_the_ten_bisenet_runs_take_430_epochs(tmp_path):
    (tmp_path / "cityscapes").mkdir()
    loaded = load(Request(study="bisenet_runs", dataset="camvid"), ROOT / "config")
    cells = lay_out(loaded.study, loaded.base, loaded.location).cells
    plan = cut([make_run(cell, 0, context(loaded)) for cell in cells], SegmentStore(tmp_path / "store"))
    assert (plan.epochs, plan.epochs_run_by_run) == (430, 500)
    by_cell = {run.cell.cell: run.segments for run in plan.runs}
    assert by_cell["1"][0] == by_cell["4"][0]
    assert by_cell["6"][0] == by_cell["7"][0]
    assert [split_id(one)[1] for one in by_cell["1"]] == [35, 50]


def test_extending_trains_the_added_epochs_only(tmp_path):
    plateau = {"scheduler": {"name": "plateau"}}
    short = cut(runs_of(tmp_path, plateau, epochs=30), SegmentStore(tmp_path / "store"))
    ((segment, _),) = [(one, None) for one in short.segments]
    keep(tmp_path / "store", (segment, None))
    long = cut(runs_of(tmp_path, plateau, epochs=100), SegmentStore(tmp_path / "store"))
    assert lengths(long) == [(1, 30), (31, 100)]
    assert segment in long.segments


def test_what_lost_its_state_is_continued_by_nothing(tmp_path):
    plateau = {"scheduler": {"name": "plateau"}}
    (segment,) = cut(runs_of(tmp_path, plateau, epochs=30), SegmentStore(tmp_path / "store")).segments
    keep(tmp_path / "store", (segment, None))
    longer = runs_of(tmp_path, plateau, epochs=100)
    store = SegmentStore(tmp_path / "store")
    gone = not_continuable(cut(longer, store), store)
    assert list(gone) == [segment]
    store.leave_out(gone)
    assert lengths(cut(longer, store)) == [(1, 100)]
    (tmp_path / "store" / segment / "last.pt").touch()
    store = SegmentStore(tmp_path / "store")
    assert not_continuable(cut(longer, store), store) == {}


def test_a_schedule_that_looks_at_the_end_starts_again(tmp_path):
    poly = {"scheduler": {"name": "poly"}}
    short, long = (cut(runs_of(tmp_path, poly, epochs=epochs), SegmentStore(tmp_path)) for epochs in (30, 100))
    assert not set(short.segments) & set(long.segments)
    assert lengths(long) == [(1, 100)]


@pytest.mark.parametrize(
    ("scheduler", "after_the_end"),
    [({"name": "poly"}, False), ({"name": "cosine"}, False), ({"name": "cosine", "t_max": 20}, True), ({}, True)],
)
def test_what_can_be_extended(tmp_path, scheduler, after_the_end):
    run = runs_of(tmp_path, {"scheduler": scheduler})[0]
    assert run.can_be_extended(49)
    assert run.can_be_extended(50) is after_the_end


def test_a_fork_added_later_leaves_trained_runs_alone(tmp_path):
    before = cut(runs_of(tmp_path, {}), SegmentStore(tmp_path / "store"))
    ((segment, _),) = [(one, None) for one in before.segments]
    keep(tmp_path / "store", (segment, None))
    after = cut(runs_of(tmp_path, {}, **{"loss.phases": [[], PHASES]}), SegmentStore(tmp_path / "store"))
    assert after.runs[0].segments == [segment]
    assert len(after.runs[1].segments) == 2


def test_a_run_uses_the_chain_that_was_really_trained(tmp_path):
    phase = runs_of(tmp_path, {})[0].phases[0].hash
    ids = [f"{phase}-{end:04d}" for end in (10, 20, 30)]
    # 30 was trained from 10; 20 is another study's.
    keep(tmp_path / "store", (ids[0], None), (ids[1], ids[0]), (ids[2], ids[0]))
    plan = cut(runs_of(tmp_path, {}), SegmentStore(tmp_path / "store"))
    assert plan.runs[0].segments == [ids[0], ids[2], f"{phase}-0050"]
    assert plan.segments[f"{phase}-0050"].first_epoch == 31


@pytest.mark.parametrize(
    ("change", "other"),
    [
        ({"optimizer.lr": [1e-2]}, True),
        ({"batch_size": [4]}, True),
        ({"data.image_size": [[64, 64]]}, True),
        ({"data.augmentation": ["basic"]}, True),
        ({"loss.main": [{"focal": 1.0}]}, True),
        ({"loss.main": [{"cross_entropy": {"weight": 1.0, "label_smoothing": 0.0}}]}, False),
        ({"workers": [7]}, False),
        ({"on_oom": ["accumulate"]}, False),
        ({"scheduler.power": [0.5]}, False),  # constant does not read it
        ({"optimizer.momentum": [0.5]}, False),  # adam does not read it
    ],
)
def test_only_what_can_change_an_outcome_is_in_the_address(tmp_path, change, other):
    before, after = (runs_of(tmp_path, {}, **axes)[0].phases[0].hash for axes in ({"batch_size": [8]}, change))
    assert (before != after) is other


def test_seed_and_data_are_in_the_address_name_and_metric_are_not(tmp_path):
    hashes = [run.phases[0].hash for run in runs_of(tmp_path, {}, seeds=(0, 1))]
    hashes += [run.phases[0].hash for run in runs_of(tmp_path, {}, data="other")]
    assert len(set(hashes)) == 3
    for study in ({"name": "renamed"}, {"metric": "val/dice"}, {"metric": "val/loss", "minimize": True}):
        assert runs_of(tmp_path, {}, study=study)[0].phases[0].hash == hashes[0]


@pytest.mark.parametrize(
    "watching", [{"early_stopping": {"patience": 3}}, {"scheduler": {"name": "plateau", "patience": 3}}]
)
def test_the_metric_is_in_the_address_where_it_stops_a_run_or_lowers_the_rate(tmp_path, watching):
    def address(train=watching, **study):
        return runs_of(tmp_path, train, study=study)[0].phases[0].hash

    (section, keys), *_ = watching.items()
    assert address() != address(metric="val/dice")
    # What is watched counts, not whether it is the study's metric.
    named = {section: keys | {"monitor": "val/miou"}}
    assert address() == address(named) == address(named, metric="val/dice")
    assert address(metric="val/loss", minimize=True) == address({section: keys | {"monitor": "val/loss"}})
