"""Augmentations are tried on prepared data before anything is trained with them, once each."""

import json
from pathlib import Path

from segsweep.config.augmentations import read_augmentation, with_lines
from segsweep.io import read_json_or_none, write_text
from segsweep.planning.data_fit import MANIFEST
from segsweep.planning.plan_file import StudyPlan

TRIED = "augmentations.json"  # in the folder of the data: those that went well


def augmentation_problems(plan: StudyPlan, folder: str) -> list[str]:
    """What goes wrong with a study's augmentations of prepared data; of a folder that is not prepared yet, nothing.

    `prepare_data` tries them when it has prepared the folder, planning those that a study asks for later.
    """
    if not Path(folder, MANIFEST).is_file():
        return []
    data = [one.train["data"] for one in plan.segments.values() if one.data == folder]
    asked = {(one["augmentation"], one["augmentation_backend"]) for one in data if one["augmentation"] != "none"}
    asked = {(name, backend) for name, backend in asked if backend != "own"}  # `segsweep.component_checks` tries these
    tried = read_json_or_none(Path(folder, TRIED)) or []
    problems: list[str] = []
    for name, backend in sorted(asked):
        pipeline = json.dumps([backend, read_augmentation(name, backend=backend)], sort_keys=True)
        if pipeline in tried:
            continue
        from segsweep.data.augmentation.trial import trial  # imports the libraries, which takes seconds
        from segsweep.data.prepared import Prepared

        if found := trial(name, backend, Prepared.open(folder)):
            problems += with_lines(name, found)
        else:
            tried.append(pipeline)
            write_text(Path(folder, TRIED), json.dumps(tried, indent=1))
    return problems
