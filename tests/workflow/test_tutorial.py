"""docs/tutorial.md: its files as they stand, its commands in order, and what they are said to print.

And the commands of docs/quickstart.md, on a study of the demo's name that trains in seconds.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workspace import ROOT, Workspace

QUICKSTART = (ROOT / "docs/quickstart.md").read_text(encoding="utf-8")
TEXT = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
# A file to be written, commands, or what the commands before it print.
BLOCK = re.compile(r"(?:^`(?P<path>[^`\n]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
# In place of resnet18: a network that trains in seconds.
SMALL = "tu-lcnet_035, options: {decoder_channels: [16, 16, 8, 8, 8]}"


@pytest.fixture
def project(tmp_path):
    """A copy of the project with a Makefile, and this Python's environment as its own, up to date."""
    workspace = Workspace(tmp_path)
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        (tmp_path / ".venv" / path.name).symlink_to(path)
    (tmp_path / ".venv/.complete").unlink(missing_ok=True)
    (tmp_path / ".venv/.complete").touch()
    return workspace


def run(project: Workspace, commands: str) -> str:
    """Run commands of the shell in the project; what they print."""
    done = subprocess.run(
        ["bash", "-e", "-c", commands], cwd=project.folder, env=project.environment(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_tutorial_as_it_stands(project):
    printed, commands = "", 0
    for block in BLOCK.finditer(TEXT):
        body = block["body"]
        if block["path"]:
            (project.folder / block["path"]).write_text(body.replace("encoder: resnet18", f"encoder: {SMALL}"))
        elif block["kind"] == "sh":
            printed, commands = run(project, body), commands + 1
        elif block["kind"] == "text":
            missing = [line for line in body.splitlines() if line not in printed]
            assert not missing, printed
    assert commands == len(re.findall("^```sh$", TEXT, re.MULTILINE))
    report = (project.folder / "results/leaves/report.md").read_text()
    assert "groups, none of which lies in two splits or folds: 9 in the training split and 3 in the valid" in report


def test_the_commands_of_the_quickstart(project):
    project.write_tiny_dataset()
    project.write_study("demo")
    first, _, _ = QUICKSTART.partition("## Commands")
    clone, report, status, plan = [block["body"] for block in BLOCK.finditer(first)]
    assert clone.startswith("git clone")
    assert "demo: 2 of 2 cells done" in run(project, report)
    assert (project.folder / "results/demo/report.html").is_file()
    assert "2 of 2" in run(project, status)
    study = project.folder / "config/studies/demo.yaml"
    study.write_text(study.read_text().replace("- focal: 1.0", "- focal: 1.0\n  - lovasz: 1.0"))
    assert "2 of 3 segments are trained; 1 with 2 epochs will train" in run(project, plan)
