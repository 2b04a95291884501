"""Data sets whose masks are images: what stands in the files for a class."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import StrictInt, field_validator, model_validator

from segsweep.config.dataset_keys import BY_LABEL, Dataset
from segsweep.config.settings import key

VOID_NAME = "void"
RANGE = re.compile(r"\s*(-?\d+)\s*(?:-\s*(-?\d+)\s*)?")
COLOR = 3  # numbers: red, green, blue
FORMS = "a value (7), a range (1-65535), several (7, 9-12, in quotes), a color ([128, 64, 128]), or a list of such"

Color = tuple[int, int, int]


class MaskDataset(Dataset):
    """A data set whose masks are images. These are the keys of all its readers; each reader adds its own."""

    palette: dict[str, StrictInt | str | list[StrictInt | str | list[StrictInt]]] | None = key(
        None,
        f"Class, or {VOID_NAME}: what stands for it in the masks: {FORMS}. Without it the numbers of classes and void.",
        outcome=False,  # by name; what it means of the classes' indices enters addresses, see `meaning_of`
    )

    @property
    def classes_with_files(self) -> tuple[str, ...]:
        """Classes with a mask of their own, where each has one."""
        return ()

    @model_validator(mode="before")
    @classmethod
    def _palette_names_classes(cls, values: Any) -> Any:
        if (
            isinstance(values, dict)
            and isinstance(palette := values.get("palette"), dict)
            and not values.get("classes")
        ):
            return values | {"classes": dict(enumerate(name for name in palette if name != VOID_NAME))}
        return values

    @field_validator("palette", mode="before")
    @classmethod
    def _is_written_well(cls, palette: Any) -> Any:
        if palette is None:
            return None
        if not isinstance(palette, dict) or not palette:
            raise ValueError(f"found {palette!r}; write {{CLASS: {FORMS}}}")
        for name, entry in palette.items():
            if not isinstance(name, str):
                raise ValueError(
                    f"found {name!r}: {entry!r}; the name of a class comes first: {{road: 7}}. Turn it round"
                )
            list(meanings(name, entry))
        return palette

    @model_validator(mode="after")
    def _palette_fits(self):
        if self.palette is None:
            return self
        if self.task in BY_LABEL:
            raise ValueError("palette is for masks with one class a pixel, but the task is multilabel. Leave it out")
        if self.classes_with_files:
            raise ValueError("with a file for each class there is nothing for palette to say. Leave it out")
        if self.void:
            raise ValueError(f"with a palette, write what is void into it: {VOID_NAME}: {self.void}. Leave out `void`")
        return self


Dataset.own_base = MaskDataset


def meanings(name: str, entry: Any) -> Iterator[tuple[int, int] | Color]:
    """What an entry of a palette names: the first and last value of each range, and colors.

    Raises:
        ValueError: what it cannot name.
    """
    if isinstance(entry, list) and len(entry) == COLOR and all(type(value) is int for value in entry):
        if not all(0 <= value <= 255 for value in entry):
            raise ValueError(f"{name}: {entry} is no color: red, green and blue are 0 to 255 each. Correct it")
        yield tuple(entry)
    elif isinstance(entry, list) and entry:
        for one in entry:
            yield from meanings(name, one)
    elif type(entry) is int:
        yield entry, entry
    elif isinstance(entry, str) and all(found := [RANGE.fullmatch(part) for part in entry.split(",")]):
        for match in found:
            first, last = int(match[1]), int(match[2] or match[1])
            if first > last:
                raise ValueError(f"{name}: {match[0].strip()} ends before it begins. Write {last}-{first}")
            yield first, last
    else:
        raise ValueError(f"{name}: found {entry!r}; write {FORMS}")
