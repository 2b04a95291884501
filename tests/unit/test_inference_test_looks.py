"""The ledger of looks at a test split: each is counted once, and none is lost."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from segsweep.errors import InputError
from segsweep.inference.test_looks import Look, read_looks, record_ensemble, record_evaluation, record_look
from tests.segments import segment_plan, study_plan

LOOK = Look("score_test", "best", ["a-s0"], ["0123-0004"], "test/miou")


@pytest.mark.parametrize(
    "other",
    [{"by": "evaluate_run"}, {"of": "top 3"}, {"models": ["0123-0008"]}, {"metric": "test/dice"}, {"how": "vote"}],
)
def test_another_way_of_looking_is_a_look_and_a_rerun_is_none(tmp_path, other):
    counted = [record_look(tmp_path, look) for look in (LOOK, LOOK, replace(LOOK, **other), LOOK)]
    assert counted == [1, 1, 2, 2]
    assert [{key: look[key] for key in other} for look in read_looks(tmp_path)[1:]] == [other]


def test_the_same_models_in_another_order_are_no_new_look(tmp_path):
    two = replace(LOOK, of="top 2", runs=["a-s0", "b-s0"], models=["0123-0004", "4567-0004"])
    assert [
        record_look(tmp_path, one) for one in (two, replace(two, runs=two.runs[::-1], models=two.models[::-1]))
    ] == [1, 1]


def test_looks_at_the_same_time_are_all_counted(tmp_path):
    looks = [replace(LOOK, of=f"run {number}") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda look: record_look(tmp_path, look), looks))
    assert sorted(look["of"] for look in read_looks(tmp_path)) == [look.of for look in looks]


def test_a_damaged_ledger_is_no_fresh_start(tmp_path):
    (tmp_path / "test_looks.json").write_text('{"looks": [')
    with pytest.raises(InputError, match=r"test_looks.json: is no JSON .* It cannot be made again: restore it"):
        record_look(tmp_path, LOOK)
    assert json.loads((tmp_path / "test_looks.json").read_text() + "]}") == {"looks": []}


def test_only_what_saw_the_test_split_is_counted(tmp_path):
    plan = study_plan(segment_plan())
    run = plan.runs[0].run
    record_evaluation(tmp_path, plan, {"split": "val", "run": run}, {})
    record_ensemble(tmp_path, plan, {"split": "val", "rows": [{"run": run}]})
    record_ensemble(tmp_path, plan, {"split": "test", "rows": []})
    assert read_looks(tmp_path) == []
    record_evaluation(tmp_path, plan, {"split": "test", "run": run}, {"top_k": 5, "shape": "quad"})
    (look,) = read_looks(tmp_path)
    assert (look["by"], look["of"], look["how"]) == ("evaluate_run", run, "shape=quad, top_k=5")
