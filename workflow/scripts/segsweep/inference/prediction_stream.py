"""Images that pass the network one after the other, in full batches, and come out as predictions."""

import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from segsweep.errors import InputError
from segsweep.inference.ensemble import Ensemble
from segsweep.inference.flipped import flipped_back, flipped_image
from segsweep.inference.forward import images_of, memory_format, to_device
from segsweep.inference.native_size import in_native_size
from segsweep.inference.pages import PageStitcher
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_options import FLIPS, PredictionOptions, takes_windows
from segsweep.inference.sliding_windows import WindowStitcher
from segsweep.inference.trained_model import TrainedModel
from segsweep.inference.unseen_images import Cut, Piece, UnseenImage, batch_of, pieces_of


@dataclass
class Looked:
    """An image that models have looked at.

    Attributes:
        image: the image.
        found: its prediction, or why there is none.
        seconds: that it took, of a batch its share.
        starts_batch: whether a batch began with it, when all images before it were done: predictions that begin with it
            are those of the whole stream, to the bit.
        micro_batch: of the stream, when it was done.
    """

    image: UnseenImage
    found: PredictedImage | InputError
    seconds: float
    starts_batch: bool
    micro_batch: int


@dataclass
class _Open:
    """An image of which something is missing yet: the predictions of its flips so far, without padding."""

    image: UnseenImage
    starts_batch: bool | None = None
    found: list[Any] = field(default_factory=list)
    seconds: float = 0.0


class PredictionStream:
    """Takes images, and gives each back with its prediction as soon as a batch completes it."""

    def __init__(self, models: list[TrainedModel], ensemble: Ensemble, options: PredictionOptions, micro_batch: int):
        """See `segsweep.inference.image_predictor.ImagePredictor`; `micro_batch` is halved on the way if need be."""
        self.models, self.ensemble, self.options, self.micro_batch = models, ensemble, options, micro_batch
        self._flips = FLIPS[options.flips]
        self._merged = Ensemble(ensemble.task, ensemble.kind, len(self._flips), "mean")
        self._waiting: list[Piece] = []
        self._open: dict[str, _Open] = {}
        self._taken = 0
        self._stitcher = self._new_stitcher()

    def add(self, image: UnseenImage, cut: Cut) -> Iterator[Looked]:
        """Take an image; what it completes."""
        key = str(self._taken)
        self._taken += 1
        self._open[key] = opened = _Open(image)
        for number, flip in enumerate(self._flips):
            pixels = flipped_image(image.pixels, flip)
            for piece in pieces_of(f"{key}/{number}", pixels, cut, self.models[0].train.data, self.options.overlap):
                if self._waiting and not self._goes_with(piece):
                    yield from self._look()
                if key not in self._open:  # the memory did not suffice for an earlier piece
                    return
                if opened.starts_batch is None:
                    opened.starts_batch = not self._waiting
                self._waiting.append(piece)

    def close(self) -> Iterator[Looked]:
        """What is left."""
        if self._waiting:
            yield from self._look()

    def _goes_with(self, piece: Piece) -> bool:
        """Whether a piece fits into the batch that waits."""
        first = self._waiting[0]
        alike = piece.padded == first.padded and (piece.page is None) == (first.page is None)
        return alike and len(self._waiting) < self.models[0].train.batch_size

    @torch.inference_mode()
    def _look(self) -> list[Looked]:
        """Pass what waits through the networks; the images that are complete by it, or failed."""
        start, train = time.perf_counter(), self.models[0].train
        looking = [self._open[_key(piece.name)] for piece in self._waiting]
        batch = batch_of(self._waiting, train.data, self.models[0].prepared)
        keys, self._waiting = list(dict.fromkeys(_key(piece.name) for piece in self._waiting)), []
        ready: list[tuple[_Open, PredictedImage | InputError]] = []
        try:
            for outputs, part in self._outputs(batch, memory_format(train)):
                for whole, images in self._stitcher.add(outputs, part):
                    ready += self._decided(whole, images)
        except Exception as error:
            if not _is_out_of_memory(error):
                raise
            failed = [self._open.pop(key) for key in keys if key in self._open]
            ready += [(one, too_large(one.image, self.options, self.ensemble.kind)) for one in failed]
            self._stitcher = self._new_stitcher()
            _release()
        share = (time.perf_counter() - start) / len(looking)
        for one in looking:
            one.seconds += share
        return [Looked(one.image, found, one.seconds, bool(one.starts_batch), self.micro_batch) for one, found in ready]

    def _outputs(self, batch: dict, order: torch.memory_format) -> Iterator[tuple[list[Any], dict]]:
        """The outputs of each model, with the part of the batch that they are of."""
        start, device = 0, self.models[0].forward.device
        while start < len(batch["image"]):
            part = to_device(images_of(batch, start, start + self.micro_batch), device, order)
            try:
                outputs = [model.forward(part["image"]) for model in self.models]
            except Exception as error:
                if not _is_out_of_memory(error) or self.micro_batch == 1:
                    raise
                outputs = None
            if outputs is None:  # only here: the error holds on to what did not fit
                _release()
                self.micro_batch //= 2
                continue
            yield outputs, part
            start += len(part["image"])

    def _decided(self, outputs: list[Any], batch: dict) -> Iterator[tuple[_Open, PredictedImage]]:
        """What is found in whole images, of those that have been looked at in every way."""
        several = len(self.models) > 1
        found = self.ensemble.decide(outputs, batch) if several else self.ensemble.task.predict(outputs[0], batch)
        for name, one, size in zip(batch["name"], found, batch["size"], strict=True):
            opened, number = self._open[_key(name)], int(name.partition("/")[2])
            opened.found.append(flipped_back(_without_padding(one, size), size, self._flips[number]))
            if len(opened.found) == len(self._flips):
                del self._open[_key(name)]
                merged = self._merged.merge(opened.found) if len(opened.found) > 1 else opened.found[0]
                kind, smooth = self.ensemble.kind, self.options.smooth
                yield opened, in_native_size(opened.image, merged, size, kind, smooth=smooth)

    def _new_stitcher(self) -> PageStitcher | WindowStitcher:
        """Patches are stitched as in validation; windows are of any study that trains on none, or asked for."""
        as_prepared = self.models[0].train.data.patches is not None and self.options.window is None
        return PageStitcher() if as_prepared else WindowStitcher()


def _key(name: str) -> str:
    """Of the image that a piece is of: names are `<key>/<flip>`."""
    return name.partition("/")[0]


def _without_padding(prediction: Any, size: tuple[int, int]) -> Any:
    """A prediction without what the loader added at the right and bottom."""
    if not isinstance(prediction, dict):
        return prediction
    inside = (..., slice(size[0]), slice(size[1]))
    return prediction | {name: prediction[name][inside] for name in ("mask", "probability")}


def too_large(image: UnseenImage, options: PredictionOptions, task: str) -> InputError:
    """Why there is no prediction of an image that needs more memory than there is."""
    height, width = image.pixels.shape[:2]
    if not takes_windows(task):
        remedy = "Use a device with more memory, or cut it where no object is cut."
    elif options.window is None:
        remedy = "Look at it through windows of 512 pixels (`window: 512`), use a device with more memory, or cut it."
    else:
        remedy = f"Take smaller windows than {options.window} pixels, use a device with more memory, or cut it."
    return InputError(f"{image.name}: {width}x{height} pixels do not fit into the memory, not even alone. {remedy}")


def _is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory, of the GPU or the machine, is exhausted."""
    of_allocator = isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    return of_allocator or isinstance(error, torch.OutOfMemoryError | MemoryError)


def _release() -> None:
    """Give back what a failed look held."""
    gc.collect()
    torch.cuda.empty_cache()  # does nothing where no GPU is in use
