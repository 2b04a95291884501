"""Studies that cannot be scored on a test split are refused before anything trains, with a remedy."""

from pathlib import Path

import pytest

from segsweep.config.load import Request, load
from segsweep.config.test_score_checks import problems_of_test_score
from segsweep.errors import InputError
from tests.unit.test_inference_folds import dataset, study
from tests.workspace import Workspace

SPLITS = {"train": "t", "val": "v", "test": "u"}


def problems(splits, **keys):
    return problems_of_test_score(study(**keys), dataset(**splits), Path("nowhere"), lambda keys: f"s.yaml:{keys[-1]}")


def test_what_can_be_scored_is_no_problem():
    assert problems(SPLITS, test={"of": "top 3"}) == []
    assert problems(SPLITS, test={"of": "ensemble"}, ensemble={"folds": 2}) == []
    assert problems({"train": "t", "val": "v"}) == []


def test_a_data_set_without_a_test_split_is_refused():
    (said,) = problems({"train": "t", "val": "v"}, test={})
    assert said == "s.yaml:test: the data set d has no test split. Add one to `splits`, or leave `test` out."


def test_an_ensemble_that_the_study_has_not_is_refused():
    (said,) = problems(SPLITS, test={"of": "ensemble"})
    assert said.startswith("s.yaml:of: the study has no ensemble to score. Give it the key `ensemble`")


def test_members_of_an_ensemble_are_not_trained_again():
    (said,) = problems(SPLITS, test={"of": "ensemble", "retrain": "train+val"}, ensemble={"folds": 2})
    assert said.startswith("s.yaml:retrain: the members of an ensemble are trained on folds")


@pytest.mark.parametrize("of", ["top 0", "worst", "top"])
def test_other_models_are_refused(of):
    with pytest.raises(ValueError, match=r"test\.of"):
        study(test={"of": of})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "the data set tiny has no test split"),
        ({"train": None, "command": "true", "grid": {"a": [1]}, "parameters": {"a": 1}, "epochs": 1,
          "results": {"file": "m.csv"}}, "this study has `command`"),
    ],
)  # fmt: skip
def test_a_study_file_says_where_it_is_wrong(tmp_path, monkeypatch, keys, said):
    workspace = Workspace.entered(tmp_path, monkeypatch)
    workspace.write_study(test={"of": "best"}, **keys)
    with pytest.raises(InputError, match=rf"config/studies/little.yaml:\d+: .*{said}"):
        load(Request(study="little"))
