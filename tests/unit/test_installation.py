"""The package as others install it: what it needs, what is in it, and that it works without the clone."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import segsweep
from tests.synthetic_files import write_study

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workflow" / "scripts" / "segsweep"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {name: texts for name, texts in PROJECT["optional-dependencies"].items() if name != "all"}


def requirements(texts):
    """Requirements by the names that registries give them."""
    return {canonicalize_name(one.name): one for one in map(Requirement, texts)}


def lines(name):
    """The lines of a file of envs that name a package."""
    text = (ROOT / "envs" / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if re.match(r"\w", line)]


def test_the_package_and_its_extras_need_what_the_environment_has():
    needed = [PROJECT["dependencies"], *EXTRAS.values()]
    assert {name for texts in needed for name in requirements(texts)} == set(requirements(lines("requirements.in")))
    assert PROJECT["optional-dependencies"]["all"] == [f"segsweep[{','.join(EXTRAS)}]"]


def test_the_locked_versions_are_ones_that_the_package_allows():
    locked = {name: str(one.specifier).lstrip("=") for name, one in requirements(lines("requirements.lock")).items()}
    for texts in [PROJECT["dependencies"], *EXTRAS.values()]:
        for name, one in requirements(texts).items():
            assert one.specifier.contains(locked[name]), f"{one}, locked is {locked[name]}"


USE = """
import json, sys
from importlib.metadata import version
from importlib.resources import files
import segsweep
study = segsweep.open("grid")
package = files(segsweep)
paths = [path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"]
print(json.dumps({
    "at": segsweep.__file__, "files": [str(path.relative_to(package)) for path in paths],
    "version": version("segsweep"), "runs": len(study.runs), "type": str(study.runs["val/jaccard"].dtype),
}))
"""


@pytest.mark.parametrize("editable", [False, True], ids=["copied", "editable"])
def test_the_installed_package_is_complete_and_opens_a_study(tmp_path, editable):
    """The libraries are this environment's; pip installs no more than the package, without any index."""
    clone = tmp_path / "clone"
    for name in ("workflow", "config", "envs", "profiles"):
        shutil.copytree(ROOT / name, clone / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    python = environment / "bin" / "python"
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", *["--editable"] * editable]
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(clone)]
    done = subprocess.run(pip, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    write_study(tmp_path / "elsewhere" / "results" / "grid", epochs=2)
    done = subprocess.run(
        [str(python), "-c", USE], cwd=tmp_path / "elsewhere", env={}, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["at"].startswith(str(clone if editable else environment))
    package = clone / "workflow" / "scripts" / "segsweep"
    there = {path.relative_to(package) for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    files = set(map(Path, found["files"]))
    workflow = {path for path in files - there if path.parts[0] == "project"}  # of an installed copy
    assert files - workflow == there >= {Path("py.typed"), Path("report/page.html.j2")}
    assert editable or {Path("project/workflow/Snakefile"), Path("project/config/config.yaml")} <= workflow
    assert (found["version"], found["type"]) == (segsweep.__version__, "float64")
    assert found["runs"] > 0
