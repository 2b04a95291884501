"""What the images of a data set are, as far as planning can tell: it reads one header, and decodes nothing."""

from pathlib import Path

from segsweep.config.dataset_keys import Dataset
from segsweep.config.split_keys import POOL, TRAIN, VAL
from segsweep.data.image_files import pixel_format
from segsweep.data.image_files.image_file import Reading
from segsweep.data.image_kinds import RGB, kept_channels
from segsweep.data.readers import files


def image_kind(dataset: Dataset, root: Path) -> tuple[int | None, str | None]:
    """Channels and dtype that the images of a data set are prepared with, by the header of the first training image.

    None where it cannot tell: preparation says what is wrong with the image, and knows the kind of all.
    """
    if dataset.drawn_by is not None:
        return RGB, "uint8"
    try:
        listing = files(dataset, root)
        _, (first, *_) = (listing.get(TRAIN) or listing[POOL])[0]
        if not isinstance(first, Path):
            return dataset.channels, None
        bands, dtype = pixel_format(first, Reading.of(dataset))
    except Exception:  # of any reader or decoder: lists or files are missing or broken
        return dataset.channels, None
    return dataset.channels or kept_channels(bands, dtype), dtype


def image_counts(dataset: Dataset, root: Path) -> dict[str, int]:
    """How many images each split of a data set has, as far as planning can tell: it opens none of them.

    All are in one split, `all`, where splits are drawn later. Empty where it cannot tell: lists are missing, or what
    stands in them may be several images.
    """
    if dataset.cuts_files or dataset.own is not None:
        return {}
    if dataset.drawn_by is not None:
        return {TRAIN: dataset.demo.train, VAL: dataset.demo.val}
    try:
        listing = files(dataset, root)
    except Exception:  # of any reader: preparation says what is wrong
        return {}
    return {split: len(items) for split, items in listing.items()}
