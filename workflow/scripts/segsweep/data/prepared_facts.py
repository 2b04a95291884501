"""What a model must know of the data that it was trained on, without the images and masks themselves."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from segsweep.data.prepared import MANIFEST, Prepared, read_manifest
from segsweep.data.prepared_checks import check_prepared
from segsweep.errors import InputError


def open_without_images(folder: Path, classes: Sequence[str]) -> Prepared:
    """A prepared folder of which only the manifest is read, and need be there: it has no splits.

    Args:
        folder: as `prepare` made it.
        classes: names of the classes (`data.classes.class_names`).

    Raises:
        InputError: the manifest is damaged, missing, unreadable or of another format, or has another number of classes.
    """
    check_prepared(folder, [MANIFEST])
    manifest = read_manifest(folder)
    if len(classes) != manifest["num_classes"]:
        raise InputError(
            f"{folder}: prepared for {manifest['num_classes']} classes, but {len(classes)} are named: "
            f"{', '.join(classes)}. Delete {folder}; it is then prepared again."
        )
    statistics, scale = manifest["statistics"], manifest.get("scale", 255.0)
    channels = manifest.get("channels", 3)
    return Prepared(
        folder=folder,
        dataset=manifest["dataset"],
        task=manifest["task"],
        classes=list(classes),
        splits={},
        channels=channels,
        dtype=manifest.get("dtype", "uint8"),
        scale=scale,
        bounds=np.broadcast_to(np.reshape(manifest.get("bounds", (0.0, scale)), (2, -1)), (2, channels)),
        mean=np.array(statistics["mean"]),
        std=np.array(statistics["std"]),
        pixel_counts=np.array(statistics["pixel_counts"], np.int64),
        fingerprint=manifest["fingerprint"],
        warnings=manifest["warnings"],
    )


def largest_trained(folder: Path) -> tuple[int, int] | None:
    """Greatest height and greatest width of the training images as they were prepared; None where nobody noted them.

    Raises:
        InputError: the manifest cannot be read.
    """
    largest = read_manifest(folder)["splits"]["train"].get("largest")
    return tuple(largest) if largest else None
