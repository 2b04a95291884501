"""Studies with a known truth: what is true is said, and no more."""

import json
from dataclasses import replace
from pathlib import Path

import analyze_study
import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from segsweep.analysis.analyze import Analysis
from segsweep.analysis.best_setting import as_yaml
from segsweep.analysis.factors import relation
from segsweep.analysis.ranking import beats_of_first, noise_floor, rank_cells, shrunken
from segsweep.analysis.verdicts import STATED
from segsweep.errors import InputError
from segsweep.tables import outputs
from tests.drawn_results import draw_results
from tests.synthetic_files import write_study

LR, BATCH, ARCH = "optimizer.lr", "batch_size", "model.arch"
SMALL = {LR: [1e-4, 1e-3, 1e-2], BATCH: [8, 16], ARCH: ["unet", "fpn"]}


def relations(results):
    """What is said of each axis."""
    return {row["axis"]: row["relation"] for row in Analysis(results).rows("factor_summary")}


def statements(results):
    """Kinds of findings that are stated."""
    analysis = Analysis(results)
    grouped = {"cells"} if (analysis.ranked["group"] > 1).any() else set()
    return grouped | {row["kind"] for row in analysis.rows("findings") if row["verdict"] in STATED}


@pytest.mark.parametrize(("tails", "seeds"), [("normal", (0, 1, 2)), ("heavy", (0, 1))])
def test_studies_without_any_effect_seldom_say_better(tails, seeds):
    said = [
        statements(draw_results(axes=SMALL, seeds=seeds, effects={}, tails=tails, draw=draw)[1]) for draw in range(200)
    ]
    assert np.mean([bool(kinds) for kinds in said]) <= 0.05


def test_an_effect_is_found_and_none_is_not():
    results = draw_results()[1]
    found = relations(results)
    assert found[LR] == "distinct"
    assert found[BATCH] == "undecided"
    best = next(row for row in Analysis(results).rows("factor_summary") if row["axis"] == LR)
    assert best["best_level"] == "1e-3"


def test_an_effect_is_found_in_heavy_tails_by_ranks():
    results = draw_results(tails="heavy", effects={LR: [-0.06, 0.0, 0.06, -0.06]})[1]
    analysis = Analysis(results)
    assert analysis.about["anova"]["alternative"] == "aligned ranks"
    tests = {row["test"] for row in analysis.rows("findings") if row["kind"] == "levels"}
    assert tests == {"contrast of aligned ranks"}
    found = {row["axis"]: row["relation"] for row in analysis.rows("factor_summary")}
    assert found[LR] == "distinct"
    assert found[BATCH] == "undecided"


def test_a_confounded_pair_is_named_and_not_judged():
    pairs = ((1e-4, 8), (5e-4, 16), (1e-3, 32))
    settings = [{LR: lr, BATCH: batch, ARCH: arch} for lr, batch in pairs for arch in ("unet", "attention_unet")]
    results = draw_results(settings=settings, effects={LR: [0, 0.1, 0.2, 0]})[1]
    analysis = Analysis(results)
    found = {row["axis"]: row["relation"] for row in analysis.rows("factor_summary")}
    assert found == {LR: "confounded", BATCH: "confounded", ARCH: "undecided"}
    assert analysis.audit["not_estimable"] == {LR: [BATCH], BATCH: [LR]}
    assert any(note["topic"] == "aliased" and set(note["axes"]) == {LR, BATCH} for note in analysis.about["warnings"])
    verdicts = {row["verdict"] for row in analysis.rows("findings") if row["axis"] == LR and row["kind"] == "levels"}
    assert verdicts == {"confounded"}


def test_raw_means_that_mislead_are_put_right():
    # fpn was tried where the rate is good, unet where it is bad; unet itself is better by 0.03.
    settings = [{LR: lr, ARCH: arch} for lr, arch in ((1e-4, "unet"), (1e-3, "unet"), (1e-3, "fpn"), (1e-2, "fpn"))]
    axes = {LR: [1e-4, 1e-3, 1e-2], ARCH: ["unet", "fpn"]}
    results = draw_results(axes=axes, settings=settings, effects={LR: [0, 0.1, 0.2], ARCH: [0.03, 0]}, noise=0.002)[1]
    row = next(row for row in Analysis(results).rows("factor_summary") if row["axis"] == ARCH)
    assert row["best_level"] == "unet"
    assert row["raw_and_adjusted"] == "disagree"
    assert row["range"] == pytest.approx(0.03, abs=0.01)


def test_an_interaction_is_found_where_it_is():
    matrix = [[0.03, 0, -0.03], [0, 0, 0], [0, 0, 0], [-0.03, 0, 0.03]]
    results = draw_results(effects={}, interaction=(LR, ARCH, matrix))[1]
    rows = [row for row in Analysis(results).rows("findings") if row["kind"] == "interaction"]
    verdicts = {(row["axis"], row["axis_b"]): row["verdict"] for row in rows}
    assert verdicts == {(LR, BATCH): "undecided", (LR, ARCH): "interact", (BATCH, ARCH): "undecided"}


def test_one_run_a_setting_along_one_axis_says_better_of_nothing():
    analysis = Analysis(draw_results(axes={LR: [1e-4, 1e-3, 1e-2]}, effects={LR: [0, 0.1, 0.2]}, seeds=(0,))[1])
    assert analysis.about["one_seed"]
    assert {row["verdict"] for row in analysis.rows("findings")} == {"described"}
    assert {row["relation"] for row in analysis.rows("factor_summary")} == {"described"}
    assert analysis.ranked["group"].isna().all()
    assert analysis.about["noise"]["sd"] is None or np.isnan(analysis.about["noise"]["sd"])
    assert "One run a setting" in as_yaml(analysis.results, analysis.best)


def test_runs_of_another_state_of_the_study_are_told_from_its_plan():
    analysis = Analysis(draw_results(axes={LR: [1e-4, 1e-3]}, effects={LR: [0, 0.1]})[1])
    analysis.results.plan.cells.clear()
    with pytest.raises(InputError, match=r"is none of the study's plan.*Remove the tables of results/"):
        as_yaml(analysis.results, analysis.best)


def test_a_grid_with_one_seed_is_judged_by_its_lack_of_fit():
    """Twenty standard deviations of noise along one axis: found, and nothing of the others; no two cells differ."""
    axes = {LR: [1e-4, 1e-3, 1e-2], BATCH: [8, 16, 32], ARCH: ["unet", "fpn", "linknet"]}
    analysis = Analysis(draw_results(axes=axes, effects={LR: [0, 0.1, 0.2]}, noise=0.005, seeds=(0,))[1])
    assert not analysis.about["one_seed"]
    assert analysis.about["noise"]["basis"] == "lack of fit"
    assert relations(analysis.results) == {LR: "distinct", BATCH: "undecided", ARCH: "undecided"}
    assert statements(analysis.results) == {"levels", "edge"}
    assert analysis.ranked["group"].isna().all()


def test_lack_of_fit_counts_a_setting_once_where_seeds_change_nothing():
    results = draw_results(axes=SMALL, effects={LR: [0, 0.1, 0.2]}, noise=0.005, seeds=(0,))[1]
    runs = pd.concat([results.runs.assign(run=results.runs["run"] + f"-{i}", seed=i) for i in range(3)])
    again = type(results)(results.plan, results.cells, runs, results.missing)
    assert again.error_basis == "lack of fit"
    p = [[row["p"] for row in Analysis(one).rows("findings") if row["kind"] == "levels"] for one in (results, again)]
    assert p[0] == pytest.approx(p[1])


def test_nothing_is_judged_where_nothing_varies():
    assert Analysis(draw_results(noise=0.0)[1]).about["one_seed"]


def test_two_by_two_settings_with_two_seeds_can_interact():
    axes, matrix = {LR: [1e-4, 1e-3], ARCH: ["unet", "fpn"]}, [[0.1, -0.1], [-0.1, 0.1]]
    results = draw_results(axes=axes, effects={}, interaction=(LR, ARCH, matrix), noise=0.01, seeds=(0, 1))[1]
    assert "interaction" in statements(results)


def test_one_correction_runs_over_all_of_a_study():
    analysis = Analysis(draw_results(axes=SMALL, effects={LR: [0, 0.01, 0.02]})[1])
    shares = analysis.about["gate"]["shares"]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["levels"] >= 0.5  # half of 5 % was that of `better` before
    for row in analysis.rows("findings"):
        if np.isfinite(row["p_study"]):
            assert row["p_study"] >= min(1, row["p"] / shares.get(row["kind"], 1)) - 1e-12
            if np.isfinite(row["low"]) and "ranks" not in row["test"]:
                assert (row["low"] > 0 or row["high"] < 0) == (row["p_study"] <= 0.05)


@pytest.mark.parametrize("draw", range(8))
def test_groups_and_findings_agree_on_the_first(draw):
    results = draw_results(axes=SMALL, effects={LR: [0, 0.02, 0.04]}, noise=0.01, seeds=(0, 1, 2), draw=draw)[1]
    analysis = Analysis(results)
    first = {row["b"] for row in analysis.rows("findings") if row["kind"] == "cells" and row["verdict"] != "better"}
    group = set(analysis.ranked.index[analysis.ranked["group"] == 1])
    assert group == first | {analysis.ranked.index[0]}
    assert analysis.best["group_size"] == len(group)


def test_an_axis_that_does_not_apply_loses_no_run():
    """Momentum of SGD only: the best runs are Adam's, and stay; nothing is untried, for Adam has no momentum."""
    settings = [{"optimizer.name": "sgd", "optimizer.momentum": m} for m in (0.8, 0.9)] + [{"optimizer.name": "adam"}]
    axes = {"optimizer.name": ["sgd", "adam"], "optimizer.momentum": [0.8, 0.9]}
    results = draw_results(axes=axes, settings=settings, effects={"optimizer.name": [0, 0.1]}, noise=0.005)[1]
    analysis = Analysis(results)
    assert analysis.best["settings"]["optimizer.name"] == "adam"
    assert analysis.audit["usable"] == 9
    (pair,) = analysis.rows("design")
    assert (pair["filled"], pair["empty"]) == (4, 0)
    found = {row["axis"]: row for row in analysis.rows("findings") if row["kind"] == "levels"}
    assert found["optimizer.name"]["verdict"] == "worse"
    assert found["optimizer.momentum"]["verdict"] == "undecided"
    means = results.runs.groupby("cell")["score"].mean()
    of = {row["level"]: row["adjusted"] for row in analysis.rows("factors") if row["axis"] == "optimizer.momentum"}
    assert (of["0.8"], of["0.9"]) == pytest.approx((means.iloc[0], means.iloc[1]))


def test_intervals_end_at_the_range_of_the_metric():
    """Two by two settings with two seeds: few degrees of freedom, and an IoU that is never below 0 nor above 1."""
    axes = {LR: [1e-4, 1e-3], ARCH: ["unet", "fpn"]}
    analysis = Analysis(draw_results(axes=axes, effects={}, noise=0.05, base=0.97, seeds=(0, 1))[1])
    rows = analysis.rows("factors")
    assert all(0 <= row["adjusted_low"] <= row["adjusted_high"] <= 1 for row in rows)
    assert any("cut at the metric's range" in row["note"] for row in rows)
    assert analysis.ranked["high"].max() <= 1
    assert analysis.ranked["interval"].str.contains("cut").any()


def test_two_runs_of_a_cell_whose_spread_is_its_own_have_no_interval():
    results = draw_results(axes={LR: [1e-4, 1e-3, 1e-2], BATCH: [8, 16, 32]}, effects={}, seeds=(0, 1))[1]
    noise = replace(noise_floor(results), equal=False)
    assert rank_cells(results, noise)["low"].isna().all()
    three = draw_results(axes={LR: [1e-4, 1e-3, 1e-2]}, effects={}, seeds=(0, 1, 2))[1]
    assert rank_cells(three, replace(noise_floor(three), equal=False))["low"].notna().all()


def test_relations_are_those_of_usable_runs():
    results = draw_results(axes=SMALL, effects={}, seeds=(0, 1))[1]
    assert {row["relation"] for row in Analysis(results).rows("design")} == {"balanced"}
    lost = results.runs["status"].where(results.runs[LR] != "0.01", "oom")
    again = type(results)(results.plan, results.cells, results.runs.assign(status=lost), results.missing)
    design = Analysis(again).rows("design")
    assert {(row["empty"], row["usable"] < row["combinations"]) for row in design if LR in row["axis_a"]} == {(0, True)}
    one = results.runs["status"].where(results.runs.index > 0, "diverged")
    again = type(results)(results.plan, results.cells, results.runs.assign(status=one), results.missing)
    assert {row["relation"] for row in Analysis(again).rows("design")} == {"crossed"}


def test_a_threshold_says_what_matters():
    results = draw_results(axes=SMALL, effects={LR: [0, 0.1, 0.2]}, noise=0.001, seeds=(0, 1, 2), matters=0.05)[1]
    rows = [row for row in Analysis(results).rows("findings") if row["kind"] == "levels"]
    assert {row["matters"] for row in rows if row["axis"] == LR} == {"yes"}
    assert {row["matters"] for row in rows if row["axis"] == BATCH} == {"no"}


def test_levels_that_differ_without_the_best_are_named():
    pairs = [{"a": "x", "b": "y", "verdict": "undecided"}, {"a": "x", "b": "z", "verdict": "undecided"},
             {"a": "y", "b": "z", "verdict": "better"}]  # fmt: skip
    assert relation("x", pairs) == "some"
    assert relation("y", pairs) == "partly"
    assert relation("y", pairs[2:]) == "distinct"
    assert relation("x", pairs[:2]) == "undecided"


def test_the_best_level_is_named_only_where_all_can_be_compared():
    settings = [{LR: lr, ARCH: arch} for lr, arch in ((1e-4, "unet"), (1e-3, "unet"), (1e-4, "fpn"), (1e-2, "linknet"))]
    axes = {LR: [1e-4, 1e-3, 1e-2], ARCH: ["unet", "fpn", "linknet"]}
    results = draw_results(axes=axes, settings=settings, effects={}, noise=0.002)[1]
    for row in Analysis(results).rows("factor_summary"):
        levels = [level for level in Analysis(results).rows("factors") if level["axis"] == row["axis"]]
        assert bool(row["best_level"]) == all(np.isfinite(level["adjusted"]) for level in levels)


@pytest.mark.parametrize("draw", range(3))
def test_of_two_equal_cells_neither_is_expected_to_beat_the_other(draw):
    results = draw_results(axes={LR: [1e-4, 1e-3]}, effects={}, seeds=(0, 1, 2), draw=draw)[1]
    ranked = Analysis(results).ranked
    assert ranked["expected"].max() - ranked["expected"].min() <= ranked["mean"].max() - ranked["mean"].min()
    assert ranked["beats"].iloc[1] < 0.95


def test_equal_cells_are_seldom_foretold_to_beat_each_other():
    """Two cells without a difference, three runs each: the first is ahead by luck, and 95 % are rarely said."""
    noise, rng, foretold = noise_floor(draw_results(seeds=(0, 1, 2))[1]), np.random.default_rng(0), []
    for _ in range(1000):
        scores = rng.normal(size=(2, 3))
        sd = np.sqrt(scores.var(axis=1, ddof=1).mean())
        means = shrunken(np.sort(scores.mean(axis=1))[::-1], np.full(2, sd**2 / 3))
        table = pd.DataFrame({"expected": means, "error": sd / np.sqrt(3), "error_df": 4.0})
        foretold.append(beats_of_first(table, replace(noise, sd=sd, df=4, equal=True), 1.0)[1])
    assert np.mean(np.array(foretold) >= 0.95) < 0.05


def test_beating_is_foretold_by_hand():
    """Means 0.8 and 0.6 of two runs each, deviation 0.1 of two degrees of freedom: a t of 0.2 / 0.1 / sqrt(2 + 1)."""
    table = pd.DataFrame({"expected": [0.8, 0.6], "sd": 0.1, "error": 0.1 / np.sqrt(2), "error_df": 1.0})
    noise = replace(noise_floor(draw_results(seeds=(0, 1))[1]), sd=0.1, df=2, equal=True)
    assert beats_of_first(table, noise, 1.0)[1] == pytest.approx(stats.t.cdf(2 / np.sqrt(3), 2))
    own = beats_of_first(table, replace(noise, equal=False), 1.0)[1]
    assert own == pytest.approx(stats.t.cdf(2 / np.sqrt(3), 2))  # Welch's degrees of freedom of two equal cells: 1 + 1


def test_interactions_are_not_judged_where_runs_were_pruned_by_their_scores():
    """Of runs left by their scores, axes interact that do not; the share of 5 % goes to the other kinds."""
    results = draw_results(kind="sweep", axes={LR: [1e-4, 1e-2], ARCH: ["unet", "fpn"]}, trials=40, pruned=0.4,
                           effects={LR: [0.0, 0.1]}, seeds=(0,))[1]  # fmt: skip
    analysis = Analysis(results)
    assert "interaction" not in analysis.about["gate"]["shares"]
    pairs = [row for row in analysis.rows("findings") if row["kind"] == "interaction"]
    assert pairs
    assert {row["verdict"] for row in pairs} == {"described"}
    assert all("pruned by their scores" in row["note"] for row in pairs)


def test_failed_runs_are_counted_and_their_cells_not_recommended():
    _, results = draw_results(noise=1e-4)
    best = Analysis(results).about["best"]["cell"]
    results.runs.loc[results.runs["cell"] == best, "status"] = ["finished", "finished", "diverged"]
    again = Analysis(type(results)(results.plan, results.cells, results.runs, results.missing))
    assert again.ranked.index[0] == best
    assert again.ranked.loc[best, "status"] == "2 finished, 1 diverged"
    assert again.about["best"]["cell"] == again.ranked.index[1]
    assert "1 ranked higher with runs that failed" in again.about["best"]["chosen_by"]


def test_the_first_is_recommended_even_if_runs_of_it_are_not_there_yet():
    _, results = draw_results(noise=1e-4, seeds=(0, 1))
    last = Analysis(results).ranked.index[-1]
    keep = (results.runs["cell"] == last) | ~results.runs["cell"].duplicated()
    partial = Analysis(type(results)(results.plan, results.cells, results.runs[keep], results.missing))
    assert partial.ranked.index[-1] == last
    assert partial.about["best"]["cell"] == partial.ranked.index[0]
    chosen_by = partial.about["best"]["chosen_by"]
    assert "none of whose trained runs failed; 1 of its 2 runs is missing" in chosen_by


def test_pruned_trials_enter_no_mean():
    _, results = draw_results(kind="sweep", axes={LR: [1e-4, 1e-2], ARCH: ["unet", "fpn"]}, trials=30, pruned=0.5,
                              effects={LR: [0.0, 0.1]}, seeds=(0,), confirm={"top": 2, "seeds": [1, 2, 3]})  # fmt: skip
    analysis = Analysis(results)
    trials = results.runs[results.runs["role"] == "trial"]
    pruned = set(trials.loc[trials["status"] == "pruned", "cell"])
    assert analysis.ranked.loc[list(pruned), "rank"].isna().all()
    assert sum(row["n_pruned"] for row in analysis.rows("factors") if row["axis"] == ARCH) == len(pruned)
    first = analysis.rows("confirmations")[0]
    own = results.runs[(results.runs["role"] == "confirm") & (results.runs["cell"] == first["cell"])]
    assert first["n"] == 3
    assert first["mean"] == pytest.approx(own["score"].mean())
    assert first["won"] == pytest.approx(trials.loc[trials["cell"] == first["cell"], "score"].mean())
    assert analysis.about["best"]["n"] == 3
    assert analysis.about["expected_best"]["valid"]


def test_edges_of_the_grid():
    results = draw_results(axes=SMALL, effects={LR: [0.0, 0.05, 0.1]})[1]
    (edge,) = [edge for edge in Analysis(results).about["edges"] if edge["axis"] == LR]
    assert edge["side"] == "high"
    assert edge["clear"]
    assert "the optimum may lie beyond" in edge["text"]
    none = draw_results(axes=SMALL, effects={})[1]
    assert not any(edge["clear"] or "optimum" in edge["text"] for edge in Analysis(none).about["edges"])


@pytest.mark.parametrize(
    "options",
    [
        {"axes": {LR: [1e-4]}, "effects": {}},
        {"axes": {LR: [1e-4, 1e-3]}, "effects": {}, "seeds": (0,)},
        {"axes": SMALL, "effects": {}, "seeds": (0, 1), "diverged": 24},
        {"axes": SMALL, "effects": {}, "seeds": (0, 1), "diverged": 20, "oom": 3},
        {"kind": "runs", "seeds": (0,)},
        {"kind": "sweep", "pruned": 1.0, "seeds": (0,)},
        {"folds": 3, "seeds": (0,), "axes": SMALL, "effects": {}},
        {"noise": 0.0, "axes": SMALL, "effects": {}},
        {"missing_cells": 30, "effects": {}},
    ],
    ids=["one cell", "two runs", "all diverged", "one left", "listed", "all pruned", "folds", "no noise", "gaps"],
)
def test_nothing_crashes(options):
    analysis = Analysis(draw_results(**options)[1])
    assert not {row["verdict"] for row in analysis.rows("findings")} & set(STATED)
    assert analysis.about["gate"]["stated"] == 0


def test_all_files_are_written_and_the_best_setting_can_be_copied(tmp_path):
    truth = write_study(tmp_path / "a", images=8, reference={LR: 1e-2, BATCH: 8}, missing_runs=2, epochs=6)
    write_study(tmp_path / "b", seeds=(0, 1), epochs=6, draw=5, compare=["a", "nowhere"])
    assert analyze_study.main(["--results", str(tmp_path / "a")]) == 0
    assert analyze_study.main(["--results", str(tmp_path / "b")]) == 0
    for path in outputs("analyze_study", tmp_path / "a").values():
        assert Path(path).exists()
    best = yaml.safe_load((tmp_path / "a" / "best.yaml").read_text())
    cell = next(cell for cell in truth.cells if cell["cell"] == best["cell"])
    assert best["set"] == cell["settings"]
    assert best["train"] == cell["train"]
    about = json.loads((tmp_path / "b" / "analysis.json").read_text())
    assert any("nowhere" in warning["text"] for warning in about["warnings"])
    comparison = (tmp_path / "b" / "comparison.csv").read_text()
    assert "a,level,optimizer.lr,1e-3 (distinct),1e-3 (distinct),false" in comparison
    first = (tmp_path / "a" / "ranking.csv").read_bytes()
    assert analyze_study.main(["--results", str(tmp_path / "a")]) == 0
    assert (tmp_path / "a" / "ranking.csv").read_bytes() == first
