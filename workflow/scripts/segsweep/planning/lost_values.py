"""Values that a study sets and that are not in force in one of its cells, although none of the cell's keys says so."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from segsweep.config.dotted_keys import ABSENT, keys_of, outer_and_last, value_in
from segsweep.config.merging import decides, leaves, section
from segsweep.config.settings import Settings
from segsweep.formatting import plural, value_in_words
from segsweep.planning.cell_settings import CellSettings


@dataclass(frozen=True)
class LostValue:
    """One of them.

    Attributes:
        key: its dotted key.
        value: in words.
        origin: `train` or `parameters`, or the key of the cell that holds it, with its level.
        by: the key of the cell that takes it out of force, with its level; empty where none does.
        why: and what to do.
        is_level: whether the value is a level of an axis of its own: momentum, where the optimizer is Adam.
    """

    key: str
    value: str
    origin: str
    by: str
    why: str
    is_level: bool = False


def lost_values(
    start: CellSettings, name: str, written: Iterable[tuple[str, Any, Any]], changes: dict[str, Any], after: Any
) -> tuple[LostValue, ...]:
    """The lost values of a section of a setting.

    Args:
        start: what cells start from.
        name: of the section.
        written: `written_values` of the section.
        changes: what a cell changes in it, by dotted key.
        after: dump of the section of the cell.
    """
    after, found, kind = {name: after}, [], start.kind
    for key, value, was in written:
        if was == value_in(after, key) or any(decides(kind, one, level, key) for one, level in changes.items()):
            continue
        found.append(LostValue(key, value_in_words(value), start.origin, *_reason(kind, key, changes, after)))
    for origin, level in changes.items():
        for key, value in leaves(section([kind], origin), level, origin):
            is_now = value_in(after, key)
            if is_now == value:
                continue
            inner = {one: other for one, other in changes.items() if len(keys_of(one)) > len(keys_of(origin))}
            by = next((one for one, other in inner.items() if decides(kind, one, other, key)), None)
            if by is not None:
                reason = _words(by, changes[by]), "the more specific of two keys counts. Write it in one place."
            elif is_now is ABSENT:
                reason = (*_reason(kind, key, changes, after), key == origin)
            else:
                continue
            found.append(LostValue(key, value_in_words(value), _words(origin, level), *reason))
    return tuple(found)


def written_values(start: CellSettings, name: str, dump: Any) -> list[tuple[str, Any, Any]]:
    """(dotted key, value, value with which it is in force) of what cells start from in a section.

    Args:
        start: what cells start from.
        name: of the section.
        dump: of the section as the study has it.
    """
    written = leaves(section([start.kind], name), start.base[name], name) if name in start.base else ()
    found = [(key, value, value_in({name: dump}, key)) for key, value in written]
    return [one for one in found if one[2] is not ABSENT]


def unused_values(start: CellSettings, dumps: Iterable[dict[str, Any]], before: dict[str, Any]) -> list[LostValue]:
    """What cells start from and no cell has, as its component has no such key.

    Args:
        start: what cells start from.
        dumps: the settings of all cells.
        before: what cells start from, with every key filled in.
    """
    missing = {key: value for key, value in leaves([start.kind], start.base) if value_in(before, key) is ABSENT}
    for dump in dumps:
        if not missing:
            break
        missing = {key: value for key, value in missing.items() if value_in(dump, key) is ABSENT}
    return [
        LostValue(key, value_in_words(value), start.origin, *_reason(start.kind, key, {}, before))
        for key, value in missing.items()
    ]


def _reason(kind: type[Settings], key: str, changes: dict[str, Any], after: dict[str, Any]) -> tuple[str, str]:
    """(what takes a key out of force, why and what to do)."""
    outer, last = outer_and_last(key)
    if value_in(after, key) is ABSENT:
        tag_key = _tag_key(kind, outer)
        component = value_in(after, tag_key)
        by = next((one for one, level in changes.items() if decides(kind, one, level, tag_key)), None)
        why = f"{component} has no {last}. Leave it out, or set what {component} has instead."
    else:
        by = max((one for one in changes if key.startswith(one + ".")), key=len, default=None)
        why = f"a sum of losses is replaced as a whole. Write it there as well, or change `{outer}` instead of the sum."
    return (_words(by, changes[by]) if by else "", why)


def _tag_key(kind: type[Settings], inside: str) -> str:
    """The key that names the component that a section is, or lies in."""
    parts = keys_of(inside)
    prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    found = ((prefix, getattr(cls, "discriminator", None)) for prefix in prefixes for cls in section([kind], prefix))
    return next(f"{prefix}.{tag}" for prefix, tag in found if tag)


def _words(key: str, level: Any) -> str:
    return f"{key}={value_in_words(level)}"


def announced(lost: Iterable[tuple[str, Iterable[LostValue]]]) -> Iterator[str]:
    """A sentence for each, with the cells that it concerns.

    Args:
        lost: (cell in words, its lost values).
    """
    cells: dict[LostValue, list[str]] = {}
    for label, values in lost:
        for one in values:
            cells.setdefault(one, []).append(label)
    for one, labels in cells.items():
        where = f" with {one.by}" if one.by not in ("", one.origin) else ""
        which = labels[0] if len(set(labels)) == 1 else plural(len(labels), "cell")
        yield f"{one.key}: {one.value} of {one.origin} is not in force{where} ({which}): {one.why}"
