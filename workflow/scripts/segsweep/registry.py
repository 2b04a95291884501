"""Finds the components of each kind. Nothing else lists them: a new file in the folder of its kind is one more.

Settings and facts of a component are needed where torch and pandas must not be imported (a dry run), its functions
where it trains. So of its file only the class of its settings is compiled here, with what this class refers to; `load`
imports the module.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, reduce
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field

from segsweep.config import components, dataset_keys
from segsweep.config.settings import Component
from segsweep.errors import InputError
from segsweep.syntax import ModuleSyntax

PACKAGE = Path(__file__).resolve().parent
SETTINGS = "segsweep.config."  # modules that hold what components derive from
# What would slow down each start of Snakemake.
HEAVY = {"albumentations", "cv2", "monai", "numpy", "optuna", "pandas", "scipy", "timm", "torch", "torchvision"}


@cache
def kinds() -> dict[str, type[Component]]:
    """The kinds of components: the class of each, by its name in lower case."""
    values = [*vars(components).values(), *vars(dataset_keys).values()]
    found = (value for value in values if isinstance(value, type) and issubclass(value, Component))
    return {cls.__name__.lower(): cls for cls in found if "package" in vars(cls)}


@cache
def classes(kind: str) -> dict[str, type[Component]]:
    """The settings of all components of a kind, by the component's name.

    Raises:
        InputError: two components have the same name, or a file cannot be read as a component.
    """
    base = kinds()[kind]
    found: dict[str, type[Component]] = {}
    for path in sorted((PACKAGE / base.package).glob("*.py")):
        for cls in classes_in(path, f"segsweep.{base.package.replace('/', '.')}.{path.stem}", base):
            for name in _names(cls, base, path):
                if name in found:
                    raise InputError(
                        f"{path}: the {kind} {name!r} is also in {module_name(found[name])}. Rename one of them."
                    )
                found[name] = cls
    return found


def classes_in(path: Path, module: str, base: type[Component]) -> list[type[Component]]:
    """The classes of a file whose base is a kind's, compiled without the rest of the file.

    Args:
        path: the file.
        module: the module's name.
        base: class of the kind.

    Raises:
        InputError: the file is not valid Python, or such a class refers to what would import torch or the like.
    """
    try:
        syntax = ModuleSyntax(path)
    except SyntaxError as error:
        raise InputError(f"{path}:{error.lineno}: not valid Python: {error.msg}. Correct it.") from error
    names = _subclasses(syntax, base)
    if not names:
        return []
    reached = syntax.reached(set(names))
    for name in sorted(reached & syntax.imports.keys()):
        if (package := syntax.imports[name][0].partition(".")[0]) in HEAVY:
            raise InputError(
                f"{path}: the settings {', '.join(names)} refer to {name}, which imports {package}. Settings and facts "
                "are read without it: let the functions of the file refer to it instead."
            )
    namespace: dict[str, Any] = {"__name__": module, "__file__": str(path)}
    exec(compile(syntax.module_of(reached), str(path), "exec"), namespace)
    return [namespace[name] for name in names]


def _subclasses(syntax: ModuleSyntax, base: type[Component]) -> list[str]:
    """Names of the classes of a module that derive from a kind's class."""
    known = {
        local
        for local, (module, symbol) in syntax.imports.items()
        if module.startswith(SETTINGS)
        and isinstance(cls := getattr(import_module(module), symbol or "", None), type)
        and issubclass(cls, base)
    }
    found = []
    for name, node in syntax.definitions.items():
        if any(getattr(one, "id", None) in known for one in getattr(node, "bases", ())):
            known.add(name)
            found.append(name)
    return found


def _names(cls: type[Component], base: type[Component], path: Path) -> tuple[str, ...]:
    if base.discriminator is None:
        return (path.stem,)
    field = cls.model_fields.get(base.discriminator)
    names = get_args(field.annotation) if field else ()
    if not names:
        raise InputError(
            f"{path}: {cls.__name__} does not say its name. Give it the key "
            f'`{base.discriminator}: Literal["{path.stem}"] = key("{path.stem}", ...)`.'
        )
    return names


def module_name(component: Component | type[Component]) -> str:
    """The module that holds a component: `segsweep.losses.focal`."""
    return (component if isinstance(component, type) else type(component)).__module__


def load(component: Component | type[Component]) -> ModuleType:
    """The module of a component, imported with all that it needs."""
    return import_module(module_name(component))


def default(kind: str) -> Component:
    """The settings of the component that is meant where none is named."""
    return classes(kind)[kinds()[kind].default]()


@cache
def union(kind: str) -> Any:
    """The type of a key that holds a component of a kind, for a class of settings.

    The discriminator tells which one; where it is missing, the default of the kind. Keys that the component does not
    have, but another one of the kind does, are not in force and left out: a study may vary the component itself.
    """
    members = list(dict.fromkeys(classes(kind).values()))
    one_of = reduce(operator.or_, members)
    if len(members) > 1:
        one_of = Annotated[one_of, Field(discriminator=kinds()[kind].discriminator)]
    one_of = Annotated[one_of, BeforeValidator(_in_force(kind))]
    return one_of if kinds()[kind].default is None else Annotated[one_of, _OneSchema(kinds()[kind])]


@dataclass(frozen=True)
class _OneSchema:
    """The JSON schema of a union with a default: a file may leave out the name, and hold keys that are not in force."""

    base: type[Component]

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        found = handler(schema)
        if short_forms := found.get("anyOf"):  # beside the section itself, which is the first
            return {"anyOf": [self._merged(short_forms[0], handler), *short_forms[1:]]}
        return self._merged(found, handler)

    def _merged(self, found: dict[str, Any], handler: Any) -> dict[str, Any]:
        members = [handler.resolve_ref_schema(one) for one in found.get("oneOf", [found])]
        variants: dict[str, list[dict[str, Any]]] = {}
        for member in members:
            for name, one in member["properties"].items():
                if one not in (known := variants.setdefault(name, [])):
                    known.append(one)
        properties = {name: ones[0] if len(ones) == 1 else {"anyOf": ones} for name, ones in variants.items()}
        names = [name for one in variants[self.base.discriminator] for name in one.get("enum", [one.get("const")])]
        field = self.base.model_fields[self.base.discriminator]
        named = {"description": field.description, "enum": names, "default": self.base.default}
        return {
            "type": "object",
            "description": (self.base.__doc__ or "").partition("\n")[0],
            "additionalProperties": False,
            "properties": properties | {self.base.discriminator: named},
        }


def _in_force(kind: str) -> Callable[[Any], Any]:
    base, found = kinds()[kind], classes(kind)
    keys = {key for cls in found.values() for key in cls.model_fields}

    def leave_out(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if base.default is not None:
            value = {base.discriminator: base.default} | value
        name = value.get(base.discriminator)
        cls = found.get(name) if isinstance(name, str) else None
        if cls is None:
            return value
        return {name: one for name, one in value.items() if name in cls.model_fields or name not in keys}

    return leave_out
