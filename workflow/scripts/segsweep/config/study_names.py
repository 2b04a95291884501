"""Results lie under a study's name: no two studies may claim the same folder of results/."""

import re
from pathlib import Path

from segsweep.errors import InputError
from segsweep.io import regular

# What names its folder of results, in paths as in commands.
STUDY_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
# Folders of results/ that belong to all studies.
SHARED_FOLDERS = ("segments", "data", "logs", "markers", "outcomes", "benchmarks")
NAME = re.compile(r"^name:[ \t]*[\"']?([\w.-]+)", re.MULTILINE)
PLANNED_FROM = re.compile(r'"study_file": ?"((?:[^"\\]|\\.)*)"')
HEAD = 200_000  # characters of a plan that are searched for the file that it was made of


def check_study_name(name: str, file: Path, *, config: Path, results: Path) -> None:
    """Refuse a study whose results another one, or all studies together, would overwrite.

    Names are compared as file systems that ignore case see them.

    Args:
        name: of the study.
        file: its file.
        config: folder with `studies` and `datasets`.
        results: folder of all results.

    Raises:
        InputError: names both files, or the folder that is not a study's.
    """
    if name.lower() in SHARED_FOLDERS:
        raise InputError(
            f"{file}: name: {name!r} is a folder of {results}/ that all studies share "
            f"({', '.join(SHARED_FOLDERS)}). Give the study another name."
        )
    datasets = sorted(path.stem for path in (config / "datasets").glob("*.yaml"))
    mine = result_names(name, datasets)
    others = {
        path: NAME.findall(regular(path).read_text("utf-8", "replace")) for path in _others(file, name, config, results)
    }
    for path, found in others.items():
        shared = sorted(mine & result_names(found[0], datasets)) if found else []
        if shared:
            raise InputError(
                f"{file}: the study {name!r} and the study {found[0]!r} of {path} would both write into "
                f"{results / shared[0]} (some file systems take upper and lower case for the same). Rename one of them."
            )


def result_names(study: str, datasets: list[str]) -> set[str]:
    """Names in lower case under which a study may leave results: of itself, on another data set, as a smoke test."""
    names = [study, *(f"{study}_on_{dataset}" for dataset in datasets)]
    return {f"{name}{ending}".lower() for name in names for ending in ("", "_smoke")}


def _others(file: Path, name: str, config: Path, results: Path) -> list[Path]:
    """Files of other studies: those of the configuration, and the one that results of this name were made of."""
    found = sorted((config / "studies").glob("*.yaml"))
    plan = results / name / "plan.json"
    if plan.is_file():
        with plan.open(encoding="utf-8", errors="replace") as text:
            found += [Path(path) for path in PLANNED_FROM.findall(text.read(HEAD))[:1]]
    own = file.resolve()
    return [path for path in dict.fromkeys(found) if path.is_file() and path.resolve() != own]
