"""Networks, a file each: a class of settings, and

build(settings, classes, in_channels) -> torch.nn.Module

which draws its weights from torch's global generator. Its `heads()` are the modules before whose last convolution
dropout comes; without this method its `segmentation_head` is.
"""

from torch import nn

from segsweep import registry
from segsweep.config.components import Model
from segsweep.models import initialization, surgery


def build(model: Model, classes: int, in_channels: int = 3) -> nn.Module:
    """The network of a setting, its weights drawn from torch's global generator.

    What a setting asks for on top of an architecture is applied in this order: normalisation layers, activations,
    dropout, weights.

    Args:
        model: the section `model` of a training setting.
        classes: number of logits of a pixel; 1 for a binary task.
        in_channels: channels of the images.

    Returns:
        A module that takes float32 (B, in_channels, H, W) and gives logits (B, classes, H, W), or in training, if it
        has auxiliary heads, {"main": logits, "aux": [logits, ...]}. Multitask and text networks give their own outputs.

    Raises:
        InputError: unknown encoder or option, weights that cannot be had, settings that exclude each other.
    """
    initialization.check(model)
    network = registry.load(model).build(model, classes, in_channels)
    surgery.replace_norms(network, model.norm)
    if model.activation is not None:
        surgery.replace_activations(network, model.activation, model.encoder)
    if model.dropout:
        surgery.add_dropout(network, model.dropout)
    initialization.draw(network, model.init, model.activation)
    return network
