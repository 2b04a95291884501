"""What trains again though its address, or the setting in its study, is the same: out of memory, exchanged weights."""

from pathlib import Path

import pytest

from segsweep.errors import InputError
from segsweep.io import write_csv
from segsweep.planning.plan_writer import PlanWriter
from segsweep.planning.planner import open_study
from segsweep.store.segment_record import split_id
from segsweep.store.segment_store import STORE, SegmentStore
from tests.segments import write_segment
from tests.workspace import SMALL, Workspace

CUT = {"loss.phases": [[], [{"until_epoch": 1}, {"main": {"dice": 1.0}}]]}  # three segments: 1, 2 and 2


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    return Workspace.entered(tmp_path, monkeypatch)


def planned(workspace, on_oom, **keys):
    workspace.write_study(**{"train": SMALL | {"on_oom": on_oom}, "grid": CUT} | keys)
    return open_study({"study": "little"}, plans=True)


def complete(segment, status, on_oom="skip", parent=None):
    folder = write_segment(STORE, segment, status=status, train={"on_oom": on_oom}, parent=parent)
    write_csv(folder / "epochs.csv", [{"epoch": epoch} for epoch in range(1, split_id(segment)[1] + 1)])
    if status == "finished":
        (folder / "last.pt").touch()


@pytest.fixture
def ended(workspace):
    """A trained study: one of the two segments that follow the shared first one ended out of memory."""
    first, good, bad = planned(workspace, "skip").missing()
    complete(first, "finished")
    complete(good, "finished", parent=first)
    complete(bad, "oom", parent=first)
    return good, bad


def test_out_of_memory_is_a_result_as_long_as_it_is_to_be_recorded(workspace, ended):
    assert planned(workspace, "skip").missing() == []


@pytest.mark.parametrize("on_oom", ["accumulate", "fail"])
def test_what_ended_out_of_memory_trains_again_once_that_is_no_longer_wanted(workspace, ended, on_oom):
    planned(workspace, "skip")
    good, bad = ended
    study = planned(workspace, on_oom)
    assert study.missing() == [bad]
    assert study.why(bad) == f"ended out of memory, and on_oom is {on_oom} now"
    assert [one for one in ended if study.is_trained(one)] == [good]
    complete(bad, "finished", on_oom)
    assert planned(workspace, on_oom).missing() == []


def test_what_does_not_fit_into_memory_in_any_part_is_tried_once(workspace, ended):
    complete(ended[1], "oom", "accumulate")
    assert planned(workspace, "accumulate").missing() == []


def test_what_was_not_trained_for_a_parent_out_of_memory_trains_again_too(workspace):
    first, *children = planned(workspace, "skip").missing()
    complete(first, "oom")
    for child in children:
        complete(child, "oom", parent=first)
    assert planned(workspace, "skip").missing() == []
    study = planned(workspace, "accumulate")
    assert study.missing() == [first, *children]
    assert [study.plan.segments[child].parent for child in children] == [first, first]


def test_a_decision_does_not_rest_on_what_trains_again(workspace):
    wanted = {"cell": None, "set": {}, "role": "trial", "trial": 0, "key": "trial-000-s0", "seed": 0, "fold": None}
    wanted |= {"epochs": 2, "total_epochs": 2}
    keys = {"grid": {"optimizer.lr": [1e-3]}}
    study = planned(workspace, "skip", **keys)
    (segment,) = study.missing()
    complete(segment, "oom")
    assert segment in planned(workspace, "skip", **keys).decided.segments_of(wanted, SegmentStore())
    assert segment not in planned(workspace, "accumulate", **keys).decided.segments_of(wanted, SegmentStore())


def weights(*contents):
    """Paths of files in a folder beside the study, as one writes them into it."""
    Path("weights").mkdir(exist_ok=True)
    for name, content in zip("ab", contents, strict=False):
        Path("weights", f"{name}.pt").write_bytes(content)
    return {"grid": {"model.encoder_weights": [None, "imagenet", "weights/a.pt", "weights/b.pt"]}}


def by_weights(study):
    return {one.train["model"]["encoder_weights"]: name for name, one in study.plan.segments.items()}


def test_an_exchanged_file_of_weights_trains_the_cells_that_use_it(workspace):
    writer = PlanWriter(planned(workspace, "skip", **weights(b"first", b"second")))
    writer.start()
    before = by_weights(writer.study)
    assert len(set(before.values())) == 4
    for segment in before.values():
        complete(segment, "finished")
    writer.finish()
    assert planned(workspace, "skip", **weights()).missing() == []
    study = planned(workspace, "skip", **weights(b"exchanged"))
    after = by_weights(study)
    assert study.missing() == [after["weights/a.pt"]]
    assert study.why(after["weights/a.pt"]) == "the file of the encoder's weights changed"
    assert {name for name in before if before[name] != after[name]} == {"weights/a.pt"}
    assert planned(workspace, "skip", **weights(b"first")).missing() == []  # it is the old one again


def test_a_file_of_weights_that_is_not_there_is_said_before_anything_trains(workspace):
    with pytest.raises(InputError, match=r"there is no file weights/a\.pt\. Give a path, a name \(imagenet\) or null"):
        planned(workspace, "skip", **weights())
