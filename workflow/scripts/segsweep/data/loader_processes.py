"""Batches made by processes beside the training, for augmentations that do not let go of the interpreter.

What is large in a batch comes through memory that both sides map; the rest is sent. The memory has no name that could
be left behind: it is gone when the last process that maps it ends. Linux alone has that (`memfd_create`).
"""

import mmap
import os
import signal
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import count
from multiprocessing import connection, get_context, parent_process
from typing import Any

import cv2
import numpy as np
import torch

Work = tuple[int, list[int]]  # an epoch, and positions
ALIGNED = 64  # bytes
ROOM = 1.2  # of new memory, over what was asked for
PRELOADED = ["torch", "cv2"]  # once for all processes
DIED = (
    "A loader process was killed, as the system does when memory runs out. Give the job more memory, or train with "
    "fewer `workers`, or with 0."
)


@dataclass(frozen=True)
class Slot:
    """Memory that is shared: where other processes find it, which one it is, and its bytes."""

    path: str
    number: int
    size: int


@dataclass(frozen=True)
class Placed:
    """A tensor in a slot."""

    start: int
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Sent:
    """A tensor that is sent."""

    values: np.ndarray


class LoaderProcesses:
    """Some processes that make batches; they end with this object, or with its process, however that ends."""

    def __init__(self, processes: int, source: Any):
        """`source`: makes batches, `source.batch(work)`; a copy is sent to each process."""
        context = get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        self._pool = ProcessPoolExecutor(processes, context, _begin, (source,))
        self._slots = _Slots()
        weakref.finalize(self, self._pool.shutdown, wait=True, cancel_futures=True)

    def submit(self, work: Work) -> Callable[[], dict[str, Any]]:
        """Have a batch made. What comes back waits for it, and gives it.

        Raises:
            RuntimeError: when waiting: a process was killed.
        """
        slot = self._slots.take()
        try:
            future = self._pool.submit(_make, work, slot)
        except BrokenProcessPool as error:
            raise RuntimeError(DIED) from error
        return lambda: self._received(future, slot)

    def _received(self, future: Future, slot: Slot) -> dict[str, Any]:
        try:
            needed, batch = future.result()
        except BrokenProcessPool as error:
            raise RuntimeError(DIED) from error
        self._slots.grow(needed)
        return _unpacked(batch, self._slots.memory(slot))


class _Slots:
    """Slots that go round: one is used again when nothing refers to the batch that came through it."""

    def __init__(self) -> None:
        self._size = 0  # bytes of the largest batch so far
        self._free: list[Slot] = []
        self._maps: dict[int, mmap.mmap] = {}
        self._files: dict[int, int] = {}
        self._numbers = count()
        weakref.finalize(self, _close, self._files)

    def grow(self, size: int) -> None:
        """Make slots that are taken from now on large enough for so many bytes."""
        self._size = max(self._size, size)

    def take(self) -> Slot:
        """One that is free, or new; of 0 bytes as long as nobody knows what a batch takes."""
        while self._free:
            slot = self._free.pop()
            if slot.size >= self._size:
                return slot
            del self._maps[slot.number]
            os.close(self._files.pop(slot.number))
        size = int(self._size * ROOM)
        if not size:
            return Slot("", -1, 0)
        file = os.memfd_create("batches")
        os.ftruncate(file, size)
        slot = Slot(f"/proc/{os.getpid()}/fd/{file}", next(self._numbers), size)
        self._files[slot.number] = file
        self._maps[slot.number] = mmap.mmap(file, size)
        return slot

    def memory(self, slot: Slot) -> np.ndarray:
        """uint8 (size,); views of it keep the slot from being used again."""
        if not slot.size:
            return np.zeros(0, np.uint8)
        memory = np.frombuffer(self._maps[slot.number], np.uint8)
        weakref.finalize(memory, self._free.append, slot).atexit = False
        return memory


def _close(files: dict[int, int]) -> None:
    for file in files.values():
        os.close(file)


# Of a loader process.
_source: Any = None
_mapped: dict[int, mmap.mmap] = {}


def _begin(source: Any) -> None:
    """Called once in each process."""
    global _source
    _source = source
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the training, which ends its processes
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A training that was killed tells nobody."""
    connection.wait([parent_process().sentinel])
    os._exit(1)


def _make(work: Work, slot: Slot) -> tuple[int, dict[str, Any]]:
    return _packed(_source.batch(work), slot)


def _packed(batch: dict[str, Any], slot: Slot) -> tuple[int, dict[str, Any]]:
    """The bytes that the batch's large tensors take, and the batch: these placed in the slot if they fit, or sent."""
    large = {key: _laid_out(key, value).numpy() for key, value in batch.items() if torch.is_tensor(value)}
    places, end = {}, 0
    for key, values in large.items():
        places[key] = Placed(end, values.shape, values.dtype.str)
        end += -(-values.nbytes // ALIGNED) * ALIGNED
    if end <= slot.size:
        memory = np.frombuffer(_map(slot), np.uint8)
        for key, place in places.items():
            memory[place.start :][: large[key].nbytes] = np.ascontiguousarray(large[key]).reshape(-1).view(np.uint8)
    else:
        places = {key: Sent(values) for key, values in large.items()}
    return end, {key: places[key] if key in places else _sent(value) for key, value in batch.items()}


def _unpacked(batch: dict[str, Any], memory: np.ndarray) -> dict[str, Any]:
    def received(value: Any) -> Any:
        if isinstance(value, Placed):
            values = memory[value.start :].view(np.uint8)[: int(np.prod(value.shape)) * np.dtype(value.dtype).itemsize]
            return torch.from_numpy(values.view(value.dtype).reshape(value.shape))
        if isinstance(value, Sent):
            return torch.from_numpy(value.values)
        return [received(one) for one in value] if isinstance(value, list) else value

    tensors = {key: received(value) for key, value in batch.items()}
    return tensors | {"image": tensors["image"].permute(0, 3, 1, 2)}


def _laid_out(key: str, tensor: torch.Tensor) -> torch.Tensor:
    """As it lies in memory: images have their channels last."""
    return tensor.permute(0, 2, 3, 1) if key == "image" else tensor


def _sent(value: Any) -> Any:
    if torch.is_tensor(value):
        return Sent(value.numpy())
    return [_sent(one) for one in value] if isinstance(value, list) else value


def _map(slot: Slot) -> mmap.mmap:
    if slot.number not in _mapped:
        for outgrown in [number for number, mapped in _mapped.items() if len(mapped) < slot.size]:
            del _mapped[outgrown]
        with open(slot.path, "r+b") as file:
            _mapped[slot.number] = mmap.mmap(file.fileno(), slot.size)
    return _mapped[slot.number]
