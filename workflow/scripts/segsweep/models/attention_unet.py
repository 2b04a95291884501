"""Attention U-Net: a U-Net with additive attention gates on its skip connections."""

from typing import ClassVar, Literal

from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoderBlock
from torch import nn

from segsweep.config.components import Model
from segsweep.config.settings import key
from segsweep.models.gated_unet import build_gated


class AttentionUnetSettings(Model):
    """A U-Net with additive attention gates on its skip connections."""

    revision: ClassVar[int] = 2  # gates start open everywhere
    title: ClassVar[str] = "Attention U-Net"

    arch: Literal["attention_unet"] = key("attention_unet", "Attention U-Net.")


def build(model: AttentionUnetSettings, classes: int, in_channels: int) -> nn.Module:
    """The encoder and the decoder blocks of smp's U-Net, with gates in between.

    Source: Oktay et al. 2018, "Attention U-Net: learning where to look for the pancreas".
    """
    return build_gated(model, classes, in_channels, UnetDecoderBlock)
