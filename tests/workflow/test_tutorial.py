"""docs/tutorial.md: its files as they stand, its commands in order, and what they are said to print."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workspace import ROOT, Workspace

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


def test_the_tutorial_as_it_stands(project):
    printed, commands = "", 0
    for block in BLOCK.finditer(TEXT):
        body = block["body"]
        if block["path"]:
            (project.folder / block["path"]).write_text(body.replace("encoder: resnet18", f"encoder: {SMALL}"))
        elif block["kind"] == "sh":
            done = subprocess.run(
                ["bash", "-e", "-c", body], cwd=project.folder, env=project.environment(), stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout
            printed, commands = done.stdout, commands + 1
        elif block["kind"] == "text":
            missing = [line for line in body.splitlines() if line not in printed]
            assert not missing, printed
    assert commands == len(re.findall("^```sh$", TEXT, re.MULTILINE))
    report = (project.folder / "results/leaves/report.md").read_text()
    assert "groups, none of which lies in two splits or folds: 9 in the training split and 3 in the valid" in report
