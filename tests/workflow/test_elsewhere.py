"""Studies outside of a clone: the workflow as a module, from a Git tag, with --directory, as an installed package."""

import os
import re
import shutil
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest
import yaml

from segsweep import __version__
from segsweep.__main__ import DOORS, main
from segsweep.project_files import SCRIPTS
from tests.faults.cases import GOOD_DATASET
from tests.forked_snakemake import run_snakemake
from tests.workspace import ROOT, SMALL, SNAKEMAKE, trainings

MODULE = """
configfile: "config/config.yaml"


module segsweep:
    snakefile: {snakefile}
    config: config


use rule * from segsweep{renamed}
"""
LOCAL = f'"{ROOT / "workflow" / "Snakefile"}"'
STUDY = {
    "name": "little",
    "dataset": "tiny",
    "metric": "val/miou",
    "train": SMALL | {"data": {"augmentation": "basic"}},  # which this project brings along
    "grid": {"loss.main": [{"cross_entropy": 1.0}, {"focal": 1.0}]},
}
# A cluster of one: the job runs before its submission is over.
SUBMIT = """#!/bin/sh
grep -o 'rules .*--local' "$1" >> submitted || grep -o 'rules.*' "$1" >> submitted
sh "$1" >> job.log 2>&1
echo 1
"""


class Folder:
    """A folder for studies that is no clone."""

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def with_study(cls, path: Path) -> "Folder":
        """One with the tiny study, its data set and the default profile."""
        made = cls(path)
        for name, content in {
            "config/config.yaml": {"study": "little"},
            "config/studies/little.yaml": STUDY,
            "config/datasets/tiny.yaml": GOOD_DATASET,
        }.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(yaml.safe_dump(content, sort_keys=False))
        shutil.copytree(ROOT / "profiles" / "default", path / "profiles" / "default")
        return made

    def copy(self, path: Path) -> "Folder":
        shutil.copytree(self.path, path)
        return Folder(path)

    def write(self, snakefile: str, renamed: str = "") -> "Folder":
        (self.path / "Snakefile").write_text(MODULE.format(snakefile=snakefile, renamed=renamed))
        return self

    def environment(self, **variables: str) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return os.environ | {"PATH": path, "OMP_NUM_THREADS": "1", "SEGSWEEP_WARM_S": "60"} | variables

    def snakemake(self, *arguments: str, check: bool = True, **variables: str) -> str:
        status, output = run_snakemake(["--cores", "2", *arguments], self.path, self.environment(**variables))
        assert not check or status == 0, output
        return output

    @property
    def results(self) -> Path:
        return self.path / "results" / "little"


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Folder:
    """The tiny study, trained through a module statement."""
    folder = Folder.with_study(tmp_path_factory.mktemp("studies") / "trained").write(LOCAL)
    folder.snakemake()
    return folder


def test_a_module_works_in_the_folder_of_the_workflow_around_it(trained):
    assert len([*(trained.path / "results" / "segments").glob("*-*")]) == 2
    assert "little" in (trained.results / "report.md").read_text()
    assert "Nothing to be done" in trained.snakemake()


def test_without_the_profile_a_module_says_what_is_made_again_and_trains_nothing(trained, tmp_path):
    folder = trained.copy(tmp_path / "bare")
    shutil.rmtree(folder.path / "profiles")
    said = folder.snakemake("--dry-run")
    assert said.count("`rerun-triggers: [mtime, params]`") == 1
    assert trainings(said) == []


def test_a_prefix_of_paths_is_refused(trained, tmp_path):
    folder = trained.copy(tmp_path / "prefixed")
    text = (folder.path / "Snakefile").read_text()
    (folder.path / "Snakefile").write_text(text.replace("    config: config", '    config: config\n    prefix: "x"'))
    assert "leave `prefix` and `replace_prefix` out" in folder.snakemake("--dry-run", check=False)


def test_renamed_rules_go_to_the_cluster_and_the_rest_stays_beside_snakemake(tmp_path):
    folder = Folder.with_study(tmp_path / "cluster").write(LOCAL, " as seg_*")
    (folder.path / "submit").write_text(SUBMIT)
    one_cell = STUDY | {"grid": {"loss.main": [{"cross_entropy": 1.0}]}, "train": SMALL | {"epochs": 1}}
    (folder.path / "config" / "studies" / "little.yaml").write_text(yaml.safe_dump(one_cell))
    cluster = "cluster={partition: default, gpu: none, warning_s: 0}"
    submit = ["--executor", "cluster-generic", "--cluster-generic-submit-cmd", "sh submit", "--jobs", "2"]
    study = ["--config", "study=little", "warm=true", cluster, "--until", "seg_collect_results"]
    folder.snakemake(*submit, "--local-cores", "1", *study)
    submitted = re.findall(r"seg_\w+", (folder.path / "submitted").read_text())
    assert set(submitted) == {"seg_train_segment"}
    assert len((folder.results / "runs.csv").read_text().splitlines()) == 2


def test_each_rule_is_a_job_of_a_cluster_or_local_by_its_own_words():
    """A list of names would miss rules that a workflow around this one renames."""
    blocks = [
        block
        for file in sorted((ROOT / "workflow" / "rules").glob("*.smk"))
        for block in re.split(r"(?m)^(?= *(?:rule|checkpoint) \w+:)", file.read_text())[1:]
    ]
    with_command = [block for block in blocks if "\n    shell:" in block or "\n        shell:" in block]
    assert len(with_command) > 20
    unclear = [
        one.partition(":")[0] for one in with_command if ("localrule: True" in one) == ("STUDY.submission" in one)
    ]
    assert unclear == []


def test_directory_and_snakefile_options(trained, tmp_path):
    folder = trained.copy(tmp_path / "other")
    (folder.path / "Snakefile").unlink()
    shutil.rmtree(folder.path / "profiles")  # that beside the Snakefile is found
    snakefile = ["--snakefile", str(ROOT / "workflow" / "Snakefile"), "--directory", str(folder.path)]
    assert "Nothing to be done" in Folder(tmp_path).snakemake(*snakefile)
    assert "Nothing to be done" in Folder(ROOT).snakemake("--directory", str(folder.path))


def test_what_a_folder_does_not_have_comes_from_the_project_and_its_own_comes_first(tmp_path):
    said = Folder(ROOT).snakemake("--directory", str(tmp_path), "--dry-run", "--config", "smoke=true")
    assert "demo_smoke: 8 cells, 16 runs" in said
    (tmp_path / "config" / "datasets").mkdir(parents=True)
    (tmp_path / "config" / "datasets" / "demo.yaml").write_text("reader: demo\n")
    said = Folder(ROOT).snakemake("--directory", str(tmp_path), "--dry-run", check=False)
    assert "config/datasets/demo.yaml" in said
    wrong = Folder(ROOT).snakemake("--directory", str(tmp_path), "--dry-run", "--config", "study=dmo", check=False)
    assert "unknown study 'dmo': there is no 'config/studies/dmo.yaml'" in wrong
    assert "'demo'" in wrong


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """The files of this project, without what a clone has beside them."""
    folder = tmp_path_factory.mktemp("project") / "segsweep"
    folder.mkdir()
    for name in ("workflow", "config", "profiles", "envs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_tag_of_a_hosted_repository(trained, project, tmp_path):
    """Snakemake keeps clones of the repositories that it fetched: here of one that nobody can reach."""
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "all of it")
    git(project, "tag", "v1")
    clones = tmp_path / "cache" / "snakemake" / "snakemake" / "source-cache" / "snakemake-git-cache"
    git(project, "clone", "--quiet", "--bare", ".", str(clones / "github.com" / "me" / "segsweep"))
    folder = trained.copy(tmp_path / "hosted")
    folder.write('github("me/segsweep", path="workflow/Snakefile", tag="v1")')
    (folder.results / "metrics.json").unlink()
    said = folder.snakemake(XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert re.findall(r"\(Rule: (\w+)\)", said) == ["write_metrics", "all"]
    (unpacked,) = (clones.parent / "segsweep").iterdir()
    assert (unpacked / "workflow" / "scripts" / "write_metrics.py").is_file()
    assert (folder.results / "metrics.json").is_file()


def test_report_of_snakemake_has_figures_tables_and_captions(trained):
    trained.snakemake("--report", "report.zip")
    with zipfile.ZipFile(trained.path / "report.zip") as files:
        names = {Path(name).name for name in files.namelist()}
        page = files.read("report/report.html").decode()
    figures = {path.name for path in (trained.results / "figures").glob("*.png")}
    assert figures
    assert names >= figures | {"report.html", "report.md", "ranking.csv", "runs.csv", "factors.csv", "claims.csv"}
    assert '"labels": {"figure": "Validation mIoU by setting"}' in page
    assert '"labels": {"table": "runs", "a row": "A run that is trained to its end."}' in page
    assert "which says how many\\nruns stand behind it" in page
    assert "The study <tt" in page


@pytest.fixture(scope="module")
def installed(project, tmp_path_factory) -> Path:
    """The folder of the programs of a virtual environment that has the wheel; all else it takes from this one."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(project)]
    subprocess.run([*pip, *build], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (packages / "all_else.pth").write_text("\n".join(site.getsitepackages()))
    (wheel,) = folder.glob("*.whl")
    python = ["--python", str(folder / "venv" / "bin" / "python")]
    subprocess.run([*pip, *python, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    return folder / "venv" / "bin"


def run(programs: Path, folder: Path, *command: str) -> subprocess.CompletedProcess:
    """A command as its user would start it, with the virtual environment activated."""
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        [str(programs / command[0]), *command[1:]], cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip


def test_the_installed_package_writes_a_folder_that_ends_in_a_report(installed, tmp_path):
    made = run(installed, tmp_path, "segsweep", "init", "mine")
    assert made.returncode == 0, made.stdout
    folder = tmp_path / "mine"
    for name in ("Snakefile", ".gitignore", "README.md", "config/cluster.yaml", "profiles/default/config.yaml"):
        assert (folder / name).is_file()
    assert (folder / "slurm" / "config.yaml").is_file()  # which `--profile slurm` looks for
    assert len((folder / "README.md").read_text().splitlines()) < 15
    again = run(installed, tmp_path, "segsweep", "init", "mine")
    assert again.returncode == 2
    assert "config/config.yaml, config/studies/first_study.yaml" in again.stdout

    done = run(installed, folder, "python", *SNAKEMAKE[1:], "--cores", "2", "--config", "smoke=true")
    assert done.returncode == 0, done.stdout
    assert len(re.findall(r"^Job \d+: train ", done.stdout, re.MULTILINE)) == 4
    assert (folder / "results" / "first_study_smoke" / "report.html").is_file()
    assert "4 of 4 runs" in run(installed, folder, "segsweep", "status", "smoke=true").stdout


def test_an_installed_package_trains_nothing_that_a_clone_has_trained(installed, trained, tmp_path):
    run(installed, tmp_path, "segsweep", "init", "mine")
    for name in ("config/studies/little.yaml", "config/datasets/tiny.yaml"):
        (tmp_path / "mine" / name).parent.mkdir(exist_ok=True)
        shutil.copy(trained.path / name, tmp_path / "mine" / name)
    shutil.copytree(trained.path / "results", tmp_path / "mine" / "results")
    command = ["python", *SNAKEMAKE[1:], "--dry-run", "--config", "study=little"]
    said = run(installed, tmp_path / "mine", *command).stdout
    assert "All segments planned so far are trained." in said


def test_the_command(installed, tmp_path):
    assert run(installed, tmp_path, "segsweep", "--version").stdout == f"segsweep {__version__}\n"
    as_module = run(installed, tmp_path, "python", "-m", "segsweep", "--help")
    assert as_module.returncode == 0
    assert "init" in as_module.stdout
    assert "without any study" in run(installed, tmp_path, "segsweep", "data", "--help").stdout


def test_every_door_leads_to_a_program():
    assert [door for door in DOORS.values() if not (SCRIPTS / f"{door.program}.py").is_file()] == []


def test_predicting_is_a_start_of_snakemake(monkeypatch):
    started = []
    monkeypatch.setattr("segsweep.__main__.become", lambda command: started.append(command) or 0)
    command = ["predict", "my photos", "out", "--study", "little", "--of", "top 3", "--how", "flips: all", "device=cpu"]
    assert main(command) == 0
    (words,) = started
    assert words[words.index("--config") + 1 : words.index("--")] == [
        "study=little", "of=top 3", "device=cpu", 'predict={images: "my photos", output: "out", flips: all}',
    ]  # fmt: skip


def test_the_catalogs_test_folder_is_that_of_new_studies_and_plans():
    assert "first_study: 4 cells, 8 runs" in Folder(ROOT).snakemake("--dry-run", "--directory", ".test")


def test_the_schema_of_the_catalog_describes_each_key_and_takes_the_configurations():
    schema = yaml.safe_load((ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text())
    assert all({"type", "description"} <= set(one) for one in schema["properties"].values())
    for file in ("config/config.yaml", "config/cluster.yaml", ".test/config/config.yaml"):
        jsonschema.validate(yaml.safe_load((ROOT / file).read_text()), schema)
