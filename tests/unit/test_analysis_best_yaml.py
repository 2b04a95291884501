"""The best setting: the numbers of best.yaml, and which faster setting is advised beside it."""

import pandas as pd
import pytest
import yaml

from segsweep.analysis.best_setting import _dump, cheapest

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


RANKING = pd.DataFrame(
    {
        "mean": [0.60, 0.58, 0.52, 0.20],
        "low": [0.55, 0.53, 0.47, 0.15],
        "high": [0.65, 0.63, 0.57, 0.25],
        "cost/train_seconds": [100.0, 95.0, 50.0, 40.0],
    },
    index=["best", "close", "below", "far"],
)


@pytest.mark.parametrize(
    ("closer", "advised"),
    [({}, None), ({"below": 0.56}, "below"), ({"below": 0.56, "far": 0.55}, "far")],
    ids=["none within the interval is faster", "one", "the fastest of two"],
)
def test_a_faster_setting_is_advised_only_within_the_interval_of_the_best(closer, advised):
    ranking = RANKING.assign(
        mean=RANKING["mean"].replace({RANKING.at[name, "mean"]: new for name, new in closer.items()})
    )
    assert cheapest(ranking, "best", 1) == advised
    flipped = ranking.assign(mean=-ranking["mean"], low=-ranking["high"], high=-ranking["low"])
    assert cheapest(flipped, "best", -1) == advised


def test_without_an_interval_or_a_time_no_faster_setting_is_advised():
    assert cheapest(RANKING.assign(low=float("nan")), "best", 1) is None
    assert cheapest(RANKING.drop(columns="cost/train_seconds"), "best", 1) is None
    assert cheapest(RANKING, "other", 1) is None
