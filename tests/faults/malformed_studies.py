"""Studies and data sets whose names, combinations, spaces, claims or sizes are wrong; shell text in their values."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import yaml

from tests.faults.answers import ACCEPTED
from tests.faults.cases import DATASET, STUDY, Case, dataset, raw, study, sweep
from tests.workspace import SMALL


def study_cases() -> Iterator[Case]:
    """All of them, in a fixed order."""
    yield from _names()
    yield from _combinations()
    yield from _sweeps()
    yield from _claims()
    yield from _sizes()
    yield from _datasets()
    yield from _shell()
    yield from _smoke_tests()
    yield from _scores_and_names()
    yield from _several()


def _names() -> Iterator[Case]:
    changes: dict[str, dict[str, Any]] = {
        "resnett18": {"train": SMALL | {"model": {"arch": "unet", "encoder": "resnett18"}}},
        "tu-lcnet_0355": {"train": SMALL | {"model": {"arch": "unet", "encoder": "tu-lcnet_0355"}}},
        "imagenett": {
            "train": SMALL | {"model": {"arch": "unet", "encoder": "resnet18", "encoder_weights": "imagenett"}}
        },
        "unett": {"train": SMALL | {"model": {"arch": "unett", "encoder": "resnet18"}}},
        "adamm": {"train": SMALL | {"optimizer": {"name": "adamm"}}},
        "cosinee": {"train": SMALL | {"scheduler": {"name": "cosinee"}}},
        "dicee": {"train": SMALL | {"loss": {"main": {"dicee": 1.0}}}, "grid": {"epochs": [1, 2]}},
        "basicc": {"train": SMALL | {"data": {"augmentation": "basicc"}}},
        "val/nosuch": {"metric": "val/nosuch"},
        "val/iou/nosuch": {"metric": "val/iou/nosuch"},
        "train/miou": {"metric": "train/miou"},
        "miou": {"metric": "miou"},
        "val/dicee": {"also_report": ["val/dicee"]},
        "val/iou/nothere": {"also_report": ["val/iou/nothere"]},
        "val/mioo": {"train": SMALL | {"early_stopping": {"monitor": "val/mioo"}}},
        "val/los": {"train": SMALL | {"scheduler": {"name": "plateau", "monitor": "val/los"}}},
        "tu-resnet18 imagenett": {
            "train": SMALL | {"model": {"arch": "unet", "encoder": "tu-resnet18", "encoder_weights": "imagenett"}}
        },
        "val/mioo of a grid": {"grid": {"early_stopping.monitor": ["val/miou", "val/mioo"]}},
        "val/mioo of runs": {"grid": None, "runs": [{"id": "a", "set": {"early_stopping.monitor": "val/mioo"}}]},
        "val/mioo of the reference": {"reference": {"early_stopping.monitor": "val/mioo"}},
        "tinny": {"dataset": "tinny"},
        "learning_rate": {"grid": {"learning_rate": [0.1]}},
        "optimizer.lrr": {"grid": {"optimizer.lrr": [0.1]}},
        "model.archh": {"grid": {"model.archh": ["unet"]}},
        "loss.mainn": {"train": SMALL | {"loss": {"mainn": {"dice": 1.0}}}},
    }
    for name, change in changes.items():
        yield Case("names", name, {STUDY: study(**change)}, says=(name.split("/")[-1].partition(" ")[0], "little.yaml"))
    bad = ("a b", "../x", "", "segments", "data", "a/b", ".x", "x\n", "ä", "a;b", "$(x)", "-x", "LOGS", "x" * 300)
    for name in bad:
        yield Case("names", f"name: {name!r}", {STUDY: study(name=name)}, says=("name",))


def _combinations() -> Iterator[Case]:
    small = {key: value for key, value in SMALL.items() if key != "loss"}
    one = {"epochs": [1, 2]}
    changes: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "no loss": ({"train": small, "grid": one}, ("loss.main",)),
        "a binary loss of several classes": (
            {"train": SMALL | {"loss": {"main": {"bce": 1.0}}}, "grid": one},
            ("bce",),
        ),
        "a network for text": ({"train": SMALL | {"model": {"arch": "dbnet"}}}, ("dbnet",)),
        "a multitask network": ({"train": SMALL | {"model": {"arch": "multitask"}}}, ("multitask",)),
        "an empty loss": ({"train": SMALL | {"loss": {"main": {}}}, "grid": one}, ("loss",)),
        "all weights 0": ({"train": SMALL | {"loss": {"main": {"dice": 0.0}}}, "grid": one}, ("loss.main",)),
        "a negative weight": ({"train": SMALL | {"loss": {"main": {"dice": -1.0}}}, "grid": one}, ("dice",)),
        "betas of 2": ({"train": SMALL | {"optimizer": {"name": "adam", "betas": [0.9, 2.0]}}}, ("betas",)),
        "negative betas": ({"train": SMALL | {"optimizer": {"name": "adamw", "betas": [-0.1, 0.9]}}}, ("betas",)),
        "one beta": ({"train": SMALL | {"optimizer": {"name": "adam", "betas": [0.9]}}}, ("betas",)),
        "lr 0": ({"train": SMALL | {"optimizer": {"name": "adam", "lr": 0.0}}}, ("lr",)),
        "lr -1": ({"train": SMALL | {"optimizer": {"name": "adam", "lr": -1.0}}}, ("lr",)),
        "a negative decay": (
            {"train": SMALL | {"optimizer": {"name": "adam", "weight_decay": -1.0}}},
            ("weight_decay",),
        ),
        "momentum 1": ({"train": SMALL | {"optimizer": {"name": "sgd", "momentum": 1.0}}}, ("momentum",)),
        "dropout 1.5": ({"train": SMALL | {"model": SMALL["model"] | {"dropout": 1.5}}}, ("dropout",)),
        "dropout 1": ({"train": SMALL | {"model": SMALL["model"] | {"dropout": 1.0}}}, ("dropout",)),
        "one fold": ({"folds": 1}, ("folds",)),
        "a metric that is minimized by itself": ({"minimize": True}, ("minimize",)),
        "an axis without levels": ({"grid": {"epochs": []}}, ("epochs",)),
        "an axis with a level twice": ({"grid": {"epochs": [1, 1]}}, ("epochs",)),
        "an axis that is no list": ({"grid": {"epochs": 3}}, ("epochs",)),
        "a level of another type": ({"grid": {"epochs": [1, "two"]}}, ("epochs",)),
        "a level that is infinite": ({"grid": {"optimizer.lr": [0.1, float("inf")]}}, ("lr",)),
        "a level that is no number": ({"grid": {"optimizer.lr": [0.1, float("nan")]}}, ("lr",)),
        "grid and runs": ({"runs": [{"id": "a", "set": {"epochs": 1}}]}, ("runs",)),
        "runs of one id": ({"grid": None, "runs": [{"id": "a"}, {"id": "a", "set": {"epochs": 1}}]}, ("a",)),
        "a run without an id": ({"grid": None, "runs": [{"set": {"epochs": 1}}]}, ("id",)),
        "an exclude that matches nothing": ({"exclude": [{"loss.main": {"dice": 1.0}}]}, ("exclude",)),
        "an exclude of no axis": ({"exclude": [{"epochs": 2}]}, ("exclude",)),
        "an exclude of all": ({"exclude": [{}]}, ("exclude",)),
        "rounds of one name": (
            {"grid": None, "rounds": [{"name": "a", "grid": {"epochs": [1]}}, {"name": "a", "grid": {"epochs": [2]}}]},
            ("a",),
        ),
        "a crop without a side": ({"train": SMALL | {"data": {"crop": [32]}}}, ("crop",)),
        "a crop of 0": ({"train": SMALL | {"data": {"crop": [0, 32]}}}, ("crop",)),
        "an image of 100,000 pixels": ({"train": SMALL | {"data": {"image_size": [100_000, 32]}}}, ("image_size",)),
        "phases out of order": (
            {
                "train": SMALL | {"loss": {"main": {"dice": 1.0}, "phases": [{"until_epoch": 2}, {"until_epoch": 1}]}},
                "grid": one,
            },
            ("phases",),
        ),
        "class weights of two classes": (
            {"train": SMALL | {"loss": {"main": {"cross_entropy": 1.0}, "class_weights": [1.0, 2.0]}}, "grid": one},
            ("class_weights",),
        ),
        "negative class weights": (
            {
                "train": SMALL | {"loss": {"main": {"cross_entropy": 1.0}, "class_weights": [1.0, -2.0, 1.0]}},
                "grid": one,
            },
            ("class_weights",),
        ),
        "a confirmation by seeds of the study": ({"seeds": [0, 1], "confirm": {"top": 1, "seeds": [1, 2]}}, ("seeds",)),
        "a confirmation by a negative seed": ({"confirm": {"top": 1, "seeds": [-1]}}, ("seeds",)),
        "a confirmation by a seed of 2^40": ({"confirm": {"top": 1, "seeds": [2**40]}}, ("seeds",)),
        "more folds than images": ({"folds": 7}, ("folds", "6")),
        "more members than images": ({"ensemble": {"folds": 5, "score_on": "val"}}, ("ensemble.folds", "4")),
        "a confirmation without seeds": ({"confirm": {"top": 1, "seeds": []}}, ("seeds",)),
        "an ensemble of one": ({"ensemble": {"folds": 1}}, ("folds",)),
        "more votes than models": ({"ensemble": {"folds": 2, "method": "vote", "min_votes": 3}}, ("min_votes",)),
        "an ensemble on a split that is not there": ({"ensemble": {"folds": 2, "score_on": "test"}}, ("test",)),
        "a test score without a test split": ({"test": {"of": "best"}}, ("test",)),
        "a negative matter": ({"matters": -0.1}, ("matters",)),
        "freezing beyond the end": (
            {"train": SMALL | {"optimizer": {"name": "adam", "freeze": {"encoder": 5}}}},
            ("freeze",),
        ),
    }
    for name, (change, says) in changes.items():
        yield Case("combinations", name, {STUDY: study(**change)}, says=(*says, "little.yaml"))


def _sweeps() -> Iterator[Case]:
    spaces: dict[str, tuple[dict[str, Any], str]] = {
        "an axis that is not there": ({"optimizer.lrr": {"low": 0.1, "high": 1}}, "lrr"),
        "dropout up to 1.5": ({"model.dropout": {"low": 0.0, "high": 1.5}}, "dropout"),
        "unett": ({"model.arch": {"choices": ["unet", "unett"]}}, "unett"),
        "resnett18": ({"model.encoder": {"choices": ["resnet18", "resnett18"]}}, "resnett18"),
        "a log axis from 0": ({"optimizer.lr": {"low": 0.0, "high": 1.0, "log": True}}, "lr"),
        "high below low": ({"optimizer.lr": {"low": 1.0, "high": 0.1}}, "lr"),
        "equal ends": ({"optimizer.lr": {"low": 0.1, "high": 0.1}}, "lr"),
        "infinite": ({"optimizer.lr": {"low": 0.1, "high": float("inf")}}, "lr"),
        "no number": ({"optimizer.lr": {"low": float("nan"), "high": 1.0}}, "lr"),
        "no ends": ({"optimizer.lr": {}}, "lr"),
        "one end": ({"optimizer.lr": {"low": 0.1}}, "lr"),
        "no choices": ({"model.arch": {"choices": []}}, "choices"),
        "a choice twice": ({"batch_size": {"choices": [1, 1]}}, "choice"),
        "choices and ends": ({"batch_size": {"choices": [1, 2], "low": 1, "high": 2}}, "batch_size"),
        "a batch of 0": ({"batch_size": {"low": 0, "high": 4, "integer": True}}, "batch_size"),
        "half a batch": ({"batch_size": {"low": 1.5, "high": 4.5}}, "batch_size"),
        "a step of 0": ({"optimizer.lr": {"low": 0.1, "high": 1.0, "step": 0}}, "step"),
        "a step too large": ({"optimizer.lr": {"low": 0.1, "high": 1.0, "step": 5.0}}, "step"),
        "when of no axis": ({"optimizer.lr": {"low": 0.1, "high": 1.0, "when": {"nosuch": 1}}}, "nosuch"),
        "when of itself": ({"optimizer.lr": {"low": 0.1, "high": 1.0, "when": {"optimizer.lr": 1}}}, "lr"),
        "a weight of -1": ({"loss.main.dice": {"low": -1.0, "high": 1.0}}, "dice"),
        "text as an end": ({"optimizer.lr": {"low": "a", "high": 1.0}}, "low"),
        "a column that nobody measures": (
            {"early_stopping.monitor": {"choices": ["val/miou", "val/mioo"]}},
            "val/mioo",
        ),
        "10^5 choices": ({"optimizer.lr": {"choices": [one / 1e5 for one in range(1, 10**5)]}}, "choices"),
        "nothing": ({}, "space"),
    }
    for name, (space, says) in spaces.items():
        yield Case("sweeps", f"space: {name}", {STUDY: sweep(space=space)}, says=(says, "little.yaml"))
    for name, keys in {
        "trials 0": {"trials": 0}, "trials -1": {"trials": -1}, "at_once 0": {"at_once": 0},
        "sampler tpee": {"sampler": "tpee"}, "pruner nosuch": {"pruner": {"name": "nosuch"}},
        "pruner without a rung": {"pruner": {"name": "median", "rungs": []}},
        "narrow from itself": {"narrow": {"from": "little"}}, "narrow from nowhere": {"narrow": {"from": "nosuch"}},
        "trials 1e9": {"trials": 10**12}, "seed -1": {"seed": -1}, "space as a list": {"space": [1]},
    }.items():  # fmt: skip
        yield Case("sweeps", name, {STUDY: sweep(**keys)}, says=("little.yaml",))
    three = ("optimizer.lr", "optimizer.weight_decay", "model.dropout")
    many = {axis: {"choices": [one / 1e5 for one in range(1, 301)]} for axis in three}
    yield Case("sweeps", "axes of 300 choices", {STUDY: sweep(space=many)}, expected=ACCEPTED)
    yield Case("sweeps", "a sweep and a grid", {STUDY: study(sweep=yaml.safe_load(sweep())["sweep"])}, says=("sweep",))
    yield Case("sweeps", "a reference beside it", {STUDY: sweep() + "reference: {epochs: 1}\n"}, says=("reference",))
    yield Case("sweeps", "an exclude beside it", {STUDY: sweep() + "exclude: [{epochs: 1}]\n"}, says=("exclude",))


def _claims() -> Iterator[Case]:
    lr = {"grid": {"optimizer.lr": [0.001, 0.01]}}
    claim = {"id": "H1", "claim": "in words"}
    best = claim | {"best_in": {"optimizer.lr": [0.001]}}
    claims: dict[str, list[Any]] = {
        "a level that is not in the grid": [claim | {"best_in": {"optimizer.lr": [0.5]}}],
        "an axis that is not in the grid": [claim | {"best_in": {"epochs": [2]}}],
        "one id twice": [best, best],
        "no id": [{"claim": "x", "best_in": {"optimizer.lr": [0.001]}}],
        "no words": [{"id": "H1", "best_in": {"optimizer.lr": [0.001]}}],
        "no kind": [claim],
        "two kinds": [best | {"worse_than": {"optimizer.lr": 0.1}}],
        "a metric that is not there": [best | {"of": "val/nosuch"}],
        "a column that runs do not have": [best | {"of": "train/loss"}],
        "a measure that is misspelt": [best | {"of": "cost/paramaters"}],
        "confirmed without a confirmation": [claim | {"confirmed_at_least": {"success": 0.9, "acceptable": 0.5}}],
        "an ensemble without one": [claim | {"ensemble_at_least": {"success": 0.9, "acceptable": 0.5}}],
        "acceptable above success": [claim | {"ensemble_at_least": {"success": 0.5, "acceptable": 0.9}}],
        "a bar that is no number": [claim | {"confirmed_at_least": {"success": "high", "acceptable": 40}}],
        "where of no axis": [best | {"where": {"nosuch": 1}}],
        "where of no level": [best | {"where": {"optimizer.lr": 7}}],
        "a text": ["H1"],
        "an unknown key": [best | {"nosuch": 1}],
    }
    for name, found in claims.items():
        yield Case("claims", name, {STUDY: study(claims=found, **lr)}, says=("little.yaml",))
    for text in ("3", "text", "{a: 1}", "[[]]"):
        yield Case("claims", text, {STUDY: raw("claims", text)}, says=("claims",))


def _sizes() -> Iterator[Case]:
    """Small texts that ask for very much."""
    axis = list(range(1, 1001))
    huge: dict[str, dict[str, Any]] = {
        "a grid of 10^9 cells": {"grid": {"epochs": axis, "batch_size": axis, "train_seed": axis}},
        "a grid of 10^9 cells of true axes": {"grid": {"epochs": axis, "batch_size": axis, "accumulate": axis}},
        "50,000 seeds": {"seeds": list(range(50_000))},
        "a billion epochs": {"train": SMALL | {"epochs": 10**9}},
        "10^30 epochs": {"train": SMALL | {"epochs": 10**30}},
        "a batch of 10^12": {"train": SMALL | {"batch_size": 10**12}},
        "10^12 loader threads": {"train": SMALL | {"workers": 10**12}},
        "a seed of 10^30": {"seeds": [10**30]},
        "150,000 levels": {"grid": {"optimizer.lr": [i / 1e7 for i in range(1, 150_001)]}},
        "10^9 folds": {"folds": 10**9},
    }
    for name, change in huge.items():
        yield Case("sizes", name, {STUDY: study(**change)})
    yield Case("sizes", "a number of 100,000 digits", {STUDY: raw("train.epochs", "9" * 100_000)})
    yield Case("sizes", "a name of a megabyte", {STUDY: study(dataset="x" * 1_000_000)})


def _datasets() -> Iterator[Case]:
    folder = {"reader": "folder", "demo": None, "images": "i/{name}.png", "masks": "m/{name}.png"}
    changes: dict[str, dict[str, Any]] = {
        "no reader": {"reader": None},
        "readerr": {"reader": "foldr"},
        "task segmentation": {"task": "segmentation"},
        "no classes": {"classes": None},
        "no class": {"classes": {}},
        "one class": {"classes": {0: "background"}},
        "a class of 300": {"classes": {0: "background", 300: "one"}},
        "a class of -1": {"classes": {0: "background", -1: "one"}},
        "classes of one name": {"classes": {0: "one", 1: "one"}},
        "a class without a name": {"classes": {0: "background", 1: ""}},
        "a class named as a path": {"classes": {0: "background", 1: "a/b"}},
        "a class that is a number": {"classes": {0: "background", 1: 5}},
        "a class that is null": {"classes": {0: "background", 1: None}},
        "256 classes": {"classes": {i: f"c{i}" for i in range(256)}},
        "unknown key": {"nosuch": 1},
        "channels 0": {"channels": 0},
        "channels -3": {"channels": -3},
        "channels many": {"channels": "many"},
        "size 0": {"demo": {"train": 4, "val": 2, "size": [0, 32], "classes": 2}},
        "size 10^9": {"demo": {"train": 4, "val": 2, "size": [10**9, 10**9], "classes": 2}},
        "10^12 images": {"demo": {"train": 10**12, "val": 2, "size": [32, 32], "classes": 2}},
        "no validation": {"demo": {"train": 4, "val": 0, "size": [32, 32], "classes": 2}},
        "folder: no root": folder | {"root": None},
        "folder: root not there": folder | {"root": "nosuch", "splits": {"random": {"val": 0.2, "seed": 0}}},
        "folder: root above": folder | {"root": "../../..", "splits": {"random": {"val": 0.2, "seed": 0}}},
        "folder: images without a name": folder | {"images": "i/x.png", "root": "x"},
        "folder: a share of 1.5": folder | {"root": "x", "splits": {"random": {"val": 1.5, "seed": 0}}},
        "folder: a share of 0": folder | {"root": "x", "splits": {"random": {"val": 0.0, "seed": 0}}},
        "folder: a list that is not there": folder
        | {"root": "x", "splits": {"train": "nosuch.txt", "val": "nosuch.txt"}},
    }
    for name, change in changes.items():
        yield Case("data sets", name, {DATASET: dataset(**change)})


SHELL = (
    "cpu; touch X",
    "$(touch X)",
    "`touch X`",
    "a\ntouch X",
    "' ; touch X '",
    '" ; touch X "',
    "a|touch X",
    "a && touch X",
)


def _shell() -> Iterator[Case]:
    for text in SHELL:
        yield Case("shell", f"device={text!r}", config={"device": text}, says=("device",))
        yield Case("shell", f"name: {text!r}", {STUDY: study(name=text)}, says=("name",))
        yield Case("shell", f"study={text!r}", config={"study": text})
        yield Case("shell", f"dataset={text!r}", config={"dataset": text})
        yield Case("shell", f"narrow.from: {text!r}", {STUDY: sweep(narrow={"from": text})}, says=("narrow",))
        for name in ("partition", "account", "gpu", "gres"):
            yield Case(
                "shell",
                f"cluster.{name}: {text!r}",
                config={"cluster": {"partition": "default", name: text}},
                says=(name,),
            )


def _smoke_tests() -> Iterator[Case]:
    """What is wrong in the section `smoke` alone, which is not asked for."""
    wrong: dict[str, tuple[Any, str]] = {
        "epochs 0": ({"epochs": 0}, "epochs"),
        "epochs many": ({"epochs": "many", "rescale_epochs": True}, "epochs"),
        "an unknown key": ({"epochss": 1}, "epochss"),
        "rescale maybe": ({"epochs": 1, "rescale_epochs": "maybe"}, "rescale_epochs"),
        "resnett18": ({"model": {"encoder": "resnett18"}}, "resnett18"),
        "resnett18, dotted": ({"model.encoder": "resnett18"}, "resnett18"),
        "a negative rate": ({"grid": {"optimizer.lr": [0.1, -3]}}, "lr"),
        "an axis that is not there": ({"grid": {"optimizer.lrr": [0.1]}}, "lrr"),
        "an axis that is no list": ({"grid": {"epochs": 3}}, "epochs"),
        "9 folds": ({"folds": 9}, "folds"),
        "seeds twice": ({"seeds": [0, 0]}, "seeds"),
        "val/mioo": ({"metric": "val/mioo"}, "val/mioo"),
        "a monitor of nothing": ({"early_stopping": {"monitor": "val/mioo"}}, "val/mioo"),
        "a sweep beside the grid": ({"sweep": {"trials": 1, "space": {"epochs": [1]}}}, "sweep"),
        "a text": ("epochs", "smoke"),
        "a list": ([1], "smoke"),
    }
    for name, (found, says) in wrong.items():
        yield Case("smoke tests", name, {STUDY: study(smoke=found)}, says=(says, "little.yaml"))
        if isinstance(found, dict):
            asked_for = {"smoke": True}
            yield Case("smoke tests", f"{name}, asked for", {STUDY: study(smoke=found)}, asked_for, says=(says,))


def _scores_and_names() -> Iterator[Case]:
    """Scores that the metric never has, and names of what is not there."""
    lr = {"grid": {"optimizer.lr": [0.001, 0.01], "epochs": [1, 2]}, "ensemble": {"folds": 2}}
    claim = {"id": "H1", "claim": "in words"}
    best = claim | {"best_in": {"optimizer.lr": [0.01]}}
    changes: dict[str, tuple[dict[str, Any], str]] = {
        "85 %": ({"claims": [claim | {"ensemble_at_least": {"success": 85, "acceptable": 0.6}}]}, "0.85"),
        "-0.1": ({"claims": [claim | {"ensemble_at_least": {"success": 0.5, "acceptable": -0.1}}]}, "-0.1"),
        "a difference of 2": ({"matters": 2}, "matters"),
        "where emptied by exclude": (
            {"exclude": [{"optimizer.lr": 0.01, "epochs": 2}], "claims": [best | {"where": {"epochs": 2}}]},
            "H1",
        ),
        "a level of a list": ({"claims": [best | {"where": {"epochs": [1, 3]}}]}, "epochs 3"),
        "a name of no axis": ({"names": {"optimizer.lrr": "Rate"}}, "optimizer.lrr"),
        "a name of no metric": ({"names": {"val/mioo": "mIoU"}}, "val/mioo"),
        "a name of no level": ({"names": {"focall": "Focal"}}, "focall"),
    }
    for name, (change, says) in changes.items():
        yield Case("scores and names", name, {STUDY: study(**lr | change)}, says=(says, "little.yaml"))


def _several() -> Iterator[Case]:
    """Mistakes of different stages: each must be told."""
    lr = {"grid": {"optimizer.lr": [0.001, 0.01]}}
    encoder = {"model": SMALL["model"] | {"encoder": "resnett18"}}
    mistakes: dict[str, tuple[dict[str, Any], str]] = {
        "a misspelt key": ({"titel": "x"}, "titel"),
        "a key that stands twice": ({"seeds": [3, 3]}, "seeds"),
        "a level of no cell": ({"claims": [{"id": "H", "claim": "x", "best_in": {"optimizer.lr": [0.5]}}]}, "0.5"),
        "a metric that is not there": ({"metric": "val/mioo"}, "val/mioo"),
        "too many folds": ({"folds": 7}, "7 folds"),
        "a confirmation by the study's seeds": ({"confirm": {"top": 1, "seeds": [0]}}, "confirmed"),
        "an entry of exclude for nothing": ({"exclude": [{"optimizer.lr": 7}]}, "exclude"),
        "a smoke test of no epochs": ({"smoke": {"epochs": 0}}, "epochs is 0"),
    }
    wrong_train: dict[str, tuple[dict[str, Any], str]] = {
        "": ({}, ""),
        "an encoder": (encoder, "resnett18"),
        "a value": ({"batch_size": 0}, "batch_size"),
        "a name": ({"optimizer": {"name": "adamm"}}, "adamm"),
        "a key": ({"epochss": 3}, "epochss"),
    }
    for (first, (one, says)), (second, (other, says_too)) in combinations(mistakes.items(), 2):
        for name, (train, of_train) in wrong_train.items():
            dependent = {"a key that stands twice", "a confirmation by the study's seeds"} == {first, second}
            if not dependent and not (name == "a name" and "exclude" in f"{first} {second}"):
                files = {STUDY: study(**lr | one | other | {"train": SMALL | train})}
                says_all = tuple(filter(None, (says, says_too, of_train, "little.yaml")))
                yield Case("several mistakes", " + ".join(filter(None, (first, second, name))), files, says=says_all)
    for name, (one, says) in mistakes.items():
        if name not in ("too many folds", "a metric that is not there"):
            files = {STUDY: study(**lr | one), DATASET: dataset(task="segmentation", chanels=3)}
            says_all = (says, "segmentation", "chanels", "device")
            yield Case("several mistakes", f"{name} + a data set", files, {"device": "tpu"}, says=says_all)
