"""What a cross-validation's runs mean to the statistics: folds are blocks, and a fresh seed is all its folds."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from segsweep.analysis.analyze import Analysis
from segsweep.analysis.anova import analyse_variance
from segsweep.analysis.ranking import noise_floor, rank_cells
from segsweep.analysis.search_statistics import confirmations
from tests.drawn_results import draw_results

TWO = {"model.arch": ["unet", "fpn"]}


def with_folds(easier, cells=2, **more):
    """Two settings (or one) on three folds, of which each is so much easier than the first."""
    axes = {"model.arch": TWO["model.arch"][:cells]}
    _, results = draw_results(axes=axes, effects={}, folds=len(easier), seeds=(0,), noise=0.01, **more)
    results.runs["score"] += results.runs["fold"].map(dict(enumerate(easier)))
    return results


def test_what_a_fold_does_to_all_settings_is_no_noise():
    results = with_folds([0.0, 0.3, 0.6])
    score = results.runs.pivot(index="cell", columns="fold", values="score")
    residual = score.sub(score.mean(axis=1), axis=0).sub(score.mean(axis=0)) + score.to_numpy().mean()
    noise = noise_floor(results)
    assert noise.df == 2
    assert noise.sd == pytest.approx(np.sqrt((residual**2).to_numpy().sum() / 2))
    assert noise.sd < 0.03


def test_of_one_setting_the_spread_over_folds_is_what_is_known():
    results = with_folds([0.0, 0.3, 0.6], cells=1)
    noise = noise_floor(results)
    assert (noise.df, noise.sd) == (2, pytest.approx(results.runs["score"].std()))
    assert not results.one_seed


def test_two_settings_on_two_folds_are_too_few():
    results = with_folds([0.0, 0.3])
    noise = noise_floor(results)
    assert (noise.df, np.isnan(noise.sd), results.one_seed) == (1, True, True)
    assert noise.reading.startswith("Too few runs share a setting")


def test_that_folds_share_images_is_said():
    assert "folds" in {warning["topic"] for warning in Analysis(with_folds([0.0, 0.1, 0.2])).about["warnings"]}
    _, results = draw_results(axes=TWO, effects={})
    assert "folds" not in {warning["topic"] for warning in Analysis(results).about["warnings"]}


def test_a_fresh_seed_is_the_mean_of_its_folds():
    results = with_folds([0.0, 0.3, 0.6])
    chosen = results.runs[results.runs["cell"] == results.runs["cell"].iloc[0]]
    fresh = [
        chosen.assign(role="confirm", seed=seed, score=chosen["score"] + gain) for seed, gain in ((1, 0), (2, 0.1))
    ]
    results.runs = pd.concat([results.runs, *fresh], ignore_index=True)
    (row,) = confirmations(results)
    assert (row["n"], row["mean"]) == (2, pytest.approx(chosen["score"].mean() + 0.05))
    assert row["sd"] == pytest.approx(0.1 / np.sqrt(2))


def test_members_of_an_ensemble_are_no_runs_of_the_design():
    results = with_folds([0.0, 0.1, 0.2])
    before = rank_cells(results, noise_floor(results))
    members = results.runs[results.runs["cell"] == results.runs["cell"].iloc[0]]
    members = members.assign(role="ensemble", run=members["run"] + "-m", score=0.0)
    runs = pd.concat([results.runs, members], ignore_index=True)
    again = type(results)(results.plan, results.cells, runs, results.missing)
    again.runs["score"] = runs["score"]
    pd.testing.assert_frame_equal(rank_cells(again, noise_floor(again)), before)


def test_folds_are_blocks_however_few_the_runs():
    """Two settings on three folds: the F of the only axis is the square of the paired t."""
    results = with_folds([0.0, 0.3, 0.6])
    score = results.runs.pivot(index="fold", columns="cell", values="score")
    paired = stats.ttest_rel(score.iloc[:, 0], score.iloc[:, 1])
    found = analyse_variance(results)
    assert found.blocks == ["fold"]
    row = next(row for row in found.table if row["term"] == "model.arch")
    assert (row["df"], row["F"]) == (1, pytest.approx(paired.statistic**2))
    assert row["p"] == pytest.approx(paired.pvalue)
