"""BiSeNet: a spatial path for detail, a context path for the field of view."""

from typing import ClassVar, Literal

import torch
from torch import nn
from torch.nn import functional as F

from segsweep.config.components import Model
from segsweep.config.settings import key
from segsweep.errors import InputError
from segsweep.models.encoders import check_options, encoder

SPATIAL, CONTEXT, FUSED = 128, 128, 256  # channels
HEAD, AUX_HEAD = 64, 128


class BiSeNetSettings(Model):
    """A spatial path for detail, a context path for the field of view."""

    title: ClassVar[str] = "BiSeNet"

    arch: Literal["bisenet"] = key("bisenet", "BiSeNet.")


def conv(inputs: int, outputs: int, size: int, stride: int = 1, activation: bool = True) -> nn.Sequential:
    """Convolution, batch norm and, if asked for, a rectifier."""
    layers = [nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if activation else nn.Sequential(*layers)


def resized(x: torch.Tensor, size: torch.Size) -> torch.Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


class SpatialPath(nn.Sequential):
    """(B, in_channels, H, W) to (B, 128, H/8, W/8): three convolutions of stride 2."""

    def __init__(self, in_channels: int):
        super().__init__(conv(in_channels, 64, 7, 2), conv(64, 64, 3, 2), conv(64, 64, 3, 2), conv(64, SPATIAL, 1))


class AttentionRefinement(nn.Module):
    """ARM: a convolution whose channels are weighed by their global means (Yu et al. 2018, figure 2b)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = conv(inputs, outputs, 3)
        self.attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), conv(outputs, outputs, 1, activation=False), nn.Sigmoid()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        return x * self.attention(x)


class ContextPath(nn.Module):
    """(B, c, H, W) to the refined maps (B, 128, H/16, W/16) and (B, 128, H/8, W/8).

    The encoder's maps of 1/32 and 1/16 pass an ARM each; the global mean is added to the coarser, the coarser to the
    finer one.
    """

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder
        at16, at32 = encoder.out_channels[-2:]
        self.context = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv(at32, CONTEXT, 1))
        self.arm32 = AttentionRefinement(at32, CONTEXT)
        self.arm16 = AttentionRefinement(at16, CONTEXT)
        self.refine32 = conv(CONTEXT, CONTEXT, 3)
        self.refine16 = conv(CONTEXT, CONTEXT, 3)

    def forward(self, image: torch.Tensor, size8: torch.Size) -> tuple[torch.Tensor, torch.Tensor]:
        *_, at16, at32 = self.encoder(image)
        coarse = self.arm32(at32) + self.context(at32)  # (B, 128, H/32, W/32) + (B, 128, 1, 1)
        coarse = self.refine32(resized(coarse, at16.shape[-2:]))
        fine = self.arm16(at16) + coarse
        return coarse, self.refine16(resized(fine, size8))


class FeatureFusion(nn.Module):
    """FFM: both paths joined, then x + x * attention(x) over channels (Yu et al. 2018, figure 2c)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = conv(inputs, outputs, 1)
        self.attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(outputs, outputs, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, spatial: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        x = self.conv(torch.cat([spatial, context], dim=1))
        return x + x * self.attention(x)


class Head(nn.Sequential):
    """A 3x3 convolution, then logits by a 1x1 one."""

    def __init__(self, inputs: int, inner: int, classes: int):
        super().__init__(conv(inputs, inner, 3), nn.Conv2d(inner, classes, 1))


class BiSeNet(nn.Module):
    """BiSeNet V1 on an encoder with maps of 1/16 and 1/32: (B, c, H, W) to logits (B, classes, H, W), any H and W.

    In training {"main": logits, "aux": [logits of the 1/32 branch, logits of the 1/16 branch]}, in evaluation the main
    logits alone; all at the size of the image.

    Parameters with ResNet-18 and 19 classes: 13,194,489, of them 11,176,512 in the encoder and 300,326 in the two
    auxiliary heads; evaluation uses 12,894,163. Published: 49.0 M (the paper's table of speed and size; 5.8 M with
    Xception39). ResNet-18 itself has 11.2 M, so that number cannot count parameters: 12,894,163 float32 weights
    occupy 49.2 MiB, and the paper's 49.0 is that memory, auxiliary heads left out. What remains, 0.4 %, is the width
    of the heads, which the paper does not state. Counted as here, other implementations have 12 to 14 M.

    Source: Yu et al. 2018, "BiSeNet: bilateral segmentation network for real-time semantic segmentation"; the order
    of the context path's steps as in the authors' published code.
    """

    def __init__(self, encoder: nn.Module, classes: int, in_channels: int):
        super().__init__()
        self.spatial = SpatialPath(in_channels)
        self.context = ContextPath(encoder)
        self.fusion = FeatureFusion(SPATIAL + CONTEXT, FUSED)
        self.main = Head(FUSED, HEAD, classes)
        self.aux = nn.ModuleList([Head(CONTEXT, AUX_HEAD, classes) for _ in range(2)])
        own = (self.spatial, self.fusion, self.main, self.aux, *list(self.context.children())[1:])
        for module in (m for part in own for m in part.modules()):
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def heads(self) -> list[nn.Module]:
        """The main head and the auxiliary ones."""
        return [self.main, *self.aux]

    def forward(self, image: torch.Tensor) -> torch.Tensor | dict[str, torch.Tensor | list[torch.Tensor]]:
        size = image.shape[-2:]
        spatial = self.spatial(image)  # (B, 128, H/8, W/8)
        coarse, fine = self.context(image, spatial.shape[-2:])
        main = resized(self.main(self.fusion(spatial, fine)), size)
        if not self.training:
            return main
        return {"main": main, "aux": [resized(head(x), size) for head, x in zip(self.aux, (coarse, fine), strict=True)]}


def build(model: BiSeNetSettings, classes: int, in_channels: int) -> nn.Module:
    """BiSeNet of a setting, on any encoder of depth 5. It has no options.

    Raises:
        InputError: unknown encoder, options, an encoder without maps of 1/16 and 1/32.
    """
    check_options(model, ())
    made = encoder(model, in_channels)
    if len(made.out_channels) < 6 or not all(made.out_channels[-2:]):
        raise InputError(f"model.encoder: {model.encoder} has no maps of 1/16 and 1/32; bisenet needs one that has")
    return BiSeNet(made, classes, in_channels)
