"""How the level that a cell has of an axis is written: in labels, tables and claims."""

import json
from contextlib import suppress
from typing import Any

from segsweep.config.dotted_keys import ABSENT, lookup, value_in
from segsweep.config.merging import leaves, section
from segsweep.errors import InputError
from segsweep.planning.overrides import Resolved, Resolver


class Levels:
    """Levels as a study writes them. Of a section, a cell that leaves it as in `train` has the level that means that.

    Args:
        resolver: of the study's cells.
    """

    def __init__(self, resolver: Resolver):
        self.resolver = resolver
        self._spellings: dict[tuple[str, str], Any] = {}

    def learn(self, changes: dict[str, Any], location) -> None:
        """Take in how a cell's sections are written."""
        for axis, level in changes.items():
            if isinstance(level, dict):
                with suppress(InputError):  # whoever makes the cell is told
                    meaning = value_in(self.resolver.lay_over(_outside(changes, axis), location).dump, axis)
                    if meaning is not ABSENT:
                        self._spellings.setdefault((axis, json.dumps(meaning)), level)

    def of(self, resolved: Resolved, changes: dict[str, Any], axis: str, location) -> Any:
        """The level as a person wrote it, else as it was filled in; `ABSENT` where the axis does not apply.

        Args:
            resolved: setting of the cell.
            changes: what the cell changes, by dotted key.
            axis: dotted key of the axis.
            location: says where a key stands.
        """
        filled_in = value_in(resolved.dump, axis)
        if filled_in is ABSENT:
            return ABSENT
        if isinstance(filled_in, dict) and axis not in changes and _outside(changes, axis) != changes:
            return self._around(filled_in, changes, axis, location)
        written = changes[axis] if axis in changes else self._left(resolved, axis)
        if isinstance(filled_in, dict):
            # Of a section that nobody wrote, without the losses that it does not have.
            return {key: one for key, one in filled_in.items() if one is not None} if written is None else written
        is_number = isinstance(written, int | float) or (isinstance(written, dict) and "linear_in" in written)
        return filled_in if filled_in is None or written is None or is_number else written

    def _left(self, resolved: Resolved, axis: str) -> Any:
        """What stands at an axis that the cell leaves as it is in `train`."""
        written = lookup(resolved.raw, axis)
        if not isinstance(written, dict):
            return written
        return self._spellings.get((axis, json.dumps(value_in(resolved.dump, axis))), written)

    def _around(self, filled_in: dict[str, Any], changes: dict[str, Any], axis: str, location) -> Any:
        """The level of a section of which the cell sets keys: one that these keys leave in force, else `ABSENT`."""
        same = self._spellings.get((axis, json.dumps(filled_in)))
        if same is not None:
            return same
        for level in [level for (of, _), level in self._spellings.items() if of == axis]:
            with suppress(InputError):  # not a level of this cell
                alone = self.resolver.lay_over(_outside(changes, axis) | {axis: level}, location).dump
                beside = self.resolver.lay_over(changes | {axis: level}, location).dump
                written = [f"{axis}.{key}" for key, _ in leaves(section([self.resolver.kind], axis), level)]
                holds = all(value_in(alone, key) == value_in(beside, key) for key in written)
                if holds and value_in(beside, axis) == filled_in:
                    return level
        return ABSENT


def _outside(changes: dict[str, Any], axis: str) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if not key.startswith(axis + ".")}
