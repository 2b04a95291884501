"""Images that no preparation has seen, made ready for a network in memory exactly as preparation does it on disk."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.config.train import Data
from segsweep.data import patches
from segsweep.data.image_arrays import as_stored, fill_of, resized_image
from segsweep.data.image_files import geo_tags, image_size, read_image
from segsweep.data.image_files.image_file import Reading
from segsweep.data.loading import MULTIPLE, Batches
from segsweep.data.prepared import Prepared
from segsweep.data.sample import Sample, window
from segsweep.data.void import VOID
from segsweep.disk_errors import naming, refused_by_disk
from segsweep.errors import ImageError, InputError
from segsweep.formatting import plural
from segsweep.inference.sliding_windows import starts

SPLIT = "unseen"


@dataclass(frozen=True)
class UnseenImage:
    """An image in memory.

    Attributes:
        name: see `PredictedImage`.
        pixels: (H, W, C) as preparation stores them, in the image's own resolution.
        tags: GeoTIFF tags of its file.
        warnings: what is odd about its file and let pass.
    """

    name: str
    pixels: np.ndarray
    tags: Mapping[int, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Piece:
    """What a network sees at once: a whole image, a patch or a window.

    Attributes:
        name: of the whole image.
        pixels: (h, w, C).
        page: of a part, where it lies (see `segsweep.data.prepared.Split.page`); None of a whole image.
    """

    name: str
    pixels: np.ndarray
    page: dict[str, Any] | None = None

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width in a batch of its own."""
        return padded(*self.pixels.shape[:2])


def padded(height: int, width: int) -> tuple[int, int]:
    """Sides in a batch of images of one size."""
    return -(-height // MULTIPLE) * MULTIPLE, -(-width // MULTIPLE) * MULTIPLE


@dataclass(frozen=True)
class Cut:
    """How an image is looked at.

    Attributes:
        size: height and width to which it is brought.
        window: height and width of windows; None where it is cut as preparation cuts it, if at all.
    """

    size: tuple[int, int]
    window: tuple[int, int] | None = None


def read_unseen(source: Path | np.ndarray, name: str, reading: Reading, prepared: Prepared) -> UnseenImage:
    """Read an image as the images of a data set are read.

    Args:
        source: file, or array (H, W) or (H, W, C).
        name: see `PredictedImage`.
        reading: what the data set's file says of its images.
        prepared: whose kind of images the models take.

    Raises:
        InputError: it is damaged, or not of the kind that the models were trained on.
    """
    where, warnings = (name, []) if isinstance(source, np.ndarray) else (str(source), [])
    with _as_input_errors(where):
        if isinstance(source, np.ndarray):
            values, tags = source, {}
        else:
            values, tags = read_image(source, reading, warnings), geo_tags(source, reading)
        pixels = as_stored(values, reading.channels, where)
    channels, dtype = pixels.shape[2], pixels.dtype.name
    if (channels, dtype) != (prepared.channels, prepared.dtype):
        raise InputError(
            f"{where}: {plural(channels, 'channel')} of {dtype}; the models were trained on images of "
            f"{plural(prepared.channels, 'channel')} of {prepared.dtype}. Convert the image as those were made."
        )
    return UnseenImage(name, np.ascontiguousarray(pixels), tags, tuple(warnings))


def size_of(path: Path, reading: Reading) -> tuple[int, int]:
    """Height and width of an image, from the header of its file.

    Raises:
        InputError: it is damaged, or no image.
    """
    with _as_input_errors(str(path)):
        return image_size(path, reading)


@contextmanager
def _as_input_errors(where: str) -> Iterator[None]:
    try:
        with naming(Path(where)):
            yield
    except ImageError as error:
        raise InputError(error.problem_of_file) from error
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"{where}: does not fit into the memory. Cut the image into tiles.") from error
    except Exception as error:  # decoders raise errors of many kinds on broken files
        if refused_by_disk(error):  # nothing is known of the image
            raise
        raise InputError(f"{where}: cannot be used as an image ({error}). Replace the file.") from error


def prepared_size(height: int, width: int, data: Data) -> tuple[int, int]:
    """Height and width of an image once it is prepared: of a page before it is cut into patches."""
    if data.patches is not None:
        return patches.page_size(height, width, data.patches.page_size)
    return tuple(data.image_size) if data.image_size else (height, width)


def pieces_of(name: str, pixels: np.ndarray, cut: Cut, data: Data, overlap: float) -> Iterator[Piece]:
    """What networks see of an image.

    Args:
        name: of the whole image.
        pixels: (H, W, C), in its own resolution.
        cut: how it is looked at.
        data: of the setting.
        overlap: of windows, see `PredictionOptions`.
    """
    if cut.size != pixels.shape[:2]:
        pixels = resized_image(pixels, *cut.size)
    if cut.window is not None:
        yield from _windows(name, pixels, cut.window, overlap)
    elif data.patches is not None:
        yield from _patches(name, pixels, data.patches.size, data.patches.overlap)
    else:
        yield Piece(name, pixels)


def _patches(name: str, pixels: np.ndarray, size: int, overlap: int) -> Iterator[Piece]:
    """The patches of a page, as preparation cuts them."""
    height, width = pixels.shape[:2]
    nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.int64), [], np.zeros(0, bool)
    sample, fill = Sample(pixels, None, *nothing), fill_of(pixels)
    for y, x in patches.corners(height, width, size, overlap):
        page = {"page": name, "y": y, "x": x, "height": height, "width": width}
        yield Piece(name, window(sample, y, x, size, size, fill).image, page)


def _windows(name: str, pixels: np.ndarray, sides: tuple[int, int], overlap: float) -> Iterator[Piece]:
    """Views of an image, evenly spaced from edge to edge; the image itself where it is no larger than one."""
    height, width = pixels.shape[:2]
    rows, columns = min(sides[0], height), min(sides[1], width)
    if (rows, columns) == (height, width):
        yield Piece(name, pixels)
        return
    for y in starts(height, rows, overlap):
        for x in starts(width, columns, overlap):
            page = {"page": name, "y": y, "x": x, "height": height, "width": width}
            yield Piece(name, pixels[y : y + rows, x : x + columns], page)


def batch_of(pieces: list[Piece], data: Data, prepared: Prepared) -> dict[str, Any]:
    """Pieces of one padded size as one batch, as validation in training makes them; nothing is marked on them."""
    unseen = replace(prepared, splits={SPLIT: _PiecesSplit(pieces)})
    refs = [(SPLIT, i) for i in range(len(pieces))]
    (batch,) = Batches(refs, data, unseen, len(pieces), seed=0, training=False).epoch(1)
    return batch


class _PiecesSplit:
    """Pieces in memory, with what `Batches` asks of a `segsweep.data.prepared.Split`."""

    def __init__(self, pieces: list[Piece]):
        self._pieces = pieces
        self.names = [piece.name for piece in pieces]
        self.sizes = np.array([piece.pixels.shape[:2] for piece in pieces], np.int64)

    def image(self, i: int) -> np.ndarray:
        return self._pieces[i].pixels

    def mask(self, i: int) -> np.ndarray:
        return np.full(self._pieces[i].pixels.shape[:2], VOID, np.uint8)

    def boxes(self, i: int) -> np.ndarray:
        return np.zeros((0, 4), np.float32)

    def labels(self, i: int) -> np.ndarray:
        return np.zeros(0, np.int64)

    def polygons(self, i: int) -> list[np.ndarray]:
        return []

    def ignored(self, i: int) -> np.ndarray:
        return np.zeros(0, bool)

    def page(self, i: int) -> dict[str, Any] | None:
        return self._pieces[i].page
