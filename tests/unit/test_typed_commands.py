"""Commands in messages work where they are read: in a clone, in a folder beside an installed package, elsewhere."""

import pytest

from segsweep import typed_commands
from segsweep.project_files import PROJECT, SCRIPTS
from segsweep.typed_commands import DOORS, typed, typed_plan, typed_report, typed_torch
from tests.workspace import ROOT

REPAIR, DATA = ("verify", "--repair", "repair"), ("data", "tiny", "data DATASET=tiny")


def said() -> list[str]:
    """All kinds of them."""
    doors = [typed(door, words, target=target) for door, words, target in (REPAIR, DATA)]
    return [*doors, typed("push"), typed_report("demo"), typed_plan("my study"), typed_torch("cu126")]


def test_in_a_clone(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert said() == [
        "make repair", "make data DATASET=tiny", "make push", "make report STUDY=demo", "make plan STUDY='my study'",
        "make env TORCH=cu126",
    ]  # fmt: skip


def test_with_the_package(monkeypatch, tmp_path):
    monkeypatch.setattr(typed_commands, "INSTALLED", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert said() == [
        "segsweep verify --repair", "segsweep data tiny", "segsweep push", "snakemake --cores 2 --config study=demo",
        "snakemake -n --config study='my study'",
        "uv pip install --reinstall --torch-backend cu126 torch torchvision",
    ]  # fmt: skip


def test_in_another_folder_than_the_clone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert said() == [
        f"python {SCRIPTS}/verify.py --repair", f"python {SCRIPTS}/inspect_data.py tiny",
        f"python {SCRIPTS}/share_store.py push", "snakemake --cores 2 --config study=demo",
        "snakemake -n --config study='my study'", f"make -C {PROJECT} env TORCH=cu126",
    ]  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_each_is_a_program(door):
    assert (SCRIPTS / f"{DOORS[door].program}.py").is_file()
