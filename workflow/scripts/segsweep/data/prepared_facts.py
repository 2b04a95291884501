"""What a model must know of the data that it was trained on, without the images and masks themselves."""

from collections.abc import Sequence
from pathlib import Path

from segsweep.data.prepared import MANIFEST, Prepared, read_manifest
from segsweep.data.prepared_checks import check_prepared


def open_without_images(folder: Path, classes: Sequence[str]) -> Prepared:
    """A prepared folder of which only the manifest is read, and need be there: it has no splits.

    Args:
        folder: as `prepare` made it.
        classes: names of the classes (`data.classes.class_names`).

    Raises:
        InputError: the manifest is damaged, missing, unreadable or of another format, or has another number of classes.
    """
    check_prepared(folder, [MANIFEST])
    return Prepared.of_manifest(folder, read_manifest(folder), {}, classes)


def largest_trained(folder: Path) -> tuple[int, int] | None:
    """Greatest height and greatest width of the training images as they were prepared; None where nobody noted them.

    Raises:
        InputError: the manifest cannot be read.
    """
    largest = read_manifest(folder)["splits"]["train"].get("largest")
    return tuple(largest) if largest else None
