"""Finds the results of a study by its name, from any working folder."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError
from segsweep.planning.plan_file import PLAN_FILE
from segsweep.project_files import PROJECT
from segsweep.typed_commands import typed_report

RESULTS = "results"
CLONE = PROJECT  # of an installed package a folder without results


def find_study(study: str | Path, project: str | Path | None = None) -> Path:
    """The folder with a study's results, see `segsweep.open`.

    Raises:
        InputError: there is none; names the studies that there are.
    """
    path = Path(study).expanduser()
    if (path / PLAN_FILE).is_file():
        return path.absolute()
    if path.parts != (path.name,):
        raise InputError(
            f"{path}: there is no {PLAN_FILE} in it. Give the folder of a study's results, results/NAME, or its name."
        )
    here = Path.cwd()
    projects = [here, *here.parents, CLONE] if project is None else [Path(project).expanduser().absolute()]
    for one in projects:
        if (one / RESULTS / path / PLAN_FILE).is_file():
            return one / RESULTS / path
    raise InputError(f"there are no results of a study {study!r}. {_remedy(str(study), projects)}")


def _remedy(study: str, projects: Iterable[Path]) -> str:
    found = list(_studies(projects))
    if not found:
        return (
            "There is no study's results in `results` of the working folder, of a folder around it, or of segsweep's "
            "clone. Give `project`, the folder that holds `results`, or the path of the study's results."
        )
    return f"{nearest(study, dict.fromkeys(found))} Or train it: `{typed_report(study)}`."


def _studies(projects: Iterable[Path]) -> Iterator[str]:
    for project in projects:
        yield from (plan.parent.name for plan in (project / RESULTS).glob(f"*/{PLAN_FILE}"))
