"""Images and masks that share a name, found by patterns, with a list of names for each split."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import field_validator, model_validator

from segsweep.config.dataset_keys import BY_LABEL
from segsweep.config.mask_dataset import MaskDataset
from segsweep.config.name_patterns import checked_pattern
from segsweep.config.settings import key
from segsweep.config.split_keys import check_patterns, folder_of
from segsweep.data.found_names import found_names
from segsweep.data.name_lists import names_by_split
from segsweep.data.raw_item import Item


class FolderDataset(MaskDataset):
    """Images and masks whose paths follow from a name."""

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel")

    reader: Literal["folder"] = key("folder", "Format of the files.")
    images: str = key("images/{name}.jpg", "Pattern of the images; {split} and {name} are filled in.", outcome=False)
    masks: str | dict[str, str] = key(
        "masks/{name}.png",
        "Pattern of the masks; of a multilabel task one of .npy files (height, width, labels), or one for each label. "
        "Of classes one for each of them, too; one class may be without, which is that of all other pixels.",
        outcome=False,
    )

    @property
    def classes_with_files(self) -> tuple[str, ...]:
        """As the base class has it; none of a multilabel task, where all labels have."""
        return tuple(self.masks) if isinstance(self.masks, dict) and self.task not in BY_LABEL else ()

    @model_validator(mode="before")
    @classmethod
    def _labels_are_classes(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(masks := values.get("masks"), dict) and not values.get("classes"):
            return values | {"classes": dict(enumerate(masks))}
        return values

    @field_validator("images", "masks")
    @classmethod
    def _is_a_pattern(cls, patterns: str | dict[str, str]) -> str | dict[str, str]:
        for pattern in patterns.values() if isinstance(patterns, dict) else [patterns]:
            checked_pattern(pattern)
        return patterns

    @model_validator(mode="after")
    def _splits_fit(self):
        masks = self.masks.values() if isinstance(self.masks, dict) else [self.masks]
        check_patterns(self.splits, self.images, *masks)
        return self

    @model_validator(mode="after")
    def _masks_fit(self):
        of_each = isinstance(self.masks, dict)
        if of_each and self.task in BY_LABEL and list(self.masks) != list(self.classes.values()):
            raise ValueError(
                f"masks names the labels {list(self.masks)}, classes {list(self.classes.values())}. Leave out classes"
            )
        if self.task in BY_LABEL and not of_each and not self.masks.endswith(".npy"):
            raise ValueError(
                f"masks of several labels a pixel are .npy files (height, width, labels), found {self.masks!r}. Write "
                "such a pattern, or one for each label: {crack: crack/{name}.png, ...}"
            )
        return self


def read(dataset: FolderDataset, root: Path) -> dict[str, list[Item]]:
    """Items of each split, in the order of the lists."""
    found = {}
    for split, names in _names(dataset, root).items():
        found[split] = []
        for name, location in names:
            image, *masks = _files(dataset, root, split, name)
            mask = masks if isinstance(dataset.masks, dict) else masks[0]
            found[split].append(Item(name, image, mask, location=location))
    return found


def files(dataset: FolderDataset, root: Path) -> dict[str, list[tuple[str, list[Path]]]]:
    """Image and mask, or masks of all labels, of each name."""
    return {
        split: [(name, _files(dataset, root, split, name)) for name, _ in names]
        for split, names in _names(dataset, root).items()
    }


def _names(dataset: FolderDataset, root: Path) -> dict[str, list[tuple[str, str]]]:
    return names_by_split(dataset, root, every=lambda folder: _every(dataset, root, folder))


def _every(dataset: FolderDataset, root: Path, folder: str) -> list[tuple[str, str]]:
    """Name and file of all images that the pattern finds; what is the mask of one is no image."""
    found = found_names(root, dataset.images, folder)
    masks = {file for name, _ in found for file in _in_folder(dataset, root, folder, name)[1:]}
    return [(name, path) for name, path in found if Path(path) not in masks]


def _files(dataset: FolderDataset, root: Path, split: str, name: str) -> list[Path]:
    return _in_folder(dataset, root, folder_of(dataset.splits, split), name)


def _in_folder(dataset: FolderDataset, root: Path, folder: str, name: str) -> list[Path]:
    masks = dataset.masks.values() if isinstance(dataset.masks, dict) else [dataset.masks]
    return [root / pattern.format(split=folder, name=name) for pattern in (dataset.images, *masks)]
