"""Exponential moving average of the weights: what is evaluated and kept while the weights themselves are trained.

Source: Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging"; torch.optim.swa_utils.
"""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from segsweep.config.train import Ema


def averaged(model: nn.Module, settings: Ema) -> AveragedModel:
    """A copy of a model, `.module`, whose weights follow the model's at each `.update_parameters(model)`.

    The first update copies the weights. Statistics of batch norm are averaged as the weights are, so that the two fit
    together; integers (numbers of batches) are copied.
    """

    def update(averages: list[torch.Tensor], weights: list[torch.Tensor], updates: torch.Tensor) -> None:
        if averages[0].is_floating_point():
            # `updates` is a copy on the device of the weights: reading it would wait for the GPU at each step.
            get_ema_multi_avg_fn(decay_at(settings, int(ema.n_averaged)))(averages, weights, updates)
        else:
            for average, value in zip(averages, weights, strict=True):
                average.copy_(value)

    ema = AveragedModel(model, multi_avg_fn=update, use_buffers=True)
    return ema


def decay_at(settings: Ema, updates: int) -> float:
    """The decay after some updates; with a warm-up at most (1 + n) / (10 + n), as tf.train.ExponentialMovingAverage."""
    return min(settings.decay, (1 + updates) / (10 + updates)) if settings.warmup else settings.decay
