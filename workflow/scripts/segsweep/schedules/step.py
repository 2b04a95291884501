"""The learning rate falls by a factor every so many epochs."""

from typing import ClassVar, Literal

from segsweep.config.components import Schedule
from segsweep.config.settings import key
from segsweep.schedules import Progress


class StepSettings(Schedule):
    """The learning rate falls by a factor every so many epochs."""

    title: ClassVar[str] = "Step"

    name: Literal["step"] = key("step", "Step.")
    factor: float = key(0.1, "Factor of each reduction.", gt=0, lt=1)
    step_size: int = key(10, "Epochs between reductions.", unit="epochs", ge=1)

    @property
    def first_fall(self) -> int:
        """As in `Schedule`."""
        return self.step_size


def learning_rate(settings: StepSettings, base: float, progress: Progress) -> float:
    """See `segsweep.schedules`; as torch.optim.lr_scheduler.StepLR."""
    return base * settings.factor ** (progress.finished_epochs // settings.step_size)
