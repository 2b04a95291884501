"""What all settings share: documented keys, unknown keys refused, values that cannot change."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """A section of a YAML file.

    Attributes:
        revision: raised by whoever changes what the class means, or one of its defaults: it then enters the addresses
            of all that it is in force for. A new key at a default under which nothing changes needs no new revision.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    revision: ClassVar[int] = 1


class Component(Settings):
    """The settings and the facts of a component."""


def key(
    default: Any = ...,
    description: str = "",
    *,
    unit: str | None = None,
    outcome: bool = True,
    tasks: tuple[str, ...] | None = None,
    **bounds,
) -> Any:
    """A key of a settings class.

    `outcome=False` marks a key that cannot change what a training yields (workers, notes), `tasks` one that is read
    for these tasks only: it is no part of an address, or of no other's. `bounds` are pydantic's own (`ge`, `gt`, `le`,
    `lt`, `min_length`).
    """
    extra = {"outcome": outcome} | ({"unit": unit} if unit else {}) | ({"tasks": tasks} if tasks else {})
    if isinstance(default, list | dict):
        return Field(default_factory=default.copy, description=description, json_schema_extra=extra, **bounds)
    return Field(default, description=description, json_schema_extra=extra, **bounds)
