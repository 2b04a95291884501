"""Batches of prepared images. Every draw follows from (seed, epoch, index), whoever makes the batch."""

import weakref
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import torch
from torch import nn

from segsweep.config.train import Data
from segsweep.data.image_sampling import draw
from segsweep.data.loader_choice import chosen
from segsweep.data.loader_processes import LoaderProcesses
from segsweep.data.prepared import Prepared
from segsweep.data.sample import Sample, window
from segsweep.data.void import VOID

MULTIPLE = 32  # sides of all batches: what encoders with five halvings take
AHEAD = 2  # batches made ahead, for each worker
SHUFFLE, AUGMENT, CROP = range(3)  # what a generator is for: the last number of its seed
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Batches:
    """Batches of some images, epoch by epoch."""

    def __init__(
        self,
        items: list[tuple[str, int]],
        data: Data,
        prepared: Prepared,
        batch_size: int,
        *,
        seed: int,
        training: bool,
        weights: np.ndarray | None = None,
        workers: int | str = 0,
        epochs: int = 1,
        device: torch.device | None = None,
        targets: Callable[[dict], dict] | None = None,
    ):
        """
        Args:
            items: (split, index) of each image.
            data: crop and augmentation, which apply to training only.
            prepared: the images.
            batch_size: images in a batch. Of an epoch's last batch only what is left; a single image that is left
                over in training is passed over, as batch norm cannot cope with it.
            seed: of the run.
            training: shuffled and augmented, or as prepared and in an order that groups images of one size.
            weights: in training, how often each image is drawn, relative to the others, float64 (N,); once if not set.
            workers: threads that make batches ahead; 0 makes them where they are asked for; "auto" measures what is
                fastest with the processors that there are, see `segsweep.data.loader_choice`. Results are the same.
            epochs: to come, which says whether processes are worth their start.
            device: where `data.augmentation_device: device` augments images, and batches then lie.
            targets: what is added to each batch, see `segsweep.tasks.Task`.

        Raises:
            InputError: the augmentation is unknown or wrong.
        """
        self.items, self.batch_size, self.seed, self.training = list(items), batch_size, seed, training
        self._source = _Source(self.items, data, prepared, seed, training, device, targets)
        self._weights, self._workers, self._epochs = weights, workers, epochs
        self._processes: LoaderProcesses | None = None  # once they are started
        self._by_size = None if training else self._grouped(prepared)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self._positions(0))

    def epoch(self, epoch: int) -> Iterator[dict[str, Any]]:
        """The batches of an epoch.

        Yields:
            image: (B, C, H, W) of the images' dtype, sides padded to multiples of 32 at right and bottom.
            mask: uint8 (B, H, W), 255 for void; not for text. Losses and scores take it as int64, which it becomes on
            the device (see `training.dataloaders`): eight times the bytes.
            boxes, labels, ignored: lists of float32 (n, 4), int64 (n,), bool (n,).
            polygons: list of lists of float32 (k, 2), as arrays, and for text `ignored` likewise: no use on a GPU.
            index: positions in `items`; name: of the images; size: (height, width) before padding;
            page: where the images are patches, where each lies (see `Split.page`).
        """
        work = [(epoch, positions) for positions in self._positions(epoch)]
        if self._workers == "auto":
            self._choose(work)
        if self._processes is not None:
            yield from ahead(self._processes.submit, work, AHEAD * self._workers)
        elif self._workers:
            pool = ThreadPoolExecutor(self._workers)
            try:
                yield from ahead(lambda one: pool.submit(self._source.batch, one).result, work, AHEAD * self._workers)
            finally:
                pool.shutdown(cancel_futures=True)
        else:
            yield from map(self._source.batch, work)

    def _choose(self, work: list[tuple[int, list[int]]]) -> None:
        """Settle how batches are made from now on."""
        how, workers = chosen(self._source.batch, work, self._epochs, movable=self._source.is_movable)
        if how == "processes":
            self.use_processes(workers)
        self._workers = workers

    def use_processes(self, workers: int) -> None:
        """Have batches made by so many processes from now on, until this object is gone."""
        self._processes, self._workers = LoaderProcesses(workers, self._source), workers

    def _positions(self, epoch: int) -> list[list[int]]:
        if self._by_size is not None:
            return self._by_size
        rng = np.random.default_rng([self.seed, epoch, SHUFFLE])
        order = rng.permutation(len(self.items)).tolist() if self._weights is None else draw(self._weights, rng)
        batches = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        return batches[:-1] if len(batches) > 1 and len(batches[-1]) == 1 < self.batch_size else batches

    def _grouped(self, prepared: Prepared) -> list[list[int]]:
        groups: dict[tuple[int, int], list[int]] = {}
        for position, (split, i) in enumerate(self.items):
            groups.setdefault(_padded(*prepared.splits[split].sizes[i].tolist()), []).append(position)
        return [g[i : i + self.batch_size] for g in groups.values() for i in range(0, len(g), self.batch_size)]


def ahead(submit: Callable[[Any], Callable[[], Any]], work: list, most: int) -> Iterator[Any]:
    """What is made of each piece of work, in order, while up to `most` further ones are under way.

    `submit`: begins one, and gives what waits for its result.
    """
    under_way: deque[Callable[[], Any]] = deque()
    for one in work:
        under_way.append(submit(one))
        if len(under_way) > most:
            yield under_way.popleft()()
    while under_way:
        yield under_way.popleft()()


class Normalize(nn.Module):
    """Images as the network sees them, made of stored values on the device."""

    def __init__(self, preprocessing: str, prepared: Prepared):
        """`preprocessing`: standardize (ImageNet's statistics; the training images' if these are not 8-bit RGB),
        normalize (the training images') or none (only divided by `Prepared.scale`).
        """
        super().__init__()
        self.scale = prepared.scale
        if preprocessing == "none":
            mean, std = np.zeros(prepared.channels), np.ones(prepared.channels)
        elif preprocessing == "standardize" and prepared.is_rgb8:
            mean, std = IMAGENET_MEAN, IMAGENET_STD
        else:
            mean, std = prepared.mean, _deviations(prepared)
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(np.asarray(values), dtype=torch.float32).view(1, -1, 1, 1), False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Stored values (B, C, H, W) to float32 (B, C, H, W): (x / scale - mean) / std."""
        # In place: three more arrays of fresh memory would take longer than the sums.
        return image.to(torch.float32, copy=True).div_(self.scale).sub_(self.mean).div_(self.std)


def _deviations(prepared: Prepared) -> np.ndarray:
    """The deviations of the channels; a channel that is as good as constant is not blown up."""
    if prepared.dtype == "float32":
        return np.where(prepared.std > 1e-6 * np.abs(prepared.mean), prepared.std, 1.0)
    return np.maximum(prepared.std, 0.255 / prepared.scale)  # about a quarter of a step between two values


class Buffers:
    """Blocks of memory; one is handed out again once nothing refers to what it was handed out for.

    Memory fresh from the system comes page by page, which takes longer than to copy the images into it. There are
    never more blocks than were in use at a time. Any thread may ask and let go.

    Not to be pinned: a copy to a GPU that is still under way when its batch is let go would read the next one. What
    goes to a GPU is copied into memory whose copies are watched (`segsweep.device_copies`).
    """

    def __init__(self) -> None:
        self._free: list[bytearray] = []

    def take(self, size: int) -> np.ndarray:
        """uint8 (size,) of any content. Arrays and tensors that are views of it keep it from being used again."""
        try:
            block = self._free.pop()
        except IndexError:
            block = bytearray(size)
        if len(block) < size:
            block = bytearray(size)
        # What is cut out of an array refers to that array as long as the array does not own its memory, as here.
        array = np.frombuffer(block, np.uint8, size)
        weakref.finalize(array, self._free.append, block).atexit = False
        return array


class _Source:
    """Makes the batch that a tuple (epoch, positions) asks for, in any thread."""

    def __init__(
        self,
        items: list[tuple[str, int]],
        data: Data,
        prepared: Prepared,
        seed: int,
        training: bool,
        device: torch.device | None,
        targets: Callable[[dict], dict] | None,
    ):
        self.items, self.prepared, self.seed = items, prepared, seed
        self.crop = data.crop if training else None
        self._targets = targets
        self._dtype, self._fill = np.dtype(prepared.dtype), prepared.fill
        self._device = None  # where images are augmented and laid side by side, if not in arrays
        self._augmentation: tuple[str, str] | None = None
        if training and data.augmentation != "none":
            self._augmentation = data.augmentation, data.augmentation_backend
            self._device = device if data.augmentation_device == "device" else None
        self._start()

    def _start(self) -> None:
        """Make what belongs to one process."""
        self._buffers = Buffers()
        # A pipeline holds the state of its draws while it runs: each thread takes one out of here.
        self._pipelines: SimpleQueue = SimpleQueue()
        self._augmented = False
        if self._augmentation:
            pipeline = self._load()
            self._augmented = pipeline is not None
            self._pipelines.put(pipeline)
            self._device = self._device if self._augmented else None
            if self._device is not None:
                self._fill = torch.tensor(self._fill, device=self._device)

    def _load(self) -> Any:
        # By name: a training without augmentation does not depend on that code, which takes a second to import.
        augmentation = import_module("segsweep.data.augmentation")
        return augmentation.load_augmentation(*self._augmentation, augmentation.Pixels.of(self.prepared), self._device)

    @property
    def is_movable(self) -> bool:
        """Whether another process can make the same batches: not where a device has a part in it."""
        return self._device is None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_buffers", "_pipelines")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._start()

    def batch(self, work: tuple[int, list[int]]) -> dict[str, Any]:
        """The batch, of tensors."""
        epoch, positions = work
        samples = [self.sample(epoch, position) for position in positions]
        height, width = _padded(*(max(sides) for sides in zip(*(s.size for s in samples), strict=True)))
        image, mask = self._canvases(len(samples), height, width)
        for b, sample in enumerate(samples):
            _lay(sample.image, image[b], self._fill)
            if mask is not None:
                _lay(sample.mask, mask[b], VOID)
        indices = [position % len(self.items) for position in positions]  # of a repetition, that of the image
        refs = [(self.prepared.splits[split], i) for split, i in (self.items[index] for index in indices)]
        batch = {
            "image": image,
            "boxes": [sample.boxes for sample in samples],
            "labels": [sample.labels for sample in samples],
            "polygons": [sample.polygons for sample in samples],
            "ignored": [sample.ignored for sample in samples],
            "index": indices,
            "name": [split.names[i] for split, i in refs],
            "size": [tuple(map(int, sample.size)) for sample in samples],
        }
        pages = [split.page(i) for split, i in refs]
        if all(pages):
            batch["page"] = pages
        batch = _tensors(batch if mask is None else batch | {"mask": mask})
        return batch | (self._targets(batch) if self._targets else {})

    def _canvases(self, count: int, height: int, width: int) -> tuple[Any, Any]:
        """What holds the images of a batch, (B, H, W, C), and its masks, (B, H, W): arrays, or tensors on a device."""
        channels, has_masks = self.prepared.channels, self.prepared.has_masks
        if self._device is not None:
            make = partial(torch.empty, device=self._device)
            image = make((count, height, width, channels), dtype=self._fill.dtype)
            return image, make((count, height, width), dtype=torch.uint8) if has_masks else None
        pixels = count * height * width
        image_bytes = pixels * channels * self._dtype.itemsize
        memory = self._buffers.take(image_bytes + pixels if has_masks else image_bytes)
        image = memory[:image_bytes].view(self._dtype).reshape(count, height, width, channels)
        return image, memory[image_bytes:].reshape(count, height, width) if has_masks else None

    def sample(self, epoch: int, position: int) -> Sample:
        """One image as the network sees it in an epoch; `position` may be of a repetition, see `draw`."""
        name, i = self.items[position % len(self.items)]
        split = self.prepared.splits[name]
        mask = split.mask(i) if self.prepared.has_masks else None
        sample = Sample(split.image(i), mask, split.boxes(i), split.labels(i), split.polygons(i), split.ignored(i))
        if self._augmented:
            sample = self._augment(sample, (self.seed, epoch, position, AUGMENT))
        if self.crop is not None:
            rng = np.random.default_rng([self.seed, epoch, position, CROP])
            return window(sample, *_corner(sample, self.crop, rng), *self.crop, self._fill)
        return window(sample, 0, 0, *sample.size, self._fill) if self._augmented else sample

    def _augment(self, sample: Sample, entropy: tuple[int, ...]) -> Sample:
        try:
            pipeline = self._pipelines.get_nowait()
        except Empty:
            pipeline = self._load()
        try:
            return pipeline(sample, entropy)
        finally:
            self._pipelines.put(pipeline)


def _corner(sample: Sample, crop: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """Top and left of a random crop; of an image with text one that holds the centre of some readable word.

    An image smaller than the crop lies at a random place in it.
    """
    draw = rng.random(2)
    # Without polygons `ignored` speaks of boxes, and there is nothing to pair.
    readable = [points for points, ignored in zip(sample.polygons, sample.ignored, strict=False) if not ignored]
    centre = readable[rng.integers(len(readable))].mean(0)[::-1] if readable else None
    corner = []
    for axis, (side, window_side) in enumerate(zip(sample.size, crop, strict=True)):
        low, high = min(0, side - window_side), max(0, side - window_side)
        if centre is not None:
            low = int(np.clip(centre[axis] - window_side + 1, low, high))
            high = int(np.clip(centre[axis], low, high))
        corner.append(low + min(int(draw[axis] * (high - low + 1)), high - low))
    return corner[0], corner[1]


def _lay(values: Any, canvas: Any, fill: Any) -> None:
    """Copy to the top left of a canvas and fill the rest of it; all of them arrays, or tensors."""
    height, width = values.shape[:2]
    canvas[:height, :width] = values
    canvas[:height, width:] = fill
    if height < len(canvas):
        canvas[height] = fill
        canvas[height + 1 :] = canvas[height]  # copies rows: fifty times as fast as filling pixel by pixel


def _padded(height: int, width: int) -> tuple[int, int]:
    return -(-height // MULTIPLE) * MULTIPLE, -(-width // MULTIPLE) * MULTIPLE


def _tensors(batch: dict[str, Any]) -> dict[str, Any]:
    """Arrays to tensors. The image keeps its values in place: (B, H, W, C) seen as (B, C, H, W)."""
    batch["image"] = torch.as_tensor(batch["image"]).permute(0, 3, 1, 2)
    if "mask" in batch:
        batch["mask"] = torch.as_tensor(batch["mask"])
    for key in ("boxes", "labels", "ignored") if "mask" in batch else ("boxes", "labels"):
        batch[key] = [torch.from_numpy(np.array(value)) for value in batch[key]]
    return batch
