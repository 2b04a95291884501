"""A sweep's parameters under names that a study can use, and what segsweep itself fills in for them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.config.program_settings import BESIDE
from segsweep.config.search import Dimension
from segsweep.programs.template import RESERVED
from segsweep.sweep_imports.definition import GRID, Definition
from segsweep.sweep_imports.known_names import Role, role_of

DEVICE = re.compile(r"(cpu|cuda)(:\d+)?")
NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass
class Parameter:
    """One parameter.

    Attributes:
        theirs: as the program knows it.
        name: as the study does; one of `Role` where segsweep fills it in.
        value: that cells start from.
        axis: its values, if it varies.
        role: what segsweep fills in for it.
    """

    theirs: str
    name: str
    value: Any = None
    axis: Dimension | None = None
    role: Role | None = None

    @property
    def is_optional(self) -> bool:
        """Whether it exists under some values of other parameters alone."""
        return self.axis is not None and bool(self.axis.when)


def named(definition: Definition) -> list[Parameter]:
    """All parameters, constants first, under names that do not clash with each other or with reserved words."""
    everything = [*definition.constants, *definition.axes]
    taken: set[str] = set()
    found = []
    for theirs in everything:
        axis = definition.axes.get(theirs)
        role = _role(definition, theirs, axis)
        name = role.value if role else _free_name(theirs, everything, taken)
        taken.add(name)
        value = definition.constants[theirs] if axis is None else _start(axis, definition.base.get(theirs))
        found.append(Parameter(theirs, name, _as_template(value), axis and _with_templates(axis), role))
    renamed = {parameter.theirs: parameter.name for parameter in found}
    for parameter in found:
        if parameter.is_optional:
            when = {renamed[other]: _as_template(allowed) for other, allowed in parameter.axis.when.items()}
            parameter.axis = parameter.axis.model_copy(update={"when": when})
    return found


def fits_option(role: Role, default: Any) -> bool:
    """Whether an option of a program, by its default, takes what segsweep would fill in for a role."""
    if default is None:
        return role in (Role.EPOCHS, Role.SEED, Role.OUT)
    return role is not Role.FOLD and _takes(role, [default])


def _role(definition: Definition, theirs: str, axis: Dimension | None) -> Role | None:
    """What segsweep fills in for a parameter, where its values are such that it can."""
    role = role_of(theirs)
    values = [definition.constants.get(theirs)] if axis is None else axis.choices or [axis.low, axis.high]
    if role is Role.FOLD:
        all_folds = definition.method == GRID and len(values) > 1
        return role if all_folds and _are_counts(values) and sorted(values) == list(range(len(values))) else None
    if role in (Role.OUT, Role.DEVICE) and axis is not None:
        return None
    return role if role and _takes(role, values) else None


def _takes(role: Role, values: Sequence[Any]) -> bool:
    """Whether values that a parameter has are of the kind that segsweep fills in."""
    match role:
        case Role.EPOCHS:
            return _are_counts(values) and min(values) >= 1
        case Role.OUT:  # a folder, no file
            return all(isinstance(value, str) and not Path(value).suffix for value in values)
        case Role.DEVICE:
            return all(DEVICE.fullmatch(str(value)) for value in values)
    return _are_counts(values)


def _are_counts(values: Sequence[Any]) -> bool:
    return all(isinstance(one, int | float) and not isinstance(one, bool) and one == int(one) for one in values)


def _free_name(theirs: str, everything: Iterable[str], taken: set[str]) -> str:
    parts = [NOT_IN_A_NAME.sub("_", part) for part in theirs.lstrip("+-").split(".")]
    name = ".".join(part if part[:1].isalpha() else f"n{part}" for part in parts)
    is_section = any(other.lstrip("+").startswith(f"{name}.") for other in everything)
    if name in RESERVED or name in BESIDE:
        name = f"{name}_value"
    elif is_section:
        name = f"{name}_choice"
    while name in taken:
        name += "_"
    return name


def _with_templates(axis: Dimension) -> Dimension:
    return axis if axis.choices is None else axis.model_copy(update={"choices": _as_template(axis.choices)})


def _as_template(value: Any) -> Any:
    """A value of a study's `parameters`, whose texts are templates: braces are doubled."""
    if isinstance(value, str):
        return value.replace("{", "{{").replace("}", "}}")
    return [_as_template(one) for one in value] if isinstance(value, list) else value


def _start(axis: Dimension, known: Any) -> Any:
    """What cells start from: what the program takes, else the first value or the lower bound."""
    if axis.when:
        return None
    if known is not None:
        return known
    if axis.choices is not None:
        return axis.choices[0]
    return int(axis.low) if axis.integer else float(axis.low)
