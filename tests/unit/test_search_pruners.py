"""Pruners one by one, and their verdicts beside those of Optuna's own."""

import random
import warnings
from pathlib import Path

import numpy as np
import optuna
import pytest

from segsweep import registry
from segsweep.component_checks.own_component import own_component
from segsweep.component_checks.pruner import check_pruner
from segsweep.config.search import Sweep
from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.search.checks import problems
from segsweep.search.decision_inputs import settings_digest
from segsweep.search.pruning import judge
from tests.benchmarks.replay import play

TRIALS, EPOCHS = 24, 27


def rule(name, **more):
    return registry.classes("pruner")[name](**more)


def verdicts(pruner, curves, minimize):
    """Which of the trials are pruned, and where: each trained alone, one after the other, as with `at_once: 1`."""
    there, found = {}, {}
    for trial, curve in enumerate(curves):
        for epoch in pruner.rungs(EPOCHS):
            best = min(curve[:epoch]) if minimize else max(curve[:epoch])
            scores = there.setdefault(epoch, {})
            scores[trial] = best
            (verdict,), _ = judge(pruner, minimize, scores, {trial}, epoch=epoch, curve=curve[:epoch])
            if not verdict.promoted:
                found[trial] = epoch
                break
    return found


def optunas(pruner, curves, minimize):
    """The same by Optuna.

    It compares with trials that are complete, so pruned ones are told as such; it prunes at the last epoch too.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    direction = "minimize" if minimize else "maximize"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(direction=direction, pruner=pruner())
        found = {}
        for number, curve in enumerate(curves):
            trial = study.ask()
            for epoch, value in enumerate(curve, 1):
                trial.report(value, epoch)
                if epoch < EPOCHS and trial.should_prune():
                    found[number] = epoch
                    break
            study.tell(trial, curve[-1] if number not in found else value)
    return found


def rising(seed, minimize):
    """Curves without noise, which never turn: the best score so far is the last one."""
    draws = random.Random(seed)
    curves = []
    for _ in range(TRIALS):
        end, rate = draws.uniform(0.5, 0.9), draws.uniform(0.05, 0.5)
        curves.append([end * (1 - (1 - rate) ** epoch) for epoch in range(1, EPOCHS + 1)])
    return [[1 - value for value in curve] for curve in curves] if minimize else curves


@pytest.mark.parametrize("minimize", [False, True])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (("halving", {"min_epochs": 3, "eta": 3}),
         lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=3, reduction_factor=3)),
        (("halving", {"min_epochs": 1, "eta": 2}),
         lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)),
        (("median", {"min_epochs": 5, "interval": 4}),
         lambda: optuna.pruners.MedianPruner(n_startup_trials=0, n_warmup_steps=5, interval_steps=4)),
        (("median", {"min_epochs": 5, "min_trials": 7}),
         lambda: optuna.pruners.MedianPruner(
             n_startup_trials=0, n_warmup_steps=5, interval_steps=5, n_min_trials=6)),
        (("percentile", {"percentile": 30.0, "min_epochs": 5}),
         lambda: optuna.pruners.PercentilePruner(30.0, n_startup_trials=0, n_warmup_steps=5, interval_steps=5)),
    ],
)  # fmt: skip
def test_verdicts_are_optunas(ours, theirs, minimize):
    """Of trials one after the other, on curves that never turn."""
    name, settings = ours
    pruned = 0
    for seed in range(4):
        curves = rising(seed, minimize)
        found = verdicts(rule(name, **settings), curves, minimize)
        assert found == optunas(theirs, curves, minimize)
        pruned += len(found)
    assert pruned > 20


def noisy(seed, minimize):
    draws = random.Random(seed)
    sign = -1 if minimize else 1
    return [[value + sign * draws.gauss(0, 0.1) for value in curve] for curve in rising(seed, minimize)]


@pytest.mark.parametrize("minimize", [False, True])
@pytest.mark.parametrize(("patience", "min_delta"), [(0, 0.0), (3, 0.0), (5, 0.05)])
def test_patience_is_optunas(patience, min_delta, minimize):
    """Also on curves that turn."""
    ours = rule("patience", patience=patience, min_delta=min_delta)
    for seed in range(3):
        curves = noisy(seed, minimize)
        theirs = lambda: optuna.pruners.PatientPruner(None, patience=patience, min_delta=min_delta)  # noqa: E731
        found = verdicts(ours, curves, minimize)
        assert found
        assert found == optunas(theirs, curves, minimize)


def test_patience_keeps_a_trial_from_any_rule():
    """Optuna's wrapper: the median prunes only what stands still."""
    patient = rule("median", min_epochs=4, interval=1, patience=2)
    curves = [[0.5 + epoch / 100 for epoch in range(EPOCHS)]] * 2 + [[epoch / 100 for epoch in range(12)] + [0.0] * 15]
    assert verdicts(patient, curves, False) == {2: 15}
    (verdict,), _ = judge(patient, False, {0: 0.5, 1: 0.5, 2: 0.1}, {2}, curve=[0.0, 0.05, 0.1, 0.1])
    assert (verdict.reason, verdict.promoted, verdict.protected) == ("improving", True, True)
    assert patient.improves([0.1, None, 0.1, None], False)  # of too few values nothing is known
    assert not patient.improves([0.3, None, 0.1, 0.1, 0.2], False)


@pytest.mark.parametrize(("minimize", "bounds"), [(False, {"lower": 0.4}), (True, {"upper": 0.6})])
def test_thresholds_are_optunas(minimize, bounds):
    curves = rising(3, minimize)
    theirs = lambda: optuna.pruners.ThresholdPruner(**bounds, n_warmup_steps=4, interval_steps=4)  # noqa: E731
    found = verdicts(rule("threshold", **bounds, min_epochs=4), curves, minimize)
    assert found
    assert found == optunas(theirs, curves, minimize)


def test_a_threshold_may_have_two_bounds():
    both = rule("threshold", lower=0.2, upper=0.9)
    assert verdicts(both, [[0.1] * EPOCHS, [0.5] * EPOCHS, [0.95] * EPOCHS], False) == {0: 1, 2: 1}
    with pytest.raises(ValueError, match="neither lower nor upper is set"):
        rule("threshold")
    with pytest.raises(ValueError, match=r"lower 2 is above upper 1\. Exchange them"):
        rule("threshold", lower=2, upper=1)


@pytest.mark.parametrize("minimize", [False, True])
def test_the_wilcoxon_rule_is_optunas(minimize):
    """Of a trial against the best one, on tables of runs with ties among them."""
    draws, found = random.Random(5), []
    for _ in range(60):
        number = draws.randint(2, 8)
        best = [round(draws.uniform(0.4, 0.6), 2) for _ in range(number)]
        worse = draws.choice([0.0, 0.03, 0.1])
        runs = [round(value + (worse if minimize else -worse) + draws.gauss(0, 0.03), 2) for value in best]
        scores = {0: sum(best) / number, 1: sum(runs) / number}
        (verdict,), _ = judge(rule("wilcoxon"), minimize, scores, {1}, runs={0: best, 1: runs})
        found.append(not verdict.promoted)
        assert found[-1] == optunas_wilcoxon(best, runs, minimize), (best, runs)
    assert 10 < sum(found) < 50


def optunas_wilcoxon(best, runs, minimize):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        pruner = optuna.pruners.WilcoxonPruner(p_threshold=0.1)
    study = optuna.create_study(direction="minimize" if minimize else "maximize", pruner=pruner)
    for values in (best, runs):
        trial = study.ask()
        for number, value in enumerate(values):
            trial.report(value, number)
        pruned = trial.should_prune()
        study.tell(trial, float(np.mean(values)))
    return pruned


def study_of(pruner, minimize=False, **more):
    space = {"optimizer.lr": {"low": 1e-4, "high": 1e-1, "log": True}}
    sweep = {"sampler": "random", "trials": 8, "space": space, "pruner": pruner}
    values = {"name": "s", "train": {"epochs": 6}, "sweep": sweep, "minimize": minimize} | more
    return Study.model_validate(values)


def test_a_search_with_folds_pairs_runs_by_fold():
    """A fold that is harder for all hides no difference; a trial that is worse on each fold is pruned."""

    def run(item):
        hard = 0.3 * (item["fold"]["index"] % 2)
        rate = item["set"]["optimizer.lr"]
        curve = [0.9 - hard - rate] * item["epochs"]
        return {"status": "finished", "epochs": item["epochs"], "curve": curve, "run": item["key"]}

    study = study_of({"name": "wilcoxon", "min_epochs": 2}, folds={"k": 5})
    last = play(study, run)[-1]
    best = min(trial["values"]["optimizer.lr"] for trial in last["trials"])
    (winner,) = [trial for trial in last["trials"] if trial["values"]["optimizer.lr"] == best]
    assert winner["status"] == "finished"
    assert {len(rung["runs"]) for trial in last["trials"] for rung in trial["rungs"]} == {5}
    least = 1.0
    for trial in last["trials"]:  # one after the other: pruned where an earlier one was better
        rate = trial["values"]["optimizer.lr"]
        assert trial["status"] == ("pruned" if rate > least else "finished")
        least = min(least, rate)


def test_patience_of_a_search_looks_at_each_epoch():
    """Also at those between its rungs."""

    def run(item):
        curve = [0.1, 0.5, 0.2, 0.2, 0.2, 0.6] if item["trial"] % 2 else [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
        return {"status": "finished", "epochs": item["epochs"], "curve": curve[: item["epochs"]], "run": item["key"]}

    last = play(study_of({"name": "patience", "patience": 1, "min_epochs": 4}), run)[-1]
    assert [trial["status"] for trial in last["trials"]] == ["finished", "pruned"] * 4


def told(study):
    return problems(study, lambda keys: "s.yaml:" + "/".join(map(str, keys)))


def test_rules_that_could_prune_nothing_are_refused():
    (said,) = told(study_of({"name": "wilcoxon"}, seeds=[0, 1, 2]))
    assert said.startswith("s.yaml:sweep/pruner/name: wilcoxon compares the runs of a trial")
    assert "a trial has 3 (seeds times folds): its p-value is at least 0.125" in said
    assert "Take 4 seeds or folds" in said
    assert told(study_of({"name": "wilcoxon"}, seeds=[0, 1], folds=2)) == []
    (said,) = told(study_of({"name": "threshold", "upper": 0.5}))
    assert "only `upper`, and higher is better: it would prune the good trials. Give `lower`" in said
    assert told(study_of({"name": "threshold", "upper": 0.5}, minimize=True)) == []


OWN = """
def slow(score, others, minimize, share=0.5):
    better = [one for one in others if (one < score if minimize else one > score)]
    return len(better) > share * len(others)


def forgetful(score):
    pass


def moody(score, calls=[]):
    calls.append(score)
    return len(calls) % 3 == 0


def failing(curve):
    return curve[10] > 0
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my").mkdir()
    Path("my/pruner.py").write_text(OWN, encoding="utf-8")
    return lambda name, **more: (
        Sweep(trials=2, space={"a": [1, 2]}, pruner={"name": f"my/pruner.py:{name}", **more}).pruner
    )


def test_a_pruner_of_ones_own(own):
    pruner = own("slow", share=0.3, min_epochs=2, interval=3, preserve=0.8)
    assert pruner.rungs(9) == [2, 5, 8]
    scores = {0: 0.9, 1: 0.7, 2: 0.6}
    found = {v.trial: v.reason for v in judge(pruner, False, scores, {0, 1, 2})[0]}
    assert found == {0: "passes", 1: "behind", 2: "behind"}
    assert check_pruner(own_component("sweep.pruner", pruner)) == "prunes a trial ahead: False, one behind: True"
    with pytest.raises(ValueError, match="has no such key"):
        own("slow", shore=0.3)


def test_decisions_by_a_pruner_of_ones_own_hold_while_its_code_is_the_same(own):
    def digest(name="slow"):
        sweep = {"trials": 2, "space": {"optimizer.lr": [0.1, 0.2]}, "pruner": {"name": f"my/pruner.py:{name}"}}
        return settings_digest(Study.model_validate({"name": "s", "train": {"epochs": 4}, "sweep": sweep}))

    before = digest()
    Path("my/pruner.py").write_text("# A remark.\n" + OWN.replace("[10]", "[11]"), encoding="utf-8")
    assert digest() == before  # another function
    Path("my/pruner.py").write_text(OWN.replace("len(better) >", "len(better) >="), encoding="utf-8")
    assert len({before, digest(), digest("forgetful")}) == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("forgetful", "gives None, and true or false belongs there"),
        ("moody", "asked twice about the same trials it says"),
        ("failing", r"my/pruner.py:17: sweep.pruner my/pruner.py:failing: prunes raised IndexError"),
    ],
)
def test_pruners_that_will_not_do(own, name, said):
    with pytest.raises(InputError, match=said):
        check_pruner(own_component("sweep.pruner", own(name)))
