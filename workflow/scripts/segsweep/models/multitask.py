"""A network that segments and detects: one encoder, a head for the masks and one for the boxes."""

from collections import OrderedDict
from math import log
from typing import ClassVar, Literal

import torch
from segmentation_models_pytorch.base.initialization import initialize_decoder
from segmentation_models_pytorch.decoders.fpn.decoder import FPNDecoder
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import nn
from torch.nn import functional as F
from torchvision.ops import FeaturePyramidNetwork

from segsweep.config.components import Model
from segsweep.config.settings import key
from segsweep.detection.locations import PYRAMID
from segsweep.errors import InputError
from segsweep.models.encoders import check_options, encoder, options_of

STRIDES = PYRAMID
COARSEST = STRIDES[-1]
PRIOR = 0.01  # probability of every class at the start
GROUPS = 8
UNET_CHANNELS = (256, 128, 64, 32, 16)  # as in segmentation_models_pytorch


class MultitaskSettings(Model):
    """One encoder, a head for the masks and one for the boxes."""

    title: ClassVar[str] = "Multitask"
    tasks: ClassVar[tuple[str, ...]] = ("multitask",)

    arch: Literal["multitask"] = key("multitask", "Multitask.")
    seg_head: Literal["fcn", "unet", "fpn"] = key("fcn", "Segmentation head.", title="segmentation head")
    det_head: Literal["fpn"] = key("fpn", "Detection head: anchor-free on a feature pyramid.", title="detection head")


class FcnHead(nn.Module):
    """Class scores of the maps of 1/8, 1/16 and 1/32, enlarged and added from coarse to fine: FCN-8s.

    Takes an encoder's maps with `channels`, gives logits (B, classes, H/8, W/8).

    Source: Long, Shelhamer, Darrell 2015, "Fully convolutional networks for semantic segmentation", section 4.2; the
    3x3 convolution before the coarsest score as in torchvision's FCNHead.
    """

    def __init__(self, channels: list[int], classes: int):
        super().__init__()
        inner = max(64, channels[-1] // 4)
        self.reduce = nn.Sequential(
            nn.Conv2d(channels[-1], inner, 3, padding=1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(inplace=True)
        )
        self.scores = nn.ModuleList(nn.Sequential(nn.Conv2d(n, classes, 1)) for n in (*channels[-3:-1], inner))

    def last(self) -> list[nn.Module]:
        """What ends in the head's last layers."""
        return list(self.scores)

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        fine, middle, coarse = (
            score(map_) for score, map_ in zip(self.scores, (*features[-3:-1], self.reduce(features[-1])), strict=True)
        )
        middle = middle + resized(coarse, middle.shape[-2:])
        return fine + resized(middle, fine.shape[-2:])


class DecoderHead(nn.Module):
    """A decoder of segmentation_models_pytorch and a last convolution.

    Takes an encoder's maps, gives logits (B, classes, H/n, W/n) with the n of the decoder.
    """

    def __init__(self, decoder: nn.Module, channels: int, classes: int):
        super().__init__()
        self.decoder = decoder
        self.score = nn.Sequential(nn.Conv2d(channels, classes, 3, padding=1))

    def last(self) -> list[nn.Module]:
        """What ends in the head's last layers."""
        return [self.score]

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        return self.score(self.decoder(features))


def segmentation_head(name: str, channels: list[int], classes: int) -> nn.Module:
    """The head `fcn`, `unet` or `fpn` on an encoder's maps with `channels`."""
    if name == "fcn":
        return FcnHead(channels, classes)
    if name == "unet":
        return DecoderHead(UnetDecoder(channels, UNET_CHANNELS), UNET_CHANNELS[-1], classes)
    decoder = FPNDecoder(channels, dropout=0.0)  # dropout is placed before the last layer, as in the other heads
    return DecoderHead(decoder, decoder.out_channels, classes)


class DetectionHead(nn.Module):
    """Classes, distances to the four sides and centerness at each cell of a feature pyramid, with shared weights.

    Takes the maps of 1/8, 1/16 and 1/32 with `channels`. Gives "logits" (B, N, classes), "distances" (B, N, 4) in
    strides, positive, "centerness" (B, N) logits, all float32, and "levels", whose cells the N locations are.

    Source: Tian et al. 2019, "FCOS: fully convolutional one-stage object detection", section 3; narrower and with fewer
    layers and levels, for images of a few hundred pixels. The distances are positive by softplus, in strides, where
    FCOS has an exponential and a learned factor for each level.
    """

    def __init__(self, channels: list[int], classes: int, width: int, depth: int):
        super().__init__()
        self.pyramid = FeaturePyramidNetwork(channels, width)
        self.class_tower, self.box_tower = tower(width, depth), tower(width, depth)
        self.classes = nn.Sequential(nn.Conv2d(width, classes, 3, padding=1))
        self.boxes = nn.Sequential(nn.Conv2d(width, 5, 3, padding=1))
        for layer in (self.classes[0], self.boxes[0]):
            nn.init.normal_(layer.weight, std=0.01)
        # Every class improbable, or the background, which is nearly everywhere, would drown the first steps
        # (Lin et al. 2017, section 4.1); every side a good stride away.
        nn.init.constant_(self.classes[0].bias, -log((1 - PRIOR) / PRIOR))
        with torch.no_grad():
            self.boxes[0].bias.copy_(torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0]))

    def last(self) -> list[nn.Module]:
        """What ends in the head's last layers."""
        return [self.classes, self.boxes]

    def forward(self, features: list[torch.Tensor]) -> dict:
        named = OrderedDict((str(i), feature) for i, feature in enumerate(features))
        maps = list(self.pyramid(named).values())
        logits = flat([self.classes(self.class_tower(map_)) for map_ in maps])  # (B, N, K)
        boxes = flat([self.boxes(self.box_tower(map_)) for map_ in maps])  # (B, N, 5)
        return {
            "logits": logits,
            "distances": F.softplus(boxes[..., :4]),
            "centerness": boxes[..., 4],
            "levels": [(*map_.shape[-2:], stride) for map_, stride in zip(maps, STRIDES, strict=True)],
        }


class MultitaskNet(nn.Module):
    """Encoder, segmentation head and detection head.

    Takes float (B, c, H, W), any H and W. Gives, in training and in evaluation, a dict: "main", logits (B, C, H, W),
    and "det", what `DetectionHead` gives for the C - 1 classes without the background, which is class 0 of "main".
    """

    def __init__(self, encoder: nn.Module, classes: int, seg_head: str, det_channels: int, det_convs: int):
        super().__init__()
        channels = list(encoder.out_channels)
        self.encoder = encoder
        self.segmentation = segmentation_head(seg_head, channels, classes)
        initialize_decoder(self.segmentation)
        self.detection = DetectionHead(channels[-3:], classes - 1, det_channels, det_convs)

    def heads(self) -> list[nn.Module]:
        """Where dropout comes before the last layer."""
        return [*self.segmentation.last(), *self.detection.last()]

    def shared_weights(self) -> list[nn.Parameter]:
        """Weights of the encoder's layers, the last one first: all that both heads depend on."""
        return [weight for weight in reversed(list(self.encoder.parameters())) if weight.dim() > 1]

    def forward(self, image: torch.Tensor) -> dict:
        height, width = image.shape[-2:]
        bottom, right = -height % COARSEST, -width % COARSEST
        if bottom or right:
            image = F.pad(image, (0, right, 0, bottom), mode="replicate")
        features = self.encoder(image)
        logits = resized(self.segmentation(features), image.shape[-2:])[..., :height, :width]
        return {"main": logits, "det": self.detection(features[-3:])}


def tower(width: int, depth: int) -> nn.Sequential:
    """`depth` times convolution, group norm, ReLU: the levels share the weights, not the statistics of batch norm."""
    layers = []
    for _ in range(depth):
        layers += [
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.GroupNorm(GROUPS, width),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def flat(maps: list[torch.Tensor]) -> torch.Tensor:
    """Maps (B, n, h, w) of several levels as one float32 (B, N, n), row by row."""
    return torch.cat([map_.flatten(2).transpose(1, 2) for map_ in maps], dim=1).float()


def resized(map_: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """A map (B, n, h, w) at another size, bilinearly."""
    return F.interpolate(map_, size=tuple(size), mode="bilinear", align_corners=False)


def network(
    made: nn.Module, model: MultitaskSettings, classes: int, *, det_channels: int = 128, det_convs: int = 2
) -> MultitaskNet:
    """The network on an encoder. The arguments that have a default are the options of a setting.

    Args:
        det_channels: channels of the detection head's pyramid and towers, a multiple of 8.
        det_convs: convolutions before the last one in each of its two branches.
    """
    return MultitaskNet(made, classes, model.seg_head, det_channels, det_convs)


def build(model: MultitaskSettings, classes: int, in_channels: int) -> MultitaskNet:
    """The network of a setting; `model.options` may hold `det_channels` and `det_convs`.

    Args:
        classes: C, background included.
        in_channels: channels of the images.

    Raises:
        InputError: unknown encoder or option, an encoder without maps of 1/8 to 1/32.
    """
    check_options(model, options_of(network))
    width, depth = (model.options.get(name, least) for name, least in (("det_channels", GROUPS), ("det_convs", 0)))
    problems = []
    if not isinstance(width, int) or width < GROUPS or width % GROUPS:
        problems.append(f"model.options: det_channels must be a multiple of {GROUPS}, got {width!r}; try 128")
    if not isinstance(depth, int) or depth < 0:
        problems.append(f"model.options: det_convs must be a whole number of 0 or more, got {depth!r}; try 2")
    if problems:
        raise InputError(*problems)
    made = encoder(model, in_channels)
    if len(made.out_channels) < 6 or not all(made.out_channels[-3:]):
        raise InputError(
            f"model.encoder: {model.encoder} has no maps of 1/8, 1/16 and 1/32; multitask needs one that has (resnet18)"
        )
    return network(made, model, classes, **model.options)
