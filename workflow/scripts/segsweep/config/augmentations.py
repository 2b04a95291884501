"""Augmentations: plain YAML that planning reads without importing what carries it out, or functions of own code."""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from segsweep import registry
from segsweep.config.albumentations_transforms import FORM, REVISIONS, problem_of, unknown_in_albumentations
from segsweep.config.torchvision_transforms import problems_of as problems_in_torchvision
from segsweep.config.yaml_documents import Document, nearest
from segsweep.errors import InputError
from segsweep.own_code.names import own_name
from segsweep.project_files import CONFIG

FOLDERS = (Path("config/augmentations"), CONFIG / "augmentations")


def find_augmentation(name: str) -> Path:
    """The file of an augmentation: config/augmentations/NAME.yaml, a path, or that of own code.

    Raises:
        InputError: there is none; names the known ones and the nearest.
    """
    if own := own_name(name):
        return Path(own.file)
    if name.endswith((".yaml", ".yml")):
        if not Path(name).is_file():
            raise InputError(
                f"data.augmentation: {name}: no such file. Check the path; it is relative to the working directory."
            )
        return Path(name)
    for folder in FOLDERS:
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    known = {path.stem for folder in FOLDERS for path in folder.glob("*.yaml")}
    raise InputError(f"data.augmentation: unknown augmentation {name!r}. {nearest(name, known)} Or the path of a file.")


def read_augmentation(
    name: str,
    task: str | None = None,
    channels: int | None = None,
    dtype: str | None = None,
    backend: str = "albumentations",
) -> list[tuple[str, dict[str, Any]]]:
    """Names and arguments of an augmentation's transforms, in order; groups hold theirs in `transforms`.

    Of own code it is one transform, of its name.

    Args:
        name: of the augmentation.
        task: of the data set; None for any.
        channels, dtype: of its images, as far as they are known.
        backend: name of the library that carries it out. Names and arguments are albumentations' for each of them.

    Raises:
        InputError: the file is unknown, not of the form that it should have, or has a transform that cannot be used,
            at all, for data of the task, for such images or by the backend.
    """
    if own_name(name):
        check_own(name)
        return [(name, {})]
    document = Document(find_augmentation(name))
    unknown = [key for key in document.values if key not in ("description", "transforms")]
    if unknown:
        location = document.location((unknown[0],))
        raise InputError(
            f"{location}: unknown key {unknown[0]!r}. {nearest(unknown[0], ('description', 'transforms'))}"
        )
    problems: list[str] = []
    known = (task, channels, dtype, backend)
    found = _entries(document.values.get("transforms") or [], document, ("transforms",), known, problems)
    if problems:
        raise InputError(*problems)
    return found


def check_own(name: str) -> None:
    """Refuse a function of own code that needs arguments: there is no place for them in a study.

    Raises:
        InputError: there is no such function, or it has parameters without defaults.
    """
    try:
        component = registry.find("augmentation", name)
    except InputError as error:
        raise InputError(*(f"data.augmentation: {problem}" for problem in error.problems)) from error
    needed = [key for key, field in component.model_fields.items() if field.is_required()]
    if needed:
        raise InputError(
            f"data.augmentation: {name} needs {', '.join(needed)}, and is given nothing but `pixels`, where it has "
            "such a parameter. Give the others defaults, or write a function for each way to call it."
        )


def revisions(transforms: list[tuple[str, dict[str, Any]]]) -> dict[str, int]:
    """Those of the transforms, and of what groups hold, that are above 1."""
    found = {name: REVISIONS[name] for name, _ in transforms if name in REVISIONS}
    for _, arguments in transforms:
        found |= revisions(arguments.get("transforms", []))
    return found


def with_lines(name: str, problems: Iterable[str]) -> list[str]:
    """Problems that a library has with an augmentation's transforms, with the line that each is about.

    Args:
        name: of the augmentation.
        problems: `mine.yaml: Affine: scale is 'big': ...` or `mine.yaml (Affine, D4): ...`; others stay as they are.
    """
    path = find_augmentation(name)
    document = Document(path)
    said = re.compile(rf"{re.escape(str(path))}(?:: (\w+): (\w+) is (.*)| \((\w+)\):|: (\w+):|(?!:\d).)", re.DOTALL)

    def with_line(problem: str) -> str:
        found = said.match(problem)
        if not found:
            return problem
        transform, argument, value = found[1] or found[4] or found[5], found[2], found[3] or ""
        places = [(keys, given) for keys, given in _places(document.values, ("transforms",)) if keys[-1] == transform]
        fitting = [keys for keys, given in places if argument in given and value.startswith(repr(given[argument]))]
        keys = (*fitting[0], argument) if fitting else places[0][0] if places else ("transforms",)
        return document.location(keys) + problem.removeprefix(str(path))

    return [with_line(one) for one in problems]


def _places(values: Any, keys: tuple) -> Iterator[tuple[tuple, dict[str, Any]]]:
    """Where each transform below a key stands, and its arguments."""
    for number, one in enumerate(values[keys[-1]]):
        for name, arguments in ({one: {}} if isinstance(one, str) else one).items():
            here = (*keys, number, name)
            yield here, arguments or {}
            if "transforms" in (arguments or {}):
                yield from ((here + inner, given) for inner, given in _places(arguments, ("transforms",)))


def _entries(
    values: Any, document: Document, keys: tuple, known: tuple, problems: list[str]
) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(values, list):
        problems.append(f"{document.location(keys)}: found {values!r}; {FORM}.")
        return []
    found = []
    for number, value in enumerate(values):
        here = (*keys, number)
        value = {value: {}} if isinstance(value, str) else value
        ((name, arguments),) = value.items() if isinstance(value, dict) and len(value) == 1 else ((None, None),)
        arguments = {} if arguments is None else arguments
        if not isinstance(name, str) or not isinstance(arguments, dict):
            problems.append(f"{document.location(here)}: found {value!r}; {FORM}.")
            continue
        *images, backend = known
        problem = problem_of(name, arguments, *images)
        if backend == "albumentations":
            problem = problem or unknown_in_albumentations(name, arguments)
        if problem:
            problems.append(f"{document.location((*here, name))}: {name} {problem}")
            continue
        if backend == "torchvision":
            problems += problems_in_torchvision(name, arguments, partial(_location, document, (*here, name)))
        arguments = dict(arguments)
        if "transforms" in arguments:
            inner = (*here, name, "transforms")
            arguments["transforms"] = _entries(arguments["transforms"], document, inner, known, problems)
        found.append((name, arguments))
    return found


def _location(document: Document, here: tuple, keys: tuple) -> str:
    return f"{document.location((*here, *keys))}: {here[-1]}"
