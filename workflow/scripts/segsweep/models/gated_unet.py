"""A U-Net on an smp encoder whose skip connections pass through attention gates."""

from collections.abc import Callable

import torch
from segmentation_models_pytorch.base import SegmentationHead
from segmentation_models_pytorch.base.initialization import initialize_decoder, initialize_head
from torch import nn

from segsweep.config.components import Model
from segsweep.errors import InputError
from segsweep.models.attention import AttentionGate
from segsweep.models.encoders import check_options, encoder

DECODER_CHANNELS = (256, 128, 64, 32, 16)


class GatedUnet(nn.Module):
    """(B, c, H, W) to logits (B, classes, H, W), any H and W.

    Args:
        encoder: maps of 1/1, 1/2, 1/4, ...
        block: makes a decoder block of (channels from below, channels of the skip, channels out), which is called with
            (map from below, height, width, skip or None).
        decoder_channels: one number for each of the encoder's halvings, from coarse to fine.
        classes: logits of a pixel.

    The gating signal of a skip connection is the decoder's map one step coarser. The finest skip connection (the first
    convolution's) is not gated: it does not yet represent the image in a high-dimensional space (Oktay et al. 2018).
    """

    def __init__(self, encoder: nn.Module, block: Callable[..., nn.Module], decoder_channels: list[int], classes: int):
        super().__init__()
        self.encoder = encoder
        skips = list(encoder.out_channels[1:-1])[::-1] + [0]  # from coarse to fine, none at full size
        below = [encoder.out_channels[-1], *decoder_channels[:-1]]
        self.gates = nn.ModuleList()
        self.blocks = nn.ModuleList()
        for level, (inputs, skip, outputs) in enumerate(zip(below, skips, decoder_channels, strict=True)):
            gated = skip > 0 and level < len(skips) - 2
            self.gates.append(AttentionGate(skip, inputs) if gated else nn.Identity())
            self.blocks.append(block(inputs, skip, outputs))
        self.segmentation_head = SegmentationHead(decoder_channels[-1], classes, kernel_size=3)
        initialize_decoder(self.blocks)
        initialize_head(self.segmentation_head)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = self.encoder(image)
        x = features[-1]  # (B, C, H/32, W/32)
        finer = features[-2::-1]  # 1/16, 1/8, 1/4, 1/2, 1/1
        for level, (gate, block, feature) in enumerate(zip(self.gates, self.blocks, finer, strict=True)):
            skip = None if level == len(finer) - 1 else feature
            if isinstance(gate, AttentionGate):
                skip = gate(skip, x)
            x = block(x, *feature.shape[-2:], skip)
        return self.segmentation_head(x)


def build_gated(model: Model, classes: int, in_channels: int, block: Callable[..., nn.Module]) -> GatedUnet:
    """A GatedUnet of a setting. Options: `decoder_channels`, `encoder_depth` (3 to 5).

    Raises:
        InputError: unknown options or encoder, a number of channels that does not fit the depth.
    """
    check_options(model, ("decoder_channels", "encoder_depth"))
    depth = model.options.get("encoder_depth", 5)
    if depth not in (3, 4, 5):
        raise InputError(f"model.options.encoder_depth: {depth!r} of {model.arch} must be 3, 4 or 5")
    channels = list(model.options.get("decoder_channels", DECODER_CHANNELS[5 - depth :]))
    if len(channels) != depth or not all(isinstance(n, int) and n > 0 for n in channels):
        raise InputError(
            f"model.options.decoder_channels: {channels} of {model.arch} must be {depth} whole numbers above 0, "
            f"one for each halving of the encoder, for example {list(DECODER_CHANNELS[5 - depth :])}"
        )
    return GatedUnet(encoder(model, in_channels, depth), block, channels, classes)
