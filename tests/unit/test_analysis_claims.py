"""Claims judged on studies whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from segsweep.analysis.claim_verdicts import claim_rows
from segsweep.analysis.comparison import compare
from segsweep.analysis.image_pairs import paired
from segsweep.analysis.ranking import noise_floor, rank_cells
from segsweep.analysis.study_results import StudyResults
from tests.drawn_results import draw_results

LR, BATCH, ARCH = "optimizer.lr", "batch_size", "model.arch"


def judged(results):
    """Rows of claims.csv by id."""
    noise = noise_floor(results)
    return {row["id"]: row for row in claim_rows(results, noise, rank_cells(results, noise))}


def claim(key, **keys):
    """A claim."""
    return {"id": key, "claim": "words", **keys}


def test_best_in_is_supported_refuted_or_undecided():
    claims = [
        claim("true", best_in={LR: [5e-4, 0.001]}),
        claim("false", best_in={LR: [1e-4]}),
        claim("open", best_in={BATCH: [8]}),
        claim("part", best_in={LR: [1e-3]}, where={ARCH: "unet"}),
        claim("all", best_in={ARCH: ["unet", "attention_unet", "attention_resunet"]}),
    ]
    found = judged(draw_results(claims=claims)[1])
    assert {key: row["verdict"] for key, row in found.items()} == {
        "true": "supported", "false": "refuted", "open": "undecided", "part": "supported", "all": "undecided",
    }  # fmt: skip
    assert found["true"]["low"] > 0
    assert found["true"]["n_cells"] == 36
    assert found["part"]["n_cells"] == 12
    assert found["false"]["estimate"] < 0


def test_with_one_seed_the_lack_of_fit_decides_and_spread_stays_undecided():
    claims = [
        claim("best", best_in={LR: [1e-3]}),
        claim("trend", trend="decreasing", of="stability/val_loss_std", along=BATCH),
        claim("spread", least_spread={ARCH: "unet"}),
        claim("less", reduced_by=0.1, of="stability/val_loss_std", against="reference"),
    ]
    found = judged(draw_results(claims=claims, seeds=(0,), reference={LR: 1e-2, BATCH: 8})[1])
    assert {name: row["verdict"] for name, row in found.items()} == {
        "best": "supported", "trend": "supported", "spread": "undecided", "less": "undecided",
    }  # fmt: skip
    one_axis = draw_results(claims=claims[:1], axes={LR: [1e-4, 1e-3]}, effects={}, seeds=(0,))[1]
    assert judged(one_axis)["best"]["verdict"] == "undecided"


def test_trends():
    claims = [
        claim("falls", trend="decreasing", of="stability/val_loss_std", along=BATCH),
        claim("rises", trend="increasing", of="stability/val_loss_std", along=BATCH),
        claim("none", trend="increasing", of="overfit/gap", along=BATCH),
        claim("nowhere", trend="increasing", of="val/absent", along=BATCH),
    ]
    found = judged(draw_results(claims=claims)[1])
    assert [found[key]["verdict"] for key in ("falls", "rises", "none")] == ["supported", "refuted", "undecided"]
    assert found["falls"]["high"] < 0
    assert "no column val/absent" in found["nowhere"]["detail"]


def test_least_spread():
    claims = [claim("fpn", least_spread={ARCH: "fpn"}), claim("unet", least_spread={ARCH: "unet"})]
    axes = {LR: [1e-4, 3e-4, 1e-3, 3e-3, 1e-2], BATCH: [8, 16], ARCH: ["unet", "fpn"]}
    steep = [[-0.1, 0], [-0.05, 0], [0, 0], [0.05, 0], [0.1, 0]]
    found = judged(draw_results(axes=axes, effects={}, interaction=(LR, ARCH, steep), claims=claims)[1])
    assert found["fpn"]["verdict"] == "supported"
    assert found["unet"]["verdict"] == "refuted"
    assert found["fpn"]["test"] == "Pitman-Morgan test of ranks"


def test_reduced_by_compares_the_best_setting_with_its_reference():
    claims = [
        claim("a tenth", reduced_by=0.1, of="cost/train_seconds", against="reference"),
        claim("much", reduced_by=0.8, of="cost/train_seconds", against="reference"),
    ]
    _, results = draw_results(claims=claims, reference={LR: 1e-2, BATCH: 8}, effects={BATCH: [0, 0.0, 0.1]})
    runs = results.runs
    runs["cost/train_seconds"] *= np.random.default_rng(0).uniform(0.99, 1.01, len(runs))
    found = judged(StudyResults(results.plan, results.cells, runs, results.missing))
    assert found["a tenth"]["estimate"] == pytest.approx((2 + 8 / 32) / (2 + 8 / 8), rel=0.02)
    assert found["a tenth"]["verdict"] == "supported"
    assert found["much"]["verdict"] == "refuted"
    # Two epochs are too few for a deviation: the column is there, and empty.
    runs = runs.assign(**{"cost/train_seconds": np.nan})
    found = judged(StudyResults(results.plan, results.cells, runs, results.missing))
    assert "No usable run has a value" in found["much"]["detail"]


def test_confirmed_at_least_by_the_interval_of_the_fresh_seeds():
    options = {
        "kind": "sweep", "axes": {LR: [1e-4, 1e-2]}, "effects": {LR: [0.0, 0.1]}, "seeds": (0,),
        "confirm": {"top": 1, "seeds": [1, 2, 3, 4]},
    }  # fmt: skip
    bars = {"success": 0.83, "acceptable": 0.82}
    high = {"success": 0.95, "acceptable": 0.94}
    claims = [claim("low", confirmed_at_least=bars), claim("high", confirmed_at_least=high)]
    claims.append(claim("ensemble", ensemble_at_least=bars))
    _, results = draw_results(**options, claims=claims)
    found = judged(results)
    scores = results.runs.loc[results.runs["role"] == "confirm", "score"]
    interval = stats.ttest_1samp(scores, bars["acceptable"]).confidence_interval()
    assert (found["low"]["low"], found["low"]["high"]) == pytest.approx((interval.low, interval.high))
    assert found["low"]["verdict"] == ("supported" if interval.low >= 0.82 else "undecided")
    assert found["low"]["grade"] == "success"
    assert (found["high"]["verdict"], found["high"]["grade"]) == ("refuted", "missed")
    assert found["ensemble"]["verdict"] == "undecided"


def test_an_ensemble_is_graded_but_not_decided():
    _, results = draw_results(claims=[claim("e", ensemble_at_least={"success": 0.9, "acceptable": 0.8})])
    results.ensemble = pd.DataFrame([{"cell": "x", "method": "vote", "members": 5, "val/jaccard": 0.85}])
    row = judged(results)["e"]
    assert (row["verdict"], row["grade"], row["estimate"]) == ("undecided", "acceptable", 0.85)


def test_expected_gains_of_listed_runs():
    settings = [{LR: 1e-4}, {LR: 1e-3}, {LR: 1e-2}]
    expects = {2: {"gain": [0.02, 0.04], "over": "1"}, 3: {"gain": [0.02, 0.03], "over": "1"}}
    options = {
        "kind": "runs", "axes": {LR: [1e-4, 1e-3, 1e-2]}, "settings": settings, "expects": expects,
        "effects": {LR: [0.0, 0.1, -0.1]}, "images": 12,
    }  # fmt: skip
    found = judged(draw_results(**options)[1])
    assert found["2"]["verdict"] == "supported"
    assert found["3"]["verdict"] == "refuted"
    once = judged(draw_results(**options, seeds=(0,))[1])
    assert {row["verdict"] for row in once.values()} == {"undecided"}
    assert once["2"]["scope"] == "images"
    assert once["2"]["images_low"] > 0
    assert "other seeds may differ" in once["2"]["detail"]


def test_images_are_paired():
    _, results = draw_results(axes={LR: [1e-4, 1e-3]}, effects={LR: [0, 0.02]}, seeds=(0,), images=40)
    first, second = (results.runs["run"][results.runs[LR] == level] for level in ("1e-3", "1e-4"))
    found = paired(results, first, second)
    table = results.images.pivot_table(index="image", columns="run", values="jaccard")
    difference = table[first.iloc[0]] - table[second.iloc[0]]
    assert found.estimate == pytest.approx(difference.mean())
    wanted = stats.t.interval(0.95, 39, difference.mean(), difference.sem())
    assert (found.low, found.high) == pytest.approx(wanted, abs=0.1 * (wanted[1] - wanted[0]))


def test_what_changed_between_two_reports():
    base = {
        "best": {"label": "lr=1e-3"}, "levels": {"lr": {"best": "1e-3", "relation": "undecided"}}, "statements": [],
        "claims": {"H1": "undecided"}, "importance": ["lr"],
    }  # fmt: skip
    now = base | {"statements": ["lr: 1e-3 is better than 1e-4"], "claims": {"H1": "supported"}}
    rows = {(row["topic"], row["item"]): row for row in compare(now, base, "earlier")}
    assert rows["claim", "H1"]["changed"] == "true"
    assert (rows["claim", "H1"]["before"], rows["claim", "H1"]["now"]) == ("undecided", "supported")
    assert rows["statement", "lr: 1e-3 is better than 1e-4"]["before"] == "not said"
    assert rows["best", "setting"]["changed"] == "false"
    assert all(row["changed"] == "false" for row in compare(base, base, "itself"))
