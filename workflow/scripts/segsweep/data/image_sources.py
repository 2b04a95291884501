"""Files that tell of many images, or of a split's: which of them the names of a data set's splits mean."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from segsweep.config.dataset_keys import Dataset
from segsweep.config.split_keys import POOL, folder_of
from segsweep.data.name_lists import names_by_split
from segsweep.errors import InputError

MISSING: list[Path | str] = ["missing"]  # the files of an image that its source does not know


@dataclass(frozen=True)
class Source:
    """What tells of images: COCO's JSON, the shards of a split.

    Attributes:
        path: its own, for problems.
        images: what it says of each image, by name.
    """

    path: Path
    images: dict[str, Any]


S = TypeVar("S", bound=Source)


def names_with_sources(
    dataset: Dataset, root: Path, source_of: Callable[[str], S]
) -> dict[str, list[tuple[str, str, S]]]:
    """Name, location and source of each image of each split; a list may name images that the source does not know.

    Args:
        dataset: the data set.
        root: its folder.
        source_of: of what is filled in for {split}, or of "", where its images are told of.

    Raises:
        InputError: as `names_by_split`; and all that is wrong with the sources themselves.
    """
    opened = cache(source_of)

    def every(folder: str) -> list[tuple[str, str]]:
        source = opened(folder)
        return [(name, str(source.path)) for name in source.images]

    found: dict[str, list[tuple[str, str, S]]] = {}
    problems: dict[str, None] = {}
    for split, names in names_by_split(dataset, root, every=every).items():
        try:
            source = opened("" if split == POOL else folder_of(dataset.splits, split))
        except InputError as error:
            problems |= dict.fromkeys(error.problems)
            continue
        found[split] = [(name, location, source) for name, location in names]
    if problems:
        raise InputError(*problems)
    return found


def no_such_image(name: str, location: str, source: Source) -> NoReturn:
    """Called in place of an image that a list or table names, but its source does not.

    Raises:
        InputError: that says so.
    """
    example = next(iter(source.images), "")
    raise InputError(
        f"{location}: {name!r} is none of the {len(source.images):,} images of {source.path}; names there are like "
        f"{example!r}. Correct the name, or take it out."
    )
