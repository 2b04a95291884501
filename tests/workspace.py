"""A copy of the project in which a test may run Snakemake and edit files."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from segsweep.planning.code_fingerprint import readings
from segsweep.planning.planner import DEFINITIONS
from tests.forked_snakemake import run_snakemake

ROOT = Path(__file__).parents[1]
# What other processes are about to write into __pycache__, and what holds for the files of one folder only.
UNFINISHED = shutil.ignore_patterns("*.pyc.*", "definitions.json*", "*.tmp")
SNAKEMAKE = [sys.executable, "-m", "snakemake"]

# The smallest network that still has everything: its segments take 2 MB instead of 200.
SMALL = {
    "model": {
        "arch": "unet",
        "encoder": "tu-lcnet_035",
        "options": {"decoder_channels": [16, 16, 8, 8, 8]},
    },
    "optimizer": {"name": "adam", "lr": 1e-3},
    "loss": {"main": {"cross_entropy": 1.0}},
    "batch_size": 2,
    "epochs": 2,
}


class Workspace:
    """A folder with the Snakefile, workflow, config and profiles of the project."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in ("workflow", "config", "profiles", "envs"):
            shutil.copytree(ROOT / name, folder / name, ignore=UNFINISHED)
        shutil.copy(ROOT / "Snakefile", folder)
        (folder / "data").mkdir()
        self._remember_code()

    def _remember_code(self) -> None:
        """Keep what is known of the project's own code for its copy, of which a first start would parse every file."""
        known, copied = readings(DEFINITIONS), readings(self.folder / DEFINITIONS.relative_to(ROOT))
        for path in filter(os.path.isfile, json.loads(known.text())["files"]):
            value = known.of(path, lambda _: None)
            if value is not None and Path(path).is_relative_to(ROOT):
                copied.of(self.folder / Path(path).relative_to(ROOT), lambda _, value=value: value)
        copied.save()

    def write_study(self, name: str = "little", **keys) -> None:
        """A study of two cells on tiny drawn images; keys are laid over it."""
        study = {
            "name": name,
            "dataset": "tiny",
            "metric": "val/miou",
            "train": SMALL,
            "grid": {"loss.main": [{"cross_entropy": 1.0}, {"focal": 1.0}]},
        } | keys
        self.write(f"config/studies/{name}.yaml", {key: value for key, value in study.items() if value is not None})

    def write_program_study(self, study: dict, program: str) -> None:
        """A study of a program of one's own, which lies beside it as my/score.py."""
        folder = self.folder / "config" / "studies" / "my"
        folder.mkdir()
        (folder / "score.py").write_text(program, encoding="utf-8")
        self.write(f"config/studies/{study['name']}.yaml", study)

    def write_tiny_dataset(self) -> None:
        """Six drawn images of 32 by 32 pixels."""
        demo = {"train": 4, "val": 2, "size": [32, 32], "classes": 2}
        classes = {0: "background", 1: "one", 2: "two"}
        dataset = {"name": "tiny", "reader": "demo", "task": "multiclass", "classes": classes, "demo": demo}
        self.write("config/datasets/tiny.yaml", dataset)

    @classmethod
    def entered(cls, folder: Path, monkeypatch) -> "Workspace":
        """One with the tiny data set, in which the test itself works."""
        made = cls(folder)
        made.write_tiny_dataset()
        monkeypatch.chdir(folder)
        return made

    def write(self, path: str, values: dict) -> None:
        """A YAML file."""
        (self.folder / path).write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """The variables of a process in the workspace: one thread, this Python first."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        cache = self.folder / ".cache"
        # The process with the libraries loaded serves the next test, too.
        kept = {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(cache), "SEGSWEEP_WARM_S": "60"}
        return os.environ | {"PATH": path} | kept

    def command(
        self, *arguments: str, study: str = "little", cores: int = 1, config: tuple[str, ...] = ()
    ) -> list[str]:
        """A Snakemake command line."""
        return [*SNAKEMAKE, "--cores", str(cores), *arguments, "--config", f"study={study}", *config]

    def snakemake(self, *arguments: str, check: bool = True, **options) -> str:
        """Run Snakemake; its whole output."""
        arguments = self.command(*arguments, **options)[len(SNAKEMAKE) :]
        status, output = run_snakemake(arguments, self.folder, self.environment())
        assert not check or status == 0, output
        return output

    def run(self, *arguments: str) -> str:
        """Run a program of the workspace with this Python; its output."""
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, env=self.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    def would_train(self, **options) -> list[str]:
        """What a dry run says will train: label and epochs of each job, in order."""
        return trainings(self.snakemake("--dry-run", **options))


def trainings(output: str) -> list[str]:
    """The training jobs that an output of Snakemake names."""
    return sorted(match.strip() for match in re.findall(r"^Job \d+: train (.*)$", output, re.MULTILINE))
