"""What all settings share: documented keys, unknown keys refused, values that cannot change."""

from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Settings(BaseModel):
    """A section of a YAML file.

    Attributes:
        revision: raised by whoever changes what the class means, or one of its defaults: it then enters the addresses
            of all that it is in force for. A new key at a default under which nothing changes needs no new revision.
            A key has a `revision` of its own (see `key`), for a change of what its other values mean; where it depends
            on several keys, that of the class is a property.
        unknown_keys: a remedy for a key that the class does not have, besides the nearest one.
        whole: whether an override replaces the section as a whole; else it changes the keys that it has, and the others
            stay (`segsweep.config.merging`).
        of_own_keys: class of sections under keys that are no fields, by names of own code; None where there are none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    revision: ClassVar[int] = 1
    whole: ClassVar[bool] = False
    unknown_keys: ClassVar[str] = ""
    of_own_keys: ClassVar[Any] = None

    @model_validator(mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any) -> Any:
        """Refuse `lr: true`, which Python would take for 1."""
        for name, given in value.items() if isinstance(value, dict) else ():
            items = given if isinstance(given, list) else [given]
            if any(item is True or item is False for item in items) and name in _numbers(cls):
                raise ValueError(f"{name}: {str(given).lower()} is no number. Write the number that is meant")
        return value

    @classmethod
    def spelled_out(cls, value: Any) -> Any:
        """A short form of the section as the mapping that it stands for; anything else as it is."""
        return value


class Component(Settings):
    """The settings of a component, and its facts as class variables.

    A kind of component is a subclass of this class in `segsweep.config.components` that says in which folder of the
    package its components lie. See `segsweep.registry`, which finds them.

    Attributes:
        package: folder of the package that holds the components of a kind, one file each.
        discriminator: key that names the component; without one, the file's name does.
        default: name of the component that is meant where none is named.
        functions: functions that its module has to have for its kind.
        provides: what the first of these is given, in order, beside the settings.
        gives_settings: whether the settings are given to it as well, in front; else they are facts alone.
        own_base: class that own components of the kind derive from; None for that of the kind.
        own: of a component in a person's own file, where it lies (`segsweep.own_code.components`).
        title: name in reports.
    """

    package: ClassVar[str]
    discriminator: ClassVar[str | None] = None
    default: ClassVar[str | None] = None
    functions: ClassVar[tuple[str, ...]] = ("build",)
    provides: ClassVar[tuple[str, ...]] = ()
    gives_settings: ClassVar[bool] = True
    own_base: ClassVar[Any] = None
    own: ClassVar[Any] = None
    title: ClassVar[str]

    @classmethod
    def result_of(cls, result: Any) -> Any:
        """What a function of own code gives, as those of built-in components give it."""
        return result

    @model_validator(mode="before")
    @classmethod
    def _accept_imported_class(cls, value: Any) -> Any:
        """Accept what the component's own module makes: it defines the class a second time."""
        if isinstance(value, Component) and not isinstance(value, cls) and _location(type(value)) == _location(cls):
            return value.model_dump()
        return value


@cache
def _numbers(cls: type[BaseModel]) -> frozenset[str]:
    """The keys of a class that take a number, or a list of them, and nothing that could be true or false."""
    fields = ((name, _leaves(field.annotation)) for name, field in cls.model_fields.items())
    return frozenset(name for name, kinds in fields if kinds & {int, float} and not any(map(_may_be_true, kinds)))


def _may_be_true(kind: Any) -> bool:
    return kind in (bool, Any) or isinstance(kind, bool)


def _leaves(annotation: Any) -> set[Any]:
    parts = getattr(annotation, "__args__", ())
    return set().union(*map(_leaves, parts)) if parts else {annotation}


def _location(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def key(
    default: Any = ...,
    description: str = "",
    *,
    unit: str | None = None,
    outcome: bool = True,
    tasks: tuple[str, ...] | None = None,
    revision: int = 1,
    **bounds,
) -> Any:
    """A key of a settings class.

    `outcome=False` marks a key that cannot change what a training yields (workers, notes), `tasks` one that is read
    for these tasks only: it is no part of an address, or of no other's. `revision` is raised by whoever changes what
    the values of a plain key mean, its default aside: it enters the addresses where the key is not at its default.
    `bounds` are pydantic's own (`ge`, `gt`, `le`, `lt`, `min_length`), and `title`: what reports call it.
    """
    extra = {"outcome": outcome} | ({"unit": unit} if unit else {}) | ({"tasks": tasks} if tasks else {})
    if revision > 1:
        extra |= {"revision": revision}
    if isinstance(default, list | dict):
        return Field(default_factory=default.copy, description=description, json_schema_extra=extra, **bounds)
    return Field(default, description=description, json_schema_extra=extra, **bounds)
