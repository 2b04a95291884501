"""The segmentation networks of torchvision, by their names there."""

from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.models import get_model


class TorchvisionNetwork(nn.Module):
    """Their parts, whose outputs get the names that losses know here."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.encoder = network.backbone  # under this name `freeze: encoder` and `lr_factor` find it
        self.decoder = network.classifier
        self.auxiliary = network.aux_classifier

    def forward(self, images: Tensor) -> Tensor | dict[str, Tensor | list[Tensor]]:
        maps = self.encoder(images)
        logits = _resized(self.decoder(maps["out"]), images)
        if not self.training:
            return logits
        return {"main": logits, "aux": [_resized(self.auxiliary(maps["aux"]), images)]}


def _resized(logits: Tensor, images: Tensor) -> Tensor:
    return interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=False)


def build(
    classes: int,
    in_channels: int,
    name: Literal[
        "deeplabv3_mobilenet_v3_large", "deeplabv3_resnet50", "deeplabv3_resnet101", "fcn_resnet50", "fcn_resnet101"
    ] = "deeplabv3_mobilenet_v3_large",
    weights: str | None = None,
) -> nn.Module:
    """Drawn weights, or the encoder with `weights`, a name that torchvision knows for it: `IMAGENET1K_V2`."""
    if in_channels != 3:
        raise ValueError(f"networks of torchvision take 3 channels, and the images have {in_channels}")
    network = get_model(name, weights=None, weights_backbone=weights, num_classes=classes, aux_loss=True)
    return TorchvisionNetwork(network)
