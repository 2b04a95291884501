"""DBNet: a text detector with differentiable binarization."""

from typing import ClassVar, Literal

import segmentation_models_pytorch as smp
import torch
from torch import nn
from torch.nn import functional as F

from segsweep.config.components import Model
from segsweep.config.settings import key
from segsweep.errors import InputError
from segsweep.models.encoders import check_options, with_weights

STEEPNESS = 50.0  # k of eq. 2


class DBNetSettings(Model):
    """A text detector with differentiable binarization."""

    title: ClassVar[str] = "DBNet"
    tasks: ClassVar[tuple[str, ...]] = ("text",)

    arch: Literal["dbnet"] = key("dbnet", "DBNet.")


def approximate_binary(probability: torch.Tensor, threshold: torch.Tensor, k: float = STEEPNESS) -> torch.Tensor:
    """1 / (1 + exp(-k (P - T))): a step that has a gradient. Any shape, 0..1 (Liao et al. 2020, eq. 2)."""
    return torch.sigmoid(k * (probability - threshold))


class Neck(nn.Module):
    """Feature pyramid: maps of 1/4, 1/8, 1/16 and 1/32 become one of 1/4 with `channels` channels."""

    def __init__(self, inputs: list[int], channels: int):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(n, channels, 1, bias=False) for n in inputs)
        self.smooth = nn.ModuleList(nn.Conv2d(channels, channels // 4, 3, padding=1, bias=False) for _ in inputs)

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        maps = [lateral(feature) for lateral, feature in zip(self.lateral, features, strict=True)]
        for i in range(len(maps) - 1, 0, -1):  # from coarse to fine
            maps[i - 1] = maps[i - 1] + F.interpolate(maps[i], size=maps[i - 1].shape[-2:], mode="nearest")
        size = maps[0].shape[-2:]  # (H/4, W/4)
        smoothed = [smooth(level) for smooth, level in zip(self.smooth, maps, strict=True)]
        return torch.cat([F.interpolate(level, size=size, mode="nearest") for level in smoothed], dim=1)


def head(channels: int, dropout: float) -> nn.Sequential:
    """From (B, channels, H/4, W/4) to logits (B, 1, H, W)."""
    inner = channels // 4
    return nn.Sequential(
        nn.Conv2d(channels, inner, 3, padding=1, bias=False),
        nn.BatchNorm2d(inner),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(inner, inner, 2, stride=2),
        nn.BatchNorm2d(inner),
        nn.ReLU(inplace=True),
        nn.Dropout2d(dropout),
        nn.ConvTranspose2d(inner, 1, 2, stride=2),
    )


class DBNet(nn.Module):
    """Encoder, feature pyramid and two heads: probability and threshold map.

    Takes float (B, in_channels, H, W). Gives a dict of maps (B, 1, H, W): in training "logits" (of the probability),
    "probability", "threshold" and "binary" (0..1); in evaluation "logits" and "probability" only, unless
    `threshold_in_eval`, which makes the loss of a validation split the same sum as that of training.

    `encoder`: a name of segmentation_models_pytorch (timm's with `tu-`); `channels`: of the feature pyramid, a multiple
    of 4.

    Raises:
        InputError: if it is not.

    Source: Liao et al. 2020, "Real-time scene text detection with differentiable binarization", sections 3.1 and 3.2.
    """

    def __init__(
        self,
        encoder: str = "resnet18",
        encoder_weights: str | None = None,
        channels: int = 256,
        dropout: float = 0.0,
        threshold_in_eval: bool = False,
        in_channels: int = 3,
    ):
        super().__init__()
        if channels < 4 or channels % 4:
            raise InputError(
                f"model.options: channels of dbnet must be a multiple of 4, got {channels}; try 256 (published) or 64"
            )
        self.encoder = smp.encoders.get_encoder(encoder, in_channels=in_channels, depth=5, weights=encoder_weights)
        self.neck = Neck(list(self.encoder.out_channels[-4:]), channels)
        self.probability = head(channels, dropout)
        self.threshold = head(channels, dropout)
        self.threshold_in_eval = threshold_in_eval
        for module in (*self.neck.modules(), *self.probability.modules(), *self.threshold.modules()):
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            elif isinstance(module, nn.ConvTranspose2d):
                # Kernel and stride are 2: a pixel is made of one weight a channel, not of four as kaiming counts.
                gain = 2.0 if module.out_channels > 1 else 1.0
                nn.init.normal_(module.weight, std=(gain / module.in_channels) ** 0.5)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        height, width = image.shape[-2:]
        fused = self.neck(self.encoder(image)[-4:])  # (B, channels, H/4, W/4)
        logits = self.probability(fused)[..., :height, :width]
        # The step is steep: in half precision P - T would lose what it is about.
        maps = {"logits": logits, "probability": torch.sigmoid(logits.float())}
        if self.training or self.threshold_in_eval:
            maps["threshold"] = torch.sigmoid(self.threshold(fused)[..., :height, :width].float())
            maps["binary"] = approximate_binary(maps["probability"], maps["threshold"])
        return maps


def build(model: DBNetSettings, classes: int, in_channels: int) -> DBNet:
    """The network of a setting; `model.options` may hold `channels`. `classes` is not needed: text has one map.

    Raises:
        InputError: unknown encoder or option, weights that cannot be had.
    """
    check_options(model, {"channels"})
    given = {"dropout": model.dropout, "threshold_in_eval": True, "in_channels": in_channels} | model.options
    return with_weights(model, lambda weights: DBNet(model.encoder, weights, **given))
