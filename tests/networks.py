"""Networks for their tests."""

import torch

from segsweep import models
from segsweep.config.train import Train

VIT = {"encoder": "tu-vit_tiny_patch16_224", "options": {"dynamic_img_size": True, "decoder_fusion_channels": 16}}


def build(arch, classes=3, seed=0, in_channels=3, **settings):
    torch.manual_seed(seed)
    model = {"arch": arch} | (VIT if arch == "dpt" else {}) | settings
    return models.build(Train.model_validate({"model": model}).model, classes, in_channels)


def parameters(module):
    return sum(p.numel() for p in module.parameters())
