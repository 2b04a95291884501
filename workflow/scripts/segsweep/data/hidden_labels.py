"""Splits whose ground truth is hidden, as that of a benchmark's test images is: they are predicted, never scored."""

from collections.abc import Sequence
from pathlib import Path

from segsweep.config.split_keys import POOL, TRAIN, VAL
from segsweep.data.raw_item import Item

LABELED = (TRAIN, VAL, POOL)  # without ground truth there is nothing to learn, and nothing to choose an epoch by


def unlabeled_splits(items: dict[str, list[Item]]) -> set[str]:
    """Splits of which no item has any ground truth."""
    return {
        split
        for split, members in items.items()
        if split not in LABELED and members and not any(map(_is_labeled, members))
    }


def is_unlabeled(split: str, listing: Sequence[tuple[str, Sequence[Path | str]]]) -> bool:
    """The same, of the files that a reader names (`segsweep.data.readers.files`): none with ground truth is there."""
    labels = [path for _, (_, *paths) in listing for path in paths]
    return split not in LABELED and not any(isinstance(one, str) or one.exists() for one in labels)


def _is_labeled(item: Item) -> bool:
    sources = [*(item.mask if isinstance(item.mask, list) else [item.mask]), item.labels_file]
    in_memory = any(one is not None and not isinstance(one, Path) for one in sources)
    drawn = callable(item.boxes) or len(item.boxes) or len(item.polygons)
    return bool(in_memory or drawn or any(isinstance(one, Path) and one.exists() for one in sources))
