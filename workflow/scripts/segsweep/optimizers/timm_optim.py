"""The optimizers of timm.optim that torch does not have, by the names that timm gives them."""

from functools import partial
from typing import Any, ClassVar, Literal

import torch
from timm.optim import create_optimizer_v2, get_optimizer_class

from segsweep.config.components import LibraryOptimizer
from segsweep.config.settings import key
from segsweep.optimizers.library_options import make_optimizer


class TimmOptimizer(LibraryOptimizer):
    """An optimizer of timm.optim. Its variants are options: `{caution: true}`, `{corrected_weight_decay: true}`."""

    title: ClassVar[str] = "timm.optim"

    name: Literal[
        "timm.adafactor", "timm.adafactorbv", "timm.adamp", "timm.adamuon", "timm.adamwlegacy", "timm.adan",
        "timm.adopt", "timm.lamb", "timm.laprop", "timm.larc", "timm.lars", "timm.lion", "timm.madgrad", "timm.mars",
        "timm.muon", "timm.nadamw", "timm.novograd", "timm.radamlegacy", "timm.rmsproptf", "timm.sgdp", "timm.sgdw",
    ] = key("timm.lamb", "A name of timm.optim, with what timm sets by it (a momentum of 0.9).")  # fmt: skip


def build(settings: TimmOptimizer, parameter_groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """See `segsweep.optimizers`. timm chooses no weights that do not decay; `weight_decay_on` does.

    Raises:
        InputError: an option that the class does not have, or a value that it does not take.
    """
    name = settings.name.removeprefix("timm.")
    return make_optimizer(
        settings,
        get_optimizer_class(name, bind_defaults=False),
        partial(create_optimizer_v2, parameter_groups, opt=name),
    )
