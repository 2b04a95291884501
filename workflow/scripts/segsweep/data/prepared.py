"""Prepared data: images and masks decoded once into flat files, read as memory-mapped views."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.data.image_arrays import FILL, as_values, is_rgb8
from segsweep.errors import InputError

MANIFEST = "manifest.json"
FORMAT = 3
READABLE = (2, FORMAT)  # of format 2 all images are 8-bit RGB


class Split:
    """The images of one split. Nothing is read before it is asked for, and views share the file's pages.

    Attributes:
        name: of the split.
        names: of the images.
        labeled: whether its ground truth is known; if not, all is void, and it can be predicted but not scored.
        sizes: int64 (N, 2), height and width.
        class_counts: int64 (N, C), pixels of each class in each mask (zeros for text). Of patches that overlap, a
            pixel counts in the first one that shows it.
        scored_pixels: int64 (N,), pixels of each mask that are not void, of overlapping patches likewise.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        names: list[str],
        pages: list[dict | None],
        groups: list[str | None] | None = None,
        labeled: bool = True,
        channels: int = 3,
        dtype: str = "uint8",
    ):
        self.name = name
        self.names = names
        self.labeled = labeled
        self._channels, self._dtype = channels, np.dtype(dtype)
        self._folder, self._pages, self._groups = folder, pages, groups
        with np.load(folder / f"{name}.index.npz", allow_pickle=False) as index:
            self._index = dict(index)
        self.sizes = self._index["sizes"]
        self.class_counts = self._index["class_counts"]
        self.scored_pixels = self._index.get("scored_pixels", self.class_counts.sum(1))
        self._starts = np.concatenate([[0], np.cumsum(self.sizes.prod(1))])
        self._views: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.names)

    def __getstate__(self) -> dict[str, Any]:
        # A loader process maps the files by itself instead of being sent their content.
        return self.__dict__ | {"_views": {}}

    def image(self, i: int) -> np.ndarray:
        """(H, W, C) of the data set's dtype, 8-bit RGB if nothing else; a view that must not be written to."""
        height, width = self.sizes[i]
        start, count = self._channels * self._starts[i], self._channels * height * width
        return self._view("images", self._dtype)[start : start + count].reshape(height, width, self._channels)

    def mask(self, i: int) -> np.ndarray:
        """uint8 (H, W), indices of classes (or labels as bits), 255 for void; a view that must not be written to."""
        height, width = self.sizes[i]
        return self._view("masks", np.uint8)[self._starts[i] : self._starts[i] + height * width].reshape(height, width)

    def boxes(self, i: int) -> np.ndarray:
        """float32 (n, 4), x1 y1 x2 y2, 0-based, right and bottom exclusive."""
        return self._rows("boxes", "box_starts", i)

    def labels(self, i: int) -> np.ndarray:
        """int64 (n,), 0-based over the classes without background."""
        return self._rows("labels", "box_starts", i)

    def polygons(self, i: int) -> list[np.ndarray]:
        """float32 (k, 2) each."""
        first, last = self._index["polygon_starts"][i : i + 2]
        points, starts = self._index["points"], self._index["point_starts"]
        return [points[starts[j] : starts[j + 1]] for j in range(first, last)]

    def ignored(self, i: int) -> np.ndarray:
        """bool, one a polygon (text) or one a box: counts neither for nor against."""
        return self._rows("ignored", "ignored_starts", i)

    def page(self, i: int) -> dict[str, Any] | None:
        """Where a patch lies: {"page", "y", "x", "height", "width"} (of the whole page), or None."""
        return self._pages[i]

    def group(self, i: int) -> str | None:
        """The group that an image belongs to: it is never divided between splits or folds."""
        return self._groups[i] if self._groups else None

    def _rows(self, values: str, starts: str, i: int) -> np.ndarray:
        return self._index[values][self._index[starts][i] : self._index[starts][i + 1]]

    def _view(self, kind: str, dtype: np.dtype | type) -> np.ndarray:
        if kind not in self._views:
            mapped = np.memmap(self._folder / f"{self.name}.{kind}.bin", dtype, mode="r")
            self._views[kind] = mapped.view(np.ndarray)  # slicing a memmap is several times slower
        return self._views[kind]


@dataclass(frozen=True)
class Prepared:
    """A prepared folder.

    Attributes:
        folder: where it lies.
        dataset: name of the data set.
        task: binary, multiclass, multilabel, multitask or text.
        classes: names of the C classes in the order of the mask's indices, void left out (binary: background first).
            They are the data set's, not the folder's: a corrected name needs no new preparation.
        splits: by name.
        channels: C, of all images.
        dtype: of all images: uint8, uint16 or float32.
        scale: value that becomes 1: 255 of uint8; of uint16 the largest value of as many bits as the training images
            need, 4095 of 12 bits; 1 of float32, which stays in its own unit.
        bounds: float64 (2, C), values that stand for black and white where brightness changes: 0 and `scale`; of
            float32 the lowest and the highest of each channel of the training images.
        mean, std: float64 (C,), of the training images divided by `scale`.
        pixel_counts: int64 (C,), of the training split.
        fingerprint: of the data that it was made from.
        warnings: what the preparation found odd and let pass.
    """

    folder: Path
    dataset: str
    task: str
    classes: list[str]
    splits: dict[str, Split]
    channels: int
    dtype: str
    scale: float
    bounds: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    pixel_counts: np.ndarray
    fingerprint: str
    warnings: list[str] = field(default_factory=list)

    @property
    def num_classes(self) -> int:
        """C, background counted, void not."""
        return len(self.classes)

    @property
    def has_masks(self) -> bool:
        """Whether the task has masks."""
        return self.task != "text"

    @property
    def is_rgb8(self) -> bool:
        """Whether the images are 8-bit RGB."""
        return is_rgb8(self.channels, self.dtype)

    @property
    def fill(self) -> np.ndarray:
        """What lies beyond an image's edge, (C,) of the images' dtype: nearly zero once normalized."""
        return as_values(FILL if self.is_rgb8 else self.mean * self.scale, self.dtype)

    @property
    def image_class_counts(self) -> np.ndarray:
        """int64 (N, C), pixels of each class in each training mask, as `Split.class_counts`."""
        return self.splits["train"].class_counts

    @property
    def image_scored_pixels(self) -> np.ndarray:
        """int64 (N,), pixels of each training mask that are not void, as `Split.scored_pixels`."""
        return self.splits["train"].scored_pixels

    @classmethod
    def open(cls, folder: Path | str, classes: Sequence[str] | None = None) -> "Prepared":
        """Open a prepared folder.

        Args:
            folder: as `prepare` made it.
            classes: names of the classes (`data.classes.class_names`); `0`, `1`, ... where nobody will read them.

        Raises:
            InputError: it is missing, incomplete or of another format, or has another number of classes.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        for name, entry in manifest["files"].items():
            path = folder / name
            size = path.stat().st_size if path.is_file() else None
            if size != entry["bytes"]:
                found = "is missing" if size is None else f"has {size} bytes"
                raise InputError(
                    f"{path}: {found}, the manifest says {entry['bytes']} bytes. "
                    f"Delete {folder}; it is then prepared again."
                )
        splits = {
            name: Split(
                folder,
                name,
                entry["names"],
                entry["pages"] or [None] * len(entry["names"]),
                entry.get("groups"),
                entry.get("labeled", True),
                manifest.get("channels", 3),
                manifest.get("dtype", "uint8"),
            )
            for name, entry in manifest["splits"].items()
        }
        return cls.of_manifest(folder, manifest, splits, classes)

    @classmethod
    def of_manifest(
        cls, folder: Path, manifest: Mapping[str, Any], splits: dict[str, Split], classes: Sequence[str] | None
    ) -> "Prepared":
        """What a manifest, as `read_manifest` reads it, says of a folder, with these splits; `classes` as for `open`.

        Raises:
            InputError: it was made for another number of classes.
        """
        count = manifest["num_classes"]
        classes = list(map(str, range(count))) if classes is None else list(classes)
        if len(classes) != count:
            raise InputError(
                f"{folder}: prepared for {count} classes, but {len(classes)} are named: {', '.join(classes)}. "
                f"Delete {folder}; it is then prepared again."
            )
        statistics, channels, scale = manifest["statistics"], manifest.get("channels", 3), manifest.get("scale", 255.0)
        return cls(
            folder=folder,
            dataset=manifest["dataset"],
            task=manifest["task"],
            classes=classes,
            splits=splits,
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


def classes_present(prepared: Prepared, refs: Sequence[tuple[str, int]]) -> np.ndarray:
    """bool (N, C): whether an image, as (split, index), has a class in its mask, or in its boxes if the task has some.

    A box counts where the mask lacks the object.
    """
    present = np.stack([prepared.splits[split].class_counts[i] for split, i in refs]) > 0
    if prepared.task == "multitask":
        for row, (split, i) in zip(present, refs, strict=True):
            row[prepared.splits[split].labels(i) + 1] = True
    return present


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a prepared folder.

    Raises:
        InputError: it is missing, unreadable or of another format.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}). Delete {folder}; it is then prepared again.") from error
    form = manifest.get("format") if isinstance(manifest, dict) else None
    if form not in READABLE:
        raise InputError(
            f"{path}: format {form!r}, this version reads {' and '.join(map(str, READABLE))}. "
            f"Delete {folder}; it is then prepared again."
        )
    return manifest
