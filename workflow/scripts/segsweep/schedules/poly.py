"""The learning rate falls by a power of what is left, from step to step."""

from typing import ClassVar, Literal

from segsweep.config.components import Schedule
from segsweep.config.settings import key
from segsweep.schedules import Progress


class PolySettings(Schedule):
    """The learning rate falls by a power of what is left."""

    title: ClassVar[str] = "Poly"

    name: Literal["poly"] = key("poly", "Poly; linear with a power of 1.")
    power: float = key(0.9, "Exponent.", gt=0)
    interval: Literal["step", "epoch"] = key("step", "When the rate changes: at each step, or at each epoch.")

    @property
    def looks_at_end(self) -> bool:
        """The rate falls to 0 at the end of the training."""
        return True


def learning_rate(settings: PolySettings, base: float, progress: Progress) -> float:
    """See `segsweep.schedules`. Falls over what is left after the warm-up, counted in its unit; till then it is `base`.

    Source: Chen et al. 2017, "DeepLab", section 4.1.1, with the warm-up of the BiSeNet recipes.
    """
    warmup = settings.warmup
    taken, per_epoch = progress.counted(warmup.unit)
    if settings.interval == "epoch":
        taken = progress.finished_epochs * per_epoch
    if taken < warmup.iterations:
        return base
    left = progress.total_epochs * per_epoch - warmup.iterations
    done = min((taken - warmup.iterations) / left, 1.0) if left > 0 else 1.0
    return base * (1 - done) ** settings.power
