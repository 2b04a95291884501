"""What a segment is trained and judged on: the batches of its two splits, and their way to the device."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import torch
from torch import nn

from segsweep.config.train import Train
from segsweep.data.classes import class_names
from segsweep.data.loading import Batches, Normalize
from segsweep.data.prepared import Prepared
from segsweep.data.splits import pictures
from segsweep.registry import COMPONENTS


@dataclass
class Feed:
    """The task, the batches (`.epoch(n)`, `len()`) of both splits, and what makes floats of a picture."""

    task: Any
    train: Any
    val: Any
    normalize: nn.Module


def open_feed(description: dict, train: Train) -> Feed:
    """Open the prepared data of a segment and build its task.

    Raises:
        InputError: the prepared data is missing or does not fit.
    """
    prepared = Prepared.open(Path(description["data"]), class_names(description["dataset"]))
    split, _, metric = description["metric"].partition("/")
    scored = [metric] if split == "val" and not metric.startswith("loss") else []
    task = import_module(COMPONENTS["task"][prepared.task]).build(train, prepared, scored)
    training, validation = pictures(prepared, train.data, description["fold"])
    common = {"seed": description["seed"], "workers": train.workers}
    return Feed(
        task,
        Batches(training, train.data, prepared, train.batch_size, training=True, **common),
        Batches(validation, train.data, prepared, train.batch_size, training=False, **common),
        Normalize(train.data.preprocessing, prepared),
    )


def placing(device: torch.device, channels_last: bool) -> Callable[[dict], dict]:
    """A function that moves a loaded batch to the device: pictures in the order of memory, masks as int64."""
    order = torch.channels_last if channels_last else torch.contiguous_format

    def move(value: Any) -> Any:
        if torch.is_tensor(value):
            return value.to(device, non_blocking=True)
        return [move(item) for item in value] if isinstance(value, list) else value

    def place(batch: dict) -> dict:
        placed = {key: move(value) for key, value in batch.items()}
        if "mask" in placed:
            placed["mask"] = placed["mask"].long()  # only here: it is eight times the bytes
        return placed | {"image": placed["image"].contiguous(memory_format=order)}

    return place


def ahead(batches: Iterable[dict], count: int) -> Iterator[dict]:
    """The same batches, up to `count` of them made in a thread while the consumer is busy (with a GPU).

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
                queue.put((batch, None))
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
