"""Files that other programs read: GitHub, pre-commit, whoever cites. What they name exists, and versions agree."""

import os
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import segsweep

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CHANGES = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
CI = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]["test"]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def test_the_version_is_in_one_place_and_the_others_agree():
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "segsweep.__version__"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", segsweep.__version__)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == segsweep.__version__, "CITATION.cff and workflow/scripts/segsweep/__init__.py differ"
    assert citation["license"] == PROJECT["project"]["license"]
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


def test_the_changelog_has_a_section_for_each_release():
    first, *released = re.findall(r"^## (.*)$", CHANGES, re.M)
    if first != "Unreleased":
        released.insert(0, first)
    sections = [re.fullmatch(r"(\d+\.\d+\.\d+) \(\d{4}-\d\d-\d\d\)", title) for title in released]
    assert all(sections), f"not `## 1.2.3 (2026-12-24)`: {released}"
    versions = [tuple(map(int, section[1].split("."))) for section in sections]
    assert versions == sorted(set(versions), reverse=True)
    assert not released or released[0].startswith(f"{segsweep.__version__} (")


def test_the_public_ci_runs_what_is_there():
    commands = [step["run"] for step in CI["steps"] if "run" in step]
    assert commands == [".ci/run"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    targets = re.findall(r"^make (\w+)$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.M)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)
    assert re.search(r"^PYTHON \?=", makefile, re.M)  # the step sets it
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert CI["strategy"]["matrix"]["python"][0] == oldest
    for name in re.findall(r"hashFiles\('(.*?)'\)", str(CI["steps"])):
        assert (ROOT / name).is_file()


def test_hooks_need_nothing_but_the_environment():
    (repository,) = HOOKS
    assert repository["repo"] == "local"  # any other is downloaded
    files = [str(path.relative_to(ROOT)) for path in (ROOT / "workflow").rglob("*") if path.is_file()]
    for hook in repository["hooks"]:
        program, *words = shlex.split(hook["entry"])
        assert hook["language"] == "system"
        assert shutil.which(program, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"), program
        assert all((ROOT / word).is_file() for word in words if "/" in word)
        if "files" in hook:
            assert any(re.search(hook["files"], name) for name in files)


@pytest.mark.parametrize("path", [path for path in FORMS if path.name != "config.yml"], ids=lambda path: path.stem)
def test_issue_forms_have_what_github_asks_for(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(form)
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len(set(ids))
    assert all(field["attributes"]["label"] for field in form["body"])


@pytest.mark.parametrize("name", ["SECURITY.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_of_pages_at_the_root_lead_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []
