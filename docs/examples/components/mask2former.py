"""Mask2Former of transformers, trained with losses of pixels.

The network gives a class and a mask for each of its queries. Summed over the queries they are a score of each class at
each pixel, which is how the paper decides on semantic maps. The logarithm of this score is a logit here, so all losses,
metrics and ensembles work as with any network. The paper's own loss, which matches queries with ground truths, is
another one.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig

STAGES = ["stage1", "stage2", "stage3", "stage4"]
# Channels and blocks of Swin, then channels, layers of the encoder and layers of the decoder. Source of swin_t:
# Cheng et al. 2022, "Masked-attention mask transformer for universal image segmentation".
SIZES = {"tiny": (32, [1, 1, 1, 1], 32, 1, 2), "swin_t": (96, [2, 2, 6, 2], 256, 6, 10)}
LEAST = 1e-6  # score of a class that no query speaks for


class Mask2Former(nn.Module):
    """Logits of classes from queries."""

    def __init__(self, config: Mask2FormerConfig, binary: bool):
        super().__init__()
        self.network = Mask2FormerForUniversalSegmentation(config)
        self.binary = binary

    def forward(self, images: Tensor) -> Tensor:
        found = self.network(images)
        classes = found.class_queries_logits.softmax(-1)[..., :-1]  # (B, Q, C), without "nothing"
        masks = found.masks_queries_logits.sigmoid()  # (B, Q, H / 4, W / 4)
        logits = torch.log(torch.einsum("bqc,bqhw->bchw", classes, masks) + LEAST)
        if self.binary:  # the logit of foreground against background
            logits = logits[:, 1:] - logits[:, :1]
        return interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=False)


def build(classes: int, in_channels: int, size: Literal["tiny", "swin_t"] = "swin_t", queries: int = 100) -> nn.Module:
    """Mask2Former with a Swin transformer, its weights drawn."""
    embed_dim, depths, width, encoder_layers, decoder_layers = SIZES[size]
    backbone = SwinConfig(
        num_channels=in_channels,
        embed_dim=embed_dim,
        depths=depths,
        num_heads=[embed_dim // 32 * 2**stage for stage in range(len(depths))],
        out_features=STAGES,
    )
    config = Mask2FormerConfig(
        backbone_config=backbone,
        num_labels=max(classes, 2),
        num_queries=queries,
        hidden_dim=width,
        feature_size=width,
        mask_feature_size=width,
        encoder_feedforward_dim=4 * width,
        dim_feedforward=8 * width,
        encoder_layers=encoder_layers,
        decoder_layers=decoder_layers,
    )
    return Mask2Former(config, binary=classes == 1)
