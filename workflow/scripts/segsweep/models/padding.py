"""Images of any size for networks that ask for multiples of their stride."""

import torch
from torch import nn
from torch.nn import functional as F


class Padded(nn.Module):
    """Pads images at the right and bottom by repeating their edge, and cuts the logits back to the image's size.

    (B, c, H, W) to (B, C, H, W), any H and W; the network sees sides of a multiple of `multiple`, at least `least`.
    """

    def __init__(self, network: nn.Module, multiple: int, least: int = 0):
        super().__init__()
        self.network = network
        self.multiple = multiple
        self.least = least

    def heads(self) -> list[nn.Module]:
        return [self.network.segmentation_head]

    def missing(self, side: int) -> int:
        """Pixels to add to a side."""
        wanted = max(side, self.least)
        return wanted + -wanted % self.multiple - side

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        height, width = image.shape[-2:]
        bottom, right = (self.missing(side) for side in (height, width))
        if bottom or right:
            image = F.pad(image, (0, right, 0, bottom), mode="replicate")
        return self.network(image)[..., :height, :width]
