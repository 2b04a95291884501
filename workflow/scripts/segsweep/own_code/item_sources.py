"""What an item that own code reads comes from, for the hash that stands for its content."""

import hashlib
from pathlib import Path
from typing import Any

from segsweep.data.raw_item import Item
from segsweep.errors import InputError

ANNOTATED = ("boxes", "labels", "polygons", "ignored", "group")


def sources_of(item: Item) -> list[Path | str]:
    """The files of an item, image first, and texts that stand for what is in memory already.

    Raises:
        InputError: its image or mask is called for, so that nothing stands for its content.
    """
    masks = item.mask if isinstance(item.mask, list) else [item.mask]
    sources = [_source(item, one) for one in (item.image, *masks, item.labels_file) if one is not None]
    written = [f"{name} {_text(value)}" for name in ANNOTATED if (value := getattr(item, name)) is not None]
    return [*dict.fromkeys(sources), "\n".join(written)]


def _source(item: Item, value: Any) -> Path | str:
    if isinstance(value, str | Path):
        return Path(value)
    if callable(value):
        raise InputError(
            f"{item.location or item.name}: the image or mask is called for, so that no file stands for its content. "
            "Give paths or arrays; or a class of settings for the reader, and a function files(dataset, root)."
        )
    return _text(value)


def _text(value: Any) -> str:
    """Numbers as a text: an array by its hash."""
    if hasattr(value, "tobytes"):
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    return str([_text(one) for one in value]) if isinstance(value, list | tuple) else repr(value)
