"""One rule for all that changes settings: sections merge, sums and values replace, the more specific key counts."""

import copy
import itertools
import re
from pathlib import Path

import pytest

from segsweep import registry
from segsweep.config.components import Warmup
from segsweep.config.load import Request, load
from segsweep.config.merging import overridden
from segsweep.config.train import Train
from segsweep.errors import InputError
from segsweep.formatting import value_in_words
from segsweep.planning.announcement import announce
from segsweep.planning.cell_settings import of_train
from segsweep.planning.grid import lay_out
from segsweep.planning.levels import Levels
from segsweep.planning.lost_values import announced
from segsweep.planning.overrides import Resolver
from segsweep.planning.planner import open_study
from segsweep.planning.setting_checks import check_losses
from tests.unit.test_planning_grid import design_of, loaded_from, problem
from tests.workspace import Workspace

AdamW = registry.classes("optimizer")["adamw"]
CONFIG = Path(__file__).parents[2] / "config"
TRAIN = {
    "optimizer": {"name": "sgd", "lr": 0.05, "weight_decay": 0.1, "momentum": 0.8},
    "scheduler": {"name": "poly", "power": 2.0, "warmup": {"iterations": 10, "lr": 1e-4}},
    "loss": {"main": {"cross_entropy": {"weight": 1.0, "label_smoothing": 0.1}, "focal": 0.5}},
    "early_stopping": {"patience": 3},
    "data": {"crop": [64, 64], "augmentation": "basic"},
    "epochs": 10,
}
BASE = {"name": "little", "dataset": "shapes", "train": TRAIN}
NOT_READ = "the location of a key"


def changed(changes, train=TRAIN):
    """The checked setting of a cell."""
    return Resolver(of_train(train, lambda keys: NOT_READ)).resolve(changes, lambda keys: NOT_READ).dump


def dumps(tmp_path, study, **options):
    """Of each cell, its setting."""
    return [cell.resolved.dump for cell in design_of(tmp_path, BASE | study, **options).cells]


def lost(tmp_path, study):
    return list(announced(design_of(tmp_path, BASE | study).lost))


# Each place where a study changes settings, with a change of two keys in it; the cell that has it comes last.
PLACES = {
    "set": lambda changes: {"runs": [{"id": 1, "set": changes}]},
    "grid": lambda changes: {"grid": {key: [value] for key, value in changes.items()}},
    "list of grids": lambda changes: {"grid": [{"epochs": [9]}, {key: [value] for key, value in changes.items()}]},
    "rounds": lambda changes: {"rounds": [{"name": "r", "grid": {key: [value] for key, value in changes.items()}}]},
    "reference": lambda changes: {"grid": {"epochs": [10]}, "reference": changes},
    "smoke": lambda changes: {"runs": [{"id": 1}], "smoke": changes},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("changes", [{"optimizer": {"name": "adamw"}}, {"optimizer.name": "adamw"}])
def test_a_section_changes_the_keys_that_it_has_wherever_it_stands(tmp_path, place, changes):
    optimizer = dumps(tmp_path, PLACES[place](changes), smoke=place == "smoke")[-1]["optimizer"]
    assert optimizer == AdamW(lr=0.05, weight_decay=0.1).model_dump(mode="json")


@pytest.mark.parametrize("place", PLACES)
def test_a_sum_of_losses_is_replaced_wherever_it_stands(tmp_path, place):
    for changes in ({"loss.main": {"dice": 1.0}}, {"loss": {"main": {"dice": 1.0}}}):
        main = dumps(tmp_path, PLACES[place](changes), smoke=place == "smoke")[-1]["loss"]["main"]
        assert [name for name, term in main.items() if term is not None] == ["dice"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("order", [1, -1])
def test_the_more_specific_key_counts_in_any_order_wherever_it_stands(tmp_path, place, order):
    changes = dict([("optimizer", {"name": "adamw", "lr": 0.5}), ("optimizer.lr", 0.25)][::order])
    optimizer = dumps(tmp_path, PLACES[place](changes), smoke=place == "smoke")[-1]["optimizer"]
    assert (optimizer["name"], optimizer["lr"], optimizer["weight_decay"]) == ("adamw", 0.25, 0.1)


def test_no_order_of_three_levels_of_keys_changes_a_setting():
    changes = {
        "scheduler": {"name": "cosine", "eta_min": 1e-6, "warmup": {"iterations": 50, "lr": 1e-5}},
        "scheduler.warmup": {"iterations": 70},
        "scheduler.warmup.iterations": 90,
        "loss": {"main": {"dice": 1.0}, "aux_weight": 0.4},
        "loss.main.dice.weight": 0.5,
    }
    found = [changed(dict(order)) for order in itertools.permutations(changes.items())]
    assert found[0]["scheduler"]["warmup"] == Warmup(iterations=90, lr=1e-5).model_dump(mode="json")
    assert (found[0]["scheduler"]["eta_min"], found[0]["loss"]["aux_weight"]) == (1e-6, 0.4)
    assert found[0]["loss"]["main"]["dice"]["weight"] == 0.5
    assert all(one == found[0] for one in found)


def test_a_section_is_short_for_its_dotted_keys():
    section = {"name": "cosine", "eta_min": 1e-6, "warmup": {"iterations": 5}}
    dotted = {"scheduler.name": "cosine", "scheduler.eta_min": 1e-6, "scheduler.warmup.iterations": 5}
    assert changed({"scheduler": section}) == changed(dotted)
    assert changed({"scheduler": section})["scheduler"]["warmup"]["lr"] == 1e-4


def test_a_dotted_key_changes_adds_and_weighs_one_loss_of_a_sum():
    main = changed({"loss.main.dice": 0.25, "loss.main.cross_entropy": 2.0})["loss"]["main"]
    assert main["cross_entropy"] == {"weight": 2.0, "label_smoothing": 0.1}
    assert (main["dice"]["weight"], main["focal"]["weight"]) == (0.25, 0.5)
    assert changed({"loss.main.cross_entropy": None})["loss"]["main"]["cross_entropy"] is None


def test_a_short_form_stands_for_its_section():
    train = TRAIN | {"optimizer": {"freeze": "encoder"}, "loss": {"main": {"focal": 0.5}}}
    resolved = changed({"optimizer.freeze.until_epoch": 3, "loss.main.focal.gamma": 4.0}, train)
    assert resolved["optimizer"]["freeze"] == {"part": "encoder", "until_epoch": 3}
    assert (resolved["loss"]["main"]["focal"]["weight"], resolved["loss"]["main"]["focal"]["gamma"]) == (0.5, 4.0)


def test_a_bound_of_the_gradient_is_one_value():
    train = {"clip": {"norm": 1.0, "per": "parameter"}}
    assert changed({"clip": {"value": 0.1}}, train)["clip"] == {"norm": None, "per": "all", "value": 0.1}
    assert changed({"clip": {"norm": 2.0}}, train)["clip"] == {"norm": 2.0, "per": "all", "value": None}
    assert changed({"clip.norm": 2.0}, train)["clip"] == {"norm": 2.0, "per": "parameter", "value": None}


def test_lists_and_null_replace():
    assert changed({"data": {"crop": [32, 96]}})["data"]["crop"] == [32, 96]
    off = changed({"data": {"crop": None}, "early_stopping": None})
    assert (off["data"]["crop"], off["data"]["augmentation"], off["early_stopping"]) == (None, "basic", None)


def test_what_a_study_says_stays_as_it_is():
    before = copy.deepcopy(TRAIN)
    values = overridden(Train, TRAIN, {"loss.main.dice": 1.0, "data": {"crop": None}, "optimizer.lr": 1}, str)
    values["loss"]["main"]["dice"] = "another"
    values["scheduler"] = "another"
    assert before == TRAIN


def test_null_in_smoke_and_a_section_of_the_study(tmp_path):
    sweep = {"trials": 9, "space": {"epochs": [9, 10]}, "sampler": {"name": "tpe", "startup_trials": 5}}
    smoke = {"early_stopping": None, "data": {"crop": None}, "sweep": {"trials": 2, "sampler": "gp"}, "folds": 2}
    loaded = loaded_from(tmp_path, BASE | {"sweep": sweep, "folds": {"k": 5, "seed": 3}, "smoke": smoke}, smoke=True)
    assert loaded.study.folds.model_dump() == {"k": 2, "seed": 3}
    assert (loaded.base["early_stopping"], loaded.base["data"]) == (None, {"crop": None, "augmentation": "basic"})
    assert (loaded.study.sweep.trials, list(loaded.study.sweep.space)) == (2, ["epochs"])
    assert loaded.study.sweep.sampler.model_dump() == {"name": "gp", "startup_trials": 5}


def test_a_grid_of_smoke_replaces_and_a_reference_merges(tmp_path):
    study = BASE | {
        "grid": {"optimizer.lr": [0.1, 0.2], "epochs": [9, 10]},
        "reference": {"optimizer.lr": 0.3, "loss.main": {"focal": 1.0}},
        "smoke": {"grid": {"epochs": [1]}, "reference": {"loss.main": {"dice": 1.0}}},
    }
    loaded = loaded_from(tmp_path, study, smoke=True)
    assert loaded.study.grid == {"epochs": [1]}
    assert loaded.study.reference == {"optimizer.lr": 0.3, "loss.main": {"dice": 1.0}}


def test_a_rule_follows_a_value_that_a_section_sets(tmp_path):
    rule = {"linear_in": "scheduler.warmup.iterations", "at": {10: 0.1}}
    grid = {"optimizer.lr": rule, "scheduler": [{"warmup": {"iterations": 10}}, {"warmup": {"iterations": 30}}]}
    assert [one["optimizer"]["lr"] for one in dumps(tmp_path, {"grid": grid})] == pytest.approx([0.1, 0.3])


def test_a_section_of_the_reference_is_not_changed_by_an_axis_inside_of_it(tmp_path):
    grid = {"optimizer": [{"name": "sgd"}, {"name": "adamw"}], "optimizer.lr": [0.1, 0.2], "epochs": [9, 10]}
    design = design_of(tmp_path, BASE | {"grid": grid, "reference": {"optimizer": {"name": "adam", "lr": 0.7}}})
    references = [cell.resolved.dump for cell in design.cells if cell.role == "reference"]
    assert [(one["optimizer"]["lr"], one["epochs"]) for one in references] == [(0.7, 9), (0.7, 10)]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (
            {"early_stopping.patience": [1, 2], "early_stopping": [None, {"min_delta": 0.1}]},
            r"little.yaml:\d+: early_stopping.patience lies in early_stopping, and early_stopping is None: it has no "
            r"patience. Write a list of two grids",
        ),
        (
            {"loss.main": [{"dice": 1.0}, {"focal": 1.0}], "loss.main.focal.gamma": [1.0, 2.0]},
            r"loss.main.focal.gamma lies in loss.main, and loss.main is {'dice': 1.0}: it has no focal.gamma",
        ),
        (
            {"loss": [{"task_weights": "gradnorm"}], "loss.task_weights.seg": [2.0]},
            r"loss.task_weights.seg lies in loss, and loss.task_weights of loss is 'gradnorm': it has no seg",
        ),
        ({"optimizer": ["sgd", "adamw"]}, r"optimizer is 'sgd': a section belongs here. Write {name: sgd}"),
        ({"model": ["fpn"]}, r"model is 'fpn': a section belongs here. Write {arch: fpn}"),
        ({"ema": [0.99]}, r"ema is 0.99: a section belongs here. Write {decay: 0.99}. Its keys: decay, warmup"),
        ({"ema": [True]}, r"ema is True: a section belongs here. Write {} for its defaults, or some .*: decay, warmup"),
        ({"clip": [1.0]}, r"clip is 1.0: a section belongs here. Write {norm: 1.0}. Its keys: norm, per, value"),
        ({"clip": [True]}, r"clip is True: a section belongs here. Its keys: norm, per, value"),
        ({"early_stopping": [False]}, r"early_stopping is False: a section belongs here. Leave it out"),
        ({"early_stopping": [5]}, r"early_stopping is 5: a section belongs here. Write {patience: 5}"),
        ({"optimizer.lr_factor": [0.1]}, r"lr_factor is 0.1: a section belongs here. Write {encoder: 0.1}"),
        ({"optimizer.freeze": [True]}, r"freeze is True: a section belongs here. Write {} for its defaults, .*: part"),
        ({"epochs.x": [1]}, r"epochs.x addresses a key inside epochs, which is 10. Set epochs to a section instead"),
        ({"optimizer": [{"lr": 0.1, "momentun": 0.9}]}, r"unknown key 'optimizer.momentun'"),
    ],
)
def test_what_contradicts_itself_is_refused_in_either_order(tmp_path, grid, message):
    for order in (1, -1):
        assert re.search(message, problem(tmp_path, BASE | {"grid": dict(list(grid.items())[::order])}))


def test_a_part_may_lie_in_a_level_that_has_it(tmp_path):
    grid = {"loss.main": [{"focal": 1.0}, {"focal": 0.5, "dice": 1.0}], "loss.main.focal.gamma": [1.0, 3.0]}
    terms = [one["loss"]["main"]["focal"] for one in dumps(tmp_path, {"grid": grid})]
    assert [(term["weight"], term["gamma"]) for term in terms] == [(1.0, 1.0), (1.0, 3.0), (0.5, 1.0), (0.5, 3.0)]


def test_lost_values_of_the_base_are_said(tmp_path):
    said = lost(tmp_path, {"grid": {"optimizer": [{"name": "sgd"}, {"name": "adam"}], "epochs": [9, 10]}})
    assert said == [
        "optimizer.momentum: 0.8 of train is not in force with optimizer=adam (2 cells): adam has no momentum. "
        "Leave it out, or set what adam has instead."
    ]
    said = lost(tmp_path, {"runs": [{"id": 1}, {"id": 2, "set": {"loss.main": {"cross_entropy": 1.0, "dice": 1.0}}}]})
    assert said == [
        "loss.main.cross_entropy.label_smoothing: 0.1 of train is not in force with loss.main=cross_entropy+dice "
        "(run 2): a sum of losses is replaced as a whole. Write it there as well, or change "
        "`loss.main.cross_entropy` instead of the sum."
    ]


def test_lost_values_of_a_component_within_a_section_are_said(tmp_path):
    data = {"image_sampling": {"name": "repeat_factor", "threshold": 0.3}}
    study = {"train": TRAIN | {"data": data}, "grid": {"data.image_sampling": [{}, {"name": "uniform"}]}}
    said = lost(tmp_path, study)
    assert said == [
        "data.image_sampling.threshold: 0.3 of train is not in force with data.image_sampling=uniform "
        "(image_sampling=uniform): uniform has no threshold. Leave it out, or set what uniform has instead."
    ]


def test_lost_values_of_a_cell_are_said(tmp_path):
    said = lost(tmp_path, {"runs": [{"id": "a", "set": {"optimizer": {"name": "adam", "lr": 0.3}, "optimizer.lr": 1}}]})
    assert "optimizer.lr: 0.3 of optimizer=adam(lr=0.3) is not in force with optimizer.lr=1 (run a)" in said[1]
    said = lost(tmp_path, {"runs": [{"id": "a", "set": {"optimizer.name": "adam", "optimizer.momentum": 0.5}}]})
    assert [one.partition(":")[0] for one in said] == ["optimizer.momentum"]
    assert "0.5 of optimizer.momentum=0.5 is not in force with optimizer.name=adam (run a)" in said[0]


@pytest.mark.parametrize(
    "study",
    [
        # What is written is in force.
        {"grid": {"optimizer": [{"lr": 0.1}, {"name": "sgd", "lr": 0.2}], "epochs": [9, 10]}},
        {"grid": {"loss.main": [{"dice": 1.0}, {"cross_entropy": {"weight": 2.0, "label_smoothing": 0.0}}]}},
        {"grid": {"early_stopping": [None, {"min_delta": 0.1}], "data": [{"crop": None}, {"crop": [32, 32]}]}},
        # Of a grid, a level of an axis does not apply where another has it: that is what conditional axes are for.
        {"train": TRAIN | {"optimizer": {}}, "grid": {"optimizer.name": ["sgd", "adam"], "optimizer.momentum": [0.5]}},
        # What is lost has the value that it gets.
        {"grid": {"optimizer": [{"lr": 0.1}], "optimizer.lr": [0.1]}},
    ],
)
def test_what_is_in_force_or_replaced_by_name_is_not_said_to_be_lost(tmp_path, study):
    assert lost(tmp_path, study) == []


@pytest.mark.parametrize(
    ("study", "smoke", "said"),
    [
        ({"train": TRAIN | {"optimizer": {"name": "adam", "momentum": 0.8}}, "runs": [{"id": 1}]}, False, True),
        ({"smoke": {"optimizer": {"name": "adam"}}, "runs": [{"id": 1}]}, True, True),
        ({"smoke": {"optimizer": {"name": "adam"}}, "runs": [{"id": 1}]}, False, False),
        # In force in one of the cells.
        (
            {"train": TRAIN | {"optimizer": {"momentum": 0.8}}, "grid": {"optimizer.name": ["adam", "sgd"]}},
            False,
            False,
        ),
    ],
)
def test_what_train_sets_and_no_cell_has_is_said(tmp_path, study, smoke, said):
    found = list(announced(design_of(tmp_path, BASE | study, smoke=smoke).lost))
    assert found == said * [
        "optimizer.momentum: 0.8 of train is not in force (all cells): adam has no momentum. Leave it out, or set what "
        "adam has instead."
    ]


@pytest.mark.parametrize("smoke", [False, True])
@pytest.mark.parametrize("study", sorted({one.stem for one in CONFIG.glob("studies/*.yaml")} - {"imported_example"}))
def test_in_the_shipped_studies_all_that_is_set_is_in_force(study, smoke):
    loaded = load(Request(study=study, smoke=smoke), CONFIG)
    assert list(announced(lay_out(loaded.study, loaded.base, loaded.location).lost)) == []


def test_lost_values_are_part_of_the_announcement(tmp_path, monkeypatch):
    workspace = Workspace.entered(tmp_path, monkeypatch)
    workspace.write_study(
        train={"loss": {"main": {"dice": 1.0}}, "optimizer": {"name": "sgd", "momentum": 0.5}},
        grid={"optimizer.name": ["adam"]},
    )
    said = []
    announce(open_study({"study": "little"}, plans=True), said.append)
    assert any(line.startswith("  optimizer.momentum: 0.5 of train is not in force") for line in said)


def test_levels_that_are_sections_are_shown_as_written(tmp_path):
    grid = {"optimizer.lr": [0.1, 0.2], "optimizer": [{"name": "sgd"}, {"name": "adamw"}]}
    cells = design_of(tmp_path, BASE | {"grid": grid}).cells
    assert [cell.settings for cell in cells] == [
        {"optimizer.lr": lr, "optimizer": {"name": name}} for lr in (0.1, 0.2) for name in ("sgd", "adamw")
    ]
    left_out = BASE | {"grid": grid, "exclude": [{"optimizer": {"name": "sgd"}}]}
    assert [cell.resolved.dump["optimizer"]["name"] for cell in design_of(tmp_path, left_out).cells] == ["adamw"] * 2


def test_a_section_as_in_the_base_has_the_level_that_means_the_same(tmp_path):
    grids = [{"optimizer": [{"name": "sgd"}, {"name": "adamw"}]}, {"optimizer.lr": [0.1, 0.2]}]
    cells = design_of(tmp_path, BASE | {"grid": grids}).cells
    assert [cell.settings["optimizer"] for cell in cells] == [
        {"name": "sgd"}, {"name": "adamw"}, {"name": "sgd"}, {"name": "sgd"},
    ]  # fmt: skip
    assert [cell.settings["optimizer.lr"] for cell in cells] == [0.05, 0.05, 0.1, 0.2]


def test_words_tell_sections_apart():
    sections = [{}, {"crop": None}, {"patches": None}, {"crop": None, "patches": None}, {"crop": [8, 8]}, None]
    assert [value_in_words({"name": "sgd"} | keys) for keys in ({}, {"lr": 0.1})] == ["sgd", "sgd(lr=0.1)"]
    words = [value_in_words(section) for section in sections]
    assert words == ["{}", "crop=none", "patches=none", "crop=none+patches=none", "crop=8/8", "none"]


def test_a_trial_of_sections_and_their_parts():
    resolver = Resolver(of_train(TRAIN, lambda keys: NOT_READ))
    trial = {"optimizer.lr": 0.3, "optimizer": {"name": "adamw", "lr": 0.1}}
    resolved = resolver.resolve(trial, lambda keys: NOT_READ)
    assert (resolved.dump["optimizer"]["lr"], resolved.dump["optimizer"]["weight_decay"]) == (0.3, 0.1)
    assert Levels(resolver).of(resolved, trial, "optimizer", None) == {"name": "adamw", "lr": 0.1}


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (
            {"optimizer.rl": {"low": 0.1, "high": 0.2}},
            r"little.yaml:\d+: unknown key 'optimizer.rl'. Did you mean 'lr'",
        ),
        ({"model.dropout": {"low": 0.1, "high": 1.5}}, r"model.dropout is 1.5: input should be less than 1"),
        (
            {"batch_size": {"low": 4, "high": 64, "log": True}},
            r"batch_size is 26.9\d*: input should be a valid integer",
        ),
        ({"model.arch": ["unet", "unett"]}, r"model.arch is 'unett'. Did you mean 'unet'"),
        ({"optimizer": [{"name": "sdg"}]}, r"optimizer.name is 'sdg'. Did you mean 'sgd'"),
        (
            {"early_stopping": [None, {}], "early_stopping.patience": {"low": 1, "high": 5, "integer": True}},
            r"early_stopping.patience lies in early_stopping, and early_stopping is None",
        ),
        (
            {"loss.task_weights": ["uncertainty", "gradnorm"], "optimizer.freeze": ["encoder"]},
            r"little.yaml:\d+: optimizer.freeze: loss.task_weights gradnorm compares .*leave out freeze.$",
        ),
        # Each value by itself is right beside the first one of the other axis.
        (
            {"loss.task_weights": ["uncertainty", "gradnorm"], "optimizer.freeze": [None, "encoder"]},
            r"little.yaml:\d+: optimizer.freeze: loss.task_weights gradnorm .* let `when`, or a constraint, keep the ",
        ),
        (
            {
                "data": [{"crop": None, "patches": {"page_size": None}}],
                "data.patches.size": [64, 32],
                "data.patches.overlap": [0, 48],
            },
            r"data.patches: overlap is 48, the patch 32 pixels.* let `when`, or a constraint, keep the values apart",
        ),
    ],
)
def test_a_space_is_checked_before_the_first_trial(tmp_path, space, message):
    assert re.search(message, problem(tmp_path, BASE | {"sweep": {"trials": 2, "space": space}}))


def test_a_space_with_conditions_is_right_and_says_what_is_lost(tmp_path):
    space = {
        "optimizer": [{"name": "sgd"}, {"name": "adam", "lr": 0.1}],
        "optimizer.momentum": {"low": 0.1, "high": 0.9, "when": {"optimizer": {"name": "sgd"}}},
        "optimizer.lr": {"low": 0.01, "high": 0.2, "log": True},
    }
    said = lost(tmp_path, {"sweep": {"trials": 2, "space": space}})
    assert [one.partition(" is not")[0] for one in said] == [
        "optimizer.momentum: 0.8 of train", "optimizer.lr: 0.1 of optimizer=adam(lr=0.1)",
    ]  # fmt: skip
    assert all("(trials)" in one for one in said)


def test_values_that_no_trial_has_together_are_not_refused(tmp_path):
    frozen = TRAIN | {"optimizer": {"name": "sgd", "freeze": "encoder"}}
    space = {
        "loss.task_weights": ["gradnorm", "uncertainty"],
        "optimizer.freeze": {"choices": [None], "when": {"loss.task_weights": "gradnorm"}},
    }
    design = design_of(tmp_path, BASE | {"train": frozen, "sweep": {"trials": 2, "space": space}})
    settings = [(one.dump["loss"]["task_weights"], one.dump["optimizer"]["freeze"]) for one in design.settings]
    until_the_end = {"part": "encoder", "until_epoch": None}
    assert settings == [("gradnorm", None), ("uncertainty", until_the_end), ("gradnorm", None)]


def test_a_level_is_written_although_another_axis_solves_what_excludes_it(tmp_path):
    # The level of `optimizer` is that of the base, which gradnorm excludes.
    train = TRAIN | {"optimizer": {"name": "sgd", "freeze": "encoder"}}
    grids = [
        {"optimizer": [{"name": "adam"}, {"name": "sgd"}]},
        {"loss.task_weights": ["gradnorm"], "optimizer.freeze": [None]},
    ]
    cells = design_of(tmp_path, BASE | {"train": train, "grid": grids}).cells
    assert cells[2].settings["optimizer"] == {"name": "sgd"}


def test_what_is_lost_in_trials_is_said_once_for_a_reason(tmp_path):
    space = {"optimizer": [{"name": "adam"}, {"name": "sgd"}], "optimizer.momentum": {"low": 0.1, "high": 0.9}}
    said = lost(tmp_path, {"sweep": {"trials": 2, "space": space}})
    assert [one.partition(" is not")[0] for one in said] == ["optimizer.momentum: 0.1 of optimizer.momentum=0.1"]


def test_conditions_that_form_a_circle_are_refused(tmp_path, monkeypatch):
    workspace = Workspace.entered(tmp_path, monkeypatch)
    space = {"epochs": {"choices": [1, 2], "when": {"batch_size": 2}}}
    space["batch_size"] = {"choices": [1, 2], "when": {"epochs": 2}}
    workspace.write_study(grid=None, sweep={"trials": 2, "space": space})
    with pytest.raises(InputError, match=r"little.yaml:\d+: the conditions of epochs, batch_size form a circle"):
        open_study({"study": "little"}, plans=True)


ONE_SGD = {"optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.8}}


def test_of_a_section_and_a_key_inside_the_level_is_the_one_in_force(tmp_path):
    grids = [
        {"optimizer": [{"name": "adam"}, {"name": "sgd"}]},
        {"optimizer": [{"name": "adam", "lr": 0.02}]},
        {"optimizer.name": ["adam"], "optimizer.lr": [0.1]},
    ]
    cell = design_of(tmp_path, BASE | {"train": TRAIN | ONE_SGD, "grid": grids}).cells[-1]
    assert cell.resolved.dump["optimizer"]["name"] == "adam"
    assert cell.settings["optimizer"] == {"name": "adam"}


def test_a_section_that_no_level_describes_has_an_empty_field(tmp_path):
    grids = [{"early_stopping": [None]}, {"early_stopping.patience": [5, 10]}]
    cells = design_of(tmp_path, BASE | {"grid": grids}).cells
    assert [cell.label for cell in cells] == ["early_stopping=none", "patience=5", "patience=10"]

    reference = {"optimizer": {"name": "adamw", "lr": 0.3}}
    grid = {"optimizer.name": ["adam"], "optimizer.lr": [0.1, 0.2]}
    study = BASE | {"train": TRAIN | ONE_SGD, "grid": grid, "reference": reference}
    cells = design_of(tmp_path, study).cells
    assert [cell.settings.get("optimizer") for cell in cells] == [None, None, {"name": "adamw", "lr": 0.3}]


def test_a_reference_inside_a_section_axis_is_one_cell(tmp_path):
    grid = {"optimizer": [{"name": "adam"}, {"name": "sgd"}], "optimizer.lr": [0.1, 0.2]}
    reference = {"optimizer.name": "sgd", "optimizer.lr": 0.3}
    design = design_of(tmp_path, BASE | {"train": TRAIN | ONE_SGD, "grid": grid, "reference": reference})
    (cell,) = [cell for cell in design.cells if cell.role == "reference"]
    assert design.coinciding == 0
    assert cell.settings["optimizer"] == {"name": "sgd"}
    # What the reference leaves open stays open.
    design = design_of(tmp_path, BASE | {"grid": grid, "reference": {"optimizer.lr": 0.3}})
    names = [cell.settings["optimizer"]["name"] for cell in design.cells if cell.role == "reference"]
    assert names == ["adam", "sgd"]


@pytest.mark.parametrize(
    "grid", [{"optimizer.lr": [float("inf")]}, {"loss.main": [{"jaccard": {"smooth": float("inf")}}]}]
)
def test_a_number_of_a_setting_is_finite(tmp_path, grid):
    assert re.search(r"little.yaml:\d+: .* is inf: .*finite number", problem(tmp_path, BASE | {"grid": grid}))


def test_an_entry_of_exclude_that_no_cell_matches_is_said(tmp_path):
    grid = {"optimizer": [{"name": "adam"}, {"name": "sgd"}]}
    exclude = [{"optimizer": {"name": "adamx"}}, {"optimizer": {"name": "sgd"}}]
    design = design_of(tmp_path, BASE | {"grid": grid, "exclude": exclude})
    (said,) = design.idle
    words = r"little.yaml:\d+: exclude: no cell has optimizer=adamx: .* optimizer has adam, sgd\. Correct it"
    assert re.search(words, said)


def test_a_study_of_masks_without_a_loss_is_refused(tmp_path):
    study = loaded_from(tmp_path, BASE | {"grid": {"loss.main": [None, {"dice": 1.0}]}})
    settings = lay_out(study.study, study.base, study.location).settings
    with pytest.raises(InputError, match=r"little.yaml:\d+: loss.main is not set: .*`main: {cross_entropy: 1.0}`"):
        check_losses(settings, "multiclass")
    check_losses(settings[1:], "multiclass")


def test_messages_end_with_one_full_stop_and_advise_no_null(tmp_path):
    one_cycle = {"name": "one_cycle", "three_phase": True, "pct_start": 0.6}
    assert re.search(r"three_phase\.$", problem(tmp_path, BASE | {"grid": {"scheduler": [one_cycle]}}))
    assert problem(tmp_path, BASE | {"grid": {"optimizer": [None]}}).endswith("Leave it out.")


def test_counted_absent_classes_need_smoothing(tmp_path):
    grid = {"loss.main": [{"dice": {"smooth": 0.0, "absent": "count"}}]}
    assert "absent: count with smooth 0" in problem(tmp_path, BASE | {"grid": grid})
