"""The learning rate falls by a factor every epoch."""

from typing import ClassVar, Literal

from segsweep.config.components import Schedule
from segsweep.config.settings import key
from segsweep.schedules import Progress


class ExponentialSettings(Schedule):
    """The learning rate falls by a factor every epoch."""

    title: ClassVar[str] = "Exponential"

    name: Literal["exponential"] = key("exponential", "Exponential.")
    factor: float = key(0.95, "Factor of each epoch (torch's gamma).", gt=0, lt=1)


def learning_rate(settings: ExponentialSettings, base: float, progress: Progress) -> float:
    """See `segsweep.schedules`; as torch.optim.lr_scheduler.ExponentialLR."""
    return base * settings.factor**progress.finished_epochs
