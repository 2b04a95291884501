"""The learning rate as a pure function of the optimizer step: nothing to save, nothing to replay on resuming."""

from math import cos, pi

from segsweep.config.train import Scheduler


def learning_rate(
    scheduler: Scheduler, base: float, step: int, *, steps_per_epoch: int, total_epochs: int, reductions: int = 0
) -> float:
    """Learning rate of an optimizer step.

    Warm-up grows linearly from `warmup.lr` at step 0 to the schedule's own rate at step `warmup.iterations`.
    Poly falls over the steps that are left after the warm-up; all others change from epoch to epoch.

    Args:
        base: learning rate of the optimizer.
        step: optimizer steps taken since the beginning of the run (0 for the first one).
        steps_per_epoch: optimizer steps of an epoch.
        total_epochs: the epoch that schedules call the end.
        reductions: how often a plateau has reduced the rate (`progress.Plateau`).

    Source: poly: Chen et al. 2017 (DeepLab), with the warm-up of the BiSeNet recipes; cosine: Loshchilov and
    Hutter 2017, eq. 5, without restarts (beyond `t_max` the rate stays at `eta_min`).
    """
    warmup = scheduler.warmup
    if step < warmup.iterations:
        target = _by_epoch(scheduler, base, step // steps_per_epoch, total_epochs, reductions)
        return warmup.lr + (target - warmup.lr) * step / warmup.iterations
    if scheduler.name == "poly":
        left = total_epochs * steps_per_epoch - warmup.iterations
        done = min((step - warmup.iterations) / left, 1.0) if left > 0 else 1.0
        return base * (1 - done) ** scheduler.power
    return _by_epoch(scheduler, base, step // steps_per_epoch, total_epochs, reductions)


def _by_epoch(scheduler: Scheduler, base: float, finished: int, total_epochs: int, reductions: int) -> float:
    """Rate of the epoch that follows `finished` ones."""
    if scheduler.name == "step":
        return base * scheduler.factor ** (finished // scheduler.step_size)
    if scheduler.name == "cosine":
        length = scheduler.t_max or max(total_epochs - scheduler.start_epoch, 1)
        done = min(max(finished - scheduler.start_epoch, 0), length) / length
        return scheduler.eta_min + (base - scheduler.eta_min) * (1 + cos(pi * done)) / 2
    if scheduler.name == "plateau":
        # A base below the bound is a person's choice, not something to raise.
        return max(base * scheduler.factor**reductions, min(scheduler.min_lr, base))
    return base
