"""Searches with several objectives: what samplers are told, what they propose, what decisions write down."""

import random

import pytest

from segsweep.config.load import Request, load
from segsweep.config.objective_checks import wrong_objectives
from segsweep.config.search import Sweep
from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.search.objectives import is_ahead, means, members_of_front, told_losses
from segsweep.search.proposals import propose
from segsweep.search.space import identity, inside
from segsweep.search.step_files import as_text
from tests.benchmarks import replay
from tests.workspace import Workspace

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


def refused(workspace, **keys):
    """What a start says of a study with these keys."""
    workspace.write_study(**keys)
    with pytest.raises(InputError) as error:
        load(Request(study="little"))
    return "\n".join(error.value.problems)


def test_wrong_objectives_are_refused_with_their_line(tmp_path, monkeypatch):
    workspace = Workspace.entered(tmp_path, monkeypatch)
    objectives = {
        "val/miuo": "maximize",
        "cost/train_second": "minimize",
        "val/loss": "maximize",
        "val/dice": "minimize",
    }
    said = refused(workspace, metric=None, objectives=objectives)
    assert "config/studies/little.yaml:" in said
    assert "no metric 'val/miuo'. Did you mean 'val/miou'?" in said
    assert "no cost is called cost/train_second. Did you mean 'cost/train_seconds'?" in said
    assert "val/loss is to be maximized, and lower is better. Write `val/loss: minimize`." in said
    assert "val/dice is to be minimized, and higher is better. Write `val/dice: maximize`." in said
    assert len(said.splitlines()) == 4
    two = {"val/miou": "maximize", "cost/train_seconds": "minimize"}
    assert "metric: val/dice is none of the objectives (val/miou, cost/train_seconds)" in refused(
        workspace, metric="val/dice", objectives=two
    )
    assert "found 1 (val/miou), allowed are 2 to 5" in refused(workspace, objectives={"val/miou": "maximize"})
    assert "unknown key 'try_first'. It is a key of 'sweep'." in refused(workspace, try_first=[{"optimizer.lr": 1e-3}])
    assert "minimize: true, and objectives say `val/miou: maximize`" in refused(
        workspace, minimize=True, objectives=two
    )
    assert "has one value for a whole run" in refused(
        workspace, metric=None, objectives={"cost/train_seconds": "minimize", "val/miou": "maximize"}
    )
    assert "confirm.of: front, and the study has one objective" in refused(
        workspace, confirm={"of": "front", "seeds": [5]}
    )
    assert "no cost is called cost/flops" in refused(workspace, also_report=["cost/flops"])


def test_the_first_objective_is_the_metric(tmp_path, monkeypatch):
    workspace = Workspace.entered(tmp_path, monkeypatch)
    workspace.write_study(metric=None, objectives={"val/loss": "minimize", "val/miou": "maximize"})
    study = load(Request(study="little")).study
    assert (study.metric, study.minimize) == ("val/loss", True)


def test_a_program_cannot_have_costs_of_models():
    costs = ("cost/gflops_per_image", "cost/train_seconds")
    study = Study.model_validate(
        {
            "name": "own", "command": "python train.py {out}", "epochs": 2, "grid": {"lr": [1, 2]},
            "objectives": {"val/score": "minimize"} | dict.fromkeys(costs, "minimize"),
        }
    )  # fmt: skip
    (said,) = wrong_objectives(study, lambda keys: "own.yaml:3", None, ())
    assert said.startswith("own.yaml:3: cost/gflops_per_image is measured of networks that segsweep builds")


def test_confirmed_are_members_of_the_front():
    """The best two on the front by the metric: the second best of all is slower and worse than the best."""
    objectives = {"a": "maximize", "b": "minimize"}
    order = [
        {"trial": 0, "objectives": {"a": 0.9, "b": 5.0}},
        {"trial": 1, "objectives": {"a": 0.8, "b": 6.0}},
        {"trial": 2, "objectives": {"b": 2.0, "a": 0.7}},
        {"trial": 3, "objectives": {"a": 0.6, "b": None}},
        {"trial": 4, "objectives": {"a": 0.5, "b": 1.0}},
    ]
    assert [one["trial"] for one in members_of_front(order, objectives)] == [0, 2, 4]
    _, states = searched(confirm={"of": "front", "top": 2, "seeds": [7]})
    (confirming,) = [record for state in states for record in state["log"] if record["kind"] == "confirming"]
    trials = {trial["trial"]: trial["objectives"] for trial in states[-1]["trials"]}
    for chosen in confirming["candidates"]:
        own = trials[chosen["trial"]]
        assert not any(
            other["val/miou"] >= own["val/miou"] and other["cost/train_seconds"] < own["cost/train_seconds"]
            for other in trials.values()
        )
