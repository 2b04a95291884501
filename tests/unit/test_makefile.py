"""`make env`: which Python makes the environment, and which build of torch comes into it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("cat", "env", "nproc", "sed", "sh", "bash", "test")


@pytest.fixture
def make(tmp_path):
    """Runs make with a PATH on which these Pythons are; those of 3.10 are too old. Its status and output."""
    program = shutil.which("make")
    if program is None:
        pytest.skip("there is no make")

    def run(*arguments, pythons):
        folder = tmp_path / "bin"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for tool in filter(shutil.which, TOOLS):
            (folder / tool).symlink_to(shutil.which(tool))
        for name, fits in pythons.items():
            (folder / name).write_text(f"#!/bin/sh\nexit {0 if fits else 1}\n")
            (folder / name).chmod(0o755)
        command = [program, *arguments, f"VENV={tmp_path / 'venv'}"]
        environ = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "TORCH", "MAKEFLAGS")}
        done = subprocess.run(
            command, cwd=ROOT, env=environ | {"PATH": str(folder)}, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(("pythons", "taken"), [
    ({"python3": True, "python3.14": True}, "python3"),
    ({"python3": False, "python3.10": False, "python3.11": True, "python3.13": True}, "python3.13"),
])  # fmt: skip
def test_a_python_that_fits_makes_the_environment(make, tmp_path, pythons, taken):
    status, output = make("--dry-run", "env", pythons=pythons)
    assert status == 0, output
    assert f"\n{taken} -m venv {tmp_path / 'venv'}\n" in output


@pytest.mark.parametrize("arguments", [(), ("PYTHON=python3.9",)])
def test_without_one_it_says_how_to_name_one(make, arguments):
    status, output = make("env", *arguments, pythons={"python3": False, "python3.9": False})
    assert status != 0
    assert "is no Python 3.11 or newer. Name one that is: make env PYTHON=/path/to/python3.12" in output
    assert "venv" not in output.partition("make: ***")[0]


def test_another_build_of_torch_comes_without_the_libraries_of_the_locked_one(make, tmp_path):
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / ".complete").touch()
    pythons = {"python3": True}
    assert "uv pip" not in make("--dry-run", "env", pythons=pythons)[1]
    output = make("--dry-run", "env", "TORCH=cu126", pythons=pythons)[1]
    assert "--torch-backend cu126 --reinstall-package torch" in output
    edit = next(line for line in output.splitlines() if line.startswith("sed ")).partition(" | ")[0]
    asked = subprocess.run(edit, shell=True, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [one for one in asked if one.startswith("torch=")] == [
        one.replace("===", "==") for one in (ROOT / "envs/requirements.lock").read_text().splitlines()
        if one.startswith("torch=")
    ]  # fmt: skip
    assert not [one for one in asked if one.startswith(("nvidia-", "cuda-", "triton="))]
    (tmp_path / "venv" / ".torch").write_text("cu126\n")
    assert "uv pip" not in make("--dry-run", "env", pythons=pythons)[1]
    assert "uv pip" in make("--dry-run", "env", "TORCH=", pythons=pythons)[1]
