"""How much of the disk a study takes."""

import os
from dataclasses import replace

import pytest
import segmentation_models_pytorch as smp
import torch

from segsweep.config.keep import Keep
from segsweep.planning.disk_use import MIB, READ, WEIGHTS_MB, disk_use
from segsweep.store.segment_store import SegmentStore
from tests.segments import segment_plan, study_plan, write_segment

TRAIN = {"model": {"encoder": "resnet18"}, "optimizer": {"name": "sgd"}, "loss": {"main": {"cross_entropy": 1.0}}}


def plan_of(count=3, **fields):
    plan = study_plan(*(segment_plan(f"{letter * 16}-0004", train=TRAIN, **fields) for letter in "abc"[:count]))
    return replace(plan, runs=[replace(run, role="grid") for run in plan.runs])


def test_weights_of_all_runs_and_states_with_what_the_optimizer_holds(tmp_path):
    use = disk_use(plan_of(), Keep(), SegmentStore(tmp_path))
    assert (use.weights, use.weights_of, use.states, use.states_of) == (3 * 55 * MIB, 3, 6 * 55 * MIB, 3)
    assert use.total == 9 * 55 * MIB


def test_what_is_not_kept_takes_nothing(tmp_path):
    use = disk_use(plan_of(can_be_extended=False), Keep(weights="best 2"), SegmentStore(tmp_path))
    assert (use.weights_of, use.states, use.total) == (2, 0, 2 * 55 * MIB)


def test_of_states_that_go_only_those_of_pruned_runs_count(tmp_path):
    plan = plan_of()
    assert disk_use(plan, Keep(state="none"), SegmentStore(tmp_path)).states_of == 0
    pruned = replace(plan, runs=[replace(plan.runs[0], pruned=True), *plan.runs[1:]])
    assert disk_use(pruned, Keep(state="none"), SegmentStore(tmp_path)).states_of == 1


def test_what_is_no_candidate_keeps_its_weights(tmp_path):
    plan = plan_of(can_be_extended=False)
    members = replace(plan, runs=[*plan.runs[:2], replace(plan.runs[2], role="ensemble")])
    assert disk_use(members, Keep(weights="best 1"), SegmentStore(tmp_path)).weights_of == 2


def test_what_was_measured_counts(tmp_path):
    segment = segment_plan("d" * 16 + "-0004", train=TRAIN)
    write_segment(tmp_path, segment.id, train=segment.train, dataset=segment.dataset, checkpoint_mb=7.5)
    use = disk_use(plan_of(1, can_be_extended=False), Keep(), SegmentStore(tmp_path))
    assert use.weights == 7.5 * MIB


def test_a_few_records_are_read_however_many_there_are(tmp_path, monkeypatch):
    """Of a plan's own segments one of each network, at whatever time it was trained; then the newest of all others."""
    plan = plan_of(2, can_be_extended=False)
    other = {"model": {"encoder": "resnet34"}, "optimizer": {"name": "sgd"}}
    plan.segments["b" * 16 + "-0004"] = segment_plan("b" * 16 + "-0004", train=other, can_be_extended=False)
    unlike = {"model": {"encoder": "resnet50"}}
    trained = [
        ("a" * 16, TRAIN, 7.5),
        *((f"{number:016x}", unlike, 1.5) for number in range(READ)),
        ("d" * 16, other, 9.5),
    ]
    for age, (phase, train, size) in enumerate(trained):
        planned = segment_plan(f"{phase}-0004", train=train)
        folder = write_segment(tmp_path, planned.id, train=planned.train, dataset=planned.dataset, checkpoint_mb=size)
        os.utime(folder / "segment.json", (age, age))
    read = []
    record = SegmentStore.record
    monkeypatch.setattr(SegmentStore, "record", lambda store, segment: read.append(segment) or record(store, segment))
    assert disk_use(plan, Keep(), SegmentStore(tmp_path)).weights == (7.5 + 9.5) * MIB
    assert [segment[0] for segment in read] == ["a", "d"]
    read.clear()
    plan.segments["e" * 16 + "-0004"] = segment_plan("e" * 16 + "-0004", train={"model": {"encoder": "vgg16"}})
    disk_use(plan, Keep(), SegmentStore(tmp_path))
    assert len(read) == READ


@pytest.mark.parametrize("encoder", ["tu-lcnet_050", "mobilenet_v2", "resnet18", "resnet34", "resnet50"])
def test_the_sizes_of_networks(encoder):
    with torch.device("meta"):
        network = smp.Unet(encoder_name=encoder, encoder_weights=None, classes=4)
    counted = sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values()) / MIB
    assumed = next(size for name, size in WEIGHTS_MB.items() if name in encoder)
    assert counted == pytest.approx(assumed, rel=0.15)
