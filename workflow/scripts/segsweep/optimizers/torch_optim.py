"""The optimizers of torch.optim, by the names of their classes."""

from functools import partial
from typing import Any, ClassVar, Literal

import torch
from pydantic import field_validator

from segsweep.config.components import LibraryOptimizer
from segsweep.config.settings import key
from segsweep.optimizers.library_options import make_optimizer

REFUSED = {
    "torch.LBFGS": "it computes the loss several times in a step, the training loop once; choose torch.RMSprop",
    "torch.Muon": "it is for matrices only, and networks of images have convolutions and biases; choose timm.muon",
    "torch.Rprop": "it needs the gradient of the whole data set in each step; choose torch.RMSprop",
    "torch.SparseAdam": "it is for sparse gradients, and all gradients are dense here; choose adam",
}


class TorchOptimizer(LibraryOptimizer):
    """An optimizer of torch.optim."""

    title: ClassVar[str] = "torch.optim"

    name: Literal[
        "torch.ASGD", "torch.Adadelta", "torch.Adafactor", "torch.Adagrad", "torch.Adam", "torch.AdamW",
        "torch.Adamax", "torch.NAdam", "torch.RAdam", "torch.RMSprop", "torch.SGD",
        "torch.LBFGS", "torch.Muon", "torch.Rprop", "torch.SparseAdam",
    ] = key("torch.RMSprop", "A class of torch.optim; LBFGS, Muon, Rprop and SparseAdam are refused.")  # fmt: skip

    @field_validator("name")
    @classmethod
    def _can_train(cls, name: str) -> str:
        if name in REFUSED:
            raise ValueError(f"{name} cannot train a network here: {REFUSED[name]}")
        return name


def build(settings: TorchOptimizer, parameter_groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """See `segsweep.optimizers`.

    Raises:
        InputError: an option that the class does not have, or a value that it does not take.
    """
    cls = getattr(torch.optim, settings.name.removeprefix("torch."))
    return make_optimizer(settings, cls, partial(cls, parameter_groups))
