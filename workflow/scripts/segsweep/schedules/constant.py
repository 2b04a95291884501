"""The learning rate stays."""

from typing import ClassVar, Literal

from segsweep.config.components import Schedule
from segsweep.config.settings import key
from segsweep.schedules import Progress


class ConstantSettings(Schedule):
    """The learning rate stays."""

    title: ClassVar[str] = "Constant"

    name: Literal["constant"] = key("constant", "Constant.")


def learning_rate(settings: ConstantSettings, base: float, progress: Progress) -> float:
    """See `segsweep.schedules`."""
    return base
