"""All that is wrong with a study is told at once: what is right of each stage goes on to the next one."""

import pytest

from segsweep.config.right_settings import right_settings
from segsweep.config.study import Study
from segsweep.errors import LEFT_OUT, InputError, Problems
from segsweep.planning.announcement import announce
from segsweep.planning.planner import open_study
from tests.workspace import SMALL, Workspace

CLAIM = {"id": "H", "claim": "in words"}
EXPECTED = {"gain": [1, 3], "over": "a"}
RATES = {"optimizer.lr": [0.001, 0.01]}
MISSPELT_ENCODER = {"model": SMALL["model"] | {"encoder": "resnett18"}}


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Workspace:
    return Workspace.entered(tmp_path, monkeypatch)


@pytest.fixture
def told(workspace):
    """The problems of a study, without what is allowed in place of what was found."""

    def problems(config=None, train=None, **keys) -> list[str]:
        train = {key: value for key, value in (SMALL | (train or {})).items() if value is not None}
        workspace.write_study(train=train, **({"grid": RATES} | keys))
        with pytest.raises(InputError) as error:
            open_study({"study": "little"} | (config or {}), plans=True)
        return error.value.problems

    return problems


def test_mistakes_of_all_stages_are_told_at_once(workspace, told):
    tiny = workspace.folder / "config/datasets/tiny.yaml"
    tiny.write_text(tiny.read_text(encoding="utf-8").replace("multiclass", "segmentation") + "chanels: 3\n")
    claims = [CLAIM | {"best_in": {"optimizer.lr": [0.05]}}]
    found = told({"device": "tpu"}, {"batch_size": 0} | MISSPELT_ENCODER, seedss=[1], claims=claims)
    says = ("device", "batch_size is 0", "'seedss'", "task is 'segmentation'", "'chanels'", "lr 0.05", "resnett18")
    assert len(found) == len(says)
    for word, problem in zip(says, found, strict=True):
        assert word in problem
    assert all(".yaml:" in problem for problem in found[1:])


def test_what_needs_the_data_set_is_told_with_what_does_not(told):
    claims = [CLAIM | {"best_in": {"optimizer.lr": [0.05]}}, {"id": "G", "claim": "x", "best_in": {"epoch": [1]}}]
    train = {"epochs": 0, "early_stopping": {"monitor": "val/mioo"}} | MISSPELT_ENCODER
    found = "\n".join(told(None, train, metric="val/moou", seeds=[0, 0], claims=claims, folds=7))
    for word in (
        "epochs is 0",
        "0 stands twice",
        "'val/moou'",
        "'epoch' is no axis",
        "lr 0.05",
        "resnett18",
        "'val/mioo'",
    ):
        assert word in found
    assert "which cannot be cut into 7 folds" in found
    assert found.count("\n") == 7


def test_a_grid_is_judged_without_its_wrong_axes_and_levels(told):
    grid = {"epochs": 3, "optimizer.lr": [0.1, -1], "model.encoder": ["resnet18", "resnett18"]}
    claims = [
        CLAIM | {"best_in": {"epochs": [7]}},
        {"id": "G", "claim": "x", "best_in": {"optimizer.lr": [0.1, -1, 9]}},
    ]
    axis, level, claim, encoder = told(grid=grid, claims=claims)
    assert "the axis epochs is 3" in axis
    assert "lr is -1" in level
    assert "G speaks of optimizer.lr 9" in claim
    assert "resnett18" in encoder


@pytest.mark.parametrize(
    ("train", "keys", "said"),
    [
        ({"loss": None, "losss": {"main": {"dice": 1.0}}}, {}, ["'train.losss'"]),
        ({"optimizer": {"name": "adamm"}}, {"grid": {"optimizer.momentum": [0.1]}}, ["adamm"]),
        ({"loss": {"main": {"dicee": 1.0}}}, {"grid": {"epochs": [1, 2]}}, ["dicee"]),
        ({}, {"datasett": "x", "dataset": None, "metric": "val/loss", "minimize": True}, ["'datasett'"]),
        ({}, {"grid": None, "gird": RATES, "claims": [CLAIM | {"best_in": {"epochs": [3]}}]}, ["'gird'", "'epochs' "]),
        ({}, {"grid": 3, "claims": [CLAIM | {"best_in": {"epochs": [3]}}]}, ["valid dict", "valid list"]),
        ({}, {"metric": 3, "also_report": ["val/nosuch"]}, ["metric is 3", "val/nosuch"]),
        ({}, {"claims": [CLAIM | {"best_in": {"optimizer.lr": [7]}, "nosuch": 1}]}, ["claims.0.nosuch"]),
    ],
)  # fmt: skip
def test_what_needs_something_wrong_is_left_out(told, train, keys, said):
    found = told(None, train, **keys)
    assert [any(word in problem for problem in found) for word in said] == [True] * len(said), found
    assert len(found) == len(said), found


def test_a_folder_that_is_not_there_is_told_with_the_rest(workspace, told):
    splits = {"random": {"val": 0.2, "seed": 0}}
    keys = {"reader": "folder", "root": "nosuch", "images": "i/{name}.png", "masks": "m/{name}.png", "splits": splits}
    classes = {0: "a", 1: "b", 2: "c"}
    workspace.write("config/datasets/tiny.yaml", {"name": "tiny", "task": "multiclass", "classes": classes} | keys)
    encoder, folder = told(None, MISSPELT_ENCODER)
    assert "resnett18" in encoder
    assert "data/nosuch does not exist" in folder


@pytest.mark.parametrize(
    ("smoke", "line", "said"),
    [
        ({"epochs": 0}, True, "train.epochs is 0"),
        ({"epochss": 1}, True, "unknown key 'epochss' in smoke"),
        ({"model": {"encoder": "resnett18"}}, True, "resnett18"),
        ({"model.encoder": "resnett18"}, True, "resnett18"),
        ({"grid": {"optimizer.lr": [0.1, -3]}}, True, "optimizer.lr is -3"),
        ({"rescale_epochs": "maybe"}, True, "smoke.rescale_epochs is 'maybe'"),
        ({"epochs": "many", "rescale_epochs": True}, True, "train.epochs is 'many'"),
        ({"epochs": 5}, False, "scheduler.start_epoch is 20, and a run ends after 5 epochs"),
        ({"folds": 9}, True, "cannot be cut into 9 folds"),
    ],
)
def test_a_mistake_in_the_smoke_test_is_found_by_any_plan(workspace, told, smoke, line, said):
    (problem,) = told(None, {"epochs": 30, "scheduler": {"name": "cosine", "start_epoch": 20}}, smoke=smoke)
    assert said in problem
    lines = (workspace.folder / "config/studies/little.yaml").read_text(encoding="utf-8").splitlines()
    number = int(problem.split(":")[1])
    assert (number > lines.index("smoke:")) == line
    if not line:
        assert problem.endswith("It is so in the smoke test.")


def test_a_smoke_test_may_lack_what_claims_and_exclude_speak_of(workspace):
    claims = [CLAIM | {"best_in": {"optimizer.lr": [0.01]}}]
    keys = {"claims": claims, "exclude": [{"optimizer.lr": 0.01, "batch_size": 2}]}
    for smoke in ({"epochs": 1, "grid": {"optimizer.lr": [0.001]}}, {"grid": {"epochs": [1]}}):
        workspace.write_study(grid=RATES | {"batch_size": [1, 2]}, smoke=smoke, **keys)
        assert len(open_study({"study": "little"}, plans=True).runs) == 3
        assert len(open_study({"study": "little", "smoke": True}, plans=True).runs) == 1


def test_values_without_what_is_wrong():
    problems = Problems()
    values = {
        "name": "a", "train": {"epochs": 0, "batch_size": 2, "loss": {"main": {"dicee": 1}}}, "folds": 1,
        "grid": {"epochs": [1]}, "seeds": [1, 1], "claims": ["H"], "keep": ["*.pt"], "nmae": 1,
    }  # fmt: skip
    right = right_settings(Study, values, lambda keys: ".".join(map(str, keys)), problems)
    train = {"batch_size": 2, "loss": {"main": {"dice": 1}}}
    assert right.values == {"name": "a", "train": train, "grid": {"epochs": [1]}}
    assert len(list(problems)) == 7
    assert (
        right.location(("train", "epochs")) == right.location(("train",)) == right.location(("claims", 0)) == LEFT_OUT
    )
    assert right.location(("train", "batch_size")) == "train.batch_size"
    assert values["train"]["epochs"] == 0
    assert right_settings(Study, {"train": {}, "grid": {"epochs": [1]}}, str, problems) is None  # it has no name


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"ensemble": {"folds": 2}, "claims": [CLAIM | {"ensemble_at_least": {"success": 85, "acceptable": 0.6}}]},
         "success of H is 85, and val/miou lies between 0 and 1. Did you mean 0.85?"),
        ({"matters": 2}, "matters is 2, and val/miou lies between 0 and 1. Did you mean 0.02?"),
        ({"grid": None, "runs": [{"id": "a"}, {"id": "b", "set": {"epochs": 1}, "expect": EXPECTED}]},
         "gain of run b is 3, and val/miou"),
        ({"grid": None, "sweep": {"trials": 2, "space": {"optimizer.lr": [0.1, 0.2]},
                                  "pruner": {"name": "median", "preserve": 80}}}, "preserve is 80"),
        ({"names": {"optimizer.lrr": "Rate"}}, "'optimizer.lrr', which is no axis, metric, class or level"),
        ({"names": {"val/mioo": "mIoU"}}, "Did you mean 'val/miou'?"),
        ({"grid": RATES | {"epochs": [1, 2]}, "exclude": [{"optimizer.lr": 0.01, "epochs": 2}],
          "claims": [CLAIM | {"best_in": {"optimizer.lr": [0.01]}, "where": {"epochs": 2}}]},
         "H speaks of cells with epochs=2 optimizer.lr=0.01, and there are none: `exclude` leaves them out"),
        ({"grid": RATES | {"epochs": [1, 2]},
          "claims": [CLAIM | {"best_in": {"optimizer.lr": [0.01]}, "where": {"epochs": [1, 3]}}]},
         "H speaks of epochs 3, and no cell has it"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(told, keys, said):
    (problem,) = told(**keys)
    assert said in problem
    assert "little.yaml:" in problem


def test_what_scores_names_and_claims_may_speak_of(workspace):
    grid = RATES | {"loss.main": [{"cross_entropy": 1.0}, {"focal": 1.0, "dice": 2.0}]}
    names = {
        "optimizer.lr": "Rate", "0.001": "low", "focal+dice=2": "Both", "val/miou": "mIoU", "miou": "mIoU",
        "test/dice": "Dice", "val/iou/one": "One", "two": "Two", "batch_size": "B", "train/loss": "L",
        "best_epoch": "e", "cost/parameters": "Size",
    }  # fmt: skip
    claims = [CLAIM | {"best_in": {"optimizer.lr": [0.01]}, "where": {"optimizer.lr": [0.001, 0.01]}}]
    claims += [{"id": "E", "claim": "x", "ensemble_at_least": {"success": 0.9, "acceptable": 0.5}}]
    workspace.write_study(grid=grid, names=names, claims=claims, ensemble={"folds": 2}, matters=1.0)
    open_study({"study": "little"}, plans=True)
    bars = [{"id": "E", "claim": "x", "ensemble_at_least": {"success": 2.0, "acceptable": 3.5}}]
    workspace.write_study(metric="val/loss", minimize=True, claims=bars, ensemble={"folds": 2}, matters=2.0)
    open_study({"study": "little"}, plans=True)
    space = {"optimizer.lr": {"low": 0.1, "high": 1.0}, "batch_size": [1, 2]}
    workspace.write_study(grid=None, sweep={"trials": 2, "space": space}, names={"0.25": "quarter", "2": "two"})
    open_study({"study": "little"}, plans=True)


def test_more_of_the_best_than_there_are_is_said(workspace):
    images = {"images": {"of": "top 30"}}
    workspace.write_study(confirm={"top": 3, "seeds": [7]}, keep={"weights": "best 40"}, report=images)
    said = []
    announce(open_study({"study": "little"}, plans=True), said.append)
    there = [line.strip() for line in said if "are asked for" in line]
    assert [line.partition(":")[0] for line in there] == ["confirm.top", "keep.weights", "report.images.of"]
    assert there[0] == "confirm.top: 3 settings are asked for, and the study has 2 cells: all are confirmed."
