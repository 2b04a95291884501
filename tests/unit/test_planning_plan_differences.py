"""What settings have otherwise than others, by dotted key."""

import json

import pytest

from segsweep.planning.plan_differences import differences, with_differences

BASE = {"lr": 0.5, "loss": {"main": {"dice": 1.0}, "at": [1, 2]}, "ema": None, "workers": 1}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {}),
        ({"lr": 0.25}, {"lr": 0.25}),
        ({"lr": -0.0, "workers": True}, {"lr": -0.0, "workers": True}),
        ({"workers": 1.0}, {"workers": 1.0}),  # equal, and not the same
        ({"ema": {"decay": 0.9}}, {"ema": {"decay": 0.9}}),
        ({"loss": None}, {"loss": None}),
        ({"loss": {"main": {"dice": 1.0}, "at": [1, 2, 3]}}, {"loss.at": [1, 2, 3]}),
        ({"loss": {"main": {"dice": 2.0}, "at": [1, 2]}}, {"loss.main.dice": 2.0}),
        (
            {"loss": {"main": {"focal": 1.0, "dice": 1.0}, "at": [3]}},
            {"loss.main": {"focal": 1.0, "dice": 1.0}, "loss.at": [3]},
        ),
        ({"loss": {"main": {}, "at": [1, 2]}}, {"loss.main": {}}),
        ({"more": 1}, {"": BASE | {"more": 1}}),
    ],
)
def test_only_what_differs_is_written(change, expected):
    value = BASE | change
    found = differences(value, BASE)
    assert json.dumps(found) == json.dumps(expected)
    assert json.dumps(with_differences(BASE, found)) == json.dumps(value)


@pytest.mark.parametrize(
    ("value", "base"),
    [
        ({"my/loss.py:build": {"weight": 2}}, {"my/loss.py:build": {"weight": 1}}),  # a dot in a key
        ({"": 2}, {"": 1}),
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}),  # the order is kept, as sums of losses are worded in it
        ([1], {"a": 1}),
        ({}, {"a": 1}),
        ({"a": {"b": 1}}, {}),
    ],
)
def test_what_no_dotted_key_can_say_is_written_in_full(value, base):
    for outer_value, outer_base in ((value, base), ({"outer": value}, {"outer": base})):
        found = differences(outer_value, outer_base)
        assert list(found.values()) == [value]
        assert json.dumps(with_differences(outer_base, found)) == json.dumps(outer_value)


def test_the_base_stays_as_it_is():
    before = json.dumps(BASE)
    value = with_differences(BASE, {"loss.main.dice": 2.0, "loss.at": []})
    assert value["loss"] == {"main": {"dice": 2.0}, "at": []}
    assert json.dumps(BASE) == before
