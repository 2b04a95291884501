"""The front of several objectives: by hand, with ties and failures; its knee, its shares, its report."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from segsweep.analysis.front import blocks_of, knee_of, on_front, shares_on_front
from tests.program_study import RESULTS, program_study, usual_rows
from tests.unit.test_analysis_program import analyzed, reported, table

COLUMNS = {"file": "metrics.csv", "columns": RESULTS["columns"] | {"val/latency": "latency"}}
OBJECTIVES = {"val/miou": "maximize", "val/latency": "minimize"}
# A run that a program of its own trains: the larger the batch and the rate, the slower.
LATENCY = {(1e-3, 4): 2.0, (1e-3, 8): 4.0, (1e-2, 4): 3.0, (1e-2, 8): 5.0}


def with_latency(settings, seed):
    latency = LATENCY[settings["optimizer.lr"], settings["batch_size"]] + 0.01 * math.cos(seed)
    return [row | {"latency": latency} for row in usual_rows(settings, seed)]


def test_front_by_hand():
    losses = np.array([[1, 5], [2, 3], [2, 4], [4, 1], [4, 1], [5, 5], [math.nan, 0]], float)
    assert on_front(losses).tolist() == [True, True, False, True, True, False, False]
    assert on_front(np.array([[1, 2, 3], [1, 2, 2], [0, 9, 9]], float)).tolist() == [False, True, True]
    assert on_front(np.zeros((0, 2))).tolist() == []


def test_knee_by_hand():
    """Scaled to 0..1, (0, 1), (0.2, 0.3), (0.6, 0.2), (1, 0): the second is (1 - 0.5) / sqrt(2) beyond the line."""
    front = np.array([[10, 1.0], [12, 0.3], [16, 0.2], [20, 0.0]])
    assert knee_of(front) == 1
    assert knee_of(front[:2]) is None
    assert knee_of(front[[0, 0, 3]]) is None
    # A front that bends the other way has no knee, nor has a straight one, nor one of three objectives.
    assert knee_of(np.array([[0, 1.0], [0.8, 0.8], [1, 0.0]])) is None
    assert knee_of(np.array([[0, 1.0], [0.5, 0.5], [1, 0.0]])) is None
    assert knee_of(np.eye(3)) is None


def runs_of(values, blocks):
    return pd.DataFrame(
        [
            {"cell": cell, "seed": seed, "fold": None, "a": a, "b": b}
            for cell, ones in values.items()
            for seed, (a, b) in zip(blocks, ones, strict=False)
        ]
    )


def test_shares_follow_the_blocks():
    """Settings share seeds. One is always cheaper, one always better; the third is ahead of the second in one seed."""
    values = {
        "cheap": [(1, 0.5)] * 3,
        "good": [(3, 0.9), (3, 0.8), (3, 0.7)],
        "like good": [(3, 0.89), (3, 0.79), (3, 0.715)],
        "behind": [(4, 0.4)] * 3,
    }
    cells = pd.Index(values)
    blocks = blocks_of(runs_of(values, [0, 1, 2]), cells, np.array([-1.0, 1.0]))
    assert blocks.unit == "seed"
    assert blocks.counts.tolist() == [[1] * 4] * 3
    cheap, good, like, behind = shares_on_front(blocks)
    assert (cheap, behind) == (1, 0)
    # "like good" is ahead if the third seed is drawn twice (+0.015 against -0.01) or thrice.
    exact = (3 * 2 + 1) / 27
    assert like == pytest.approx(exact, abs=0.03)
    assert good == pytest.approx(1 - exact, abs=0.03)
    # Drawn together: had each setting its own draws, the two would change places far more often.
    assert good + like == pytest.approx(1, abs=0.01)


def test_a_setting_with_fewer_runs_counts_in_the_draws_that_hold_one():
    values = {"a": [(1, 1)] * 4, "b": [(2, 2)]}
    cells = pd.Index(values)
    blocks = blocks_of(runs_of(values, [0, 1, 2, 3]), cells, np.array([-1.0, 1.0]))
    assert shares_on_front(blocks).tolist() == [1, 1]


def test_folds_are_the_blocks_where_there_are_folds():
    runs = runs_of({"a": [(1, 1)] * 4}, [0, 0, 1, 1]).assign(fold=[0, 1, 0, 1])
    blocks = blocks_of(runs, pd.Index(["a"]), np.array([1.0, 1.0]))
    assert blocks.unit == "fold"
    assert blocks.counts.tolist() == [[2], [2]]


def test_two_metrics_of_a_program_to_its_report(tmp_path):
    """The front of three of four settings, its knee, and sentences that verify."""
    program_study(tmp_path, rows=with_latency, seeds=(0, 1, 2), results=COLUMNS, objectives=OBJECTIVES)
    text = reported(tmp_path)
    rows = {row["label"]: row for row in table(tmp_path, "front.csv")}
    assert [row["rank"] for row in rows.values()] == ["1", "2", "3", "4"]
    assert rows["lr=1e-3 batch_size=8"]["on_front"] == "False"
    assert rows["lr=1e-3 batch_size=8"]["share"] == "0"
    knee = rows["lr=0.01 batch_size=4"]
    assert (knee["on_front"], knee["knee"], knee["share"]) == ("True", "True", "1")
    assert float(knee["val/latency"]) == pytest.approx(3.0, abs=0.01)
    assert float(knee["val/latency low"]) < 3.0 < float(knee["val/latency high"])
    about = json.loads((tmp_path / "analysis.json").read_text())["front"]
    assert (about["members"], about["unit"], about["blocks"], about["why"]) == (3, "seed", 3, None)
    section = text[text.index("## Trade-off") : text.index("## ", text.index("## Trade-off") + 5)]
    assert "3 are on the front of the means" in section
    assert "The knee of the front is `lr=0.01 batch_size=4`" in section
    assert "figures/trade_off.png" in section
    ranking = table(tmp_path, "ranking.csv")
    assert float(ranking[0]["val/latency"]) == pytest.approx(5.0, abs=0.01)


def test_one_run_a_setting_and_one_that_failed(tmp_path):
    """Of single runs no share is known, and who has a run that failed is compared with none."""
    program_study(
        tmp_path,
        rows=with_latency,
        seeds=(0,),
        statuses={(0, 0): "diverged"},
        results=COLUMNS,
        objectives=OBJECTIVES | {"train/loss": "minimize"},
    )
    text = reported(tmp_path)
    assert len(table(tmp_path, "front.csv")) == 3
    assert all(row["share"] == "" for row in table(tmp_path, "front.csv"))
    assert all(row["train/loss"] for row in table(tmp_path, "runs.csv") if row["status"] == "finished")
    assert "One run a setting: how sure it is that a setting is on the front is not known." in text


def test_other_studies_have_no_front(tmp_path):
    program_study(tmp_path)
    assert analyzed(tmp_path)["front"] is None
    assert table(tmp_path, "front.csv") == []
