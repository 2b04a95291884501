"""The settings of a study with `command`: its parameters, and the class that cells are checked by.

`Train` is the class of the complete settings of a study that segsweep trains. That of a program's settings is made from
the study's `parameters`: they may be nested, and take any value that YAML has; a name that is none of them is refused.
"""

import math
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, create_model

from segsweep.config.settings import Settings, key
from segsweep.errors import InputError
from segsweep.programs.template import RESERVED

# Keys of a study with `command` that stand beside its parameters in each cell's setting.
BESIDE = ("epochs", "on_oom")
NAME = re.compile(r"[A-Za-z][\w-]*", re.ASCII)


def nested_parameters(parameters: Mapping[str, Any], location: Callable[[tuple], str]) -> dict[str, Any]:
    """A study's parameters in sections, as they are passed to its program.

    Args:
        parameters: as a person writes them: in sections, with dotted names, or both.
        location: `file:line` of a key of the study.

    Raises:
        InputError: naming each that has no possible name, or stands in two places.
    """
    found: dict[str, Any] = {}
    problems: list[str] = []
    _nest(found, parameters, (), (), location, problems)
    if problems:
        raise InputError(*problems)
    return found


def program_settings(parameters: Mapping[str, Any]) -> type[Settings]:
    """The class of the complete settings of a program's runs: its parameters, `epochs` and `on_oom`, all required.

    Args:
        parameters: of the study, nested.
    """
    beside = {
        "epochs": (int, key(..., "Epochs that it trains.", unit="epochs", ge=1)),
        "on_oom": (Literal["fail", "skip"], key(..., "What happens when it is out of memory.", outcome=False)),
    }
    return _section("Parameters", parameters, beside)


def written_keys(parameters: Mapping[str, Any], keys: tuple) -> tuple:
    """Where a parameter stands in the section `parameters` of a study file, which may have dotted names.

    Args:
        parameters: as the study file has them.
        keys: of the parameter, one for each section.
    """
    for length in range(len(keys), 0, -1):
        name = ".".join(str(one) for one in keys[:length])
        if name in parameters:
            inner = parameters[name]
            return (name, *(written_keys(inner, keys[length:]) if isinstance(inner, Mapping) else ()))
    return ()


def _writable(value: Any) -> Any:
    """A parameter's value, which a program can be given as text, YAML or JSON."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise ValueError(f"the key {name!r} is no text. Write it in quotes")
            _writable(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _writable(inner)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no finite number. Write it in quotes, as text that the program reads")
    return value


Writable = Annotated[Any, AfterValidator(_writable)]


def _nest(
    into: dict[str, Any], written: Mapping[Any, Any], path: tuple[str, ...], keys: tuple, location, problems: list[str]
) -> None:
    for name, value in written.items():
        where = (*keys, name)
        names = (*path, *str(name).split("."))
        dotted = ".".join(names)
        if problem := _name_problem(names):
            problems.append(f"{location(('parameters', *where))}: {problem}")
            continue
        section, clash = into, ""
        for depth, one in enumerate(names[len(path) : -1], len(path) + 1):
            section = section.setdefault(one, {})
            if not isinstance(section, dict):
                clash = ".".join(names[:depth])
                break
        merges = isinstance(value, Mapping) and isinstance(section.get(names[-1]), dict) if not clash else False
        if clash or (names[-1] in section and not merges):
            problems.append(
                f"{location(('parameters', *where))}: {dotted} is set here, and {clash or dotted} stands in another "
                "place of `parameters` as well. Write it once, in sections or with dots."
            )
        elif isinstance(value, Mapping) and value:
            _nest(section.setdefault(names[-1], {}), value, names, where, location, problems)
        else:
            section[names[-1]] = value


def _name_problem(names: tuple[str, ...]) -> str:
    """Why a parameter cannot have a name; empty if it can."""
    dotted = ".".join(names)
    if wrong := next((one for one in names if not NAME.fullmatch(one)), None):
        return f"{dotted!r} is no name of a parameter: {wrong!r} is not letters, digits, `_` and `-` after a letter."
    if dotted in RESERVED or names[0] in BESIDE:
        return (
            f"the parameter {dotted!r} has a name that stands for something else in `command`, as do "
            f"{', '.join(sorted({*RESERVED, *BESIDE}))}. Rename it here; in `command` it stays as the program has it."
        )
    if wrong := next((one for one in names if one.startswith("model_") and hasattr(Settings, one)), None):
        return f"{dotted!r} cannot be the name of a parameter: {wrong!r} is taken. Rename it."
    return ""


def _section(name: str, values: Mapping[str, Any], beside: Mapping[str, Any] | None = None) -> type[Settings]:
    fields = {
        one: (_section(one, value), key(...)) if isinstance(value, Mapping) and value else (Writable, key(...))
        for one, value in values.items()
    }
    with warnings.catch_warnings():  # a parameter may be called `copy` or `json`: nobody calls these methods
        warnings.filterwarnings("ignore", "Field name .* shadows an attribute in parent", UserWarning)
        return create_model(name, __base__=_Parameters, __module__=__name__, **fields, **(beside or {}))


class _Parameters(Settings):
    """A section of a program's parameters."""

    unknown_keys: ClassVar[str] = "A further one stands in `parameters`, with the value that cells start from."

    model_config = ConfigDict(protected_namespaces=())
