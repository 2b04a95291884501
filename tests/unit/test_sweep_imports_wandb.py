"""W&B's sweep files become studies: each key is what its documentation says it means."""

import math
import shlex

import pytest
import yaml

from segsweep.config.dotted_keys import flat
from segsweep.errors import InputError
from segsweep.programs.template import complete, fill, fill_parameters
from segsweep.sweep_imports.sources import Given, read_definition
from tests.imported_sweeps import planned_study

PROGRAM = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--n-epochs", type=int, default=30)
parser.add_argument("--seed", type=int, default=3)
parser.add_argument("--output-dir", default="runs")
"""


@pytest.fixture
def imported(tmp_path):
    """A function that writes a sweep file, imports it and gives the study and the text of its file."""

    def run(text, program=PROGRAM, program_file=None, **given):
        (tmp_path / "train.py").write_text(program)
        source = tmp_path / "sweep.yaml"
        source.write_text(text)
        return planned_study(read_definition(str(source), Given(program=program_file, **given)), tmp_path)

    return run


def dimension(imported, keys):
    study, text = imported(f"{{program: train.py, method: random, run_cap: 3, parameters: {{x: {keys}}}}}")
    return study.sweep.space["x"].model_dump(exclude_defaults=True), text


def test_a_grid_with_seeds_and_epochs(imported):
    study, _ = imported(
        "program: train.py\nmethod: grid\nmetric: {name: valid_iou, goal: maximize}\n"
        "parameters: {lr: {values: [0.1, 0.01]}, seed: {values: [1, 2, 3]}, n: {min: 1, max: 3}, epochs: {value: 12}}\n"
    )
    assert study.grid == {"lr": [0.1, 0.01], "n": [1, 2, 3]}
    assert (study.seeds, study.epochs) == ([1, 2, 3], 12)
    assert (study.metric, study.minimize) == ("val/iou", False)
    assert study.results.columns["val/iou"].column == "valid_iou"
    assert study.parameters == {"lr": 0.1, "n": 1}
    assert study.command == "python train.py --epochs={epochs} --lr={lr} --seed={seed} --n={n} --output-dir={out}"
    assert study.code == ["train.py"]


@pytest.mark.parametrize("seeds", ['["1", "2"]', "[1.5, 2.5]"])
def test_an_option_that_a_parameter_passes_is_not_passed_twice(imported, seeds):
    study, _ = imported(f"{{program: train.py, method: grid, parameters: {{seed: {{values: {seeds}}}}}}}")
    assert study.command == "python train.py --seed={seed_value} --n-epochs={epochs} --output-dir={out}"


def test_a_grid_says_that_it_ends_no_run_early(imported):
    _, text = imported(
        "program: train.py\nmethod: grid\nparameters: {lr: {values: [0.1, 0.2]}}\n"
        "early_terminate: {type: hyperband, min_iter: 3}\n"
    )
    assert (
        "# All settings train to their end here: {name: hyperband, brackets: 1, min_epochs: 3, eta: 3} is left" in text
    )


def test_a_person_names_the_program(imported, tmp_path):
    study, _ = imported("{method: grid, parameters: {lr: {values: [0.1, 0.2]}}}", program_file=tmp_path / "train.py")
    assert "train.py --lr={lr}" in study.command


def test_mappings_and_names_of_several_words(imported):
    study, _ = imported(
        "{program: train.py, method: grid, parameters: {a b: {value: 1}, lr: {values: [{x: 1}, {x: 2}]}}}"
    )
    assert study.command.startswith("python train.py --'a b'={a_b} --lr={lr} ")
    assert study.grid == {"lr": ["{{'x': 1}}", "{{'x': 2}}"]}


def test_what_the_program_says_of_itself_fills_the_gaps(imported):
    study, _ = imported("program: train.py\nmethod: random\nrun_cap: 5\nparameters: {lr: {min: 0.1, max: 0.2}}\n")
    assert study.command == "python train.py --lr={lr} --n-epochs={epochs} --seed={seed} --output-dir={out}"
    assert (study.epochs, study.seeds, study.sweep.trials, study.sweep.sampler.name) == (30, [3], 5, "random")
    assert study.minimize is True


def test_bayes_with_hyperband(imported):
    study, text = imported(
        "program: train.py\nmethod: bayes\nparameters: {lr: {min: 0.1, max: 0.2}}\n"
        "early_terminate: {type: hyperband, max_iter: 27, s: 2}\n"
    )
    assert study.sweep.sampler.name == "gp"
    assert study.epochs == 27
    assert study.sweep.pruner.name == "none"
    assert "# pruner: {name: hyperband, brackets: 1, min_epochs: 3, eta: 3}" in text
    assert "{resume:--resume {out}/last.pt}" in text


def test_a_command_that_resumes_keeps_the_pruner(imported):
    study, _ = imported(
        "program: train.py\nmethod: bayes\nparameters: {lr: {min: 0.1, max: 0.2}}\nrun_cap: 4\n"
        "early_terminate: {type: hyperband, min_iter: 4, eta: 2}\n"
    )
    pruned, _ = imported(
        "program: train.py\nmethod: bayes\nparameters: {lr: {min: 0.1, max: 0.2}}\nrun_cap: 4\n"
        "early_terminate: {type: hyperband, min_iter: 4, eta: 2}\n",
        resume="--resume {out}/last.pt",
    )
    assert study.sweep.pruner.name == "none"
    assert "{resume:--resume {out}/last.pt}" in pruned.command
    assert pruned.sweep.pruner.model_dump(include={"name", "brackets", "min_epochs", "eta"}) == {
        "name": "hyperband",
        "brackets": 1,
        "min_epochs": 4,
        "eta": 2,
    }


@pytest.mark.parametrize(
    ("macro", "expected"),
    [
        ("${args}", "--lr={lr} --flip={flip}"),
        ("${args_no_equals}", "--lr {lr} --flip {flip}"),
        ("${args_no_boolean_flags}", "--lr={lr} {flip:--flip}"),
        ("${args_no_hyphens}", "{overrides}"),
        ("${args_json}", '"$(cat {config:json})"'),
        ("${args_json_file}", "{config:json}"),
    ],
)
def test_how_a_command_passes_parameters_on(imported, macro, expected):
    study, _ = imported(
        "program: train.py\nmethod: grid\nparameters: {lr: {values: [1, 2]}, flip: {values: [true, false]}}\n"
        f"command: ['${{env}}', '${{interpreter}}', '${{program}}', '{macro}']\n",
        program="",
        epochs=2,
    )
    assert study.command == f"python train.py {expected}"
    assert study.environment == {"RUN_FOLDER": "{out}"}
    as_text = macro in ("${args}", "${args_no_equals}")  # as the agent of W&B writes what Python calls True
    assert study.grid["flip"] == (["True", "False"] if as_text else [True, False])


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize(
    ("macro", "expected"),
    [
        ("${args}", ["--lr=0.001", "--tag=it's {a} b", "--hidden=[1, 2]", "--flip={flip}"]),
        ("${args_no_equals}", ["--lr", "0.001", "--tag", "it's {a} b", "--hidden", "[1, 2]", "--flip", "{flip}"]),
        ("${args_no_boolean_flags}", ["--lr=0.001", "--tag=it's {a} b", "--hidden=1", "{--flip}"]),
    ],
)
def test_the_program_gets_the_words_that_the_agent_of_wandb_would_give_it(imported, macro, expected, flip):
    switches = macro == "${args_no_boolean_flags}"
    parameters = {
        "lr": {"value": 1e-3},
        "tag": {"value": "it's {a} b"},
        "hidden": {"values": [1, 2] if switches else [[1, 2], [3]]},
        "flip": {"values": [flip, not flip]},
    }
    sweep = {"program": "train.py", "method": "grid", "parameters": parameters, "command": ["${program}", macro]}
    study, _ = imported(yaml.safe_dump(sweep, sort_keys=False), program="", epochs=2)
    values = flat(fill_parameters(study.parameters, {}))
    words = shlex.split(complete(fill(study.command, values, shell=True), {}, shell=True))
    wanted = [one.replace("{flip}", str(flip)).replace("{--flip}", "--flip" * flip) for one in expected]
    assert words == ["train.py", *filter(None, wanted)]


def test_words_of_a_command(imported):
    study, _ = imported(
        "program: train.py\nmethod: grid\nparameters: {lr: {values: [1, 2]}}\n"
        "command: ['${env}', A=1, python3, '${program}', --n-epochs, '12', --seed=4, --tag, 'a {b}', --root, "
        "'${envvar:DATA}/x', '${args}', --output-dir, old]\n"
    )
    assert study.command == (
        "A=1 python3 train.py --n-epochs {epochs} --seed={seed} --tag 'a {{b}}' --root \"${{DATA}}\"/x --lr={lr} "
        "--output-dir {out}"
    )
    assert (study.epochs, study.seeds) == (12, [4])


def test_parameters_that_are_not_passed_on_are_read_from_a_file(imported):
    study, text = imported(
        "program: train.py\nmethod: grid\ncommand: [python, '${program}']\n"
        "parameters: {lr: {values: [1, 2]}, epochs: {value: 3}, seed: {values: [1, 2]}}\n",
        program="import wandb\nlr = wandb.config.lr\n",
    )
    assert study.environment == {
        "RUN_CONFIG": "{config:json}",
        "RUN_EPOCHS": "{epochs}",
        "RUN_SEED": "{seed}",
        "RUN_FOLDER": "{out}",
    }
    assert "$RUN_CONFIG" in text


def test_nested_parameters_and_sections(imported):
    study, text = imported(
        "program: train.py\nmethod: grid\nparameters:\n"
        "  opt: {parameters: {name: {values: [adam, sgd]}, lr: {value: 0.1}}}\n"
        "  aug: {value: {flip: 1, crop: [2, 3]}}\n"
        "  opt-2: {values: ['{x}', y]}\n  config: {values: [a, b]}\n"
    )
    assert study.grid == {"opt.name": ["adam", "sgd"], "opt-2": ["{{x}}", "y"], "config_value": ["a", "b"]}
    assert study.parameters["aug.crop"] == "[2, 3]"
    assert "--opt-2={opt-2} --config={config_value}" in study.command
    assert "one value in braces" in text


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("{min: 1, max: 8}", {"low": 1, "high": 8, "integer": True}),
        ("{min: 1.0, max: 8}", {"low": 1, "high": 8}),
        ("{distribution: int_uniform, min: 1, max: 8}", {"low": 1, "high": 8, "integer": True}),
        ("{distribution: log_uniform_values, min: 1e-4, max: 1}", {"low": 1e-4, "high": 1, "log": True}),
        ("{distribution: inv_log_uniform_values, min: 1e-4, max: 1}", {"low": 1e-4, "high": 1, "log": True}),
        ("{distribution: q_uniform, q: 16, min: 16, max: 100}", {"low": 16, "high": 96, "step": 16, "integer": True}),
        ("{distribution: q_uniform, q: 0.25, min: 0, max: 1}", {"low": 0, "high": 1, "step": 0.25}),
        ("{distribution: q_log_uniform_values, min: 1, max: 64}", {"low": 1, "high": 64, "log": True, "integer": True}),
        ("{values: [a, b, a]}", {"choices": ["a", "b"]}),
    ],
)
def test_distributions(imported, keys, expected):
    assert dimension(imported, keys)[0] == expected


@pytest.mark.parametrize(("distribution", "low", "high"), [("log_uniform", -9.0, -4.0), ("inv_log_uniform", 4.0, 9.0)])
def test_exponents_become_values(imported, distribution, low, high):
    found, _ = dimension(imported, f"{{distribution: {distribution}, min: {low}, max: {high}}}")
    assert found["log"]
    assert found["low"] == pytest.approx(math.exp(-9), rel=1e-5)
    assert found["high"] == pytest.approx(math.exp(-4), rel=1e-5)


@pytest.mark.parametrize(
    ("keys", "expected", "said"),
    [
        ("{distribution: normal, mu: 1, sigma: 0.25}", {"low": 0.5, "high": 1.5}, "W&B draws from a normal"),
        (
            "{distribution: log_normal, mu: 0, sigma: 0.5}",
            {"low": 0.367879, "high": 2.71828, "log": True},
            "log-normal",
        ),
        (
            "{distribution: q_normal, mu: 8, sigma: 2, q: 4}",
            {"low": 4, "high": 12, "step": 4, "integer": True},
            "normal",
        ),
        ("{distribution: beta, a: 2, b: 5}", {"low": 0, "high": 1}, "beta distribution with a = 2 and b = 5"),
        ("{values: [1, 2], probabilities: [0.1, 0.9]}", {"choices": [1, 2]}, "equally likely"),
        (
            "{distribution: q_log_uniform_values, q: 8, min: 8, max: 256}",
            {"low": 8, "high": 256, "step": 8, "integer": True},
            "multiples of `q`",
        ),
    ],
)
def test_what_has_no_counterpart_is_said(imported, keys, expected, said):
    found, text = dimension(imported, keys)
    assert found == expected
    assert said in " ".join(text.replace("#", "").split())


def test_a_capped_grid_draws_from_the_grid(imported):
    study, _ = imported("program: train.py\nmethod: grid\nrun_cap: 3\nparameters: {a: {values: [1, 2, 3, 4]}}\n")
    assert (study.sweep.sampler.name, study.sweep.trials) == ("grid", 3)


def test_a_seed_among_random_draws_is_no_hyperparameter(imported):
    study, text = imported(
        "program: train.py\nmethod: random\nparameters: {lr: {min: 0.1, max: 0.2}, seed: {values: [5, 6]}}\n"
    )
    assert study.seeds == [5]
    assert list(study.sweep.space) == ["lr"]
    assert "like a hyperparameter" in text


def test_options_that_only_seem_to_be_what_segsweep_fills_in(imported):
    study, _ = imported(
        "program: train.py\nmethod: grid\n"
        "parameters: {lr: {values: [1, 2]}, device: {value: gpu}, fold: {values: [0, 2]}}\n",
        program="\n".join(
            f"p.add_argument('--{name}', default={default!r})"
            for name, default in {"save-path": "best.pt", "epochs": 9, "out": None, "seed": "none"}.items()
        ),
    )
    assert study.command == (
        "python train.py --device={device_value} --lr={lr} --fold={fold_value} --epochs={epochs} --out={out}"
    )


def test_folds_of_a_grid(imported):
    study, _ = imported(
        "program: train.py\nmethod: grid\nparameters: {lr: {values: [1, 2]}, fold: {values: [0, 1, 2]}}\n"
    )
    assert study.folds.k == 3
    assert study.grid == {"lr": [1, 2]}
    assert "--fold={fold}" in study.command


def test_epochs_that_nothing_tells_are_asked_for(imported, tmp_path):
    text = "program: train.py\nmethod: grid\nparameters: {lr: {values: [1, 2]}}\n"
    with pytest.raises(InputError, match="the key 'epochs' is missing"):
        imported(text, program="")
    assert "# epochs: how many" in (tmp_path / "study.yaml").read_text()
    assert imported(text, program="", epochs=7)[0].epochs == 7


def test_program_and_metric_that_were_found(imported):
    study, _ = imported(
        "program: train.py\nmethod: grid\nparameters: {lr: {values: [1, 2]}}\n",
        program="import lightning as L\n",
        metric="eval/mean_reward",
        epochs=2,
    )
    assert (study.metric, study.results.file) == ("val/mean_reward", "**/metrics.csv")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("method: bayesian\nparameters: {a: {value: 1}}", r"sweep.yaml:1: method is 'bayesian'.*Did you mean 'bayes'"),
        ("method: grid\nprogram: t.py\nparameters:\n  a: {vales: [1]}", r"sweep.yaml:4: unknown key.*'values'"),
        ("method: grid\nprogram: t.py\nparameters:\n  a: {min: 0.1, max: 0.2}", r"sweep.yaml:4: a has a continuous"),
        (
            "method: random\nprogram: t.py\nparameters:\n  a: {min: 3, max: 2}",
            r"sweep.yaml:4.*min 3 is not below max 2",
        ),
        ("method: random\nprogram: t.py\nparameters:\n  a: {min: 3}", r"sweep.yaml:4.*has `value`, `values`"),
        ("method: grid\nparameters: {a: {values: [1]}}", r"sweep.yaml.*Add `program`"),
        (
            "method: random\nprogram: t.py\nparameters: {a: {values: [1, 2]}}\nearly_terminate: {type: hyperband}",
            r"sweep.yaml:4: early_terminate says no first rung",
        ),
        (
            "method: grid\nprogram: t.py\nparameters: {a: {values: [1]}}\ncommand: [python, '${args_no_hyphen}']",
            r"sweep.yaml:4: \$\{args_no_hyphen\} is.*Did you mean '\$\{args_no_hyphens\}'",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(imported, text, problem):
    with pytest.raises(InputError, match=problem):
        imported(text + "\n")
