"""Start points of a search are its first trials, and are checked when the study is planned."""

from pathlib import Path

import pytest
import yaml

from segsweep.config.search import Sweep
from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.planning.planner import open_study
from segsweep.search.decision_inputs import settings_digest, valid_steps
from segsweep.search.decisions import decide
from segsweep.search.narrow import narrowed
from segsweep.search.proposals import propose
from segsweep.search.space import identity, inside
from segsweep.search.start_points import with_start_points
from tests.benchmarks.replay import play
from tests.workspace import SMALL, Workspace

SPACE = {
    "optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True},
    "optimizer.name": ["adamw", "sgd"],
    "optimizer.momentum": {"low": 0.5, "high": 0.99, "when": {"optimizer.name": "sgd"}},
    "batch_size": {"low": 1, "high": 8, "integer": True, "log": True},
}
POINTS = [
    {"optimizer.lr": 1e-3, "optimizer.name": "adamw", "batch_size": 4},
    {"optimizer.name": "sgd"},
    {"optimizer.momentum": 0.9, "optimizer.name": "sgd", "batch_size": 2},
]


def make(sampler, points, space=SPACE):
    return Sweep.model_validate({"sampler": sampler, "trials": 100, "space": space, "try_first": points})


def searched(sweep, batches, size):
    trials = []
    for batch in range(batches):
        for values in propose(sweep, sweep.space, trials, size, minimize=False):
            score = -abs(values.get("optimizer.lr", 0) - 2e-3)
            trials.append(
                {
                    "values": values,
                    "score": score,
                    "status": "finished",
                    "epochs": 5,
                    "proposed": batch,
                    "ended": batch + 1,
                }
            )
    return trials


@pytest.mark.parametrize("sampler", ["tpe", "gp", "cmaes", "random", "qmc"])
@pytest.mark.parametrize("size", [1, 2])
def test_start_points_are_the_first_trials(sampler, size):
    sweep = make(sampler, POINTS)
    found = [trial["values"] for trial in searched(sweep, 6 // size, size)]
    assert found[0] == POINTS[0]
    assert all(found[1][axis] == value for axis, value in POINTS[1].items())
    assert all(found[2][axis] == value for axis, value in POINTS[2].items())
    assert all(inside(sweep.space, values) for values in found)
    assert len(set(map(identity, found))) == len(found)
    # The same again, from any trial on.
    trials = searched(sweep, 6 // size, size)
    assert [trial["values"] for trial in trials] == found
    assert propose(sweep, sweep.space, trials[:2], 1, minimize=False) == [found[2]]


def test_the_sampler_is_told_of_start_points():
    """What it proposes after them depends on their scores."""
    space = {axis: {"low": 0.0, "high": 1.0} for axis in ("a", "b")}
    corner = [{"a": 0.98, "b": 0.97}, {"a": 0.96, "b": 0.99}, {"a": 0.1, "b": 0.2}, {"a": 0.3, "b": 0.1}]
    sweep = make({"name": "gp", "startup_trials": 4}, corner, space)
    trials = [
        {
            "values": values,
            "score": values["a"],
            "status": "finished",
            "epochs": 1,
            "proposed": number,
            "ended": number + 1,
        }
        for number, values in enumerate(corner)
    ]
    (near,) = propose(sweep, sweep.space, trials, 1, minimize=False)
    (far,) = propose(sweep, sweep.space, trials, 1, minimize=True)
    assert near["a"] > 0.5 > far["a"]


def test_a_grid_goes_on_behind_its_start_points():
    space = {"a": [1, 2, 3], "b": {"low": 0, "high": 1, "integer": True}}
    found = [trial["values"] for trial in searched(make("grid", [{"b": 1}, {"a": 2, "b": 0}], space), 4, 2)]
    assert found[0]["b"] == 1
    assert found[1] == {"a": 2, "b": 0}
    assert len(set(map(identity, found))) == len(found) == 6


def test_what_a_start_point_leaves_open_may_be_tried_already():
    """Of two points that both mean the one setting that is left, the second lets the sampler choose."""
    space = {"a": [1, 2], "b": {"choices": [1, 2], "when": {"a": 2}}}
    found = [trial["values"] for trial in searched(make("random", [{"a": 2}, {"a": 2}, {"a": 2}], space), 3, 1)]
    assert len(set(map(identity, found))) == 3
    assert found[2] == {"a": 1}


def study_of(points=POINTS, trials=4, **more):
    sweep = {"sampler": "random", "trials": trials, "at_once": 2, "space": SPACE, "try_first": points}
    return Study.model_validate({"name": "s", "train": {"epochs": 2}, "sweep": sweep | more})


def run(item):
    return {"status": "finished", "epochs": item["epochs"], "curve": [0.5] * item["epochs"], "run": item["key"]}


def test_another_start_point_starts_the_search_again_and_more_trials_do_not():
    states = play(study_of(), run)
    searching = [state for state in states if state["phase"] == "search"]
    assert valid_steps(study_of(), states) == len(states)
    assert valid_steps(study_of(trials=8), states) >= len(searching)
    assert valid_steps(study_of([*POINTS, {"batch_size": 8}]), states) == 0
    assert settings_digest(study_of([])) != settings_digest(study_of())
    assert states[-1]["trials"][0]["values"] == POINTS[0]


def test_a_narrowed_space_holds_the_start_points():
    study = study_of([{"optimizer.lr": 9e-3, "batch_size": 1}], narrow={"from": "first", "top": 0.5})
    rates, sizes = (1e-3, 2e-3, 1e-4, 1e-4), (4, 8, 1, 1)
    earlier = [
        {"trial": n, "values": {"optimizer.lr": rate, "batch_size": size}, "score": 1 - n / 10, "status": "finished"}
        for n, (rate, size) in enumerate(zip(rates, sizes, strict=True))
    ]
    space, _ = narrowed(study, earlier)
    assert (space["optimizer.lr"].low, space["optimizer.lr"].high) == (1e-3, 9e-3)
    assert (space["batch_size"].low, space["batch_size"].high) == (1, 8)
    first = decide(study, None, {}, earlier=earlier)["trials"][0]["values"]
    assert (first["optimizer.lr"], first["batch_size"]) == (9e-3, 1)


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """Plan a study in a workspace; gives its start points."""
    workspace = Workspace.entered(tmp_path, monkeypatch)

    def plan(points, smoke=False, space=SPACE, **more):
        sweep = {"trials": 4, "space": space, "try_first": points} | more
        workspace.write_study(grid=None, train=SMALL, sweep=sweep, smoke={"epochs": 1, "sweep": {"trials": 1}})
        return open_study({"study": "little", "smoke": smoke}, plans=True).study.sweep.try_first

    return plan


@pytest.mark.parametrize(
    ("points", "key", "said"),
    [
        (
            [{"optimizer.lr": 0.5}],
            "optimizer.lr",
            "is 0.5, and the space has 1e-4 to 0.01. Give one of these, or widen",
        ),
        ([{"optimizer.lr": True}], "optimizer.lr", "is True, and the space has 1e-4 to 0.01"),
        ([{"batch_size": 2.5}], "batch_size", "is 2.5, and the space has 1 to 8, whole numbers"),
        ([{"optimizer.name": "adm"}], "optimizer.name", "is adm, and the space has adamw, sgd"),
        ([{"optimizer.rate": 1}], "optimizer.rate", "no axis of the space. Did you mean"),
        ([{"optimizer.momentum": 0.9}], "optimizer.momentum", "there only where optimizer.name is sgd"),
        ([POINTS[0], dict(reversed(POINTS[0].items()))], None, "start points 1 and 2 are the same"),
        ([{}], None, "a start point is empty"),
        ([{"batch_size": size} for size in (1, 2, 3, 4, 5)], None, "there are 5 start points, and trials is 4"),
        ([{"from": "results/x/best.yaml"}], None, "there is no file 'results/x/best.yaml'. Run that study first"),
        ([{"from": "config/config.yaml"}], None, "config/config.yaml holds no best setting"),
    ],
)
def test_wrong_start_points_are_refused_with_their_line(planned, points, key, said):
    with pytest.raises(InputError) as error:
        planned(points)
    assert len(error.value.problems) == 1, error.value
    problem = str(error.value)
    assert said in problem
    lines = Path("config/studies/little.yaml").read_text(encoding="utf-8").splitlines()
    number = int(problem.split(":")[1])
    assert (key or "") in lines[number - 1]
    assert number > lines.index("  try_first:") if key else number > lines.index("sweep:")


def test_what_only_a_whole_start_point_is_wrong_with(planned):
    """Each two values can stand together, so the space itself is not refused."""
    space = {"scheduler.name": ["constant", "cosine"], "scheduler.start_epoch": [0, 3], "epochs": [4, 2]}
    point = {"scheduler.name": "cosine", "scheduler.start_epoch": 3, "epochs": 4}
    assert planned([point], space=space) == [point]
    with pytest.raises(InputError, match=r"little.yaml:\d+: scheduler.start_epoch is 3, and a run ends after 2 epochs"):
        planned([point | {"epochs": 2}], space=space)


def best_of(name, **content):
    path = Path("results") / name / "best.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return {"from": str(path)}


def test_the_best_setting_of_another_study(planned):
    train = {"optimizer": {"name": "adamw", "lr": 1e-3, "weight_decay": 0.1}, "batch_size": 4, "epochs": 9}
    point = best_of("other", set={"optimizer.lr": 1e-3}, train=train)
    expected = {"optimizer.lr": 1e-3, "optimizer.name": "adamw", "batch_size": 4}
    assert planned([point]) == [expected]
    assert planned([point | {"batch_size": 8}]) == [expected | {"batch_size": 8}]
    # A smoke test tries the first ones.
    assert planned([point, {"batch_size": 1}], smoke=True) == [expected]
    # Of a section, the choice that it is.
    sections = {"optimizer": [{"name": "adamw"}, {"name": "adamw", "weight_decay": 0.1}, {"name": "sgd"}]}
    assert planned([point], space=sections) == [{"optimizer": {"name": "adamw", "weight_decay": 0.1}}]


def test_the_best_setting_of_a_program(tmp_path, monkeypatch):
    """Its parameters, and its epochs beside them."""
    monkeypatch.chdir(tmp_path)
    point = best_of(
        "other", set={"lr": 0.1}, command="python x.py", parameters={"lr": 0.1, "net": {"width": 8}}, epochs=7
    )
    space = {"lr": {"low": 0.0, "high": 1.0}, "net.width": [4, 8], "epochs": [3, 7], "other": [1, 2]}
    sweep = {"trials": 4, "space": space, "try_first": [point]}
    values = {"name": "s", "command": "python x.py {config}", "epochs": 3, "results": {}, "sweep": sweep}
    study = with_start_points(Study.model_validate(values), lambda keys: "s.yaml:1", tmp_path, smoke=False)
    assert study.sweep.try_first == [{"lr": 0.1, "net.width": 8, "epochs": 7}]


def test_a_best_setting_beyond_the_space_is_refused(planned):
    train = {"optimizer": {"name": "adam", "lr": 0.5}, "epochs": 9}
    with pytest.raises(InputError) as error:
        planned([best_of("other", set={}, train=train)])
    first, second = error.value.problems
    assert "from results/other/best.yaml: optimizer.lr is 0.5, and the space has 1e-4 to 0.01" in first
    assert "optimizer.name is adam, and the space has adamw, sgd" in second
    with pytest.raises(InputError, match="has a value of no axis of the space"):
        planned([best_of("empty", set={}, train={"epochs": 3})])
