"""Learning rate schedules, a file each: a class of settings, and

learning_rate(settings, base, progress) -> float

the rate of an optimizer step, of nothing but the optimizer's own rate `base` and how far the training is: there is
nothing to save, and nothing to replay on resuming. The warm-up comes on top of any schedule. All parameter groups and
nothing but their rates follow a schedule: no momentum is cycled.

One whose settings say `monitors` has a second function,

after_epoch(settings, state, value, minimize) -> state

of the column that it watches; its `state["reductions"]` is that of `Progress`.
"""

from dataclasses import dataclass
from math import ceil

from segsweep import registry
from segsweep.config.components import Schedule


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is.

    Attributes:
        step: optimizer steps taken since the beginning of the run (0 for the first one).
        batches_per_epoch: batches of an epoch.
        total_epochs: the epoch that schedules call the end.
        reductions: how often a plateau has reduced the rate.
        accumulate: batches that make a step; the last one of an epoch may be made of fewer.
    """

    step: int
    batches_per_epoch: int
    total_epochs: int
    reductions: int = 0
    accumulate: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of an epoch."""
        return ceil(self.batches_per_epoch / self.accumulate)

    @property
    def finished_epochs(self) -> int:
        """Epochs that are complete before the step."""
        return self.step // self.steps_per_epoch

    def counted(self, unit: str) -> tuple[float, int]:
        """What was done before the step, and what an epoch has, counted in `steps`, `batches` or `epochs`."""
        if unit == "epochs":
            return self.step / self.steps_per_epoch, 1
        if unit == "steps":
            return self.step, self.steps_per_epoch
        in_epoch = self.accumulate * (self.step % self.steps_per_epoch)
        return self.finished_epochs * self.batches_per_epoch + in_epoch, self.batches_per_epoch

    def epochs(self, interval: str) -> float:
        """Epochs done before the step: complete ones (`epoch`), or with the fraction of the present one (`step`)."""
        return self.finished_epochs if interval == "epoch" else self.step / self.steps_per_epoch


def learning_rate(schedule: Schedule, base: float, progress: Progress) -> float:
    """Learning rate of an optimizer step.

    The warm-up grows linearly from `warmup.lr` at the first step to the schedule's own rate at iteration
    `warmup.iterations`.

    Args:
        schedule: settings of a schedule.
        base: learning rate of the optimizer.
        progress: how far the training is.
    """
    rate = registry.load(schedule).learning_rate(schedule, base, progress)
    warmup = schedule.warmup
    done, _ = progress.counted(warmup.unit)
    if done < warmup.iterations:
        return warmup.lr + (rate - warmup.lr) * done / warmup.iterations
    return rate
