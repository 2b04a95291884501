"""Runs far from what the others lead to expect."""

import numpy as np
import pytest
import statsmodels.formula.api as smf

from segsweep.analysis.analyze import Analysis
from segsweep.analysis.anova import analyse_variance
from segsweep.analysis.outliers import studentized_residuals
from tests.drawn_results import draw_results, results_of
from tests.synthetic_results import draw_study

LR, BATCH, ARCH, DECAY = "optimizer.lr", "batch_size", "model.arch", "optimizer.weight_decay"
METRIC = "val/jaccard"


def test_studentized_residuals_are_statsmodels():
    _, results = draw_results(axes={LR: [1e-4, 1e-3, 1e-2], ARCH: ["unet", "attention_unet"]}, effects={}, draw=3)
    found, p, fitted = studentized_residuals(analyse_variance(results).additive)
    runs = results.runs[results.usable]
    frame = runs.rename(columns={LR: "lr", ARCH: "arch"})
    wanted = smf.ols("score ~ C(lr) + C(arch) + C(seed)", frame).fit().outlier_test()
    assert found == pytest.approx(wanted["student_resid"].to_numpy())
    assert p == pytest.approx(wanted["bonf(p)"].to_numpy())
    without = smf.ols("score ~ C(lr) + C(arch) + C(seed)", frame.iloc[1:]).fit()
    assert fitted[0] == pytest.approx(float(without.predict(frame.iloc[:1]).iloc[0]))


def a_search(catastrophe=None):
    """A grid of one seed whose learning rate matters, and a run of it that went wrong."""
    axes = {LR: [1e-4, 1e-3, 1e-2], BATCH: [8, 16, 32], DECAY: [0.0, 1e-3, 1e-2]}
    truth = draw_study(axes=axes, effects={LR: [-0.03, 0.0, 0.0]}, seeds=(0,), noise=0.005, epochs=4)
    if catastrophe is not None:
        truth.runs[-1][METRIC] = catastrophe
    return Analysis(results_of(truth))


def test_a_catastrophic_run_is_named_with_what_changes_without_it():
    sound, spoiled = a_search(), a_search(0.05)
    assert sound.rows("outliers") == []
    assert any(row["verdict"] in ("better", "worse") and row["axis"] == LR for row in sound.rows("findings"))
    rows = spoiled.rows("outliers")
    last = spoiled.results.runs.iloc[-1]
    assert [row["run"] for row in rows] == [last["run"]]
    assert (rows[0]["score"], rows[0]["cell"]) == (0.05, last["cell"])
    assert rows[0]["fitted"] == pytest.approx(0.75, abs=0.01)
    assert rows[0]["studentized"] < -50
    assert rows[0]["p"] < 1e-10
    assert f"{LR}, 1e-4 against 1e-3: worse instead of undecided" in rows[0]["changes"]


def test_an_outlier_that_changes_nothing_says_so():
    axes = {LR: [1e-4, 1e-3, 1e-2], BATCH: [8, 16, 32]}
    truth = draw_study(axes=axes, effects={LR: [-0.3, 0.0, 0.0]}, noise=0.002, epochs=4)
    truth.runs[0][METRIC] -= 0.015
    rows = Analysis(results_of(truth)).rows("outliers")
    assert [row["run"] for row in rows] == [truth.runs[0]["run"]]
    assert rows[0]["changes"] == ""


def test_a_best_setting_that_rests_on_one_run_is_named():
    axes = {LR: [1e-4, 1e-3, 1e-2], BATCH: [8, 16, 32]}
    truth = draw_study(axes=axes, effects={}, noise=0.005, epochs=4, draw=1)
    lucky = truth.runs[4]
    lucky[METRIC] = 0.95
    analysis = Analysis(results_of(truth))
    row = analysis.rows("outliers")[0]
    assert (row["run"], analysis.best["cell"]) == (lucky["run"], lucky["cell"])
    assert f" instead of {analysis.best['label']}" in row["changes"]


def test_a_model_without_a_residual_has_no_outliers():
    _, results = draw_results(axes={LR: [1e-4, 1e-3]}, effects={}, seeds=(0,))
    assert Analysis(results).rows("outliers") == []
    assert np.isfinite(results.runs["score"]).all()
