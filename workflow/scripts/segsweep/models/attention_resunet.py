"""Attention Residual U-Net: residual decoder blocks behind attention gates."""

from typing import ClassVar, Literal

import torch
from torch import nn
from torch.nn import functional as F

from segsweep.config.components import Model
from segsweep.config.settings import key
from segsweep.models.gated_unet import build_gated


class AttentionResunetSettings(Model):
    """Residual decoder blocks behind attention gates."""

    revision: ClassVar[int] = 2  # gates start open everywhere
    title: ClassVar[str] = "Attention Residual U-Net"

    arch: Literal["attention_resunet"] = key("attention_resunet", "Attention Residual U-Net.")


class ResidualBlock(nn.Module):
    """Upsamples, joins the skip connection, and adds two convolutions to a projection of their input.

    relu(norm(conv(relu(norm(conv(x))))) + norm(project(x))), 3x3 convolutions and a 1x1 projection.

    Source: He et al. 2016, "Deep residual learning", figure 2 and option B, in a U-Net as in Zhang et al. 2018,
    "Road extraction by deep residual U-Net".
    """

    def __init__(self, inputs: int, skip: int, outputs: int):
        super().__init__()
        joined = inputs + skip
        self.residual = nn.Sequential(
            nn.Conv2d(joined, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.project = nn.Sequential(nn.Conv2d(joined, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor, height: int, width: int, skip: torch.Tensor | None = None) -> torch.Tensor:
        x = F.interpolate(x, size=(height, width), mode="nearest")
        if skip is not None:
            x = torch.cat([x, skip], dim=1)
        return self.activation(self.residual(x) + self.project(x))


def build(model: AttentionResunetSettings, classes: int, in_channels: int) -> nn.Module:
    """An smp encoder, attention gates (Oktay et al. 2018) and residual decoder blocks."""
    return build_gated(model, classes, in_channels, ResidualBlock)
