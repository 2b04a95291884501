"""The program that compares two revisions sees each difference, and nothing where there is none."""

import copy

import numpy as np
import pytest
import torch

from segsweep.config.train import Train
from tests.same_training import EPOCHS, STUDIES, differences

WRITTEN = {
    "segment 1": {
        "epochs.csv": {"epoch 1": {"epoch": "1", "train/loss": "0.5"}},
        "counts.npz": {"confusion": np.arange(4)},
        "last.pt": {"model": {"weight": torch.tensor([1.0, float("nan")])}, "optimizer": {"groups": [{"lr": 0.1}]}},
    }
}


def test_equal_to_the_bit_is_the_same_and_what_is_new_does_not_matter():
    now = copy.deepcopy(WRITTEN)
    assert list(differences(WRITTEN, now)) == []
    now["segment 1"]["epochs.csv"]["epoch 1"]["train/skipped_steps"] = "0"
    now["segment 1"]["last.pt"]["ema"] = {}
    assert list(differences(WRITTEN, now)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda one: one["epochs.csv"]["epoch 1"].update({"train/loss": "0.6"}),
            "epoch 1, train/loss, 0.5 before, 0.6",
        ),
        (lambda one: one["epochs.csv"].clear(), "epoch 1: gone"),
        (lambda one: one["counts.npz"]["confusion"].__setitem__(0, 7), "confusion, 1 of 4 numbers differ"),
        (lambda one: one["last.pt"]["model"].update(weight=torch.tensor([-1.0, 0.0])), "weight, 2 of 2 numbers differ"),
        (lambda one: one["last.pt"]["model"].update(weight=torch.zeros(3)), "float32 (2,) before, float32 (3,) now"),
        (lambda one: one["last.pt"]["optimizer"]["groups"][0].update(lr=0.2), "lr, 0.1 before, 0.2 now"),
    ],
)
def test_a_difference_is_named(change, said):
    now = copy.deepcopy(WRITTEN)
    change(now["segment 1"])
    (found,) = differences(WRITTEN, now)
    assert found.startswith("segment 1, ")
    assert said in found


def test_zero_and_minus_zero_are_not_the_same_bits():
    assert list(differences({"a": np.array([0.0])}, {"a": np.array([-0.0])})) == ["a, 1 of 1 numbers differ"]


@pytest.mark.parametrize("name", STUDIES)
def test_the_settings_that_are_compared_are_settings(name):
    assert Train.model_validate(STUDIES[name][2] | {"epochs": EPOCHS}).epochs == EPOCHS
