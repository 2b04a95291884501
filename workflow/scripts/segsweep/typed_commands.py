"""What a person types to start something, for messages: `make` in a clone, `segsweep` and `snakemake` elsewhere."""

from pathlib import Path
from shlex import quote
from typing import NamedTuple

from segsweep.project_files import INSTALLED, PROJECT, SCRIPTS


class Door(NamedTuple):
    """A command of `segsweep` that is a program of workflow/scripts, with its first words."""

    program: str
    about: str
    words: tuple[str, ...] = ()


DOORS = {
    "data": Door("inspect_data", "look at a data set, or propose a data set file for a folder of images"),
    "fetch": Door("fetch_data", "fetch a public data set"),
    "study": Door("import_sweep", "write the study of a W&B sweep, a Hydra configuration, an Optuna storage"),
    "check": Door("check_study", "try all of a study that can be tried before it trains"),
    "status": Door("show_status", "done, running, failed, best so far, time left"),
    "track": Door("track_study", "pass a study on to TensorBoard, MLflow, W&B"),
    "script": Door("export_run", "a trained run as one plain file that trains it again without segsweep"),
    "push": Door("share_store", "send trained segments and tables to the shared store", ("push",)),
    "pull": Door("share_store", "fetch what the studies here need from the shared store", ("pull",)),
    "verify": Door("verify", "compare all that was trained and prepared with its checksums"),
    "clean-up": Door("clean_up", "what can go of results/segments"),
}


def has_makefile() -> bool:
    """Whether `make` works in the working folder: it is a clone of this project."""
    return (PROJECT / "Makefile").is_file() and Path.cwd() == PROJECT


def typed(door: str, words: str = "", *, target: str = "") -> str:
    """What a person types for a command of `DOORS` in the working folder.

    Args:
        door: its name.
        words: what follows it, as a shell reads it: `--study demo`.
        target: what `make` is told instead, if that is more than the name: `status STUDY=demo`.
    """
    if has_makefile():
        return f"make {target or door}"
    called = [door] if INSTALLED.is_dir() else DOORS[door].words
    program = "segsweep" if INSTALLED.is_dir() else f"python {quote(str(SCRIPTS / DOORS[door].program))}.py"
    return " ".join(filter(None, [program, *called, words]))


def typed_report(study: str = "") -> str:
    """What a person types to train what is missing of a study and to write its report."""
    if has_makefile():
        return f"make report STUDY={quote(study)}" if study else "make report"
    return f"snakemake --cores 2{_configured(study)}"


def typed_plan(study: str) -> str:
    """What a person types to see what would train."""
    return f"make plan STUDY={quote(study)}" if has_makefile() else f"snakemake -n{_configured(study)}"


def typed_torch(build: str) -> str:
    """What a person types to have another build of torch, `cu126`."""
    if INSTALLED.is_dir():
        return f"uv pip install --reinstall --torch-backend {build} torch torchvision"
    where = "" if has_makefile() else f"-C {quote(str(PROJECT))} "
    return f"make {where}env TORCH={build}"


def _configured(study: str) -> str:
    return f" --config study={quote(study)}" if study else ""
