"""What all settings share: documented keys, unknown keys refused, values that cannot change."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """A section of a YAML file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def key(default: Any = ..., description: str = "", *, unit: str | None = None, outcome: bool = True, **bounds) -> Any:
    """A key of a settings class.

    `outcome=False` marks a key that cannot change what a training yields (workers, notes): it is
    no part of a segment's address. `bounds` are pydantic's own (`ge`, `gt`, `le`, `lt`, `min_length`).
    """
    extra = {"outcome": outcome} | ({"unit": unit} if unit else {})
    if isinstance(default, list | dict):
        return Field(default_factory=default.copy, description=description, json_schema_extra=extra, **bounds)
    return Field(default, description=description, json_schema_extra=extra, **bounds)
