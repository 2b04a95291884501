"""Learning rate schedules, a file each: a class of settings, and

learning_rate(settings, base, progress) -> float

the rate of an optimizer step, of nothing but the optimizer's own rate `base` and how far the training is: there is
nothing to save, and nothing to replay on resuming. The warm-up comes on top of any schedule.
"""

from dataclasses import dataclass

from segsweep import registry
from segsweep.config.components import Schedule


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is.

    Attributes:
        step: optimizer steps taken since the beginning of the run (0 for the first one).
        steps_per_epoch: optimizer steps of an epoch.
        total_epochs: the epoch that schedules call the end.
        reductions: how often a plateau has reduced the rate.
    """

    step: int
    steps_per_epoch: int
    total_epochs: int
    reductions: int = 0

    @property
    def finished_epochs(self) -> int:
        """Epochs that are complete before the step."""
        return self.step // self.steps_per_epoch


def learning_rate(schedule: Schedule, base: float, progress: Progress) -> float:
    """Learning rate of an optimizer step.

    The warm-up grows linearly from `warmup.lr` at step 0 to the schedule's own rate at step `warmup.iterations`.

    Args:
        schedule: settings of a schedule.
        base: learning rate of the optimizer.
        progress: how far the training is.
    """
    rate = registry.load(schedule).learning_rate(schedule, base, progress)
    warmup = schedule.warmup
    if progress.step < warmup.iterations:
        return warmup.lr + (rate - warmup.lr) * progress.step / warmup.iterations
    return rate
