"""The learning rate falls by a factor after epochs that are named."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from segsweep.config.components import Schedule
from segsweep.config.settings import key
from segsweep.schedules import Progress


class MultistepSettings(Schedule):
    """The learning rate falls by a factor after epochs that are named."""

    title: ClassVar[str] = "Multistep"

    name: Literal["multistep"] = key("multistep", "Multistep.")
    factor: float = key(0.1, "Factor of each reduction (torch's gamma).", gt=0, lt=1)
    milestones: list[Annotated[int, Field(ge=1)]] = key(
        ..., "Epochs after which the rate falls; one that stands twice reduces it twice.", unit="epochs", min_length=1
    )

    @property
    def first_fall(self) -> int:
        """As in `Schedule`."""
        return min(self.milestones)


def learning_rate(settings: MultistepSettings, base: float, progress: Progress) -> float:
    """See `segsweep.schedules`; as torch.optim.lr_scheduler.MultiStepLR."""
    return base * settings.factor ** sum(epoch <= progress.finished_epochs for epoch in settings.milestones)
