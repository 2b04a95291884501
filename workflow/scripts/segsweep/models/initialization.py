"""Schemes by which weights are drawn before training."""

from collections.abc import Iterator

from torch import nn

from segsweep.config.components import Init, Model
from segsweep.errors import InputError
from segsweep.models.parts import part_of

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
STD = 0.02  # of the scheme `normal`, as in DCGAN (Radford et al. 2016)
AS_BUILT = "weights_as_built"  # attribute of layers over whose weights no scheme draws


def check(model: Model) -> None:
    """Raises InputError where a scheme would draw over weights that were asked for."""
    if model.init.scheme != "default" and model.init.encoder and model.encoder_weights:
        raise InputError(
            f"model.init: encoder: true with scheme {model.init.scheme} would draw over the weights that "
            f"model.encoder_weights ({model.encoder_weights}) loads; set init.encoder: false or encoder_weights: null"
        )


def draw(network: nn.Module, init: Init, activation: str | None = None) -> None:
    """Draws the weights of all convolutions and linear layers in place, from torch's global generator.

    Biases stay as built: some carry a prior (attention gates start open, a detector's classes start rare).
    So do layers that `keep_as_built` marked, and normalisation layers: scale 1, offset 0, or as pretrained.

    Args:
        network: its encoder is what lies under an attribute named `encoder`.
        init: `default` draws nothing; `encoder` says whether the encoder's weights are drawn as well.
        activation: what follows the layers; sets the gain of `kaiming` (as for relu, or leaky_relu).

    Source: xavier: Glorot and Bengio 2010, eq. 16 (uniform); kaiming: He et al. 2015, eq. 10 and 15 (normal, fan in);
    orthogonal: Saxe et al. 2014.
    """
    if init.scheme == "default":
        return
    nonlinearity = "leaky_relu" if activation == "leaky_relu" else "relu"
    slope = 0.01 if activation == "leaky_relu" else 0.0
    for module in layers(network, init.encoder):
        match init.scheme:
            case "xavier":
                nn.init.xavier_uniform_(module.weight)
            case "kaiming":
                nn.init.kaiming_normal_(module.weight, a=slope, nonlinearity=nonlinearity)
            case "normal":
                nn.init.normal_(module.weight, std=STD)
            case "orthogonal":
                nn.init.orthogonal_(module.weight)


def layers(network: nn.Module, encoder: bool) -> Iterator[nn.Module]:
    """Convolutions and linear layers to draw, in the order of registration; the encoder's only if asked for."""
    for name, module in network.named_modules():
        drawn = isinstance(module, WEIGHTED) and not getattr(module, AS_BUILT, False)
        if drawn and (encoder or part_of(name) != "encoder"):
            yield module


def keep_as_built(layer: nn.Module) -> None:
    """Marks a layer whose first weights are part of its design: no scheme draws over them."""
    setattr(layer, AS_BUILT, True)
