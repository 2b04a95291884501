"""The learning rate falls along half a cosine."""

from math import cos, pi
from typing import ClassVar, Literal

from segsweep.config.components import Schedule
from segsweep.config.settings import key
from segsweep.schedules import Progress


class CosineSettings(Schedule):
    """The learning rate falls along half a cosine."""

    title: ClassVar[str] = "Cosine"

    name: Literal["cosine"] = key("cosine", "Cosine.")
    start_epoch: int = key(0, "Epochs at the full rate before the decay begins.", unit="epochs", ge=0)
    t_max: int | None = key(
        None,
        "Epochs of the decay; up to the last one if not set.",
        unit="epochs",
        ge=1,
        title="length of the cosine decay",
    )
    eta_min: float = key(0.0, "Rate at the end of the decay.", ge=0, title="final learning rate")
    interval: Literal["epoch", "step"] = key("epoch", "When the rate changes: at each epoch, or at each step.")

    @property
    def looks_at_end(self) -> bool:
        """Without a length of its own the decay ends with the training."""
        return self.t_max is None


def learning_rate(settings: CosineSettings, base: float, progress: Progress) -> float:
    """See `segsweep.schedules`. Without restarts: beyond `t_max` the rate stays at `eta_min`.

    Source: Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", eq. 5.
    """
    length = settings.t_max or max(progress.total_epochs - settings.start_epoch, 1)
    done = min(max(progress.epochs(settings.interval) - settings.start_epoch, 0), length) / length
    return settings.eta_min + (base - settings.eta_min) * (1 + cos(pi * done)) / 2
