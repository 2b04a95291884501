"""plan.json: read as it was written, and one segment of it without the rest."""

import dataclasses
import json

import pytest

from segsweep.errors import InputError
from segsweep.planning import plan_file
from segsweep.planning.plan_file import PlannedCell, SegmentPlan, StudyPlan, read_plan, read_segment
from tests.segments import segment_plan, study_plan

ONE, TWO = f"{'a' * 16}-0004", f"{'b' * 16}-0008"


@pytest.fixture
def plan():
    return study_plan(segment_plan(ONE), segment_plan(TWO, first_epoch=5, parent=ONE, selections=["max val/dice"]))


@pytest.fixture(params=[100, 0], ids=["in full", "differences"])
def file(request, monkeypatch, tmp_path, plan):
    monkeypatch.setattr(plan_file, "IN_FULL", request.param)
    path = tmp_path / "plan.json"
    path.write_text(plan.text())
    return path


def test_a_plan_is_read_as_it_was_written(plan, file):
    assert read_plan(file) == plan
    assert read_plan(file).segments[TWO].epochs == 4


def test_its_keys_are_those_that_other_programs_read(plan, file):
    content = json.loads(file.read_text())
    assert content["study"]["metric"] == "val/miou"
    assert content["runs"][0]["segments"] == [ONE]
    assert content["segments"][TWO]["parent"] == ONE
    assert read_segment(file, TWO) == plan.segments[TWO]


def test_of_few_cells_each_stands_there_in_full():
    plan = plan_of_many(100)
    content = json.loads(plan.text())
    assert [cell["train"] for cell in content["cells"]] == [cell.train for cell in plan.cells]
    fields = {one.name for one in dataclasses.fields(SegmentPlan)}
    assert all(segment.keys() == fields for segment in content["segments"].values())


def plan_of_many(count: int) -> StudyPlan:
    """Of so many cells, each of one segment: a rate and a loss vary."""
    train = segment_plan().train
    segments, cells = [], []
    for number in range(count):
        lr, loss = (number + 1) * 1e-5, {"dice" if number % 2 else "cross_entropy": 1.0}
        changed = {"optimizer": train["optimizer"] | {"lr": lr}, "loss": train["loss"] | {"main": loss}}
        own = train | changed
        segments.append(segment_plan(f"{number:016x}-0004", label=f"many lr={lr:g} cell={number}", train=own))
        cells.append(PlannedCell(f"cell={number}", f"lr={lr:g}", "grid", settings={"optimizer.lr": lr}, train=own))
    return dataclasses.replace(study_plan(*segments), cells=cells)


def test_settings_that_cells_share_are_written_once(tmp_path):
    plan = plan_of_many(500)
    text = plan.text()
    assert len(text) < 700 * 500  # bytes of a cell, where each by itself took 4,500
    (tmp_path / "plan.json").write_text(text)
    assert read_plan(tmp_path / "plan.json") == plan


def test_a_segment_is_found_without_reading_the_rest(tmp_path):
    plan = plan_of_many(500)
    wanted = f"{400:016x}-0004"
    text = plan.text()
    head, begin = text.index(',"study":'), text.index(f'"{wanted}":')
    end = text.index('},"', begin) + 1
    file = tmp_path / "plan.json"
    file.write_text(f"{text[:head]} what is not looked at {text[begin:end]} neither is this")
    assert read_segment(file, wanted) == plan.segments[wanted]


def test_a_plan_that_changed_is_read_again(plan, file, tmp_path):
    assert read_segment(file, ONE).seed == 0
    (tmp_path / "new.json").write_text(study_plan(segment_plan(ONE, seed=1)).text())
    (tmp_path / "new.json").rename(file)
    assert read_segment(file, ONE).seed == 1


def test_what_is_missing_is_said_with_a_remedy(file, tmp_path):
    with pytest.raises(InputError, match=r"no segment c+-0001 among its 2\. If the study changed since, plan it again"):
        read_segment(file, "c" * 16 + "-0001")
    for read in (read_plan, lambda path: read_segment(path, ONE)):
        with pytest.raises(InputError, match=r"none\.json: cannot be read .* Plan the study first"):
            read(tmp_path / "none.json")


@pytest.mark.parametrize("text", ["[]", "{}", '{"cells": [1], "runs": []}'])
def test_what_is_no_plan_is_said(tmp_path, text):
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"plan\.json: is no plan of a study"):
        read_plan(path)


def test_results_made_elsewhere_have_no_segments():
    content = {"study": {"metric": "miou"}, "name": "foreign", "axes": ["lr"], "notes": ["as printed"]}
    content |= {"cells": [{"cell": "a", "label": "lr=1"}], "runs": [{"run": "a", "cell": "a", "segments": []}]}
    plan = StudyPlan.from_json(content)
    assert (plan.segments, plan.dataset, plan.minimize) == ({}, None, False)
    assert plan.runs[0].seed is None


def test_its_digest_stands_for_all_that_results_follow_from(plan):
    one = plan.segments[ONE]
    others = [
        dataclasses.replace(plan, dataset={"name": "big"}),
        dataclasses.replace(plan, study=plan.study | {"metric": "val/dice"}),
        dataclasses.replace(plan, cells=plan.cells[::-1]),
        dataclasses.replace(plan, cells=[dataclasses.replace(plan.cells[0], train=one.train), plan.cells[1]]),
        dataclasses.replace(plan, runs=[dataclasses.replace(plan.runs[0], pruned=True), plan.runs[1]]),
        dataclasses.replace(plan, segments={TWO: plan.segments[TWO]}),
    ]
    assert len({plan.digest(), *(other.digest() for other in others)}) == len(others) + 1


def test_its_digest_asks_for_content_alone(plan, file):
    assert read_plan(file).digest() == plan.digest()  # of other objects
    kept_besides = dataclasses.replace(plan.segments[TWO], selections=[])
    assert dataclasses.replace(plan, segments=plan.segments | {TWO: kept_besides}).digest() == plan.digest()
