"""The program import_sweep, and what it finds by names and in the sources of programs."""

import re
from pathlib import Path

import pytest
from import_sweep import main

from segsweep.exits import DONE, WRONG_INPUT
from segsweep.sweep_imports.known_names import metric_name, nearest_to_root, probably_minimized, role_of
from segsweep.sweep_imports.program_source import HydraMain, read_program

SWEEP = "program: train.py\nmethod: grid\nparameters: {lr: {values: [1, 2]}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder, and a project beside it that has a sweep."""
    (tmp_path / "here" / "config" / "studies").mkdir(parents=True)
    (tmp_path / "here" / "config" / "config.yaml").write_text("{}\n")
    (tmp_path / "mine" / "sweeps").mkdir(parents=True)
    (tmp_path / "mine" / "train.py").write_text("parser.add_argument('--out')\n")
    (tmp_path / "mine" / "sweeps" / "rates.yaml").write_text(SWEEP)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def test_a_study_is_written_and_planned(folder, capsys):
    assert main(["../mine/sweeps/rates.yaml", "--epochs", "3"]) == DONE
    text = (folder / "here/config/studies/rates.yaml").read_text()
    assert "command: python train.py --lr={lr} --out={out}\nfolder: ../../../mine\ncode: [train.py]\n" in text
    assert "It can be planned, with 2 runs: snakemake -n --config study=" in capsys.readouterr().out


def test_overrides_stand_behind_options_too(folder, capsys):
    assert main(["../mine/sweeps/rates.yaml", "--epochs", "3", "lr=1,2", "--name", "other"]) == DONE
    assert (folder / "here/config/studies/other.yaml").is_file()


def test_the_example_of_the_documentation(folder):
    page = (Path(__file__).parents[2] / "docs" / "own_code.md").read_text(encoding="utf-8")
    section = page.partition("## From a sweep you have")[2]
    sweep, study = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)[:2]
    options = {"lr": None, "optimizer": None, "epochs": 30, "seed": 0, "out-dir": "runs"}
    program = "\n".join(f"parser.add_argument('--{name}', default={value!r})" for name, value in options.items())
    (folder / "mine" / "train.py").write_text(program)
    (folder / "mine" / "sweep.yaml").write_text(sweep)
    assert main(["../mine/sweep.yaml"]) == DONE
    written = (folder / "here/config/studies/sweep.yaml").read_text()
    assert written.split("\n", 2)[2] == study


def test_what_is_left_to_do_is_said_with_the_lines_of_the_new_file(folder, capsys):
    (folder / "mine" / "train.py").unlink()
    assert main(["../mine/sweeps/rates.yaml", "--name", "my rates"]) == DONE
    said = capsys.readouterr().out
    assert "2 problems to solve before it can be planned" in said
    assert re.search(r"config/studies/my_rates.yaml:\d+: code: there is no train.py", said)
    assert "the key 'epochs' is missing" in said


def test_no_file_is_overwritten(capsys):
    assert main(["../mine/sweeps/rates.yaml", "--output", "config/config.yaml"]) == WRONG_INPUT
    assert "config/config.yaml is there already" in capsys.readouterr().err


def test_a_program_is_no_source(capsys):
    assert main(["../mine/train.py"]) == WRONG_INPUT
    assert "yaml.safe_dump(sweep_config)" in capsys.readouterr().err


def test_a_module_is_found(folder):
    (folder / "mine" / "tools").mkdir()
    (folder / "mine" / "tools" / "fit.py").write_text("parser.add_argument('--max-epochs', default=4)\n")
    (folder / "mine" / "sweeps" / "rates.yaml").write_text(
        SWEEP.replace("train.py", "tools.fit") + "command: [python, -m, '${program}', '${args}']\n"
    )
    assert main(["../mine/sweeps/rates.yaml"]) == DONE
    text = (folder / "here/config/studies/rates.yaml").read_text()
    assert "command: python -m tools.fit --lr={lr} --max-epochs={epochs}\n" in text
    assert "code: [tools/fit.py]\n" in text
    assert "epochs: 4\n" in text


def test_what_a_program_says_of_itself(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(
        "import torch.utils.tensorboard as tb\nfrom lightning.pytorch import Trainer\nfrom . import near\n"
        "parser.add_argument('-e', '--epochs', type=int, default=5)\nparser.add_argument('data')\n"
        "@click.option('--seed/--no-seed', default=next(iter(x)))\ndef run(): pass\n"
        "@hydra.main(version_base=None, config_path='conf', config_name='config')\ndef main(cfg): wandb.config\n"
    )
    found = read_program(path)
    assert found.options == {"--epochs": 5, "--seed": None}
    assert found.hydra == HydraMain("conf", "config")
    assert found.imports_any("lightning")
    assert found.imports_any("torch.utils.tensorboard")
    assert not found.imports_any("torch.utils.tensor")
    path.write_text("print 'Python 2'\n")
    assert not read_program(path).options


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("trainer.max_epochs", "epochs"),
        ("--num-epochs", "epochs"),
        ("+seed", "seed"),
        ("save_dir", "out"),
        ("device", "device"),
        ("epochs.warm_up", None),
        ("seed_data", None),
    ],
)
def test_roles(name, role):
    assert role_of(name) == role


def test_the_name_nearest_to_the_root():
    assert nearest_to_root(["a.b.seed", "a.seed", "lr"], role_of("seed")) == "a.seed"
    assert nearest_to_root(["lr"], role_of("seed")) is None


@pytest.mark.parametrize(
    ("theirs", "ours", "minimized"),
    [
        ("val_loss", "val/loss", True),
        ("validation/mIoU", "val/mIoU", False),
        ("Loss/val", "val/Loss", True),
        ("train.loss", "train/loss", True),
        ("mAP50", "val/mAP50", False),
        ("Average episodic cost", "val/Average_episodic_cost", False),
        ("valuation", "val/valuation", False),
    ],
)
def test_names_of_metrics(theirs, ours, minimized):
    assert metric_name(theirs) == ours
    assert probably_minimized(theirs) == minimized
