"""The batches that a segment is trained and evaluated on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import torch
from torch import nn

from segsweep import tasks
from segsweep.config.train import Train
from segsweep.data.classes import class_names
from segsweep.data.image_sampling import image_weights
from segsweep.data.loading import Batches, Normalize
from segsweep.data.prepared import Prepared
from segsweep.data.splits import images_of_run
from segsweep.device_copies import pinned


@dataclass
class DataLoaders:
    """What a segment is trained on.

    Attributes:
        task: see `segsweep.tasks.Task`.
        kind: the data set's task: binary, multiclass, multilabel, multitask or text.
        classes: names of the data set's classes.
        train, val: batches (`.epoch(n)`, `len()`) of the two splits.
        normalize: images (B, C, H, W) as stored to float32.
    """

    task: Any
    kind: str
    classes: list[str]
    train: Any
    val: Any
    normalize: nn.Module


def open_dataloaders(segment: Any, train: Train, device: torch.device) -> DataLoaders:
    """Open the prepared data of a segment, which trains on a device, and build its task.

    Raises:
        InputError: the prepared data is missing or does not fit.
    """
    prepared = Prepared.open(Path(segment.data), class_names(segment.dataset))
    training, validation = images_of_run(prepared, train.data, segment.fold)
    weights = image_weights(train.data.image_sampling, prepared, training)
    task = tasks.build(train, prepared)
    common = {"seed": segment.seed, "workers": train.workers, "device": device, "targets": task.targets()}
    common |= {"epochs": segment.last_epoch - segment.first_epoch + 1}
    return DataLoaders(
        task,
        prepared.task,
        prepared.classes,
        Batches(training, train.data, prepared, train.batch_size, training=True, weights=weights, **common),
        Batches(validation, train.data, prepared, train.batch_size, training=False, **common),
        Normalize(train.data.preprocessing, prepared),
    )


def prefetch(batches: Iterable[dict], count: int) -> Iterator[dict]:
    """The same batches, up to `count` of them made and pinned in a thread while the consumer is busy (with a GPU).

    Draws come from generators of their own (seed, epoch, index), so the thread changes nothing but the time.
    """
    if count == 0:
        yield from batches
        return
    queue: Queue = Queue(count)
    ended = False

    def fill() -> None:
        try:
            for batch in batches:
                queue.put((pinned(batch), None))
                if ended:
                    return
            queue.put((None, None))
        except BaseException as error:
            queue.put((None, error))

    thread = Thread(target=fill, daemon=True)
    thread.start()
    try:
        while True:
            batch, error = queue.get()
            if error is not None:
                raise error
            if batch is None:
                return
            yield batch
    finally:
        ended = True
        while thread.is_alive():  # a full queue would hold it for ever
            while not queue.empty():
                queue.get_nowait()
            thread.join(0.01)
