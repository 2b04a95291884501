"""A schedule with settings of its own: it has facts that a function cannot say."""

from typing import ClassVar

from segsweep.config.components import Schedule
from segsweep.config.settings import key


class Trapezoid(Schedule):
    """The full rate, and in the last epochs linearly down to 0."""

    title: ClassVar[str] = "Trapezoid"

    decay: float = key(0.3, "Share of the training in which the rate falls.", gt=0, le=1)

    @property
    def looks_at_end(self) -> bool:
        """A run that is extended begins again: its rates are others."""
        return True


def rate(settings: Trapezoid, base: float, progress) -> float:
    """Source: Hägele et al. 2024, "Scaling laws and compute-optimal training beyond fixed training durations"."""
    left = 1 - progress.step / (progress.total_epochs * progress.steps_per_epoch)
    return base * min(left / settings.decay, 1)
