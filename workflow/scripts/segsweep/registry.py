"""Finds the components of each kind. Nothing else lists them: a new file in the folder of its kind is one more.

A name like `my/tiny_unet.py:build` is that of a component in a person's own file (`segsweep.own_code`).

Settings and facts of a component are needed where torch and pandas must not be imported (a dry run), its functions
where it trains. So of its file only the class of its settings is compiled here (`segsweep.compiled_settings`); `load`
imports the module.
"""

import operator
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from functools import cache, reduce
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field, SerializeAsAny, WrapValidator

from segsweep.compiled_settings import classes_in
from segsweep.config import components, dataset_keys, mask_dataset, search_components
from segsweep.config.settings import Component
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError
from segsweep.own_code.components import OwnComponents, validated
from segsweep.own_code.functions import own_functions
from segsweep.own_code.names import OwnName, own_name

PACKAGE = Path(__file__).resolve().parent
OWN = OwnComponents()
_plainly_named: dict[str, tuple[OwnName, ...]] = {}  # by kind


@cache
def kinds() -> dict[str, type[Component]]:
    """The kinds of components: the class of each, by its name in lower case."""
    values = [
        one for module in (components, search_components, dataset_keys, mask_dataset) for one in vars(module).values()
    ]
    found = (value for value in values if isinstance(value, type) and issubclass(value, Component))
    return {cls.__name__.lower(): cls for cls in found if "package" in vars(cls)}


def classes(kind: str) -> dict[str, type[Component]]:
    """The settings of all components of a kind, by the component's name; with the own ones that have a plain name.

    Raises:
        InputError: as `built_in`, or of an own one, as `find`.
    """
    named = {one.function: OWN.of(one, kinds()[kind]) for one in _plainly_named.get(kind, ())}
    return built_in(kind) | named if named else built_in(kind)


def name_plainly(kind: str, names: Iterable[str]) -> None:
    """Let own components be found under the names of their functions as well, these and no others.

    Raises:
        InputError: two have the same name, or a built-in one has it, or there is no such component.
    """
    found: dict[str, OwnName] = {}
    for own in map(own_name, names):
        find(kind, str(own))
        if own.function in found or own.function in built_in(kind):
            other = found.get(own.function) or f"built-in {kind}"
            raise InputError(f"{own}: the {other} has the same name, {own.function!r}. Rename the function.")
        found[own.function] = own
    _plainly_named[kind] = tuple(found.values())


@cache
def built_in(kind: str) -> dict[str, type[Component]]:
    """The settings of the components of a kind in this package, by the component's name.

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


def find(kind: str, name: str) -> type[Component]:
    """The settings of a component, built-in or own, by its name.

    Args:
        kind: of the component, as in `kinds`.
        name: its name, of an own one relative to the working folder: `my/tiny_unet.py:build`.

    Raises:
        InputError: there is no such component; or of an own one, as `segsweep.own_code.components.class_of`.
    """
    if own := own_name(name):
        if not _own_base(kind).provides:
            raise InputError(f"{name}: a {kind} cannot be of your own. {nearest(name, classes(kind))}")
        return OWN.of(own, kinds()[kind])
    known = classes(kind)
    if name not in known:
        raise InputError(
            f"there is no {kind} {name!r}. {nearest(name, known)} Or a file of your own: `my/file.py:name`."
        )
    return known[name]


def _own_base(kind: str) -> type[Component]:
    """What own components of a kind derive from."""
    return kinds()[kind].own_base or kinds()[kind]


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


def load(component: Component | type[Component]) -> Any:
    """The module of a component, imported with all that it needs; of an own one its functions, by their usual names."""
    cls = component if isinstance(component, type) else type(component)
    return own_functions(cls) if cls.own else import_module(module_name(cls))


def default(kind: str) -> Component:
    """The settings of the component that is meant where none is named."""
    return classes(kind)[kinds()[kind].default]()


@cache
def union(kind: str) -> Any:
    """The type of a key that holds a component of a kind, for a class of settings.

    The discriminator tells which one, an own one by its path; where it is missing, the default of the kind. Keys that
    the component does not have, but another one of the kind does, are not in force and left out: a study may vary the
    component itself.
    """
    members = list(dict.fromkeys(classes(kind).values()))
    one_of = reduce(operator.or_, members)
    if len(members) > 1:
        one_of = Annotated[one_of, Field(discriminator=kinds()[kind].discriminator)]
    one_of = Annotated[one_of, BeforeValidator(_in_force(kind)), SerializeAsAny(), WrapValidator(_or_own(kind))]
    if kinds()[kind].default is None:
        return Annotated[one_of, _OrOwnSchema(kinds()[kind])] if _own_base(kind).provides else one_of
    return Annotated[one_of, _OneSchema(kinds()[kind])]


OWN_SCHEMA = {"type": "string", "pattern": r"\.py:\w+$"}


@dataclass(frozen=True)
class _OrOwnSchema:
    """The JSON schema of a union, or of an own component, of which its file alone says which keys it has."""

    base: type[Component]

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        tag = self.base.discriminator
        return {"anyOf": [handler(schema), {"type": "object", "properties": {tag: OWN_SCHEMA}, "required": [tag]}]}


@dataclass(frozen=True)
class _OneSchema:
    """The JSON schema of a union with a default: a file may leave out the name, and hold keys that are not in force.

    Which keys an own component has, its file alone says.
    """

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
        tag, own = self.base.discriminator, OWN_SCHEMA
        named = {"description": field.description, "default": self.base.default, "anyOf": [{"enum": names}, own]}
        return {
            "type": "object",
            "description": (self.base.__doc__ or "").partition("\n")[0],
            "properties": properties | {tag: named},
            "if": {"properties": {tag: own}, "required": [tag]},
            "else": {"propertyNames": {"enum": sorted(properties)}},
        }


def own_component(kind: str, name: str) -> Any:
    """The type of a key that holds an own component of a kind, always of the same name."""
    return Annotated[_own_base(kind), SerializeAsAny(), WrapValidator(lambda value, _: _own(kind, name, value, set()))]


def _or_own(kind: str) -> Callable[[Any, Callable[[Any], Any]], Any]:
    """Validates own components; built-in ones by what it wraps."""
    tag = kinds()[kind].discriminator

    def validate(value: Any, built_in: Callable[[Any], Any]) -> Any:
        if isinstance(value, Component) and value.own:
            return value
        name = value.get(tag) if isinstance(value, dict) else None
        if own_name(name):
            return _own(kind, name, value, _all_keys(kind))
        if isinstance(name, str) and ".py" in name:
            raise ValueError(
                f"{name!r} is no name of your own code. Write the path of the file, without spaces, a colon, and the "
                "function or class in it: `my/file.py:name`."
            )
        return built_in(value)

    return validate


def _own(kind: str, name: str, value: Any, of_others: Set[str]) -> Component:
    if isinstance(value, Component):
        return value
    try:
        cls = find(kind, name)
    except InputError as error:
        raise ValueError("; ".join(error.problems)) from error
    return validated(cls, value, of_others)


def _all_keys(kind: str) -> frozenset[str]:
    """The keys of all components of a kind, own ones included that were asked for."""
    return _built_in_keys(kind) | OWN.keys(kinds()[kind])


@cache
def _built_in_keys(kind: str) -> frozenset[str]:
    return frozenset(key for cls in built_in(kind).values() for key in cls.model_fields)


def _in_force(kind: str) -> Callable[[Any], Any]:
    base, found = kinds()[kind], classes(kind)

    def leave_out(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if base.default is not None:
            value = {base.discriminator: base.default} | value
        name = value.get(base.discriminator)
        cls = found.get(name) if isinstance(name, str) else None
        if cls is None:
            return value
        keys, fields = _all_keys(kind), cls.model_fields
        return {name: one for name, one in value.items() if name in fields or name not in keys}

    return leave_out
