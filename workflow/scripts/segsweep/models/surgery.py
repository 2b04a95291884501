"""Changes to a built network: other normalisation layers, other activations, dropout before the last layers."""

from collections.abc import Callable

import torch
from timm.layers import BatchNormAct2d
from torch import nn
from torch.nn import functional as F

from segsweep.errors import InputError

ACTIVATIONS = {
    "relu": lambda inplace: nn.ReLU(inplace),
    "leaky_relu": lambda inplace: nn.LeakyReLU(0.01, inplace),
    "elu": lambda inplace: nn.ELU(inplace=inplace),
    # The gradients of these need their input: in place they would only copy it.
    "gelu": lambda inplace: nn.GELU(),
    "silu": lambda inplace: nn.SiLU(),
}
# Known by name, because timm has classes of its own beside torch's. Gates (sigmoid, hard sigmoid, tanh) stay.
SWAPPED = {
    "ReLU", "ReLU6", "LeakyReLU", "PReLU", "RReLU", "ELU", "CELU", "SELU", "GELU", "GELUTanh", "QuickGELU", "SiLU",
    "Swish", "SwishMe", "Mish", "MishMe", "Hardswish", "HardSwish", "HardSwishMe", "HardMish", "HardMishMe",
}  # fmt: skip
# Encoders whose forward pass calls the activation as a function: there is no layer to replace.
CALLED = ("dpn", "mobileone", "timm-dpn", "tu-dpn", "tu-mobileone")
MAX_GROUPS, MIN_GROUP_CHANNELS = 32, 4


class SafeBatchNorm2d(nn.BatchNorm2d):
    """Batch norm that, in training, normalises a single value a channel by the running statistics.

    Layers behind global pooling see one value a channel and image; of a batch of one image (the rest of an epoch,
    a micro-batch halved after running out of memory) no variance can be taken, and torch raises an error.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and x.numel() == x.shape[1] and self.running_mean is not None:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        return super().forward(x)


def replace(network: nn.Module, wanted: Callable[[nn.Module], bool], make: Callable[[nn.Module], nn.Module]) -> int:
    """Replaces in place each layer that `wanted` accepts by what `make` makes of it, wherever it is used.

    Returns:
        The number of layers replaced.
    """
    made: dict[int, nn.Module] = {}
    places = [
        (parent, name, child)
        for parent in list(network.modules())
        for name, child in parent._modules.items()
        if child is not None and wanted(child)
    ]
    for parent, name, child in places:  # which keeps the old layers, and so their ids, alive
        if id(child) not in made:
            made[id(child)] = make(child).train(child.training)
        setattr(parent, name, made[id(child)])
    return len(places)


def replace_norms(network: nn.Module, norm: str) -> None:
    """`group`: every batch norm becomes a group norm; `batch`: batch norms that also bear a batch of one image.

    A group norm has the most groups, up to 32, that divide the channels and hold at least 4 of them (one group where
    nothing fits), and takes over scale and offset.

    Source: Wu and He 2018, "Group normalization".
    """
    if norm == "group":
        replace(network, lambda layer: isinstance(layer, nn.modules.batchnorm._BatchNorm), group_norm)
    else:
        replace(network, lambda layer: type(layer) is nn.BatchNorm2d, _safe)


def group_norm(batch: nn.Module) -> nn.Module:
    """A group norm in place of a batch norm; timm's batch norms that hold an activation keep it behind."""
    channels = batch.num_features
    fitting = [g for g in range(1, MAX_GROUPS + 1) if channels % g == 0 and channels // g >= MIN_GROUP_CHANNELS]
    new = nn.GroupNorm(max(fitting, default=1), channels, eps=batch.eps, affine=batch.affine)
    if batch.affine:
        new.load_state_dict({"weight": batch.weight.detach(), "bias": batch.bias.detach()})
    return nn.Sequential(new, batch.drop, batch.act) if isinstance(batch, BatchNormAct2d) else new


def _safe(batch: nn.BatchNorm2d) -> SafeBatchNorm2d:
    new = SafeBatchNorm2d(
        batch.num_features, batch.eps, batch.momentum, batch.affine, batch.track_running_stats
    )  # fmt: skip
    new.load_state_dict(batch.state_dict())
    return new


def replace_activations(network: nn.Module, activation: str, encoder: str = "") -> None:
    """Every rectifier of any kind becomes `activation`; gates (sigmoid) and softmax stay.

    Raises:
        InputError: the encoder calls its activation as a function, so that it cannot be replaced.
    """
    if encoder.startswith(CALLED):
        raise InputError(
            f"model.activation: {activation} cannot be set in the encoder {encoder}, whose code calls its activation "
            "as a function; choose another encoder (resnet18, efficientnet-b0, ...) or activation: null"
        )
    make = ACTIVATIONS[activation]
    replace(
        network,
        lambda layer: type(layer).__name__ in SWAPPED,
        lambda layer: make(getattr(layer, "inplace", False)),
    )


def add_dropout(network: nn.Module, share: float) -> None:
    """Drops whole channels (`Dropout2d`) right before the last convolution of each head.

    Heads are what the network's method `heads()` lists, else its `segmentation_head`. A network with neither places
    dropout itself when it is built.

    Source: Tompson et al. 2015, "Efficient object localization using convolutional networks" (spatial dropout).
    """
    heads = network.heads() if hasattr(network, "heads") else [getattr(network, "segmentation_head", nn.Identity())]
    for head in heads:
        last = [m for m in head.modules() if isinstance(m, nn.Conv2d)][-1:]
        replace(head, lambda layer, last=last: layer in last, lambda layer: nn.Sequential(nn.Dropout2d(share), layer))
