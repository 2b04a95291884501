"""The learning rate falls by a power of what is left, from step to step."""

from typing import ClassVar, Literal

from segsweep.config.components import Schedule
from segsweep.config.settings import key
from segsweep.schedules import Progress


class PolySettings(Schedule):
    """The learning rate falls by a power of what is left, from step to step."""

    title: ClassVar[str] = "Poly"

    name: Literal["poly"] = key("poly", "Poly.")
    power: float = key(0.9, "Exponent.", gt=0)

    @property
    def looks_at_end(self) -> bool:
        """The rate falls to 0 at the end of the training."""
        return True


def learning_rate(settings: PolySettings, base: float, progress: Progress) -> float:
    """See `segsweep.schedules`. Falls over the steps that are left after the warm-up, during which it is `base`.

    Source: Chen et al. 2017, "DeepLab", section 4.1.1, with the warm-up of the BiSeNet recipes.
    """
    warmup = settings.warmup.iterations
    if progress.step < warmup:
        return base
    left = progress.total_epochs * progress.steps_per_epoch - warmup
    done = min((progress.step - warmup) / left, 1.0) if left > 0 else 1.0
    return base * (1 - done) ** settings.power
