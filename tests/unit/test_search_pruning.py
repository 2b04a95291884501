"""Rungs, brackets and verdicts, by hand and as properties of random tables."""

import itertools
import random

import pytest

from segsweep import registry
from segsweep.search.pruning import bracket_of, bracket_sizes, judge, rungs, schedule_in_words


def rule(name="hyperband", **more):
    """A pruner's settings."""
    return registry.classes("pruner")[name](**more)


def test_brackets_and_rungs_of_the_paper():
    """Table 1 of Li et al. 2018: R = 81, eta = 3."""
    paper = rule(min_epochs=1, eta=3, brackets=5)
    assert bracket_sizes(paper, 81) == [81, 34, 15, 8, 5]
    assert [rungs(paper, 81, bracket) for bracket in range(5)] == [[1, 3, 9, 27], [3, 9, 27], [9, 27], [27], []]
    # Unless it is asked for, no bracket lets its trials pass without a judgement.
    assert bracket_sizes(rule(min_epochs=1, eta=3), 81) == [81, 34, 15, 8]
    assert bracket_sizes(rule(min_epochs=4, eta=3), 5) == [1]


@pytest.mark.parametrize(("min_epochs", "eta", "total"), [(1, 3, 81), (3, 3, 27), (10, 2, 22), (1, 1.5, 6), (2, 2, 3)])
def test_every_trial_is_judged_at_least_once(min_epochs, eta, total):
    usual = rule(min_epochs=min_epochs, eta=eta)
    sizes = bracket_sizes(usual, total)
    assert all(rungs(usual, total, bracket_of(trial, sizes)) for trial in range(40))
    # One bracket more, and there is one that judges none.
    assert not rungs(usual, total, len(sizes))


def test_the_plan_says_when_trials_are_judged():
    assert schedule_in_words(rule(min_epochs=3, eta=3), 27, 10) == (
        "Trials are judged bracket by bracket (hyperband): 7 after 3 and 9; 3 after 9 of 27 epochs."
    )
    # Of one that was asked for, trials may pass without a judgement.
    assert "; 1 never of 9 epochs" in schedule_in_words(rule(min_epochs=1, eta=3, brackets=3), 9, 6)
    assert schedule_in_words(rule("median", min_epochs=2, interval=3), 9, 5) == (
        "Each trial is judged after 2, 5 and 8 of 9 epochs (median)."
    )
    assert schedule_in_words(rule("none"), 9, 5) == ""
    assert schedule_in_words(rule("median", min_epochs=9), 9, 5) == ""


def bands(min_iter, eta, last):
    """Where `early_terminate: {type: hyperband, min_iter, eta}` of W&B compares all runs: min_iter * eta^i.

    Source: `hyperband_stop_runs` of github.com/wandb/sweeps.
    """
    return list(itertools.takewhile(lambda band: band < last, (int(min_iter * eta**i) for i in range(100))))


@pytest.mark.parametrize(("min_iter", "eta", "last"), [(10, 2, 22), (3, 3, 100), (1, 1.5, 40), (5, 4, 80)])
def test_one_bracket_judges_every_trial_where_wandb_does(min_iter, eta, last):
    one = rule(min_epochs=min_iter, eta=eta, brackets=1)
    assert len(bracket_sizes(one, last)) == 1
    expected = dict.fromkeys(bands(min_iter, eta, last))
    assert all(rungs(one, last, bracket_of(trial, bracket_sizes(one, last))) == [*expected] for trial in range(30))


def test_without_brackets_half_of_the_trials_are_judged_a_rung_later():
    text = rule(min_epochs=10, eta=2)
    assert [rungs(text, 22, bracket) for bracket in range(2)] == [[10, 20], [20]]
    assert [bracket_of(trial, bracket_sizes(text, 22)) for trial in range(6)] == [0, 1] * 3


@pytest.mark.parametrize(
    ("settings", "total", "expected"),
    [
        ({"name": "none"}, 10, []),
        ({"name": "halving", "min_epochs": 2, "eta": 3}, 30, [2, 6, 18]),
        ({"name": "halving", "min_epochs": 1, "eta": 1.5}, 6, [1, 2, 3, 5]),
        ({"name": "halving", "min_epochs": 5, "eta": 2}, 5, []),
        ({"name": "median", "min_epochs": 3}, 10, [3, 6, 9]),
        ({"name": "median", "min_epochs": 3}, 9, [3, 6]),
        ({"name": "percentile", "min_epochs": 3, "interval": 2}, 9, [3, 5, 7]),
        ({"name": "threshold", "lower": 0.5, "interval": 4}, 9, [1, 5]),
        ({"name": "patience", "patience": 2, "min_epochs": 4}, 9, [4, 8]),
        ({"name": "wilcoxon", "min_epochs": 4}, 9, [4, 8]),
    ],
)
def test_rungs_of_other_rules(settings, total, expected):
    assert rungs(rule(**settings), total) == expected
    assert bracket_sizes(rule(**settings), total) == [1]


def test_one_bracket_is_halving():
    assert bracket_sizes(rule(min_epochs=1, eta=3, brackets=1), 81) == [81]
    assert bracket_sizes(rule(min_epochs=1, eta=3, brackets=2), 81) == [81, 34]
    assert rungs(rule(min_epochs=1, eta=3, brackets=1), 81) == rungs(rule("halving", min_epochs=1, eta=3), 81)


def test_trials_are_dealt_out_in_proportion():
    sizes = [4, 3, 3]
    dealt = [bracket_of(trial, sizes) for trial in range(20)]
    assert [dealt[:10].count(bracket) for bracket in range(3)] == sizes
    assert [dealt.count(bracket) for bracket in range(3)] == [8, 6, 6]


def reasons(pruner, scores, minimize=False, judged=None):
    return {v.trial: v.reason for v in judge(pruner, minimize, scores, judged or set(scores))[0]}


def test_the_best_one_in_eta_is_promoted():
    scores = {0: 0.1, 1: 0.4, 2: 0.3, 3: 0.2, 4: 0.15, 5: 0.05}
    found = reasons(rule(eta=3), scores)
    assert found == {1: "top", 2: "top", 3: "behind", 4: "behind", 0: "behind", 5: "behind"}
    assert list(found) == [1, 2, 3, 4, 0, 5]


def test_earlier_trials_are_compared_with_and_not_judged():
    assert reasons(rule(eta=2), {0: 0.9, 1: 0.8, 2: 0.5, 3: 0.4}, judged={2, 3}) == {2: "behind", 3: "behind"}


def test_a_good_score_protects_from_the_rule():
    protecting = rule(eta=4, preserve=0.965, preserve_margin=0.01)
    found = reasons(protecting, {0: 0.98, 1: 0.965, 2: 0.971, 3: 0.9649})
    assert found == {0: "top", 2: "preserve", 1: "preserve", 3: "behind"}
    assert reasons(protecting, {0: 0.90, 1: 0.891, 2: 0.889})[1] == "margin"
    assert reasons(protecting, {0: 0.90, 1: 0.891, 2: 0.889})[2] == "behind"


def test_the_median_is_that_of_the_others():
    # Others of 0.5: 0.2, 0.4, 0.9 with median 0.4; others of 0.4: 0.2, 0.5, 0.9 with median 0.5.
    verdicts, best = judge(rule("median"), False, {0: 0.2, 1: 0.4, 2: 0.5, 3: 0.9}, {1, 2})
    assert [(v.trial, v.cutoff, v.promoted) for v in verdicts] == [(2, 0.4, True), (1, 0.5, False)]
    assert best == 0.9


def test_few_trials_prune_none():
    assert set(reasons(rule(eta=3, min_trials=4), {0: 0.1, 1: 0.2, 2: 0.3}).values()) == {"few"}
    # One that failed there has no score to compare with.
    assert reasons(rule(eta=3), {0: 0.1, 1: None}, judged={0}) == {0: "few"}


def test_failures_count_among_those_left_behind():
    """Two of four are promoted by eta = 2; two failed; so both others are promoted."""
    assert reasons(rule(eta=2), {0: 0.1, 1: None, 2: 0.2, 3: None}, judged={0, 2}) == {2: "top", 0: "top"}


def test_equals_are_treated_alike():
    assert set(reasons(rule(eta=4), dict.fromkeys(range(8), 0.0)).values()) == {"top"}
    found = judge(rule(eta=4), False, {0: 0.5, 1: 0.7, 2: 0.7, 3: 0.1}, {0, 1, 2, 3})[0]
    assert [(v.trial, v.rank, v.promoted) for v in found] == [(1, 1, True), (2, 1, True), (0, 3, False), (3, 4, False)]


def random_tables(number):
    draws = random.Random(1)
    for _ in range(number):
        scores = {
            trial: None if draws.random() < 0.1 else round(draws.uniform(0.8, 1.0), draws.choice([2, 6]))
            for trial in range(draws.randint(1, 12))
        }
        settings = {
            "name": draws.choice(["hyperband", "halving", "median", "percentile"]),
            "min_trials": draws.randint(2, 5),
            "preserve": draws.choice([None, 0.9, 0.965]),
            "preserve_margin": draws.choice([0.0, 0.01, 0.05]),
        }
        if settings["name"] in ("hyperband", "halving"):
            settings["eta"] = draws.choice([1.5, 2, 3, 4])
        yield rule(**settings), scores


def test_protection_over_random_tables():
    """Never pruned: at or above preserve, within the margin of the best, the best itself; few prune none."""
    pruned = 0
    for pruner, scores in random_tables(2000):
        verdicts, best = judge(pruner, False, scores, set(scores))
        known = [score for score in scores.values() if score is not None]
        assert best == max(known, default=None)
        for verdict in verdicts:
            if verdict.promoted:
                continue
            pruned += 1
            assert len(known) >= pruner.min_trials
            if verdict.score is not None:
                assert pruner.preserve is None or verdict.score < pruner.preserve
                assert best - verdict.score > pruner.preserve_margin
    assert pruned > 1000


def test_order_does_not_matter_and_minimizing_mirrors():
    for pruner, scores in random_tables(300):
        expected = judge(pruner, False, scores, set(scores))[0]
        turned = dict(sorted(scores.items(), reverse=True))
        assert judge(pruner, False, turned, set(scores))[0] == expected
        mirrored = {trial: None if score is None else -score for trial, score in scores.items()}
        preserve = None if pruner.preserve is None else -pruner.preserve
        low = judge(pruner.model_copy(update={"preserve": preserve}), True, mirrored, set(scores))[0]
        assert [(v.trial, v.rank, v.reason) for v in low] == [(v.trial, v.rank, v.reason) for v in expected]
