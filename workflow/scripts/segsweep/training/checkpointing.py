"""When and how a training writes its state and the weights of its best epochs: by time, so that it costs little.

A state is written when that takes less than `SHARE` of the time since it was last done; weights of best epochs are held
in memory until then. Each file is whole whenever the process is killed, and what a state refers to is written before it
and removed after it, so that a run resumes from whatever lies in the folder.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any

import numpy as np
import torch

from segsweep.io import write_csv
from segsweep.store.checkpoints import write_arrays, write_checkpoint
from segsweep.store.segment_store import STATE, SegmentStore
from segsweep.training.selections import drop_other_epochs

# Of the time since the last state was written, for writing the next one.
SHARE = 0.02
# However long it takes to write a state, no more than this is lost.
LONGEST_S = 3600.0
# How long the first one takes is a guess: to open and flush files, bytes in a second of a slow disk, and how much there
# is to write, in weights: themselves, two moments of Adam, and those of a best epoch.
OPENING_S, CAREFUL_RATE, WEIGHTS_IN_STATE = 0.1, 100e6, 4
COLUMNS = ["epoch", "lr", "train/loss", "val/loss", "seconds", "images_per_second", "peak_memory_mb"]


class HostBuffers:
    """Memory of the host that tensors are copied into, used again for tensors of the same names and shapes.

    What comes from a GPU is copied into pinned memory, on the current stream: what changes the tensors later on that
    stream does so after the copy, and nothing waits.
    """

    def __init__(self) -> None:
        self._by_name: dict[tuple, torch.Tensor] = {}

    def copy(self, content: Any, name: tuple = ()) -> Any:
        """Nested dicts and lists with copies of the tensors in them, valid until the next call."""
        if torch.is_tensor(content):
            buffer = self._by_name.get(name)
            if buffer is None or (buffer.shape, buffer.dtype) != (content.shape, content.dtype):
                buffer = torch.empty_like(content, device="cpu", pin_memory=content.is_cuda)
                self._by_name[name] = buffer
            return buffer.copy_(content.detach(), non_blocking=True)
        if isinstance(content, dict):
            copied = copy.copy(content)  # a state_dict carries the versions of its modules
            copied.update((key, self.copy(value, (*name, key))) for key, value in content.items())
            return copied
        if isinstance(content, list | tuple):
            return type(content)(self.copy(value, (*name, place)) for place, value in enumerate(content))
        return content


@dataclass
class HeldEpoch:
    """A best epoch that is not written yet.

    Attributes:
        weights: the content of its checkpoint, in memory of the host.
        images: counts of each validation image.
        buffers: that hold the weights.
    """

    weights: dict[str, Any]
    images: dict[str, np.ndarray]
    buffers: HostBuffers


@dataclass
class Files:
    """What is written at once.

    Attributes:
        held: best epochs, by number.
        state: the complete state; None where the segment has ended and none is kept.
        rows: of epochs.csv.
        kept: all best epochs of the segment; weights of others are removed.
        flush: whether to wait until all is on the disk.
        set_aside: whether nobody reads them soon.
    """

    held: dict[int, HeldEpoch]
    state: dict[str, Any] | None
    rows: list[dict[str, Any]]
    kept: set[int]
    flush: bool
    set_aside: bool


@dataclass
class CheckpointWriter:
    """Writes the files of a segment that is trained. To be used as a context, which ends when all is written.

    Attributes:
        store, segment: where.
        weights_bytes: of the network.
        device: that it is trained on.
        in_background: write copies, in a thread, while the training goes on; else what there is, at once. A GPU
            computes meanwhile; a CPU has nobody to spare.
    """

    store: SegmentStore
    segment: str
    weights_bytes: int
    device: torch.device
    in_background: bool
    _held: dict[int, HeldEpoch] = field(default_factory=dict)
    _free: list[HostBuffers] = field(default_factory=list)
    _buffers: HostBuffers = field(default_factory=HostBuffers)
    _thread: Thread | None = None
    _error: BaseException | None = None

    def __post_init__(self) -> None:
        self._wait_after(OPENING_S + self.weights_bytes * WEIGHTS_IN_STATE / CAREFUL_RATE)

    def __enter__(self) -> "CheckpointWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None:
            self.wait()
        elif self._thread is not None:
            self._thread.join()

    def is_due(self) -> bool:
        """Whether it is time to write.

        Raises:
            OSError: what was written last could not be.
        """
        if self._thread is not None and self._thread.is_alive():
            return False
        self.wait()
        return perf_counter() >= self._due

    def hold(self, epoch: int, weights: dict[str, Any], images: dict[str, np.ndarray], kept: set[int]) -> None:
        """Keep a best epoch in memory until the next writing.

        Args:
            weights: the content of its checkpoint.
            images: counts of each validation image.
            kept: all best epochs now; others are let go.
        """
        for other in self._held.keys() - kept:
            self._free.append(self._held.pop(other).buffers)
        buffers = self._free.pop() if self._free else HostBuffers()
        self._held[epoch] = HeldEpoch(buffers.copy(weights), images, buffers)

    def write(
        self,
        state: dict[str, Any] | None,
        rows: list[dict[str, Any]],
        kept: set[int],
        *,
        flush: bool,
        set_aside: bool = False,
    ) -> None:
        """Write what is held, then the state, and remove what it no longer refers to; see `Files`."""
        self.wait()
        if self.in_background:
            state = self._buffers.copy(state)
        files = Files(self._held, state, list(rows), kept, flush, set_aside)
        self._held = {}
        copied = _end_of_copies(self.device)
        if not self.in_background:
            self._write(files, copied)
            return
        self._thread = Thread(target=self._write_or_note, args=(files, copied))
        self._thread.start()

    def wait(self) -> None:
        """Wait until all is written.

        Raises:
            OSError: it could not be.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _write_or_note(self, files: Files, copied: Callable[[], None]) -> None:
        try:
            self._write(files, copied)
        except BaseException as error:  # it is the training's: `wait` raises it there
            self._error = error

    def _write(self, files: Files, copied: Callable[[], None]) -> None:
        began = perf_counter()
        folder, flush = self.store.part(self.segment), files.flush
        how = {"flush": flush, "set_aside": files.set_aside}
        copied()
        for epoch, held in files.held.items():
            write_checkpoint(self._in(folder, self.store.weights, epoch), held.weights, **how)
            write_arrays(self._in(folder, self.store.image_counts, epoch), held.images, flush=flush)
            self._free.append(held.buffers)
        if files.state is not None:
            write_checkpoint(folder / STATE, files.state, **how)
        write_csv(folder / "epochs.csv", files.rows, COLUMNS, flush=flush)
        drop_other_epochs(self.store, self.segment, files.kept)
        self._wait_after(perf_counter() - began)

    def _in(self, folder: Path, path: Callable[[str, int], Path], epoch: int) -> Path:
        return folder / path(self.segment, epoch).name

    def _wait_after(self, seconds: float) -> None:
        self._due = perf_counter() + min(seconds / SHARE, LONGEST_S)


def _end_of_copies(device: torch.device) -> Callable[[], None]:
    """What waits until the copies that are under way from a GPU have arrived."""
    if device.type != "cuda":
        return lambda: None
    event = torch.cuda.Event()
    event.record(torch.cuda.current_stream(device))
    return event.synchronize
