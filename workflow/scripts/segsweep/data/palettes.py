"""Palettes: what stands in mask files for a class, where it is not the class's number."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from segsweep.config.mask_dataset import COLOR, VOID_NAME, meanings
from segsweep.config.yaml_documents import nearest
from segsweep.data.void import VOID
from segsweep.errors import InputError


@dataclass(frozen=True)
class Palette:
    """What the values or colors of a mask mean.

    Attributes:
        ranges: first and last value, and index of the class (255 for void), in the order of the data set's file. A
            color is the number that `color_number` makes of it.
        colors: whether the values are colors. A gray value is the color of three equal parts then.
    """

    ranges: tuple[tuple[int, int, int], ...]
    colors: bool = False


def color_number(red: Any, green: Any, blue: Any) -> Any:
    """A color as one number. Of whole numbers, or of arrays of int32."""
    return red << 16 | green << 8 | blue


def color_of(number: int) -> list[int]:
    """The inverse of `color_number`."""
    return [number >> 16, number >> 8 & 255, number & 255]


def palette_of(where: str, names: list[str], entries: Mapping[str, Any]) -> Palette:
    """A palette by the indices of the classes.

    Args:
        where: the data set, for problems.
        names: of the classes, by index.
        entries: the key `palette` of the data set's file.

    Raises:
        InputError: names that are no classes, classes without an entry, or what stands for two classes.
    """
    problems = [
        f"{where}: `palette` names {name!r}, which is no class. {nearest(name, [*names, VOID_NAME])}"
        for name in entries
        if name not in names and name != VOID_NAME
    ]
    problems += [
        f"{where}: `palette` does not say what stands for the class {name!r}. Add it, or take it out of `classes`."
        for name in names
        if name not in entries
    ]
    if VOID_NAME in names:
        problems.append(f"{where}: in `palette`, {VOID_NAME} is what counts nowhere. Give the class another name.")
    if problems:
        raise InputError(*problems)
    index = {name: position for position, name in enumerate(names)} | {VOID_NAME: VOID}
    found = [(meaning, name) for name, entry in entries.items() for meaning in meanings(name, entry)]
    colors = any(len(meaning) == COLOR for meaning, _ in found)
    if colors and (grays := [(meaning, name) for meaning, name in found if not _is_color(meaning)]):
        raise InputError(
            *(
                f"{where}: `palette` has colors, and for {name!r} the values {first} to {last}. Beside colors only "
                "single values of 0 to 255 may stand, for grays; write colors."
                for (first, last), name in grays
            )
        )
    ranges = tuple((*_numbers(meaning, colors), index[name]) for meaning, name in found)
    name_of = {position: name for name, position in index.items()}
    for (_, last, one), (first, _, other) in pairwise(sorted(ranges)):
        if first <= last:
            both = " and ".join(repr(name) for name in dict.fromkeys((name_of[one], name_of[other])))
            shown = color_of(first) if colors else first
            problems.append(f"{where}: `palette` names {shown} twice, for {both}. Take it out of one.")
    if problems:
        raise InputError(*problems)
    return Palette(ranges, colors)


def palette_in_words(entries: Mapping[str, Any]) -> str:
    """A palette as a person writes it, for problems."""
    return ", ".join(f"{name}: {_written(entry)}" for name, entry in entries.items())


def _written(entry: Any) -> str:
    return "[" + ", ".join(map(_written, entry)) + "]" if isinstance(entry, list) else str(entry)


def _is_color(meaning: tuple[int, ...]) -> bool:
    """Whether it is a color, or the value of a gray."""
    return len(meaning) == COLOR or (meaning[0] == meaning[1] and 0 <= meaning[0] <= 255)


def _numbers(meaning: tuple[int, ...], colors: bool) -> tuple[int, int]:
    """First and last value as they are looked up."""
    if not colors:
        return meaning
    number = color_number(*(meaning if len(meaning) == COLOR else meaning[:1] * COLOR))
    return number, number
