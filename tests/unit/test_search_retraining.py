"""Which runs are trained again on training and validation images: those that a study recommends."""

import pytest

from segsweep.search.decision_inputs import basis_of, valid_steps
from segsweep.search.decisions import decide
from segsweep.search.retraining import WHOLE, in_order
from tests.unit.test_inference_folds import study


def finalist(cell, mean, *, failed=False, epoch=3, trial=None):
    values = {"optimizer.lr": mean}
    return {"cell": cell, "trial": trial, "set": values, "mean": mean, "failed": failed, "seed": 1, "epoch": epoch,
            "total_epochs": 8}  # fmt: skip


FOUND = [finalist("a", 0.5), finalist("b", 0.9, failed=True), finalist("c", 0.7, trial=2)]


def cells(found):
    return "".join(one["cell"] for one in found)


def wishing(of="best", **keys):
    return study(test={"of": of, "retrain": "train+val"}, **keys)


def test_the_first_without_a_failed_run_comes_first_and_the_others_follow_by_their_means():
    assert cells(in_order(wishing(), FOUND, [])) == "cba"
    assert cells(in_order(wishing(minimize=True), FOUND, [])) == "acb"
    assert cells(in_order(wishing(), FOUND[1:2], [])) == "b"


@pytest.mark.parametrize(("origin", "order"), [({"cell": "a"}, "abc"), ({"trial": 2}, "cba")])
def test_the_winner_of_a_confirmation_comes_first(origin, order):
    confirmed = [{"cell": "b", "mean": None}, origin | {"mean": 0.6}, {"cell": "b", "mean": 0.4}]
    assert cells(in_order(wishing(), FOUND, confirmed)) == order


def test_a_grid_is_followed_by_runs_on_both_splits_up_to_the_epoch_that_validation_chose():
    wish = wishing("top 2")
    first = decide(wish, None, {}, candidates=[], finalists=FOUND, basis="now")
    assert (first["phase"], first["done"]) == ("retrain", False)
    keys = ("cell", "seed", "fold", "epochs", "total_epochs")
    assert [tuple(run[key] for key in keys) for run in first["requested"]] == [
        ("c", 1, WHOLE, 3, 8), ("b", 1, WHOLE, 3, 8),
    ]  # fmt: skip
    results = {run["key"]: {"status": "finished", "segment": "s"} for run in first["requested"]}
    last = decide(wish, first, results, finalists=FOUND)
    assert (last["phase"], last["done"], last["requested"]) == ("done", True, [])


def test_without_a_usable_run_nothing_is_trained_again():
    assert decide(wishing(), None, {}, candidates=[], finalists=[])["done"]


def test_a_choice_holds_until_a_run_that_it_rests_on_or_the_wish_is_another():
    wish = wishing("top 2")
    states = [decide(wish, None, {}, candidates=[], finalists=FOUND, basis=basis_of(["x", "y"]))]
    assert valid_steps(wish, states, basis=basis_of(["y", "x"])) == 1
    assert valid_steps(wish, states, basis=basis_of(["y", "z"])) == 0
    assert valid_steps(wishing(), states, basis=basis_of(["x", "y"])) == 0
    assert valid_steps(study(test={"of": "top 2"}), states, basis=basis_of(["x", "y"])) == 0
