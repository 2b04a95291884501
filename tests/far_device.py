"""A device that is none: tensors that say they are elsewhere, and count what would wait for a GPU.

Its tensors hold their values in main memory, as the processor computes them; that they cannot be read without being
copied back, as with a GPU, is torch's own doing. What waits for a GPU, says torch's `set_sync_debug_mode` and its
documentation, and is counted here: to read a number, to ask for what has a size that only the device knows (`nonzero`,
a boolean index, `bincount`), and copies from or to memory that is not pinned.
"""

import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

from segsweep.network_outputs import map_tensors

NAME = "far"
PACKAGE = "segsweep"
# Ops whose results have a size that is known on the device alone, or that are numbers of the host.
WAITING = {
    "aten::_local_scalar_dense",
    "aten::_unique",
    "aten::_unique2",
    "aten::bincount",
    "aten::equal",
    "aten::is_nonzero",
    "aten::item",
    "aten::masked_select",
    "aten::nonzero",
    "aten::unique_consecutive",
    "aten::unique_dim",
    "torchvision::nms",
}
INDEXING = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}
COPYING = {"aten::_to_copy", "aten::copy_", "aten::to"}


class Backend(_DummyBackendModule):
    """What torch asks of a device."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        """Of mixed precision."""
        return [torch.bfloat16, torch.float16]


class FarTensor(torch.Tensor):
    """A tensor on the device; `near` holds its values."""

    near: torch.Tensor

    @staticmethod
    def __new__(cls, near: torch.Tensor) -> "FarTensor":
        about = {"strides": near.stride(), "storage_offset": near.storage_offset(), "dtype": near.dtype}
        return torch.Tensor._make_wrapper_subclass(cls, near.size(), device=f"{NAME}:0", **about)

    def __init__(self, near: torch.Tensor):
        self.near = near

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        raise RuntimeError(f"{func}: a far tensor is used where its device is not open")


class FarDevice(TorchDispatchMode):
    """`with FarDevice() as far:` makes `far.device` one; `far.waits` then counts the waits, by op and place."""

    def __init__(self) -> None:
        super().__init__()
        if not hasattr(torch, NAME):
            _setup_privateuseone_for_python_backend(NAME, backend_module=Backend())
        self.device = torch.device(NAME, 0)
        self.waits: Counter[str] = Counter()
        self.arrivals: list[str] = []
        self._pinned: dict[int, torch.Tensor] = {}

    def pinned(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor, in memory that the device copies from without a wait."""
        copied = tensor.clone()
        self._pinned[copied.untyped_storage().data_ptr()] = copied  # held, so that no other one gets its address
        return copied

    def pinned_batch(self, batch: dict) -> dict:
        """A batch whose tensors are in such memory."""
        return map_tensors(self.pinned, batch)

    def started(self, tensor: torch.Tensor) -> tuple[torch.Tensor, Callable[[], None]]:
        """As `segsweep.device_copies.started`; `arrivals` tells of copies that were begun and waited for."""
        copy = self.pinned(torch.zeros(tensor.shape, dtype=tensor.dtype)).copy_(tensor, non_blocking=True)
        number = sum(one.startswith("begun") for one in self.arrivals)
        self.arrivals.append(f"begun {number}")
        return copy, lambda: self.arrivals.append(f"waited {number}")

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        inputs = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        devices = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, torch.device)]
        far = any(isinstance(one, FarTensor) for one in inputs)
        if not far and not any(one.type == NAME for one in devices):
            return func(*args, **kwargs)
        if self._waits(func, args, inputs, devices):
            self.waits[f"{func} in {_place()}"] += 1
        near_args, near_kwargs = pytree.tree_map(_near, (args, kwargs))
        found = func(*near_args, **near_kwargs)
        ends = args[0].device if func.name().startswith("aten::copy_") else next(iter(devices), self.device)
        if ends.type == "cpu":
            return found
        known = {id(one.near): one for one in inputs if isinstance(one, FarTensor)}
        return pytree.tree_map_only(torch.Tensor, lambda one: known[id(one)] if id(one) in known else _far(one), found)

    def _waits(self, func: Any, args: tuple, inputs: list, devices: list) -> bool:
        name = func.name().split(".")[0]
        if name in COPYING:
            ends = args[0].device if name == "aten::copy_" else next(iter(devices), self.device)
            source = inputs[-1]
            if source.device.type == ends.type:
                return False
            if ends.type == "cpu" and name != "aten::copy_":  # into memory that is fresh, and not pinned
                return True
            near = args[0] if ends.type == "cpu" else source
            return near.untyped_storage().data_ptr() not in self._pinned
        indices = args[1] if name in INDEXING else ()
        return name in WAITING or any(one is not None and one.dtype in (torch.bool, torch.uint8) for one in indices)


def _far(near: torch.Tensor) -> FarTensor:
    with torch.inference_mode(False):  # a view of a weight is none of inference
        return FarTensor(near)


def _near(leaf: Any) -> Any:
    if isinstance(leaf, FarTensor):
        return leaf.near
    return torch.device("cpu") if isinstance(leaf, torch.device) else leaf


def _place() -> str:
    """The innermost line of the package."""
    lines = [one for one in traceback.extract_stack() if PACKAGE in Path(one.filename).parts]
    return f"{Path(lines[-1].filename).stem}.{lines[-1].name}:{lines[-1].lineno}" if lines else "a test"
