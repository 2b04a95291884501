"""Searches with several objectives: what samplers are told, what they propose, what decisions write down."""

import random

import pytest

from segsweep.config.search import Sweep
from segsweep.config.study import Study
from segsweep.search.objectives import is_ahead, means, told_losses
from segsweep.search.proposals import propose
from segsweep.search.space import identity, inside
from segsweep.search.step_files import as_text
from tests.benchmarks import replay

OBJECTIVES = {"val/miou": "maximize", "cost/train_seconds": "minimize"}
SPACE = {"optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True}, "batch_size": [2, 4, 8]}


def make(sampler, **more):
    return Sweep.model_validate({"sampler": sampler, "trials": 100, "space": SPACE} | more)


def shown(values):
    """High rates are good and slow."""
    return {"val/miou": 100 * values["optimizer.lr"], "cost/train_seconds": 1e3 * values["optimizer.lr"]}


def test_told_by_hand():
    """Losses of what ended; a failed trial is as bad as the worst in each, one that trains is not told of."""
    trials = [
        {"status": "finished", "score": 0.5, "objectives": {"val/miou": 0.5, "cost/train_seconds": 9.0}},
        {"status": "finished", "score": 0.7, "objectives": {"cost/train_seconds": 3.0, "val/miou": 0.7}},
        {"status": "diverged", "score": None, "objectives": {"val/miou": None, "cost/train_seconds": 1.0}},
        {"status": "finished", "score": 0.9, "objectives": {"val/miou": 0.9, "cost/train_seconds": None}},
        {"status": "running", "score": 0.8},
    ]
    worst = [-0.5, 9.0]
    assert told_losses(trials, False, OBJECTIVES) == [[-0.5, 9.0], [-0.7, 3.0], worst, worst, None]
    assert told_losses(trials[2:3], False, OBJECTIVES) == [None]
    assert told_losses(trials, False, {}) == [[-0.5], [-0.7], [-0.5], [-0.9], None]
    assert told_losses(trials[:2], True, {}) == [[0.5], [0.7]]


def test_ahead_and_means():
    assert is_ahead([1, 2], [1, 3])
    assert not is_ahead([1, 2], [1, 2])
    assert not is_ahead([0, 3], [1, 2])
    assert means([{"a": 1.0, "b": None}, {"a": 3.0, "b": 2.0}], ["a", "b"]) == {"a": 2.0, "b": None}


@pytest.mark.parametrize("sampler", ["tpe", {"name": "nsga2", "population": 3}, "random", "qmc", "gp"])
def test_proposals_while_trials_are_pending(sampler):
    """Each is made from what has ended, differs from what is pending, and is the same again; one failed."""
    sweep = make(sampler)
    trials = []
    for step in range(6 if sampler == "gp" else 14):
        (values,) = propose(sweep, sweep.space, trials, 1, minimize=False, objectives=OBJECTIVES)
        assert inside(sweep.space, values)
        trials.append(
            {"values": values, "status": "running", "score": None, "epochs": 3, "proposed": step, "ended": None}
        )
        if step >= 2:
            ended = trials[step - 2]
            found = shown(ended["values"])
            ended |= {"status": "finished", "score": found["val/miou"], "objectives": found, "ended": step + 1}
            if step == 4:
                ended |= {"status": "diverged", "score": None}
    assert len({identity(trial["values"]) for trial in trials}) == len(trials)
    assert propose(sweep, sweep.space, trials, 1, minimize=False, objectives=OBJECTIVES) == propose(
        sweep, sweep.space, trials, 1, minimize=False, objectives=OBJECTIVES
    )


def test_nsga2_moves_toward_what_both_objectives_want():
    """Both want low rates: later generations lie below the first one."""
    sweep = make({"name": "nsga2", "population": 6})
    trials = []
    for step in range(30):
        (values,) = propose(sweep, sweep.space, trials, 1, minimize=False, objectives=OBJECTIVES)
        rate = values["optimizer.lr"]
        found = {"val/miou": -rate, "cost/train_seconds": rate}
        trials.append(
            {"values": values, "status": "finished", "score": -rate, "objectives": found, "epochs": 3}
            | {"proposed": step, "ended": step + 1}
        )
    rates = sorted(trial["values"]["optimizer.lr"] for trial in trials[:6])
    assert sorted(trial["values"]["optimizer.lr"] for trial in trials[-12:])[6] < rates[3]


def searched(objectives=OBJECTIVES, **more):
    """A search of seven trials whose costs are drawn: the study and its states."""
    scenario = {"trials": 7, "at_once": 3, "epochs": 3, "min_epochs": 2, "eta": 2}
    study = replay.study_of(scenario, {"name": "none"}, 3, "tpe", metric="val/miou", objectives=objectives, **more)

    def run(item):
        scores, _ = replay.curve(3, item["set"], item["total_epochs"], item["seed"])
        draws = random.Random(f"{item['set']} {item['seed']}")
        costs = {"val/miou": max(scores), "cost/train_seconds": draws.uniform(1, 9)}
        return replay.result_of(scores, item) | {"objectives": costs}

    return study, replay.play(study, run)


def test_decisions_hold_the_means_of_all_objectives():
    _, states = searched(seeds=[0, 1])
    trials = states[-1]["trials"]
    assert [set(trial["objectives"]) for trial in trials] == [set(OBJECTIVES)] * 7
    assert all(trial["objectives"]["val/miou"] == pytest.approx(trial["score"]) for trial in trials)
    best = max(trials, key=lambda trial: trial["score"])
    assert states[-1]["best"]["trial"] == best["trial"]
    assert [as_text(state) for state in searched(seeds=[0, 1])[1]] == [as_text(state) for state in states]


def test_another_objective_proposes_otherwise_and_voids_earlier_steps():
    (study, states), (_, otherwise) = searched(), searched(OBJECTIVES | {"cost/train_seconds": "maximize"})
    assert states[0]["settings"] != otherwise[0]["settings"]
    single = Study.model_validate(study.model_dump(mode="json", by_alias=True) | {"objectives": {}})
    assert single.metric == study.metric
    proposed = [trial["values"] for trial in states[-1]["trials"]]
    assert proposed != [trial["values"] for trial in otherwise[-1]["trials"]]


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ({"sampler": "cmaes"}, "sweep.sampler: cmaes follows one score, and there are 2 objectives"),
        ({"pruner": {"name": "halving", "min_epochs": 2}}, "sweep.pruner: halving compares trials by one number"),
    ],
)
def test_what_knows_one_objective_is_refused(sweep, said):
    values = {"name": "a", "train": {}, "objectives": OBJECTIVES, "sweep": {"trials": 4, "space": SPACE} | sweep}
    with pytest.raises(ValueError, match=said):
        Study.model_validate(values)
