"""Numbers of best.yaml: every digit as given, read back as the same number by any reader of YAML."""

import yaml

from segsweep.analysis.best_setting import _dump

GIVEN = {
    "lr": 0.00123456789012345, "weight_decay": 5e-4, "eps": 1e-05, "momentum": 0.9, "sum": 0.1 + 0.2, "large": 1e20,
    "negative": -3.25e-7, "many": 123456.789012345, "one": 1.0, "none": 0.0, "endless": float("inf"), "count": 8,
}  # fmt: skip


def test_no_number_is_rounded():
    text = _dump(GIVEN)
    assert yaml.safe_load(text) == GIVEN
    assert "weight_decay: 5.0e-4" in text
    assert "lr: 1.23456789012345e-3" in text
    assert "!!" not in text
