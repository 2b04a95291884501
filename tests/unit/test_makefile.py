"""`make env`: which Python makes the environment, and which build of torch comes into it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHOICES = ("PYTHON", "TORCH", "VENV", "MAKEFLAGS")
# Stands for python and uv: notes what it is asked for, and what is in the file that comes last.
NOTES = """\
#!/bin/sh
echo {name} "$@"
for last; do :; done
if test {name} = uv; then cat "$last"; fi
"""
TOOLS = ("cat", "env", "nproc", "sh", "bash")


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
        shutil.copy(ROOT / "Makefile", tmp_path)
        (tmp_path / "envs").mkdir(exist_ok=True)
        if not (lock := tmp_path / "envs" / "requirements.lock").exists():
            lock.touch()
        environ = {
            name: value for name, value in os.environ.items() if name not in ("PYTHON", "TORCH", "VENV", "MAKEFLAGS")
        }
        done = subprocess.run(
            [program, *arguments], cwd=tmp_path, env=environ | {"PATH": str(folder)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(("pythons", "taken"), [
    ({"python3": True, "python3.14": True}, "python3"),
    ({"python3": False, "python3.10": False, "python3.11": True, "python3.13": True}, "python3.13"),
])  # fmt: skip
def test_a_python_that_fits_makes_the_environment(make, pythons, taken):
    status, output = make("--dry-run", "env", pythons=pythons)
    assert status == 0, output
    assert f"\n{taken} -m venv .venv\n" in output


@pytest.mark.parametrize("arguments", [(), ("PYTHON=python3.9",)])
def test_without_one_it_says_how_to_name_one(make, arguments):
    status, output = make("env", *arguments, pythons={"python3": False, "python3.9": False})
    assert status != 0
    assert "is no Python 3.11 or newer. Name one that is: make env PYTHON=/path/to/python3.12" in output
    assert "-m venv" not in output


def test_another_build_of_torch_is_installed_once_and_kept(make, tmp_path):
    pythons = {"python3": True}
    assert "envs/install.sh .venv pinned\n" in make("--dry-run", "env", pythons=pythons)[1]
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".complete").touch()
    assert "install.sh" not in make("--dry-run", "env", pythons=pythons)[1]
    assert "envs/install.sh .venv cu126\n" in make("--dry-run", "env", "TORCH=cu126", pythons=pythons)[1]
    (tmp_path / ".venv" / ".torch").write_text("cu126\n")
    assert "install.sh" not in make("--dry-run", "env", pythons=pythons)[1]
    assert "envs/install.sh .venv pinned\n" in make("--dry-run", "env", "TORCH=pinned", pythons=pythons)[1]


@pytest.mark.parametrize("build", ["cu126", "pinned"])
def test_what_is_installed_for_a_build_of_torch(tmp_path, build):
    folder = tmp_path / "venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("python", "uv"):  # which note what they are asked for, and what of
        (folder / name).write_text(
            f'#!/bin/sh\necho {name} "$@"; for last; do :; done; test {name} = uv && cat "$last"\n:'
        )
        (folder / name).chmod(0o755)
    script = ROOT / "envs" / "install.sh"
    said = subprocess.run(
        [script, folder.parent, build], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    command = next(line for line in said if line.startswith("uv pip install"))
    lock = (ROOT / "envs" / "requirements.lock").read_text(encoding="utf-8").splitlines()
    asked = said[said.index(command) + 1 :]
    assert "--reinstall-package torch --reinstall-package torchvision" in command
    if build == "pinned":
        assert "--torch-backend" not in command
        assert asked == lock
        return
    assert "--torch-backend cu126" in command
    pinned = next(line for line in lock if line.startswith("torch="))
    assert pinned.replace("===", "==") in asked  # PyTorch's builds are 2.13.0+cu126
    assert not [line for line in asked if line.startswith(("nvidia-", "cuda-", "triton="))]
