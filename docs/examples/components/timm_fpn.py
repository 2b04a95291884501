"""Any network of timm that gives feature maps, with a small decoder."""

import timm
from torch import Tensor, nn
from torch.nn.functional import interpolate


class Fpn(nn.Module):
    """Maps of all strides brought to one width, added from the coarsest to the finest one, then classified.

    Source: Lin et al. 2017, "Feature pyramid networks for object detection".
    """

    def __init__(self, encoder: nn.Module, width: int, classes: int):
        super().__init__()
        self.encoder = encoder
        self.lateral = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in encoder.feature_info.channels())
        self.head = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, classes, 1))

    def forward(self, images: Tensor) -> Tensor:
        maps = [lateral(found) for lateral, found in zip(self.lateral, self.encoder(images), strict=True)]
        total = maps.pop()
        while maps:
            finer = maps.pop()
            total = finer + interpolate(total, size=finer.shape[-2:], mode="nearest")
        return interpolate(self.head(total), size=images.shape[-2:], mode="bilinear", align_corners=False)


def build(
    classes: int, in_channels: int, encoder: str = "mobilenetv3_small_050", width: int = 64, pretrained: bool = False
) -> nn.Module:
    """`encoder` is a name of timm.list_models(); `pretrained` takes its weights from the hub."""
    features = timm.create_model(encoder, pretrained=pretrained, features_only=True, in_chans=in_channels)
    return Fpn(features, width, classes)
