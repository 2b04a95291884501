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

    return Averaged(model, settings)


class Averaged(AveragedModel):
    """See `averaged`."""

    def __init__(self, model: nn.Module, settings: Ema):
        super().__init__(model, use_buffers=True)
        self.settings = settings

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """As torch's, which copies the number of updates to the device each time, and waits for the GPU with it."""
        updates = int(self.n_averaged)  # which lies in main memory
        pairs = list(zip(_tensors(self.module), _tensors(model), strict=True))
        averaged = [pair for pair in pairs if updates and pair[0].is_floating_point()]
        for average, value in (pair for pair in pairs if not (updates and pair[0].is_floating_point())):
            average.copy_(value)
        if averaged:
            get_ema_multi_avg_fn(decay_at(self.settings, updates))(*map(list, zip(*averaged, strict=True)), None)
        self.n_averaged += 1


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    return [*module.parameters(), *module.buffers()]


def decay_at(settings: Ema, updates: int) -> float:
    """The decay after some updates; with a warm-up at most (1 + n) / (10 + n), as tf.train.ExponentialMovingAverage."""
    return min(settings.decay, (1 + updates) / (10 + updates)) if settings.warmup else settings.decay
