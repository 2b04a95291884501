"""Numbers of the analysis against statsmodels, scipy, optuna, and by hand."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.multicomp import pairwise_tukeyhsd
from statsmodels.stats.multitest import multipletests

from segsweep.analysis.anova import analyse_variance
from segsweep.analysis.cell_comparison import compare_to_first
from segsweep.analysis.correlations import correlate, fisher_interval
from segsweep.analysis.design_audit import cramers_v, relation_of
from segsweep.analysis.factors import adjusted_means, level_rows
from segsweep.analysis.importance import importance
from segsweep.analysis.level_contrasts import contrasts
from segsweep.analysis.linear import Fit, Terms, crossed, sum_coded, t_interval
from segsweep.analysis.multiple_testing import weighted_holm
from segsweep.analysis.ranking import cells_alpha, noise_floor, rank_cells, shrunken
from segsweep.analysis.search_statistics import best_of
from segsweep.analysis.study_results import looks_logarithmic
from tests.drawn_results import draw_results, results_of
from tests.synthetic_results import draw_study

LR, BATCH, ARCH = "optimizer.lr", "batch_size", "model.arch"


def frame_of(results):
    """Usable runs with short names, for statsmodels' formulas."""
    runs = results.runs[results.usable]
    return pd.DataFrame({"y": runs["score"], "lr": runs[LR], "b": runs[BATCH], "a": runs[ARCH], "seed": runs["seed"]})


@pytest.fixture(scope="module", params=[{}, {"missing_cells": 6, "missing_runs": 4}], ids=["balanced", "unbalanced"])
def drawn(request):
    """A grid, whole or with gaps."""
    return draw_results(**request.param)[1]


def test_anova_is_statsmodels_type_two(drawn):
    model = smf.ols("y ~ (C(lr) + C(b) + C(a)) ** 2 + C(seed)", frame_of(drawn)).fit()
    wanted = sm.stats.anova_lm(model, typ=2)
    found = {row["term"]: row for row in analyse_variance(drawn).table}
    names = {f"C({short})": name for short, name in (("lr", LR), ("b", BATCH), ("a", ARCH), ("seed", "seed"))}
    for term, row in wanted.iterrows():
        name = "residual" if term == "Residual" else ":".join(names[part] for part in term.split(":"))
        assert found[name]["ss"] == pytest.approx(row["sum_sq"], rel=1e-6, abs=1e-12)
        assert found[name]["df"] == row["df"]
        if name != "residual":
            assert found[name]["F"] == pytest.approx(row["F"], rel=1e-6)
            assert found[name]["p"] == pytest.approx(row["PR(>F)"], rel=1e-5, abs=1e-30)
            residual = wanted.loc["Residual", "sum_sq"]
            assert found[name]["partial_eta2"] == pytest.approx(row["sum_sq"] / (row["sum_sq"] + residual), rel=1e-6)


def test_marginal_means_are_means_of_predictions_over_all_combinations(drawn):
    frame = frame_of(drawn)
    model = smf.ols("y ~ C(lr) + C(b) + C(a) + C(seed)", frame).fit()
    levels = [sorted(frame[name].unique()) for name in ("lr", "b", "a", "seed")]
    everything = pd.DataFrame(itertools.product(*levels), columns=["lr", "b", "a", "seed"])
    everything["y"] = model.predict(everything)
    axis = drawn.axis(LR)
    found = adjusted_means(drawn, analyse_variance(drawn), axis)
    wanted = everything.groupby("lr")["y"].mean()
    assert [mean for mean, _, _ in found] == pytest.approx([wanted[level] for level in axis.levels])


def test_contrasts_are_statsmodels_t_tests(drawn):
    frame = frame_of(drawn)
    model = smf.ols("y ~ C(lr, Treatment('1e-4')) + C(b) + C(a) + C(seed)", frame).fit()
    test = model.t_test("C(lr, Treatment('1e-4'))[T.1e-3] = 0")
    found, possible = contrasts(drawn, analyse_variance(drawn))
    assert len(found) == possible == 6 + 3 + 3
    one = next(one for one in found if one.axis == LR and (one.a, one.b) == ("1e-4", "1e-3"))
    assert one.estimate == pytest.approx(-float(np.squeeze(test.effect)))
    assert one.p == pytest.approx(float(test.pvalue), rel=1e-6, abs=1e-30)
    low, high = np.squeeze(test.conf_int())
    assert t_interval(one.estimate, one.error, one.df) == pytest.approx((-high, -low))


def test_robust_errors_are_statsmodels_hc3():
    rng = np.random.default_rng(0)
    codes, y = np.repeat([0, 1, 2], 8), rng.normal(size=24) * np.repeat([1, 2, 5], 8)
    fit = Fit(y, Terms({"x": sum_coded(codes, 3)}))
    wanted = sm.OLS(y, fit.matrix).fit(cov_type="HC3").bse
    assert fit.combine(np.eye(3), robust=True)[1] == pytest.approx(wanted)


def test_what_cannot_be_estimated_is_found_out():
    a, b = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 1, 1, 1, 1])  # level 0 of both occur together only
    fit = Fit(np.arange(6.0), Terms({"a": sum_coded(a, 3), "b": sum_coded(b, 2)}))
    rows = fit.level_rows("a", 3)
    assert fit.estimable(rows[[1]] - rows[[2]]).all()
    assert not fit.estimable(rows[[0]] - rows[[1]]).any()
    assert np.isnan(fit.combine(rows[0] - rows[1])[0]).all()


def test_marginal_means_of_designs_with_gaps_weigh_as_the_runs_do():
    # Rate and batch scale together beside a base that crosses the rate with an architecture.
    pairs = [(0, 0, a) for a in (0, 1)] + [(1, 0, a) for a in (0, 1)] + [(2, 1, 0)]
    lr, batch, arch = np.array(pairs * 2).T
    y = np.array([0.1, 0.4, 0.6])[lr] + 0.05 * arch
    fit = Fit(y, Terms({"lr": sum_coded(lr, 3), "batch": sum_coded(batch, 2), "arch": sum_coded(arch, 2)}))
    rows, how = fit.marginal("arch", 2)
    assert how == "as they occur"
    means = fit.combine(rows)[0]
    assert means[1] - means[0] == pytest.approx(0.05)
    assert means.mean() == pytest.approx(y.mean() - 0.05 * arch.mean() + 0.025)
    rows, how = fit.marginal("lr", 3)
    assert how == "at their most frequent level"
    means = fit.combine(rows)[0]
    assert means[:2] == pytest.approx([0.1, 0.4])
    assert np.isnan(means[2])


def test_an_interaction_has_the_products_of_its_factors():
    first, second = sum_coded(np.array([0, 1, 2]), 3), sum_coded(np.array([1, 0, 1]), 2)
    assert crossed(first, second).tolist() == [[-1, 0], [0, 1], [1, 1]]


def test_holm_is_statsmodels():
    p = np.random.default_rng(0).uniform(size=20) ** 3
    assert np.minimum(weighted_holm(p, np.full(20, 1 / 20), 1.0), 1) == pytest.approx(
        multipletests(p, method="holm")[1]
    )


def test_weighted_holm_by_hand():
    # Weights .6 and .4 of .8, the rest for tests that were not made: 0.01 starts with its share of 0.6 * alpha.
    assert weighted_holm([0.01, 0.02], [0.6 * 0.8, 0.4 * 0.8], 0.8) == pytest.approx(
        [0.01 / 0.48, max(0.01 / 0.48, 0.02 * 0.32 / 0.32 / 0.8)]
    )
    assert weighted_holm([0.01], [0.25], 1.0) == pytest.approx([0.04])


def test_cells_are_told_apart_as_by_tukey():
    truth, results = draw_results(axes={LR: [1e-4, 1e-3, 1e-2]}, effects={LR: [0, 0.018, 0.05]}, seeds=(0, 1, 2, 3))
    noise = noise_floor(results)
    ranking = rank_cells(results, noise)
    runs = results.runs
    tukey = pairwise_tukeyhsd(runs["score"], runs["cell"], alpha=cells_alpha(results))
    frame = pd.DataFrame(tukey.summary().data[1:], columns=tukey.summary().data[0])
    worst = frame[(frame["group1"] == ranking.index[0]) | (frame["group2"] == ranking.index[0])]
    told_apart = {*worst.loc[worst["reject"], "group1"], *worst.loc[worst["reject"], "group2"]} - {ranking.index[0]}
    assert set(ranking.index[ranking["group"] > 1]) == told_apart
    assert len(told_apart) == 2
    squares = [runs.loc[runs["cell"] == cell["cell"], "score"].var() for cell in truth.cells]
    assert noise.sd == pytest.approx(np.sqrt(np.mean(squares)))
    half = stats.t.ppf(0.975, 9) * noise.sd / 2
    assert (ranking["high"] - ranking["mean"]).tolist() == pytest.approx([half] * 3)
    compared = compare_to_first(ranking, noise, 1.0, cells_alpha(results))
    wanted = -worst["meandiff"].to_numpy() * np.where(worst["group1"] == ranking.index[0], 1, -1)
    assert sorted(compared["estimate"]) == pytest.approx(sorted(wanted), abs=1e-4)
    assert set(compared.index[compared["p"] <= cells_alpha(results)]) == {0, 1}
    assert ((compared["low"] > 0) == (compared["p"] <= cells_alpha(results))).all()


def test_a_cell_that_is_first_because_its_runs_spread_is_not_better():
    """Ten quiet cells make the pooled deviation small; the first one has 0.95 and 0.65: its mean says nothing."""
    truth = draw_study(axes={LR: [1e-4 * 2**i for i in range(11)]}, effects={}, seeds=(0, 1), noise=0.001, epochs=4)
    wild = truth.cells[3]["cell"]
    scores = iter([0.95, 0.65])
    for row in truth.runs:
        if row["cell"] == wild:
            row["val/jaccard"] = next(scores)
    results = results_of(truth)
    noise = noise_floor(results)
    noise.equal = True  # as where there are too few runs to see it
    compared = compare_to_first(rank_cells(results, noise), noise, 1.0, 0.01)
    # By hand: its variance of 0.045 and the others', each with the pooled one as one degree of freedom more.
    of_wild, of_quiet = (noise.sd**2 + 0.045) / 2 / 2, noise.sd**2 / 2 / 2
    df = (of_wild + of_quiet) ** 2 / (of_wild**2 / 2 + of_quiet**2 / 2)
    p = 2 * stats.t.sf(0.05 / np.sqrt(of_wild + of_quiet), df)
    assert compared["p_alone"].to_numpy() == pytest.approx([p] * 10, abs=0.02)
    assert (compared["low"] < 0).all()
    assert set(rank_cells(results, noise)["group"]) == {1}


def test_settings_far_apart_are_told_apart_by_two_runs_each():
    """Pairs of runs of the demo: 0.6 against 0.2, though the last two settings happen to spread more than the first."""
    pairs = [(0.598, 0.612), (0.591, 0.610), (0.558, 0.542), (0.514, 0.523),
             (0.372, 0.321), (0.349, 0.301), (0.149, 0.268), (0.144, 0.259)]  # fmt: skip
    truth = draw_study(axes={LR: [1e-4 * 2**i for i in range(8)]}, effects={}, seeds=(0, 1), noise=0.01, epochs=4)
    scores = iter([score for pair in pairs for score in pair])
    for row in sorted(truth.runs, key=lambda row: row["cell"]):
        row["val/jaccard"] = next(scores)
    results = results_of(truth)
    ranking = rank_cells(results, noise_floor(results))
    assert ranking["group"].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]


def test_means_are_drawn_toward_each_other_by_the_noise():
    """By hand: 1, 2, 3 with variance 0.5 each; Q = 4, so the variance between is (4 - 2) / (6 - 2) = 0.5."""
    assert shrunken(np.array([1.0, 2.0, 3.0]), np.full(3, 0.5)) == pytest.approx([1.5, 2.0, 2.5])
    assert shrunken(np.array([1.0, 1.1, 0.9]), np.full(3, 0.5)) == pytest.approx([1.0] * 3)
    assert shrunken(np.array([0.7]), np.array([0.1])) == pytest.approx([0.7])


def test_raw_means_of_levels_are_those_of_their_runs():
    _, results = draw_results(pruned=0.2, diverged=3)
    rows = level_rows(results, analyse_variance(results))
    runs = results.runs
    for row in rows:
        own = runs[(runs[row["axis"]] == row["level"])]
        usable = own[own["status"] == "finished"]
        assert row["n_runs"] == len(usable)
        assert row["mean"] == pytest.approx(usable["score"].mean())
        assert row["n_pruned"] == (own["status"] == "pruned").sum()
        assert row["best_score"] == usable["score"].max()
        assert row["worst_run"] == usable.loc[usable["score"].idxmin(), "run"]


def test_correlations_are_scipys():
    _, results = draw_results()
    row = next(r for r in correlate(results) if r["unit"] == "cell" and r["x"].startswith("stability"))
    cells = results.runs.groupby("cell")[["stability/val_loss_std", "score"]].mean()
    pearson = stats.pearsonr(cells["stability/val_loss_std"], cells["score"])
    assert row["pearson"] == pytest.approx(pearson.statistic)
    assert row["pearson_p"] == pytest.approx(pearson.pvalue)
    interval = pearson.confidence_interval()
    assert (row["pearson_low"], row["pearson_high"]) == pytest.approx((interval.low, interval.high), abs=1e-6)
    spearman = stats.spearmanr(cells["stability/val_loss_std"], cells["score"])
    assert row["spearman"] == pytest.approx(spearman.statistic)
    assert fisher_interval(0.0, 28)[1] == pytest.approx(np.tanh(1.959964 / 5))


def test_expected_best_is_the_mean_over_all_draws():
    values = np.array([0.1, 0.5, 0.2, 0.9, 0.4])
    for k in (1, 2, 3, 5):
        every = [max(draw) for draw in itertools.combinations(values, k)]
        expected, low, high = best_of(values, k)
        assert expected == pytest.approx(np.mean(every))
        assert low <= expected <= high
        assert high == max(every)


def test_association_of_axes_by_hand():
    assert cramers_v(np.array([[5, 0], [0, 5]])) == pytest.approx(1.0)
    table = np.array([[4, 2], [1, 3]])
    chi2 = stats.chi2_contingency(table, correction=False).statistic
    assert cramers_v(table) == pytest.approx(np.sqrt(chi2 / 10))
    assert relation_of(np.array([[2, 0], [0, 3]])) == "aliased"
    assert relation_of(np.array([[2, 0], [3, 0], [0, 1]])) == "a nested in b"
    assert relation_of(np.array([[2, 2], [1, 1]])) == "balanced"
    assert relation_of(np.array([[2, 1], [1, 2]])) == "crossed"
    assert relation_of(np.array([[2, 0], [1, 2]])) == "partial"


def test_scales_are_recognised():
    assert looks_logarithmic([1e-4, 5e-4, 1e-3, 5e-3])
    assert looks_logarithmic([8, 16, 32])
    assert not looks_logarithmic([0.2, 0.3, 0.4, 0.5])
    assert not looks_logarithmic([20, 22, 24])


def test_importance_is_optunas():
    optuna = pytest.importorskip("optuna")
    _, results = draw_results()
    found = importance(results, {LR: 0.9, BATCH: 0.01, ARCH: 0.3})
    assert [row["axis"] for row in found.rows] == [LR, ARCH, BATCH]
    assert found.reliable
    assert found.r2_oob > 0.8
    assert found.agreement == pytest.approx(1.0)
    means = results.runs.groupby("cell", sort=False)["score"].mean()
    axes = {name: results.axis(name).levels for name in (LR, BATCH, ARCH)}
    space = {name: optuna.distributions.IntDistribution(0, len(levels) - 1) for name, levels in axes.items()}
    space[ARCH] = optuna.distributions.CategoricalDistribution([0, 1, 2])
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")
    for cell, score in means.items():
        params = {name: levels.index(results.cells.at[cell, name]) for name, levels in axes.items()}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=space, value=score))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        evaluators = [optuna.importance.FanovaImportanceEvaluator(seed=seed) for seed in (0, 1, 2)]
        wanted = [
            optuna.importance.get_param_importances(study, evaluator=one, normalize=False)[LR] for one in evaluators
        ]
        quantile = min(0.5, max(0.1, 5 / len(means)))
        top = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=quantile)
        wanted_at_the_top = optuna.importance.get_param_importances(study, evaluator=top)
    assert found.rows[0]["fanova"] == pytest.approx(np.mean(wanted))
    assert found.rows[0]["pedanova"] == pytest.approx(wanted_at_the_top[LR], abs=0.05)


def test_a_category_of_many_levels_enters_by_the_order_of_its_means():
    """Optuna looks at 2^levels combinations of a category: 16 levels took more than 500 s."""
    pytest.importorskip("optuna")
    axes = {ARCH: [f"encoder_{i}" for i in range(16)], BATCH: [8, 16, 32]}
    effect = [0.01 * (i * 7 % 16) for i in range(16)]
    found = importance(draw_results(axes=axes, effects={ARCH: effect}, seeds=(0,), noise=0.001)[1], {})
    assert [row["axis"] for row in found.rows] == [ARCH, BATCH]
    assert found.rows[0]["fanova"] > 0.8
    assert "Levels of model.arch, more than 6, enter fANOVA in the order of their mean scores" in found.note


def test_importance_needs_enough_cells():
    _, results = draw_results(axes={LR: [1e-4, 1e-3, 1e-2], BATCH: [8, 16]}, effects={})
    found = importance(results, {})
    assert found.rows == []
    assert "6 cells with usable runs, and 20 are needed" in found.note
