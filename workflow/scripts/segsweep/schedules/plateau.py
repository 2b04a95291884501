"""The learning rate falls by a factor whenever a metric no longer improves."""

from typing import ClassVar, Literal

from segsweep.config.components import Schedule
from segsweep.config.settings import key
from segsweep.schedules import Progress


class PlateauSettings(Schedule):
    """The learning rate falls by a factor whenever a metric no longer improves."""

    title: ClassVar[str] = "Plateau"
    monitors: ClassVar[bool] = True

    name: Literal["plateau"] = key("plateau", "Plateau.")
    monitor: str | None = key(None, "Column watched; the study's metric if not set.")
    factor: float = key(0.1, "Factor of each reduction.", gt=0, lt=1)
    patience: int = key(10, "Epochs without improvement before a reduction.", unit="epochs", ge=0)
    min_lr: float = key(0.0, "Lower bound.", ge=0)


def learning_rate(settings: PlateauSettings, base: float, progress: Progress) -> float:
    """See `segsweep.schedules`; as torch.optim.lr_scheduler.ReduceLROnPlateau(threshold=0)."""
    # A base below the bound is a person's choice, not something to raise.
    return max(base * settings.factor**progress.reductions, min(settings.min_lr, base))
