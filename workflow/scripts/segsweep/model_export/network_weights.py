"""model.safetensors and config.json: what `segmentation_models_pytorch.from_pretrained` or `load_network` loads."""

from pathlib import Path
from typing import Any

import segmentation_models_pytorch as smp
import torch
from safetensors.torch import load_file, save
from segmentation_models_pytorch.base import SegmentationModel
from torch import nn

from segsweep import models
from segsweep.config.components import PLAIN_ENCODERS
from segsweep.config.train import Train
from segsweep.errors import InputError
from segsweep.inference.trained_model import TrainedModel
from segsweep.io import read_json, write_bytes, write_json
from segsweep.model_export.paths_for_others import for_others
from segsweep.model_export.portable_network import own_size
from segsweep.models.padding import Padded
from segsweep.models.surgery import replace

WEIGHTS, CONFIG = "model.safetensors", "config.json"
SETTINGS = "segsweep"  # key of config.json that a folder has which smp cannot load


def write_weights(folder: Path, model: TrainedModel) -> bool:
    """Write the weights in float32, and how to build the network that takes them.

    Returns:
        Whether smp loads the folder: it has the architecture, and builds the same network from its arguments.
    """
    network = without_dropout(model.forward.model)
    inner = network.network if isinstance(network, Padded) else network
    if is_smp := builds_the_same(inner, sides_within(network, own_size(model))):
        config = arguments_of(inner) | {"_model_class": type(inner).__name__}
    else:
        inner = network
        config = {SETTINGS: {"model": for_others(model.train.model.model_dump(mode="json"))} | shape_of(model)}
    weights = {name: values.detach().cpu().contiguous().clone() for name, values in inner.state_dict().items()}
    content = save(weights, metadata={"format": "pt"})  # its own writing of a file lets nobody else read it
    write_bytes(folder / WEIGHTS, lambda file: file.write(content))
    write_json(folder / CONFIG, config)
    return is_smp


def load_network(folder: Path) -> nn.Module:
    """The network of an exported folder, in evaluation mode, whoever can load it.

    It takes normalized images, float32 (B, c, H, W), sides multiples of 32, and gives what the network gives in
    training's validation: logits (B, C, H, W), of the task `multitask` and `text` a dict.

    Raises:
        InputError: the folder is no export, or lacks a file.
    """
    config = read_json(folder / CONFIG, "Export the model again.")
    if not (folder / WEIGHTS).is_file():
        raise InputError(f"{folder / WEIGHTS}: there is no such file. Export the model again.")
    if "_model_class" in config:
        return smp.from_pretrained(str(folder)).eval()
    if SETTINGS not in config:
        raise InputError(f"{folder / CONFIG}: neither smp's nor segsweep's. Export the model again.")
    shape = config[SETTINGS]
    settings = Train.model_validate({"model": shape["model"] | {"encoder_weights": None}}).model
    with torch.random.fork_rng(devices=[]):
        network = without_dropout(models.build(settings, shape["outputs"], shape["in_channels"]))
    network.load_state_dict(load_file(folder / WEIGHTS))
    return network.eval()


def without_dropout(network: nn.Module) -> nn.Module:
    """The network without the dropout that a setting put before its last layers, which evaluation passes over."""
    replace(network, is_dropped, lambda pair: pair[1])
    return network


def is_dropped(layer: nn.Module) -> bool:
    """Whether it is what `segsweep.models.surgery.add_dropout` makes of a layer."""
    return type(layer) is nn.Sequential and [type(one) for one in layer] == [nn.Dropout2d, nn.Conv2d]


def sides_within(network: nn.Module, size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of what smp's own network sees of an image."""
    if not isinstance(network, Padded):
        return size
    height, width = (side + network.missing(side) for side in size)
    return height, width


def builds_the_same(network: nn.Module, size: tuple[int, int]) -> bool:
    """Whether smp alone, from a network's arguments, builds one that takes its weights and computes the same.

    Not where a setting replaced layers (norms, activations), or the encoder is segsweep's.
    """
    if type(network) not in smp.MODEL_ARCHITECTURES_MAPPING.values():
        return False
    arguments = arguments_of(network)
    if arguments["encoder_name"] in PLAIN_ENCODERS:
        return False
    with torch.random.fork_rng(devices=[]):
        fresh = type(network)(**arguments).eval()
    weights = dict(network.state_dict())
    if fresh.state_dict().keys() != weights.keys():
        return False
    fresh.load_state_dict(weights)
    image = torch.randn(1, arguments["in_channels"], *size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return torch.equal(fresh(image), network(image))


def arguments_of(network: SegmentationModel) -> dict[str, Any]:
    """The arguments that a network of smp was built with; its weights are not downloaded once more."""
    return network.config | {"encoder_weights": None}


def shape_of(model: TrainedModel) -> dict[str, int]:
    """How many outputs a pixel, and channels of the images, a network is built for."""
    prepared = model.prepared
    outputs = 1 if prepared.task in ("binary", "text") else len(prepared.classes)
    return {"outputs": outputs, "in_channels": prepared.channels}
