"""The learning rate falls by a factor whenever a metric no longer improves."""

from typing import Any, ClassVar, Literal

from segsweep.config.components import Schedule
from segsweep.config.settings import key
from segsweep.schedules import Progress
from segsweep.schedules.bad_epochs import count_bad_epochs


class PlateauSettings(Schedule):
    """The learning rate falls by a factor whenever a metric no longer improves."""

    title: ClassVar[str] = "Plateau"
    functions: ClassVar[tuple[str, ...]] = ("learning_rate", "after_epoch")
    monitors: ClassVar[bool] = True
    revision: ClassVar[int] = 2

    name: Literal["plateau"] = key("plateau", "Plateau.")
    monitor: str | None = key(None, "Column watched; the study's metric if not set.")
    factor: float = key(0.1, "Factor of each reduction.", gt=0, lt=1)
    patience: int = key(
        10,
        "Epochs in a row without improvement after which the rate is reduced, as Keras counts.",
        unit="epochs",
        ge=1,
    )
    min_delta: float = key(
        0.0, "An epoch improves if it is better than the best one by more than this, in the column's unit.", ge=0
    )
    cooldown: int = key(0, "Epochs after a reduction that do not count as bad.", unit="epochs", ge=0)
    min_lr: float = key(0.0, "Lower bound.", ge=0)


def learning_rate(settings: PlateauSettings, base: float, progress: Progress) -> float:
    """See `segsweep.schedules`."""
    # A base below the bound is a person's choice, not something to raise.
    return max(base * settings.factor**progress.reductions, min(settings.min_lr, base))


def after_epoch(settings: PlateauSettings, state: dict[str, Any], value: float, minimize: bool) -> dict[str, Any]:
    """The state of the plateau after an epoch.

    The rate is reduced after the `patience`-th bad epoch in a row, which Keras's ReduceLROnPlateau(patience) and
    torch.optim.lr_scheduler.ReduceLROnPlateau(patience - 1, threshold_mode="abs") do as well. `cooldown` is torch's.

    Args:
        state: {"best", "bad" (epochs in a row), "reductions", "cooldown" (epochs left of it; states of
            earlier versions lack it)}.
        value: of the column watched, in this epoch.
        minimize: whether lower is better.
    """
    after = count_bad_epochs(state, value, minimize, settings.min_delta)
    if cooling := state.get("cooldown", 0):
        after |= {"bad": 0, "cooldown": cooling - 1}
    if after["bad"] < settings.patience:
        return after
    return after | {"bad": 0, "reductions": state["reductions"] + 1, "cooldown": settings.cooldown}
