"""Which images a run sees: no member of an ensemble ever sees those that all are scored on."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from segsweep.config.search import Ensemble
from segsweep.config.study import Study
from segsweep.config.study_checks import with_split_to_score_on
from segsweep.config.train import Data
from segsweep.data.readers.folder import FolderDataset
from segsweep.data.splits import folds, images_of_run
from segsweep.errors import InputError
from segsweep.search.requests import folds_of, folds_of_ensemble


class Split:
    """As much of a prepared split as folds look at: the class of one image in three is rare."""

    def __init__(self, count, first_page=None):
        self.class_counts = np.array([[1, int(i % 3 == 0)] for i in range(count)])
        self.first_page = first_page

    def __len__(self):
        return len(self.class_counts)

    def group(self, i):
        return None

    def page(self, i):
        return None if self.first_page is None else {"page": f"p{self.first_page + i // 2}"}


def prepared(train=12, val=6, paged=False):
    splits = {"train": Split(train, 0 if paged else None), "val": Split(val, 0 if paged else None)}
    return SimpleNamespace(folder="data", task="multiclass", splits=splits)


def fold(index, within, k=3):
    return {"index": index, "k": k, "seed": 0, "within": within}


def refs(split, count):
    return [(split, i) for i in range(count)]


def test_without_folds_the_splits_are_as_they_are():
    assert images_of_run(prepared(), Data(), None) == (refs("train", 12), refs("val", 6))
    some = images_of_run(prepared(), Data(train_subset=5, val_subset=2), None)
    assert [len(part) for part in some] == [5, 2]


def test_folds_within_train_never_touch_validation_images():
    held = []
    for index in range(3):
        training, validation = images_of_run(prepared(), Data(), fold(index, "train"))
        assert sorted(training + validation) == refs("train", 12)
        held += validation
    assert sorted(held) == refs("train", 12)


def test_pooled_folds_deal_out_both_splits_and_spread_what_is_rare():
    held = []
    for index in range(3):
        training, validation = images_of_run(prepared(), Data(), fold(index, "train+val"))
        assert sorted(training + validation) == refs("train", 12) + refs("val", 6)
        assert sum(i % 3 == 0 for _, i in validation) == 2
        held += validation
    assert sorted(held) == refs("train", 12) + refs("val", 6)


def test_subsets_are_kept_to():
    data = Data(train_subset=6, val_subset=3)
    training, validation = images_of_run(prepared(), data, fold(0, "train+val"))
    whole = images_of_run(prepared(), data, None)
    assert sorted(training + validation) == sorted(whole[0] + whole[1])


def test_pages_of_one_name_in_two_splits_are_two_pages():
    for training, validation in folds(prepared(paged=True), 3, 0, None, list(range(6))):
        pages = [{(split, i // 2) for split, i in part} for part in (training, validation)]
        assert not pages[0] & pages[1]
        assert len(pages[0]) + len(pages[1]) == 9


def study(**keys):
    train = {"loss": {"main": {"cross_entropy": 1.0}}}
    return Study.model_validate({"name": "s", "train": train, "grid": {"epochs": [1]}} | keys)


def dataset(**splits):
    return FolderDataset(name="d", classes={0: "a", 1: "b"}, splits=splits)


@pytest.mark.parametrize(
    ("splits", "score_on", "within"),
    [
        ({"train": "t", "val": "v", "test": "u"}, "test", "train+val"),
        ({"train": "t", "val": "v"}, "val", "train"),
    ],
)
def test_what_an_ensemble_is_scored_on(splits, score_on, within):
    ensemble = with_split_to_score_on(Ensemble(folds=2), dataset(**splits), Path("nowhere"), str)
    assert ensemble.score_on == score_on
    made = folds_of_ensemble(study(ensemble=ensemble.model_dump()))
    assert made == [{"index": i, "k": 2, "seed": 0, "within": within} for i in range(2)]


def test_a_test_split_that_is_not_there():
    with pytest.raises(InputError, match="the data set d has no test split"):
        with_split_to_score_on(Ensemble(score_on="test"), dataset(train="t", val="v"), Path("nowhere"), str)


def test_a_test_split_without_ground_truth_scores_nothing(tmp_path):
    for split, name in (("train", "a"), ("val", "b"), ("test", "c")):
        (tmp_path / f"{split}.txt").write_text(name)
    (tmp_path / "masks").mkdir()
    splits = dataset(train="train.txt", val="val.txt", test="test.txt")
    assert with_split_to_score_on(Ensemble(folds=2), splits, tmp_path, str).score_on == "val"
    with pytest.raises(InputError, match=r"d has no ground truth of its test split. Add it, or score on `val`"):
        with_split_to_score_on(Ensemble(score_on="test"), splits, tmp_path, str)
    (tmp_path / "masks/c.png").touch()
    assert with_split_to_score_on(Ensemble(folds=2), splits, tmp_path, str).score_on == "test"


def test_cross_validation_is_on_both_splits():
    assert folds_of(study()) == [None]
    assert folds_of(study(folds=2)) == [{"index": i, "k": 2, "seed": 0, "within": "train+val"} for i in range(2)]


def test_a_drawn_test_split_has_the_ground_truth_of_all_images(tmp_path):
    for folder, ending in (("images", "jpg"), ("masks", "png")):
        (tmp_path / folder).mkdir()
        for number in range(10):
            (tmp_path / folder / f"{number}.{ending}").touch()
    drawn = dataset(random={"val": 0.2, "test": 0.3, "seed": 0})
    assert with_split_to_score_on(Ensemble(folds=2), drawn, tmp_path, str).score_on == "test"
