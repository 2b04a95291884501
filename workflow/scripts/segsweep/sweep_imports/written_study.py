"""The text of a study file for a sweep's definition, read back by the checks of studies before it is written."""

from pathlib import Path

import yaml

from segsweep.config.study import Study
from segsweep.config.yaml_documents import parse
from segsweep.errors import InputError
from segsweep.search.space import problems
from segsweep.sweep_imports.definition import Definition
from segsweep.sweep_imports.study_draft import draft


def written_study(definition: Definition, path: Path) -> tuple[str, list[str]]:
    """The text, and what a person has to add before it can be planned.

    Args:
        definition: of the sweep.
        path: of the study file.

    Raises:
        InputError: the definition asks for something that a study cannot have.
    """
    made = draft(definition, path)
    text = made.as_yaml(definition.origin)

    def location(keys: tuple) -> str:
        return f"{definition.origin}: {'.'.join(map(str, keys))} of its study"

    study = parse(Study, yaml.safe_load(text), location)
    if study.sweep and (wrong := problems(study.sweep, location)):
        raise InputError(*wrong)
    return text, made.missing
