"""Slices of volumes as images: NIfTI, DICOM series, stacks of TIFF pages and arrays, found by patterns.

A list, a folder or a table names volumes, and each slice of a volume is an image: NAME_z012. The slices of a volume
never lie in two splits or folds.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import field_validator, model_validator

from segsweep.config.mask_dataset import MaskDataset
from segsweep.config.name_patterns import checked_pattern
from segsweep.config.settings import key
from segsweep.config.split_keys import TableSplits, check_patterns, folder_of
from segsweep.data.found_names import found_names
from segsweep.data.name_lists import names_by_split
from segsweep.data.raw_item import Item
from segsweep.data.split_tables import groups_of_table
from segsweep.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from segsweep.data.volumes import Volume


class VolumesDataset(MaskDataset):
    """Slices of volumes and of their masks, whose paths follow from a name."""

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass")
    cuts_files: ClassVar[bool] = True

    reader: Literal["volumes"] = key("volumes", "Format of the files.")
    images: str = key(
        "images/{name}.nii.gz",
        "Pattern of the volumes: files, or folders with a DICOM series; {split} and {name} are filled in.",
        outcome=False,
    )
    masks: str = key("masks/{name}.nii.gz", "Pattern of the masks, volumes as well.", outcome=False)
    plane: Literal["axial", "coronal", "sagittal"] = key(
        "axial", "Plane of the slices. Of TIFF pages and arrays, axial slices are the pages: along the first axis."
    )

    @field_validator("images", "masks")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        return checked_pattern(pattern)

    @model_validator(mode="after")
    def _splits_fit(self):
        check_patterns(self.splits, self.images, self.masks)
        return self


def read(dataset: VolumesDataset, root: Path) -> dict[str, list[Item]]:
    """An item for each slice of each volume, in the order of the lists; headers are read, and no voxels."""
    groups = groups_of_table(dataset.splits, root) if isinstance(dataset.splits, TableSplits) else {}
    return {
        split: [
            item
            for name, location in names
            for item in _items(dataset, name, *_paths(dataset, root, split, name), location, groups.get(name, name))
        ]
        for split, names in _names(dataset, root).items()
    }


def files(dataset: VolumesDataset, root: Path) -> dict[str, list[tuple[str, list[Path]]]]:
    """Volume and mask of each name: what they hold says what their slices hold, so that no header is read."""
    return {
        split: [(name, list(_paths(dataset, root, split, name))) for name, _ in names]
        for split, names in _names(dataset, root).items()
    }


def _names(dataset: VolumesDataset, root: Path) -> dict[str, list[tuple[str, str]]]:
    return names_by_split(
        dataset, root, every=lambda folder: found_names(root, dataset.images, folder, folders_too=True)
    )


def _paths(dataset: VolumesDataset, root: Path, split: str, name: str) -> tuple[Path, Path]:
    folder = folder_of(dataset.splits, split)
    image, mask = (root / pattern.format(split=folder, name=name) for pattern in (dataset.images, dataset.masks))
    return image, mask


def _items(dataset: VolumesDataset, name: str, image: Path, mask: Path, location: str, group: str) -> list[Item]:
    """The slices of a volume; one item with all problems where it cannot be cut into slices."""
    from segsweep.data.volumes import PLANES, volume_shape

    named = f" ({location} names it)"
    try:
        shape = volume_shape(image)
        known = mask.exists()
        if known and (other := volume_shape(mask)) != shape:
            sizes = " and ".join("x".join(map(str, reversed(one))) for one in (other, shape))
            raise InputError(
                f"{mask}: its volume and that of {image} have {sizes} voxels. A mask has the voxels of its image: "
                "export it again without resampling."
            )
    except InputError as error:
        problems = [problem + named for problem in error.problems]
        return [Item(name, _unreadable, _unreadable, location=location, problems=problems)]
    count = shape[list(PLANES).index(dataset.plane)]
    digits = max(3, len(str(count - 1)))
    return [
        Item(
            f"{name}_{PLANES[dataset.plane]}{number:0{digits}d}",
            partial(_slice, image, dataset.plane, number),
            partial(_mask_slice, image, mask, dataset.plane, number) if known else None,
            location=f"{image}: {dataset.plane} slice {number}",
            labels_file=mask,
            group=group,
        )
        for number in range(count)
    ]


def _unreadable(*size: int) -> "np.ndarray":
    raise InputError()  # what is wrong is said already


def _slice(path: Path, plane: str, number: int) -> "np.ndarray":
    return _loaded(path, number).slice(plane, number)


def _mask_slice(image: Path, mask: Path, plane: str, number: int, height: int, width: int) -> "np.ndarray":
    import numpy as np

    volume = _loaded(mask, number)
    if number == 0:
        _check_mask(image, mask, volume)
    return np.rint(volume.slice(plane, number)).astype(np.int32)


def _loaded(path: Path, number: int) -> "Volume":
    """A volume; what is wrong with it is a problem of its first slice, and the others have none of their own."""
    from segsweep.data.volumes import load_volume

    try:
        return load_volume(path)
    except InputError:
        if number:
            _unreadable()
        raise


def _check_mask(image: Path, mask: Path, volume: "Volume") -> None:
    """Raises InputError where a mask lies elsewhere than its image, or has other than whole numbers."""
    import numpy as np

    from segsweep.data.volumes import load_volume, same_grid

    if not same_grid(load_volume(image), volume):
        raise InputError(
            f"{mask}: its voxels lie elsewhere than those of {image}, by their headers (origin, spacing or direction). "
            "Resample it to the grid of the image, nearest neighbor."
        )
    parts = int((volume.values != np.rint(volume.values)).sum())
    if parts:
        raise InputError(
            f"{mask}: {parts} voxels are no whole numbers; a mask has the value of a class in each. Threshold it, or "
            "resample it with nearest neighbor."
        )
