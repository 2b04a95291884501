"""Proposals lie in the space, differ, and follow from settings and earlier trials alone."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

import segsweep
from segsweep.config.search import Sweep
from segsweep.search.proposals import proposal_seed, propose
from segsweep.search.random_points import draws
from segsweep.search.space import active, choice_name, identity, inside, levels, order, points, problems

SPACE = {
    "optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True},
    "optimizer.name": ["adamw", "sgd"],
    "optimizer.momentum": {"low": 0.5, "high": 0.99, "when": {"optimizer.name": "sgd"}},
    "model.dropout": {"low": 0.0, "high": 0.5, "step": 0.1},
    "scheduler.t_max": {"low": 5, "high": 40, "integer": True, "log": True},
}
COUNTABLE = {
    "optimizer.name": ["adamw", "sgd"],
    "optimizer.nesterov": {"choices": [True, False], "when": {"optimizer.name": ["sgd"]}},
    "model.dropout": {"low": 0.0, "high": 0.2, "step": 0.1},
}


def make(sampler="tpe", space=SPACE, **more):
    return Sweep.model_validate({"sampler": sampler, "trials": 100, "space": space} | more)


def ended_after(step):
    """A trial of a step, which ended before the next one."""
    return {"proposed": step, "ended": step + 1}


def score(values):
    """Best at a learning rate of 1e-3."""
    return 0.9 - 0.1 * abs(math.log10(values.get("optimizer.lr", 1e-3)) + 3) - values.get("model.dropout", 0) / 10


def search(sweep, batches, size, minimize=False):
    """Trials of some batches, with a failed and a pruned one among them."""
    trials = []
    for batch in range(batches):
        for values in propose(sweep, sweep.space, trials, size, minimize=minimize):
            status = {2: "diverged", 3: "pruned"}.get(len(trials), "finished")
            value = None if status == "diverged" else score(values) * (-1 if minimize else 1)
            trials.append({"values": values, "score": value, "status": status, "epochs": 5} | ended_after(batch))
    return trials


@pytest.mark.parametrize("sampler", ["tpe", "gp", "cmaes", "random", "qmc"])
def test_proposals(sampler):
    """Inside the space, all different, the same again, and the same for the mirrored metric."""
    sweep = make(sampler)
    # A few trials more than those drawn before the model; gp is slow.
    batches, size = (4, 2) if sampler == "gp" else (4, 3)
    before = (batches - 1) * size
    trials = search(sweep, batches, size)
    assert len({identity(trial["values"]) for trial in trials}) == batches * size
    assert all(inside(sweep.space, trial["values"]) for trial in trials)
    assert {("optimizer.momentum" in trial["values"]) for trial in trials} == {True, False}
    again = propose(sweep, sweep.space, trials[:before], size, minimize=False)
    assert again == [trial["values"] for trial in trials[before:]]
    # Sequential within a batch: an interrupted batch proposed the first of the full one.
    assert propose(sweep, sweep.space, trials[:before], 1, minimize=False) == again[:1]
    assert [trial["values"] for trial in search(sweep, batches, size, True)] == [trial["values"] for trial in trials]
    other = propose(make(sampler, seed=1), sweep.space, trials[:before], size, minimize=False)
    assert other != again


@pytest.mark.parametrize("sampler", ["tpe", "gp", "cmaes", "random", "qmc"])
def test_proposals_while_trials_are_pending(sampler):
    """As in a pipeline: each is made from what has ended, differs from what is pending, and is the same again."""
    sweep = make(sampler)
    trials = []
    for step in range(7):
        (values,) = propose(sweep, sweep.space, trials, 1, minimize=False)
        trials.append(
            {"values": values, "score": None, "status": "running", "epochs": 5, "proposed": step, "ended": None}
        )
        if step % 3 == 2:  # the last but one ends, before one that began earlier
            trials[step - 1] |= {"score": score(trials[step - 1]["values"]), "status": "finished", "ended": step + 1}
    assert len({identity(trial["values"]) for trial in trials}) == 7
    again = propose(sweep, sweep.space, trials, 2, minimize=False)
    assert again == propose(sweep, sweep.space, trials, 2, minimize=False)
    assert not {identity(values) for values in again} & {identity(trial["values"]) for trial in trials}


def test_a_sampler_learns():
    """After 24 trials tpe draws learning rates nearer to the best than chance does."""
    space = {"optimizer.lr": {"low": 1e-5, "high": 1e-1, "log": True}}
    away = {}
    for sampler in ("tpe", "random"):
        trials = search(make(sampler, space), 6, 4)[12:]
        away[sampler] = sum(abs(math.log10(trial["values"]["optimizer.lr"]) + 3) for trial in trials)
    assert away["tpe"] < 0.7 * away["random"]


def test_startup_trials_are_random_draws():
    """As many as are set: the first ones do not depend on the scores, the next one does."""
    for sampler in ("tpe", "gp"):
        sweep = make({"name": sampler, "startup_trials": 2}, {"a": {"low": 0.0, "high": 1.0}})
        proposed = {}
        for sign in (1, -1):
            trials = []
            for batch in range(3):
                (values,) = propose(sweep, sweep.space, trials, 1, minimize=True)
                score = sign * values["a"]
                trials.append(
                    {"values": values, "score": score, "status": "finished", "epochs": 1} | ended_after(batch)
                )
            proposed[sign] = [trial["values"] for trial in trials]
        assert proposed[1][:2] == proposed[-1][:2]
        assert proposed[1][2] != proposed[-1][2]


def test_cmaes_continues_its_generations():
    """Its distribution narrows and moves: no batch starts it again."""
    space = {axis: {"low": 0.0, "high": 1.0} for axis in ("a", "b")}
    sweep = make("cmaes", space)
    trials = []
    for batch in range(12):
        for values in propose(sweep, sweep.space, trials, 6, minimize=True):
            value = (values["a"] - 0.2) ** 2 + (values["b"] - 0.8) ** 2
            trials.append({"values": values, "score": value, "status": "finished", "epochs": 1} | ended_after(batch))
    late = trials[-12:]
    assert all(abs(trial["values"]["a"] - 0.2) < 0.15 and abs(trial["values"]["b"] - 0.8) < 0.15 for trial in late)


def test_qmc_continues_its_sequence():
    """The points of batches 1 to 17 are one Sobol sequence: one in each sixteenth. The first trial is a random one."""
    sweep = make("qmc", {"a": {"low": 0.0, "high": 1.0}})
    trials = search(sweep, 17, 1)
    assert {math.floor(16 * trial["values"]["a"]) for trial in trials[1:]} == set(range(16))


def test_what_is_drawn_beside_a_model_goes_on():
    """Choices, which CMA-ES and the sequence know nothing of, are drawn again for each trial, also one at a time."""
    for sampler in ("cmaes", "qmc"):
        space = {"a": {"low": 0.0, "high": 1.0}, "b": {"low": 0.0, "high": 1.0}, "c": ["x", "y", "z", "w"]}
        drawn = [trial["values"]["c"] for trial in search(make(sampler, space), 12, 1)]
        assert len(set(drawn[2:])) == 4


def test_grid_visits_each_point_once_and_ends():
    sweep = make("grid", COUNTABLE)
    # adamw: 3 dropouts; sgd: 2 x 3.
    expected = [
        {"optimizer.name": "adamw", "model.dropout": 0.0},
        {"optimizer.name": "sgd", "optimizer.nesterov": False, "model.dropout": 0.2},
    ]
    every = list(points(sweep.space))
    assert len(every) == 9
    assert all(point in every for point in expected)
    trials = search(sweep, 4, 3)
    assert sorted(identity(trial["values"]) for trial in trials) == sorted(identity(point) for point in every)


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_small_spaces_are_exhausted_without_repeating(sampler):
    trials = search(make(sampler, COUNTABLE), 3, 4)
    assert len({identity(trial["values"]) for trial in trials}) == len(trials) == 9


def test_values_are_readable():
    sweep = make("random")
    for trial in search(sweep, 3, 4):
        assert len(f"{trial['values']['optimizer.lr']:.6g}") >= len(repr(trial["values"]["optimizer.lr"])) - 2
        assert trial["values"]["model.dropout"] in [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
        assert isinstance(trial["values"]["scheduler.t_max"], int)


def test_choices_may_be_anything():
    sweep = make("tpe", {"data.crop": [[64, 64], [96, 96], None], "loss": [{"ce": 1.0}, {"dice": 1.0}]})
    assert all(inside(sweep.space, trial["values"]) for trial in search(sweep, 2, 3))


def test_conditions():
    space = make(
        space={
            "c": {"low": 0, "high": 1, "when": {"b": [1, 2]}},
            "b": {"choices": [1, 2, 3], "when": {"a": True}},
            "a": [True, False],
        }
    ).space
    assert order(space) == ["a", "b", "c"]
    assert active(space["c"], {"a": True, "b": 2})
    assert not active(space["c"], {"a": True, "b": 3})
    assert not active(space["c"], {"a": False})
    # 1 is not `true`.
    assert not active(space["b"], {"a": 1})
    assert not inside(space, {"a": False, "c": 0.5})


def test_levels():
    space = make(
        space={
            "step": {"low": 0.1, "high": 0.7, "step": 0.2},
            "whole": {"low": 2, "high": 8, "step": 3, "integer": True},
            "integer": {"low": 1, "high": 3, "integer": True},
        }
    ).space
    assert [levels(space[axis]) for axis in space] == [[0.1, 0.3, 0.5, 0.7], [2, 5, 8], [1, 2, 3]]
    assert isinstance(levels(space["whole"])[0], int)


def test_problems():
    def of(space, sampler="tpe"):
        return problems(make(sampler, space), lambda keys: f"study.yaml:{len(keys)}")

    assert of(SPACE) == []
    assert of(COUNTABLE, "grid") == []
    (found,) = of({"optimizer.lr": {"low": 1, "high": 2}}, "grid")
    assert "study.yaml:3: " in found
    assert "optimizer.lr is continuous" in found
    assert "speaks of 'x'" in of({"a": {"choices": [1], "when": {"x": 1}}})[0]
    assert "waits for b: 3" in of({"a": {"choices": [1], "when": {"b": 3}}, "b": [1, 2]})[0]
    circle = of({"a": {"choices": [1], "when": {"b": 1}}, "b": {"choices": [1], "when": {"a": 1}}})
    assert any("circle" in one for one in circle)
    assert "is repeated" in of({"a": [1, 2, 1]})[0]
    assert "whole numbers" in of({"a": {"low": 0.5, "high": 3, "integer": True}})[0]


def test_seeds_of_proposals_differ():
    assert len({proposal_seed(seed, batch) for seed in range(20) for batch in range(20)}) == 400


def test_reading_steps_needs_no_optuna():
    code = (
        "import sys, segsweep.search.step_files, segsweep.search.decisions, segsweep.search.search_tables;"
        "import segsweep.search.narrow;"
        "sys.exit(bool({'optuna', 'torch', 'pandas', 'numpy', 'scipy'} & set(sys.modules)))"
    )
    library = Path(segsweep.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=library, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("sampler", ["tpe", "gp", "cmaes", "random", "qmc"])
def test_whole_numbers_on_a_logarithmic_axis(sampler):
    """Each octave is as likely: of 1 to 64, as many are below 8 as above; the ends are there; all are whole."""
    space = {"batch_size": {"low": 1, "high": 64, "integer": True, "log": True}, "b": {"low": 0.0, "high": 1.0}}
    sweep = make(sampler, space)
    size, batches = (2, 2) if sampler == "gp" else (4, 6)
    drawn = [trial["values"]["batch_size"] for trial in search(sweep, batches, size)]
    assert all(isinstance(value, int) and 1 <= value <= 64 for value in drawn)
    if sampler in ("random", "qmc"):
        assert 0.25 < sum(value < 8 for value in drawn) / len(drawn) < 0.75


def test_random_points_of_whole_numbers_on_a_logarithmic_axis():
    """Drawn as Optuna draws them, also beside what no sampler proposes."""
    space = make("random", {"a": {"low": 1, "high": 64, "integer": True, "log": True}}).space
    drawn = [values["a"] for values in draws(space, "seed", number=4000)]
    assert set(drawn) == set(range(1, 65))
    share = math.log(7.5 / 0.5) / math.log(64.5 / 0.5)  # of what rounds to 7 or less
    assert sum(value < 8 for value in drawn) / 4000 == pytest.approx(share, abs=0.03)


def test_names_of_choices():
    sections = [{"name": "sgd", "lr": 0.1}, {"name": "adamw"}, [64, 64], "64/64", None, 3]
    dimension = make("tpe", {"a": sections}).space["a"]
    names = [choice_name(dimension, one) for one in sections]
    assert names == ["sgd(lr=0.1)", "adamw", "[64, 64]", "64/64", None, 3]
