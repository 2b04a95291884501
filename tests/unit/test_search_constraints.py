"""Constraints of a search keep its trials where they allow them, and are checked when the study is planned."""

from pathlib import Path

import pytest

from segsweep.config.dotted_keys import ABSENT
from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.planning.announcement import announce
from segsweep.planning.planner import open_study
from segsweep.search.constraints import Constraints
from segsweep.search.decisions import decide
from segsweep.search.proposals import propose
from segsweep.search.space import identity, points
from tests.unit.test_search_proposals import ended_after
from tests.workspace import SMALL, Workspace

SPACE = {
    "optimizer.lr": {"low": 1e-4, "high": 1e-1, "log": True},
    "batch_size": {"low": 1, "high": 32, "integer": True, "log": True},
    "accumulate": [1, 2, 4, 8],
}
HELD = ["batch_size * accumulate <= 32", "batch_size * accumulate >= 8", "optimizer.lr * batch_size < 0.2"]
COUNTABLE = {"batch_size": [1, 2, 4, 8], "accumulate": [1, 2, 4, 8]}


def study_of(constraints, space=SPACE, sampler="random", train=None, **more):
    sweep = {"sampler": sampler, "trials": 50, "space": space, "constraints": constraints} | more
    return Study.model_validate({"name": "s", "train": {"epochs": 2} | (train or {}), "sweep": sweep})


def searched(study, batches, size):
    allows, trials = Constraints(study).allows, []
    for batch in range(batches):
        for values in propose(study.sweep, study.sweep.space, trials, size, minimize=False, allows=allows):
            score = values.get("optimizer.lr", 0) + values["batch_size"] / 100
            trials.append({"values": values, "score": score, "status": "finished", "epochs": 5} | ended_after(batch))
    return trials


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "random", "qmc"])
def test_trials_fulfil_the_constraints(sampler):
    study = study_of(HELD, sampler=sampler)
    trials = searched(study, 4, 3)
    assert len({identity(trial["values"]) for trial in trials}) == 12
    for values in (trial["values"] for trial in trials):
        assert 8 <= values["batch_size"] * values["accumulate"] <= 32
        assert values["optimizer.lr"] * values["batch_size"] < 0.2
    allows = Constraints(study).allows
    again = propose(study.sweep, study.sweep.space, trials[:9], 3, minimize=False, allows=allows)
    assert again == [trial["values"] for trial in trials[9:]]


def test_a_model_finds_the_best_at_the_border():
    """The score grows towards what the constraint forbids: the sampler is not left to chance there."""
    space = {"optimizer.lr": {"low": 0.01, "high": 1.0}, "batch_size": {"low": 1, "high": 100, "integer": True}}
    study = study_of(["optimizer.lr < 0.3"], space, {"name": "tpe", "startup_trials": 3})
    late = searched(study, 9, 1)[5:]
    assert sum(trial["values"]["optimizer.lr"] > 0.2 and trial["values"]["batch_size"] > 50 for trial in late) >= 2


def test_a_gaussian_process_leaves_what_is_forbidden():
    """Asked again, it would propose the same point; told that it is as bad as the worst, another one near by."""
    space = {axis: {"low": 0.0, "high": 1.0} for axis in ("optimizer.weight_decay", "model.dropout")}
    study = study_of(["optimizer.weight_decay < 0.6"], space, {"name": "gp", "startup_trials": 2})
    points = [{"optimizer.weight_decay": x, "model.dropout": y} for x, y in ((0.1, 0.2), (0.3, 0.7), (0.55, 0.4))]
    trials = [
        {"values": one, "score": one["optimizer.weight_decay"], "status": "finished", "epochs": 1} | ended_after(number)
        for number, one in enumerate(points)
    ]
    allows = Constraints(study).allows
    (found,) = propose(study.sweep, study.sweep.space, trials, 1, minimize=False, allows=allows)
    assert 0.3 < found["optimizer.weight_decay"] < 0.6


@pytest.mark.parametrize("sampler", ["grid", "random", "tpe"])
def test_a_finite_space_ends_with_its_last_allowed_point(sampler):
    study = study_of(["batch_size * accumulate == 8 or batch_size == accumulate"], COUNTABLE, sampler)
    allows = Constraints(study).allows
    expected = {identity(values) for values in points(study.sweep.space) if allows(values)}
    assert len(expected) == 8
    assert {identity(trial["values"]) for trial in searched(study, 5, 2)} == expected


def test_a_constraint_that_almost_nothing_fulfils():
    """One random point in a thousand: the sampler proposes none, random draws find some."""
    study = study_of(["optimizer.lr > 0.0999 and batch_size == 32"], {**SPACE, "accumulate": [1]}, "tpe")
    trials = searched(study, 2, 1)
    assert all(trial["values"]["batch_size"] == 32 for trial in trials)


def value(study, values, name):
    return Constraints(study).value(values, name)


def test_what_keys_mean_in_a_trial():
    space = {
        "optimizer": [{"name": "sgd", "lr": 0.1}, {"name": "adamw"}],
        "optimizer.weight_decay": {"low": 0.0, "high": 0.1},
        "optimizer.momentum": {"low": 0.5, "high": 0.9, "when": {"optimizer": [{"name": "sgd", "lr": 0.1}]}},
    }
    study = study_of(["optimizer.lr > 0"], space, train={"optimizer": {"name": "adam", "lr": 0.02}, "batch_size": 3})
    sgd, adamw = ({"optimizer": one, "optimizer.weight_decay": 0.05} for one in space["optimizer"])
    assert value(study, sgd, "optimizer.lr") == 0.1
    assert value(study, adamw, "optimizer.lr") == 0.02
    assert value(study, adamw, "optimizer.name") == "adamw"
    assert value(study, adamw, "optimizer.weight_decay") == 0.05
    assert value(study, adamw, "batch_size") == 3
    assert value(study, adamw, "optimizer.nesterov") is ABSENT
    assert value(study, sgd, "optimizer.nesterov") is False
    # An axis that `when` switches off: fulfilled.
    assert Constraints(study_of(["optimizer.momentum < 0.6"], space)).allows(adamw)
    assert not Constraints(study_of(["optimizer.momentum < 0.6"], space)).allows(sgd | {"optimizer.momentum": 0.7})


def test_parameters_of_a_program():
    values = {
        "name": "s",
        "command": "python x.py {config} {resume:}",
        "epochs": 3,
        "parameters": {"net": {"width": 4}},
    }
    sweep = {"trials": 4, "space": {"lr": [0.1, 0.2]}, "constraints": ["lr * net.width <= 0.5 and epochs == 3"]}
    values["parameters"]["lr"] = 0.1
    allows = Constraints(Study.model_validate(values | {"results": {}, "sweep": sweep})).allows
    assert allows({"lr": 0.1})
    assert not allows({"lr": 0.2})


def test_start_points_come_first_and_open_axes_follow_the_constraints():
    study = study_of(HELD, try_first=[{"batch_size": 32}, {"batch_size": 4, "accumulate": 2, "optimizer.lr": 0.01}])
    first, second, *_ = (trial["values"] for trial in searched(study, 3, 1))
    assert (first["batch_size"], first["accumulate"]) == (32, 1)
    assert second == {"optimizer.lr": 0.01, "batch_size": 4, "accumulate": 2}


def test_a_narrowed_space_without_an_allowed_point_is_refused():
    study = study_of(["batch_size * accumulate == 8"], COUNTABLE, narrow={"from": "first", "top": 0.5})
    earlier = [
        {"trial": n, "values": {"batch_size": 8, "accumulate": size}, "score": 1 - n, "status": "finished"}
        for n, size in enumerate((8, 1))
    ]
    with pytest.raises(InputError, match=r"of first were good, no point was found that fulfils the constraints. Raise"):
        decide(study, None, {}, earlier=earlier)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    return Workspace.entered(tmp_path, monkeypatch)


@pytest.fixture
def planned(workspace):
    """Plan a study with constraints; gives it."""

    def plan(constraints, space=SPACE, **more):
        sweep = {"trials": 4, "space": space, "constraints": constraints} | more
        workspace.write_study(grid=None, train=SMALL, sweep=sweep)
        return open_study({"study": "little"}, plans=True)

    return plan


def told(study):
    said = []
    announce(study, said.append)
    return "\n".join(said)


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        (
            "batch_size * acumulate <= 32",
            "column 14: 'acumulate' is no axis of the space and no key of train. Did you mean",
        ),
        ("lr < 1", "column 1: 'lr' is no axis of the space and no key of train. Did you mean 'optimizer.lr'?"),
        ("batch_size <", "'batch_size <', column 1: invalid syntax"),
        ("batch_size", "no condition. Compare it: `... <= 32`. So it is with batch_size="),
        ("32 / (batch_size - 32) < 1", "is a division by zero (of 32, 0). Keep zero out of the space."),
        ("model.arch > 3", "`model.arch` is 'unet', and a number belongs here"),
        ("optimizer > 3", "optimizer is a section. Name a key in it: optimizer.name"),
        ("batch_size > 32", "none of 2,000 random points of the space fulfils it"),
    ],
)
def test_wrong_constraints_are_refused_with_their_line(planned, constraint, said):
    with pytest.raises(InputError) as error:
        planned(["batch_size > 1", constraint])
    assert len(error.value.problems) == 1, error.value
    problem = str(error.value)
    assert said in problem
    lines = Path("config/studies/little.yaml").read_text(encoding="utf-8").splitlines()
    assert constraint in lines[int(problem.split(":")[1]) - 1]


def test_constraints_that_exclude_each_other(planned):
    with pytest.raises(
        InputError, match=r"each is fulfilled somewhere, and none of the 16 points of the space fulfils all"
    ):
        planned(["batch_size < 4", "batch_size > 2"], COUNTABLE)


def test_start_points_that_violate_a_constraint(planned):
    with pytest.raises(InputError, match=r"the start point 2 does not fulfil 'batch_size \* accumulate <= 8'"):
        planned(
            ["batch_size * accumulate <= 8"],
            COUNTABLE,
            try_first=[{"batch_size": 8}, {"batch_size": 8, "accumulate": 8}],
        )
    with pytest.raises(
        InputError, match=r"the start point 1 fulfils them with no value of the axes that it leaves open"
    ):
        planned(["batch_size * accumulate <= 4"], COUNTABLE, try_first=[{"batch_size": 8}])


def test_the_plan_says_what_is_left(planned):
    said = told(planned(["batch_size * accumulate <= 8", "batch_size > 0", "accumulate < 8"], COUNTABLE))
    assert "sweep.constraints: 9 of the 16 points of the space fulfil all 3 constraints." in said
    assert "'batch_size > 0': all of the 16 points of the space fulfil it: it leaves nothing out." in said
    assert "no point with accumulate=8 was found that fulfils them" in said
    said = told(planned(["batch_size > 4"], pruner={"name": "median"}))
    assert "% of 2,000 random points of the space fulfil the constraint." in said
    assert "Each trial is judged after 1 of 2 epochs (median)." in said


def test_what_a_constraint_keeps_apart_is_not_planned_together(planned):
    space = {"scheduler.name": ["constant", "cosine"], "scheduler.start_epoch": [0, 3], "epochs": [4, 2]}
    assert planned([], space)
    with pytest.raises(InputError, match=r"scheduler.start_epoch is 3, and a run ends after 2 epochs"):
        planned([], space | {"scheduler.name": ["cosine"]})
    assert planned(["scheduler.start_epoch < epochs"], space | {"scheduler.name": ["cosine"]})


def test_a_default_that_depends_on_a_choice_is_refused(planned):
    Path("my").mkdir()
    own = "import torch\n\n\nclass Slow(torch.optim.SGD):\n    def __init__(self, params, lr=0.5):\n        pass\n"
    Path("my/slow.py").write_text(own, encoding="utf-8")
    space = {"optimizer.name": ["adamw", "../../my/slow.py:Slow"]}
    train = SMALL | {"optimizer": {"name": "adamw"}}
    with pytest.raises(
        InputError, match=r"the default of optimizer.lr depends on what a trial chooses. Write it in `train`"
    ):
        _plan(train, space)
    _plan(train | {"optimizer": {"name": "adamw", "lr": 0.1}}, space)


def _plan(train, space):
    workspace = Workspace.__new__(Workspace)
    workspace.folder = Path.cwd()
    sweep = {"trials": 2, "space": space, "constraints": ["optimizer.lr <= 0.5"]}
    workspace.write_study(grid=None, train=train, sweep=sweep)
    return open_study({"study": "little"}, plans=True)


def test_constraints_of_a_grid(workspace):
    keys = {"train": SMALL, "grid": {"batch_size": [1, 2, 4], "accumulate": [1, 2, 4], "epochs": [2]}}
    workspace.write_study(**keys, constraints=["batch_size * accumulate <= 4", "epochs < 3"])
    study = open_study({"study": "little"}, plans=True)
    assert len(study.design.cells) == 6
    assert study.design.excluded == 3
    said = told(study)
    assert "3 excluded" in said
    assert "constraints: 'epochs < 3': all 9 combinations fulfil it: it leaves nothing out." in said
    # What a constraint leaves out need not be a setting.
    keys["train"] = SMALL | {"scheduler": {"name": "cosine"}}
    grid = {"scheduler.start_epoch": [0, 2], "epochs": [2, 3]}
    workspace.write_study(**keys | {"grid": grid}, constraints=["scheduler.start_epoch < epochs"])
    assert len(open_study({"study": "little"}, plans=True).design.cells) == 3


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        ("batch_sizes > 1", "column 1: no cell has the key 'batch_sizes'. Did you mean 'batch_size'?"),
        ("batch_size > 9", "none of the 2 combinations fulfils it"),
        ("batch_size / accumulate", "it is 1.0, no condition"),
    ],
)
def test_wrong_constraints_of_a_grid(workspace, constraint, said):
    workspace.write_study(train=SMALL, grid={"batch_size": [1, 2]}, constraints=[constraint])
    with pytest.raises(InputError) as error:
        open_study({"study": "little"}, plans=True)
    assert said in str(error.value)


def test_those_of_a_search_stand_under_sweep(workspace):
    sweep = {"trials": 2, "space": {"batch_size": [1, 2]}}
    workspace.write_study(train=SMALL, grid=None, sweep=sweep, constraints=["batch_size > 1"])
    with pytest.raises(InputError, match=r"little.yaml:\d+: constraints: of a search, they stand under sweep"):
        open_study({"study": "little"}, plans=True)
