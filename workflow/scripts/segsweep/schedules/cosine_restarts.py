"""The learning rate falls along half a cosine, again and again (SGDR)."""

from math import cos, pi
from typing import ClassVar, Literal

from segsweep.config.components import Schedule
from segsweep.config.settings import key
from segsweep.schedules import Progress


class CosineRestartsSettings(Schedule):
    """The learning rate falls along half a cosine, again and again (SGDR)."""

    title: ClassVar[str] = "Cosine with restarts"

    name: Literal["cosine_restarts"] = key("cosine_restarts", "Cosine with warm restarts.")
    t_0: int = key(10, "Epochs until the first restart.", unit="epochs", ge=1, title="epochs to the first restart")
    t_mult: int = key(1, "Factor by which each cycle is longer than the one before.", ge=1)
    eta_min: float = key(0.0, "Rate at the end of each cycle.", ge=0, title="final learning rate")
    interval: Literal["epoch", "step"] = key("epoch", "When the rate changes: at each epoch, or at each step.")


def learning_rate(settings: CosineRestartsSettings, base: float, progress: Progress) -> float:
    """See `segsweep.schedules`; as torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.

    Source: Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", eq. 5.
    """
    done, length = progress.epochs(settings.interval), settings.t_0
    if settings.t_mult == 1:
        done %= length
    while done >= length:
        done -= length
        length *= settings.t_mult
    return settings.eta_min + (base - settings.eta_min) * (1 + cos(pi * done / length)) / 2
