"""Multiruns of Hydra become studies, with what the composed configuration says besides."""

import subprocess
import sys

import pytest

from segsweep.errors import InputError
from segsweep.sweep_imports.sources import Given, read_definition
from tests.imported_sweeps import planned_study

PROGRAM = """
import hydra
@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg):
    pass
if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults: [{model: unet}, _self_]
optimizer: {lr: 0.1, name: sgd}
trainer: {max_epochs: 7}
seed: 42
"""
OPTUNA = """
defaults: [{model: unet}, {override hydra/sweeper: optuna}, {override hydra/launcher: joblib}, _self_]
lr: 0.1
epochs: 3
width: 8
act: relu
optimized_metric: val/acc
hydra:
  sweeper:
    direction: maximize
    sampler: {seed: 5, n_startup_trials: 3}
    n_trials: 12
    n_jobs: 1
    params: PARAMS
"""


@pytest.fixture
def app(tmp_path):
    """A Hydra application whose configurations a test adds, and a function that imports one of them."""

    class App:
        folder = tmp_path / "app"

        def write(self, path, text):
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)

        def imported(self, path, *words, **given):
            return planned_study(read_definition(str(self.folder / path), Given(list(words), **given)), tmp_path)

        def searched(self, params):
            self.write("conf/sweep.yaml", OPTUNA.replace("PARAMS", params))
            return self.imported("conf/sweep.yaml")

    app = App()
    app.write("train.py", PROGRAM)
    app.write("conf/config.yaml", CONFIG)
    app.write("conf/model/unet.yaml", "depth: 4\n")
    app.write("conf/model/fpn.yaml", "depth: 5\n")
    return app


def test_a_command_line_is_a_grid(app):
    study, _ = app.imported("conf/config.yaml", "optimizer.lr=0.1,1e-2", "optimizer.name=choice(sgd,adam)", "+k=3")
    assert study.grid == {"optimizer.lr": [0.1, 0.01], "optimizer.name": ["sgd", "adam"]}
    assert study.parameters == {"optimizer.lr": 0.1, "optimizer.name": "sgd"}
    assert (
        study.command == "python train.py +k=3 trainer.max_epochs={epochs} seed={seed} {overrides} hydra.run.dir={out}"
    )
    assert (study.epochs, study.seeds, study.folder) == (7, [42], "app")
    assert study.code == ["train.py", "conf"]


def test_seeds_and_epochs_of_a_multirun(app):
    study, _ = app.imported("conf/config.yaml", "seed=range(1,4)", "trainer.max_epochs=5,10", "optimizer.lr=1,2")
    assert (study.seeds, study.epochs) == ([1, 2, 3], 10)
    assert study.grid == {"epochs": [5, 10], "optimizer.lr": [1, 2]}
    assert study.parameters == {"optimizer.lr": 0.1}
    assert study.command == ("python train.py {overrides} seed={seed} trainer.max_epochs={epochs} hydra.run.dir={out}")


def test_a_group_beside_its_own_keys_has_another_name(app):
    study, _ = app.imported("conf/config.yaml", "model=glob(*)", "model.depth=2,3", "+new=a,b")
    assert study.grid == {"model_choice": ["fpn", "unet"], "model.depth": [2, 3], "new": ["a", "b"]}
    assert study.parameters == {"model_choice": "unet", "model.depth": 4, "new": "a"}
    assert "model={model_choice} model.depth={model.depth} +new={new}" in study.command


def test_parameters_of_the_basic_sweeper(app):
    app.write(
        "conf/sweep.yaml", "defaults: [config, _self_]\nhydra: {sweeper: {params: {optimizer.lr: '1,2', seed: 3}}}\n"
    )
    study, _ = app.imported("conf/sweep.yaml")
    assert study.grid == {"optimizer.lr": [1, 2]}
    assert study.seeds == [3]
    assert study.command.startswith("python train.py --config-name=sweep seed={seed} trainer.max_epochs={epochs}")


def test_a_configuration_of_a_group(app):
    app.write(
        "conf/experiment/wide.yaml",
        "# @package _global_\noptimizer: {lr: 0.5}\nhydra: {sweeper: {params: {optimizer.lr: 'choice(1, 2)'}}}\n",
    )
    study, _ = app.imported("conf/experiment/wide.yaml")
    assert "+experiment=wide" in study.command
    assert study.parameters == {"optimizer.lr": 0.5}


def test_the_sweeper_of_optuna(app):
    study, _ = app.searched("{lr: 'tag(log, interval(1e-4, 1e-1))', width: 'range(4, 16, step=4)', act: 'relu,gelu'}")
    assert study.sweep.sampler.model_dump() == {"name": "tpe", "startup_trials": 3}
    assert (study.sweep.seed, study.sweep.trials, study.sweep.at_once) == (5, 12, 1)
    assert (study.metric, study.minimize) == ("val/acc", False)
    assert {name: axis.model_dump(exclude_defaults=True) for name, axis in study.sweep.space.items()} == {
        "lr": {"low": 1e-4, "high": 0.1, "log": True},
        "width": {"low": 4, "high": 16, "step": 4, "integer": True},
        "act": {"choices": ["relu", "gelu"]},
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("interval(4, 64)", {"low": 4, "high": 64}),
        ("int(interval(4, 64))", {"low": 4, "high": 64, "integer": True}),
        ("tag(log, int(interval(4, 64)))", {"low": 4, "high": 64, "integer": True, "log": True}),
        ("range(0.5, 1.5, 0.25)", {"low": 0.5, "high": 1.5, "step": 0.25}),
        ("range(1, 5)", {"low": 1, "high": 5, "integer": True}),
        ("true, null, 'a b'", {"choices": [True, None, "a b"]}),
    ],
)
def test_what_optuna_makes_of_overrides(app, words, expected):
    study, _ = app.searched(f'{{lr: "{words}"}}')
    assert study.sweep.space["lr"].model_dump(exclude_defaults=True) == expected


def test_a_search_from_the_command_line(app):
    study, _ = app.imported(
        "conf/config.yaml",
        "hydra/sweeper=optuna",
        "hydra/sweeper/sampler=random",
        "hydra.sweeper.n_trials=3",
        "hydra.sweeper.sampler.seed=${seed}",
        "optimizer.lr=interval(0.1,1)",
    )
    assert (study.sweep.sampler.name, study.sweep.trials, study.sweep.seed) == ("random", 3, 42)
    assert "hydra/sweeper" not in study.command
    assert "hydra.sweeper" not in study.command


def test_the_former_search_space(app):
    app.write(
        "conf/sweep.yaml",
        OPTUNA.replace("    params: PARAMS", "    search_space: {lr: {type: float, low: 0.1, high: 1, log: true}}"),
    )
    study, _ = app.imported("conf/sweep.yaml")
    assert study.sweep.space["lr"].model_dump(exclude_defaults=True) == {"low": 0.1, "high": 1, "log": True}
    assert study.parameters == {"lr": 0.1}


def test_a_configuration_that_cannot_be_composed_is_read_alone(app):
    app.write(
        "conf/sweep.yaml",
        "defaults: [registered_in_python, {override hydra/sweeper: optuna}, _self_]\nlr: 1\nepochs: 3\n"
        "hydra: {sweeper: {params: {lr: '1,2'}}}\n",
    )
    study, text = app.imported("conf/sweep.yaml")
    assert "registered_in_python" in text
    assert "could not compose" in text
    assert study.sweep.space["lr"].choices == [1, 2]


def test_a_configuration_that_is_a_multirun_by_itself_is_started_as_one_run(app):
    app.write(
        "conf/search/wide.yaml",
        "# @package _global_\ndefaults: [{override /hydra/sweeper: optuna}]\n"
        "hydra: {mode: MULTIRUN, sweeper: {params: {optimizer.lr: 'interval(0.1, 1)'}}}\n",
    )
    study, _ = app.imported("conf/search/wide.yaml")
    assert study.command.endswith("{overrides} hydra.run.dir={out} hydra.mode=RUN")


def test_a_sweep_of_wandb_that_starts_an_application_of_hydra(app):
    app.write(
        "sweep.yaml",
        "program: train.py\nmethod: grid\nparameters: {optimizer.lr: {values: [1, 2]}}\n"
        "command: [python, '${program}', model=fpn, seed=4, '${args_no_hyphens}']\n",
    )
    study, _ = app.imported("sweep.yaml")
    assert study.command == (
        "python train.py model=fpn seed={seed} {overrides} trainer.max_epochs={epochs} hydra.run.dir={out}"
    )
    assert (study.seeds, study.epochs, study.code) == ([4], 7, ["train.py", "conf"])
    assert study.parameters == {"optimizer.lr": 0.1}


def test_the_folder_of_a_multirun(app, tmp_path):
    result = subprocess.run(
        [
            sys.executable,
            "train.py",
            "-m",
            "optimizer.lr=0.1,0.2",
            "model=fpn",
            f"hydra.sweep.dir={tmp_path / 'multi'}",
        ],
        cwd=app.folder,
        capture_output=True,
        text=True,
    )
    assert not result.returncode, result.stderr
    study, _ = planned_study(read_definition(str(tmp_path / "multi"), Given()), tmp_path)
    assert study.grid == {"optimizer.lr": [0.1, 0.2]}
    assert study.command.startswith("python train.py model=fpn ")
    assert (study.folder, study.code) == ("app", ["train.py", "conf"])


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "nothing varies.*hydra.sweeper.params"),
        (["optimizer.lr=interval(0,1)"], "a grid takes no interval"),
        (["optimizer.lr=choice(null)"], "NoneType is incompatible.*Write overrides as for Hydra"),
    ],
)
def test_what_is_wrong_is_said(app, words, problem):
    with pytest.raises(InputError, match=problem):
        app.imported("conf/config.yaml", *words)
