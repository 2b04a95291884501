"""ResNets without their shortcuts, as encoders of segmentation_models_pytorch: `plain18` and `plain34`.

What a study of residual connections compares ResNets with: the same layers, hardly fewer weights (plain34 has 21.1
million, resnet34 21.3 million: its shortcuts hold three 1x1 convolutions), the same arithmetic and the same maps.

Source: He et al. 2016, "Deep residual learning for image recognition", section 3.3 and figure 3 (the plain networks).
"""

from typing import Any

import segmentation_models_pytorch as smp
import torch
from torchvision.models.resnet import BasicBlock

RESNETS = {"plain18": "resnet18", "plain34": "resnet34"}


class PlainBlock(BasicBlock):
    """Two 3x3 convolutions, each with batch norm and ReLU: torchvision's residual block without its shortcut."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.downsample = None  # the projection of the shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)))


def register() -> None:
    """Adds the encoders to those that smp finds by name. None of them has pretrained weights."""
    for name, resnet in RESNETS.items():
        params = smp.encoders.encoders[resnet]["params"] | {"block": PlainBlock}
        smp.encoders.encoders[name] = smp.encoders.encoders[resnet] | {"params": params, "pretrained_settings": {}}
