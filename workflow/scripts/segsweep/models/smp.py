"""Every architecture of segmentation_models_pytorch, by its name in lower case."""

import inspect
from typing import ClassVar, Literal

import segmentation_models_pytorch
from pydantic import model_validator
from torch import nn

from segsweep.config.components import Model
from segsweep.config.settings import key
from segsweep.errors import InputError
from segsweep.models.encoders import check_options, with_weights
from segsweep.models.padding import Padded

FOR_DPT = "a vision transformer, such as tu-vit_tiny_patch16_224 with options {dynamic_img_size: true}"
MULTIPLE = {"dpt": 32}  # its decoder halves the maps once more than the encoder's stride says
LEAST = {"pan": 128}  # its attention pools maps of 1/16 three times
# Set by other keys of the settings, or they would turn logits into something else.
TAKEN = {"self", "encoder_name", "encoder_weights", "in_channels", "classes", "activation", "aux_params", "kwargs"}


class SmpSettings(Model):
    """An architecture of segmentation_models_pytorch."""

    title: ClassVar[str] = "segmentation_models_pytorch"

    arch: Literal[
        "unet", "unetplusplus", "manet", "linknet", "fpn", "pspnet", "pan",
        "deeplabv3", "deeplabv3plus", "upernet", "segformer", "dpt",
    ] = key("unet", "Architecture of segmentation_models_pytorch.")  # fmt: skip

    @model_validator(mode="after")
    def _takes_encoder(self):
        if self.arch == "dpt" and not self.encoder.startswith("tu-"):
            raise ValueError(f"dpt cannot be built with the encoder {self.encoder}; choose {FOR_DPT}")
        return self


def build(model: SmpSettings, classes: int, in_channels: int) -> nn.Module:
    """A network of segmentation_models_pytorch: (B, in_channels, H, W) to logits (B, classes, H, W), any H and W.

    `model.options` go to the constructor (`decoder_channels`, `encoder_depth`, ...), for timm's encoders (`tu-`) on to
    timm as well.

    Raises:
        InputError: unknown encoder or option, a combination that smp refuses, weights that cannot be had.
    """
    architecture = segmentation_models_pytorch.MODEL_ARCHITECTURES_MAPPING[model.arch]
    if not model.encoder.startswith("tu-"):
        check_options(model, set(inspect.signature(architecture.__init__).parameters) - TAKEN)
    elif taken := TAKEN & set(model.options):
        raise InputError(f"model.options: {', '.join(sorted(taken))} cannot be set here; use the keys of model")

    def make(weights):
        return architecture(
            encoder_name=model.encoder,
            encoder_weights=weights,
            in_channels=in_channels,
            classes=classes,
            **model.options,
        )

    try:
        network = with_weights(model, make)
    except (ValueError, KeyError, TypeError, NotImplementedError) as error:
        options = f" and options {model.options}" if model.options else ""
        raise InputError(
            f"model: {model.arch} cannot be built with the encoder {model.encoder}{options}: {error}; "
            f"choose {FOR_DPT if model.arch == 'dpt' else 'another encoder (resnet18)'}, or other options"
        ) from error
    if not network.requires_divisible_input_shape:
        return network
    return Padded(network, MULTIPLE.get(model.arch, network.encoder.output_stride), LEAST.get(model.arch, 0))
