"""SegFormer of transformers."""

from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import interpolate
from transformers import SegformerConfig, SegformerForSemanticSegmentation

# Source: Xie et al. 2021, "SegFormer", table 6: layers and channels of the stages, channels of the decoder.
SIZES = {
    "b0": ([2, 2, 2, 2], [32, 64, 160, 256], 256),
    "b1": ([2, 2, 2, 2], [64, 128, 320, 512], 256),
    "b2": ([3, 4, 6, 3], [64, 128, 320, 512], 768),
}


class Segformer(nn.Module):
    """Logits of the images' size: those of transformers have a quarter of it."""

    def __init__(self, network: SegformerForSemanticSegmentation):
        super().__init__()
        self.encoder = network.segformer  # under this name `freeze: encoder` and `lr_factor` find it
        self.decoder = network.decode_head

    def forward(self, images: Tensor) -> Tensor:
        features = self.encoder(images, output_hidden_states=True).hidden_states
        return interpolate(self.decoder(features), size=images.shape[-2:], mode="bilinear", align_corners=False)


def build(
    classes: int, in_channels: int, size: Literal["b0", "b1", "b2"] = "b0", weights: str | None = None
) -> nn.Module:
    """Drawn weights, or those of a folder that transformers' `save_pretrained` wrote, or of a model of the hub."""
    if weights:
        return Segformer(
            SegformerForSemanticSegmentation.from_pretrained(
                weights, num_labels=classes, num_channels=in_channels, ignore_mismatched_sizes=True
            )
        )
    depths, channels, width = SIZES[size]
    config = SegformerConfig(
        num_labels=classes,
        num_channels=in_channels,
        depths=depths,
        hidden_sizes=channels,
        decoder_hidden_size=width,
    )
    return Segformer(SegformerForSemanticSegmentation(config))
