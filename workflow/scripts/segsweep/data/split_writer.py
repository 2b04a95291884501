"""The files of a prepared split, written image by image."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.data.channel_statistics import Moments, ValueCounts, statistics_of
from segsweep.data.label_masks import of_classes
from segsweep.data.sample import Sample
from segsweep.data.void import VOID


class SplitWriter:
    """Appends samples to the flat files of a split and counts what they hold.

    Attributes:
        split: its name.
        names: of the images.
        class_counts: (C,) int64 for each image; each pixel of a page counts in one of its patches.
        scored_pixels: pixels that are not void, for each image with a mask, counted likewise.
        statistics: of the images' channels; None without an image.
    """

    def __init__(self, folder: Path, split: str, classes: int, with_masks: bool, by_label: bool = False):
        self._folder, self.split, self._classes = folder, split, classes
        kinds = ("images", "masks") if with_masks else ("images",)
        self._files = {kind: _Hashed(folder / f"{split}.{kind}.bin") for kind in kinds}
        self._by_label, self.scored_pixels = by_label, []
        self.names: list[str] = []
        self.pages: list[dict[str, Any] | None] = []
        self.class_counts: list[np.ndarray] = []
        self.statistics: ValueCounts | Moments | None = None
        self._sizes: list[tuple[int, int]] = []
        self._samples: list[Sample] = []

    def add(
        self,
        name: str,
        sample: Sample,
        page: dict[str, Any] | None,
        counted: tuple[slice, slice] = (slice(None), slice(None)),
    ) -> None:
        """Write an image. `counted`: its rows and columns that are counted, of a patch what no other one counts."""
        self.names.append(name)
        self.pages.append(page)
        self._sizes.append(sample.size)
        self._files["images"].write(sample.image)
        if self.statistics is None:
            self.statistics = statistics_of(sample.image.shape[2], sample.image.dtype)
        self.statistics.add(sample.image[counted])
        counts = np.zeros(self._classes, np.int64)
        if sample.mask is not None:
            self._files["masks"].write(sample.mask)
            values = np.bincount(sample.mask[counted].ravel(), minlength=VOID + 1)
            counts = of_classes(values, self._classes, self._by_label)
            self.scored_pixels.append(values[:VOID].sum())
        self.class_counts.append(counts)
        self._samples.append(Sample(None, None, sample.boxes, sample.labels, sample.polygons, sample.ignored))

    def close(self) -> dict[str, dict[str, Any]]:
        """Write the index.

        Returns:
            Size and checksum of each file by name.
        """
        samples = self._samples
        polygons = [points for sample in samples for points in sample.polygons]
        arrays = {
            "sizes": np.array(self._sizes, np.int64).reshape(-1, 2),
            "class_counts": np.array(self.class_counts, np.int64).reshape(-1, self._classes),
            "boxes": _joined([sample.boxes for sample in samples], (0, 4), np.float32),
            "labels": _joined([sample.labels for sample in samples], (0,), np.int64),
            "box_starts": _starts([len(sample.boxes) for sample in samples]),
            "ignored": _joined([sample.ignored for sample in samples], (0,), bool),
            "ignored_starts": _starts([len(sample.ignored) for sample in samples]),
            "points": _joined(polygons, (0, 2), np.float32),
            "point_starts": _starts([len(points) for points in polygons]),
            "polygon_starts": _starts([len(sample.polygons) for sample in samples]),
        }
        if self._by_label:  # else the sum over the classes says it
            arrays["scored_pixels"] = np.array(self.scored_pixels, np.int64)
        path = self._folder / f"{self.split}.index.npz"
        np.savez(path, **arrays)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        entries = {path.name: {"bytes": path.stat().st_size, "sha256": digest}}
        return entries | {file.path.name: file.close() for file in self._files.values()}


class _Hashed:
    """A file whose checksum is known when it is closed."""

    def __init__(self, path: Path):
        self.path = path
        self._file, self._digest, self._bytes = path.open("wb"), hashlib.sha256(), 0

    def write(self, array: np.ndarray) -> None:
        data = np.ascontiguousarray(array).data
        self._file.write(data)
        self._digest.update(data)
        self._bytes += data.nbytes

    def close(self) -> dict[str, Any]:
        self._file.close()
        return {"bytes": self._bytes, "sha256": self._digest.hexdigest()}


def _joined(parts: list[np.ndarray], empty: tuple[int, ...], dtype) -> np.ndarray:
    return np.concatenate([np.zeros(empty, dtype), *parts]).astype(dtype)


def _starts(lengths: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
