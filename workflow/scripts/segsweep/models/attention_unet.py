"""Attention U-Net: a U-Net with additive attention gates on its skip connections."""

from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoderBlock
from torch import nn

from segsweep.config.train import Model
from segsweep.models.gated_unet import build_gated


def build(model: Model, classes: int) -> nn.Module:
    """The encoder and the decoder blocks of smp's U-Net, with gates in between.

    Source: Oktay et al. 2018, "Attention U-Net: learning where to look for the pancreas".
    """
    return build_gated(model, classes, UnetDecoderBlock)
