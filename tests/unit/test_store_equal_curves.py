"""Which runs are one result because their curves are equal."""

import pytest

from segsweep.store.equal_curves import compared_columns, curve_key, repeated_runs

HEADER = ["epoch", "lr", "train/loss", "val/iou", "seconds"]
LONG = [["1", "0.001", "0.81273645", "0.5", "1.2"], ["2", "0.0009045084971874737", "0.7", "0.6", "1.3"]]


def test_what_measures_the_machine_is_not_compared():
    later = [[*row[:-1], "9.9"] for row in LONG]
    assert curve_key(HEADER, LONG) == curve_key(HEADER, later)
    other = [LONG[0], [*LONG[1][:3], "0.61", "1.3"]]
    assert curve_key(HEADER, LONG) != curve_key(HEADER, other)


def test_names_of_columns_tell_what_they_measure():
    header = ["epoch", "val_iou", "trainLoss", "epochTime", "time_s", "images_per_second", "gpuMem", "seed", "lr"]
    assert compared_columns(header) == ["epoch", "val_iou", "trainLoss"]


@pytest.mark.parametrize(
    "rows",
    [
        [["1", "0.001", "", "0.85", "1"]],  # one score of two digits: equal by chance
        [[str(epoch), f"0.00{epoch}12345", "", "0.0", "1"] for epoch in range(1, 50)],  # nothing was learnt
        [[str(epoch), "0.001", "0.69", "0.5", "1"] for epoch in range(1, 50)],
    ],
)
def test_few_digits_tell_nothing(rows):
    assert curve_key(HEADER, rows) is None


def test_a_repeated_run_is_one_of_the_same_cell():
    curves = [("a", "a-s0", 1), ("a", "a-s1", 1), ("b", "b-s0", 1), ("a", "a-s2", 2), ("b", "b-s1", None)]
    assert repeated_runs(curves) == {"a-s1": "a-s0"}
