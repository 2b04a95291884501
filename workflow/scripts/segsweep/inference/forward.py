"""The one forward pass of training, evaluation, ensembles, submissions and the report's images, and its batches."""

from typing import Any

import torch
from torch import nn

from segsweep.config.train import Train
from segsweep.network_outputs import map_tensors

# The ground truth of boxes, which is compared in main memory; for the criterion `Task.targets` makes tensors of it.
AT_HOME = {"boxes", "labels", "ignored"}


class Forward:
    """Images to outputs, in the arithmetic of a setting.

    `forward(images)`: (B, C, H, W) as stored, on the device; returns the network's outputs in float32, whatever the
    precision in between.
    """

    def __init__(self, model: nn.Module, normalize: nn.Module, train: Train, device: torch.device):
        self.model, self.normalize, self.device = model, normalize, device
        self.dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(train.precision)

    def __call__(self, images: torch.Tensor) -> Any:
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None):
            outputs = self.model(self.normalize(images))
        return map_tensors(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor, outputs)


def memory_format(train: Train) -> torch.memory_format:
    """The order in memory of images and weights that a setting asks for."""
    return torch.channels_last if train.channels_last else torch.contiguous_format


def to_device(batch: dict, device: torch.device, order: torch.memory_format = torch.contiguous_format) -> dict:
    """A loaded batch on the device: images in the order of memory asked for, masks as int64; boxes stay (`AT_HOME`)."""

    def move(value: Any) -> Any:
        if torch.is_tensor(value):
            return value.to(device, non_blocking=True)
        return [move(item) for item in value] if isinstance(value, list) else value

    moved = {key: value if key in AT_HOME else move(value) for key, value in batch.items()}
    if "mask" in moved:
        moved["mask"] = moved["mask"].long()  # only here: it is eight times the bytes
    return moved | {"image": moved["image"].contiguous(memory_format=order)}


def micro_batches(batch: dict, size: int) -> list[dict]:
    """A batch cut into parts of at most `size` images."""
    count = len(batch["image"])
    if count <= size:
        return [batch]
    return [images_of(batch, i, i + size) for i in range(0, count, size)]


def images_of(batch: dict, start: int, end: int) -> dict:
    """A batch of some of a batch's images; what is no list or tensor belongs to all of them."""
    return {key: value[start:end] if isinstance(value, list | torch.Tensor) else value for key, value in batch.items()}


def read(scalars: dict[str, torch.Tensor]) -> dict[str, float]:
    """Numbers of a device, all of them in one copy."""
    return dict(zip(scalars, torch.stack(list(scalars.values())).cpu().tolist(), strict=True)) if scalars else {}
