"""Images of containers and `make env`: one lock, the build of torch by a word, and files that agree with each other."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from segsweep.config.load import Request

ROOT = Path(__file__).parents[2]
ENVS = ROOT / "envs"
DOCKERFILE = (ENVS / "Dockerfile").read_text(encoding="utf-8")
DEFINITION = (ENVS / "segsweep.def").read_text(encoding="utf-8")
LOCK = (ENVS / "requirements.lock").read_text(encoding="utf-8").splitlines()
# Stand-ins for the programs of an environment: `uv` writes down its options and keeps the list that it is to install.
PYTHON = "#!/bin/sh\n"
UV = """\
#!/bin/sh
echo "$@" > "$0.called"
while [ "$1" != --requirement ]; do shift; done
cp "$2" "$0.list"
"""


def installed(folder, *torch):
    """What envs/install.sh asks of uv, and the lines of the list."""
    (folder / "bin").mkdir(parents=True)
    for name, text in {"python": PYTHON, "uv": UV}.items():
        (folder / "bin" / name).write_text(text, encoding="utf-8")
        (folder / "bin" / name).chmod(0o755)
    subprocess.run([ENVS / "install.sh", folder, *torch], check=True)
    uv = folder / "bin" / "uv"
    return uv.with_suffix(".called").read_text().split(), uv.with_suffix(".list").read_text().splitlines()


@pytest.mark.parametrize("torch", [(), ("pinned",)])
def test_the_build_of_the_lock_is_installed_as_it_is(tmp_path, torch):
    options, lines = installed(tmp_path, *torch)
    assert lines == LOCK
    assert "--torch-backend" not in options


def test_another_build_of_torch_brings_its_own_libraries(tmp_path):
    options, lines = installed(tmp_path, "cpu")
    assert options[options.index("--torch-backend") + 1] == "cpu"
    (torch,) = [line for line in LOCK if line.startswith("torch===")]
    assert torch.replace("===", "==") in lines  # of which 2.13.0+cpu is one
    left_out = {line.split("==")[0] for line in LOCK if line not in lines and line != torch}
    assert {"triton", "cuda-toolkit", "nvidia-cublas"} <= left_out
    assert all(name.startswith(("nvidia-", "cuda-", "triton")) for name in left_out)
    assert len(lines) == len(LOCK) - len(left_out)


def test_both_images_hold_what_one_script_makes():
    copied = re.search(r"^COPY (.*) /opt/build/$", DOCKERFILE, re.M)[1].split()
    assert copied == re.findall(r"^    envs/(\S+) /opt/build/\1$", DEFINITION, re.M)
    assert {f"!{name}" for name in copied} == set((ENVS / ".dockerignore").read_text().split()) - {"*"}
    assert {"image.sh", "install.sh", "requirements.lock"} == set(copied)
    assert "RUN /opt/build/image.sh " in DOCKERFILE
    assert re.search(r"^%post\n    /opt/build/image.sh ", DEFINITION, re.M)
    assert re.search(r"^ARG BASE=(.*)$", DOCKERFILE, re.M)[1] == re.search(r"^From: (.*)$", DEFINITION, re.M)[1]
    assert re.search(r"^ARG TORCH=(.*)$", DOCKERFILE, re.M)[1] == re.search(r"^    torch=(.*)$", DEFINITION, re.M)[1]


def test_both_images_set_the_same_variables():
    docker = dict(re.findall(r"(\w+)=(\S+)", re.search(r"^ENV (.*?)\n(?=[A-Z])", DOCKERFILE, re.M | re.S)[1]))
    apptainer = dict(re.findall(r"^    export (\w+)=(\S+)$", DEFINITION, re.M))
    assert docker.pop("HOME") == "/home/segsweep"  # Apptainer gives a job one that its user can write
    assert docker == apptainer
    assert docker["VENV"] == re.search(r"-m venv (\S+)", (ENVS / "image.sh").read_text())[1]


@pytest.mark.parametrize("name", ["image.sh", "install.sh"])
def test_scripts_can_be_executed(name):
    assert (ENVS / name).stat().st_mode & 0o111
    subprocess.run(["sh", "-n", ENVS / name], check=True)


def test_the_image_of_jobs_is_where_the_definition_says_it_is_built():
    image = Request().container
    assert f"apptainer build {image} envs/segsweep.def" in DEFINITION
    assert f"/{image}" in (ROOT / ".gitignore").read_text().split()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")
def test_make_takes_an_environment_that_is_there(tmp_path):
    def would_do(*words):
        command = ["make", "--dry-run", "--always-make", *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "envs/install.sh .venv cpu" in would_do("env", "VENV=.venv", "TORCH=cpu")
    assert "install.sh" not in would_do("report", f"VENV={tmp_path}")
