"""A new folder for studies, which uses this package's workflow: a Snakefile, an example, profiles."""

import os
import shutil
from pathlib import Path

from segsweep.errors import InputError
from segsweep.project_files import CONFIG, PROJECT

WORKFLOW = PROJECT / "workflow"
TEMPLATE = WORKFLOW / "study_folder"
# Without a dot in this project, where it would say what Git ignores of the template.
NAMES = {"gitignore": ".gitignore"}
LINKED = ("slurm", "local-gpu")  # `--profile slurm` looks for a folder of that name beside the Snakefile


def write_study_folder(folder: Path) -> list[Path]:
    """Write what a folder for studies needs; make the folder where there is none.

    Returns:
        The files and links, relative to the folder.

    Raises:
        InputError: one of them is there already; nothing is written then.
    """
    files = study_files()
    there = [str(path) for path in [*files, *map(Path, LINKED)] if os.path.lexists(folder / path)]
    if there:
        raise InputError(
            f"{folder}: of what would be written, {', '.join(sorted(there))} is there already. Nothing was written. "
            "Name a new folder, or move what is there."
        )
    for path, source in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / path)
    for name in LINKED:
        (folder / name).symlink_to(Path("profiles", name))
    return sorted([*files, *map(Path, LINKED)])


def study_files() -> dict[Path, Path]:
    """Path of each file within a folder for studies, and the file that it is a copy of."""
    files = {path.relative_to(TEMPLATE): path for path in TEMPLATE.rglob("*") if path.is_file()}
    files = {path.with_name(NAMES.get(path.name, path.name)): source for path, source in files.items()}
    profiles = WORKFLOW / "profiles"
    files |= {Path("profiles", path.relative_to(profiles)): path for path in profiles.glob("*/*.yaml")}
    return files | {Path("config", "cluster.yaml"): CONFIG / "cluster.yaml"}
