"""Which of a study's models a word means."""

import json
from dataclasses import replace

import pytest

from segsweep.errors import InputError
from segsweep.inference.chosen_models import choose_models, models_to_test
from segsweep.inference.test_scores import score, write
from segsweep.store.segment_store import SegmentStore
from tests.segments import segment_plan, study_plan


@pytest.fixture
def study(tmp_path):
    ranking = tmp_path / "ranking.csv"
    ranking.write_text("cell,best_run\na,b\nb,\nc,a\n")
    plan = study_plan(segment_plan())
    plan = replace(plan, runs=[replace(plan.runs[0], run=name) for name in "abc"])
    return plan, SegmentStore(tmp_path), ranking


@pytest.mark.parametrize(
    ("of", "runs"), [("best", ["b"]), ("top 1", ["b"]), ("top 3", ["b", "a"]), ("c", ["c"])],
)  # fmt: skip
def test_a_word_means_runs(study, of, runs):
    assert [run.run for run in choose_models(*study, of).runs] == runs


def test_the_setting_of_best_yaml_comes_first(study):
    study[2].with_name("analysis.json").write_text('{"best": {"cell": "c"}}')
    assert [run.run for run in choose_models(*study, "top 2").runs] == ["a", "b"]


@pytest.mark.parametrize(("of", "said"), [("d", "no run 'd'"), ("top 0", "no run 'top 0'"), ("ensemble", "`best`")])
def test_what_is_not_there_is_refused(study, of, said):
    with pytest.raises(InputError, match=said):
        choose_models(*study, of)


def test_without_a_usable_run_there_is_no_best_one(study):
    study[2].write_text("cell,best_run\na,\n")
    with pytest.raises(InputError, match="no setting has a usable run"):
        choose_models(*study)


@pytest.mark.parametrize(
    "wish",
    [{"of": "best", "retrain": "none"}, {"of": "best", "retrain": "train+val"}, {"of": "ensemble", "retrain": "none"}],
)
def test_without_a_usable_run_none_is_scored_on_the_test_split_and_none_looks_at_it(study, wish, tmp_path):
    plan, store, ranking = study
    ranking.write_text("cell,best_run\na,\n")
    plan = replace(plan, study=plan.study | {"test": wish, "metric": "val/miou"}, dataset={"task": "multiclass"})
    found = score(plan, store, models_to_test(plan, store, ranking))
    assert (found.rows, found.look, found.about["images"]) == ([], None, 0)
    write(found, tmp_path)
    assert len((tmp_path / "test.csv").read_text(encoding="utf-8").splitlines()) == 1
    assert json.loads((tmp_path / "test.json").read_text(encoding="utf-8"))["notes"][0].startswith("No model is scored")
