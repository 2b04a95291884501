"""Promises of the project as a whole: generated files are fresh, the lock names no host, all studies can be planned."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow" / "scripts"))

from write_environments import environment
from write_schemas import contents

from segsweep.analysis.import_table import import_table
from segsweep.config.load import Request, load, load_dataset
from segsweep.config.yaml_documents import Document, parse
from segsweep.errors import InputError
from segsweep.planning.grid import lay_out

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "envs" / "requirements.lock").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(contents()))
def test_generated_files_are_fresh(path):
    assert (ROOT / path).read_text(encoding="utf-8") == contents()[path], "run `make schemas`"


def test_conda_environment_has_the_versions_of_the_lock():
    text = (ROOT / "envs" / "segsweep.yaml").read_text(encoding="utf-8")
    assert text == environment(LOCK), "run `make lock`"
    (pip,) = [one["pip"] for one in yaml.safe_load(text)["dependencies"] if isinstance(one, dict)]
    pinned = [line for line in LOCK.splitlines() if re.match(r"^\w", line)]
    assert pip == pinned
    assert all("==" in one for one in pinned)


def test_lock_names_no_host_and_pins_what_was_asked_for():
    assert "://" not in LOCK
    assert "--index" not in LOCK
    assert "\ntorch===2.13.0\n" in LOCK  # a plain == also takes a CPU build that torchvision does not go with
    asked = (ROOT / "envs" / "requirements.in").read_text(encoding="utf-8")
    names = re.findall(r"^([A-Za-z0-9_-]+)", asked, re.MULTILINE)
    locked = {line.split("=")[0].split("[")[0].lower().replace("_", "-") for line in LOCK.splitlines()}
    assert {name.lower().replace("_", "-") for name in names} <= locked


@pytest.mark.parametrize("path", sorted((ROOT / "config" / "studies").glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("smoke", [False, True], ids=["paper", "smoke"])
def test_every_study_can_be_planned(path, smoke):
    if smoke and "table" in Document(path).values:
        with pytest.raises(InputError, match="nothing is trained"):
            load(Request(study=str(path), smoke=True), ROOT / "config")
        return
    loaded = load(Request(study=str(path), smoke=smoke), ROOT / "config")
    assert loaded.study.name == path.stem
    if loaded.study.table is not None:
        assert import_table(loaded.study, path.parent).plan.cells
        return
    design = lay_out(loaded.study, loaded.base, loaded.location)
    assert design.cells or loaded.study.sweep


@pytest.mark.parametrize("path", sorted((ROOT / "config" / "datasets").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_data_set_file_is_valid(path):
    assert load_dataset(str(path)).name == path.stem


def test_config_is_valid():
    document = Document(ROOT / "config" / "config.yaml")
    assert parse(Request, document.values, document.location).study == "demo"


def test_what_the_snakefile_imports_is_light():
    names = ("planning.planner", "planning.announcement", "analysis.import_table")
    code = f"import sys, {', '.join(f'segsweep.{name}' for name in names)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "workflow" / "scripts")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not {"torch", "pandas", "optuna", "numpy", "albumentations"} & set(done.stdout.split())


def test_packages_of_trainings_import_only_those_before_them():
    text = " ".join((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split())
    order = re.findall(r"`(\w+)`", re.search(r"only those before it: (.*?)\.", text)[1])
    assert (order[0], order[-1]) == ("text", "trainers")
    upward = []
    for number, package in enumerate(order):
        for path in (ROOT / "workflow" / "scripts" / "segsweep" / package).rglob("*.py"):
            imported = re.findall(r"^\s*from segsweep(?:\.| import )(\w+)", path.read_text(encoding="utf-8"), re.M)
            upward += [f"{path}: {one}" for one in imported if one in order[number + 1 :]]
    assert upward == []


def test_readme_names_both_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make report" in text
    assert "make test" in text
