"""The learning rate grows to its peak and falls below where it began, once in a training."""

from math import cos, pi
from typing import ClassVar, Literal

from pydantic import model_validator

from segsweep.config.components import Schedule
from segsweep.config.settings import key
from segsweep.schedules import Progress


class OneCycleSettings(Schedule):
    """The learning rate grows to its peak, `optimizer.lr`, and falls below where it began."""

    title: ClassVar[str] = "One cycle"

    name: Literal["one_cycle"] = key("one_cycle", "One cycle, from step to step; the momentum stays.")
    pct_start: float = key(0.3, "Share of the steps in which the rate grows.", gt=0, lt=1, title="share of growth")
    anneal_strategy: Literal["cos", "linear"] = key("cos", "Along half a cosine, or a line.")
    div_factor: float = key(25.0, "The rate begins at the peak divided by this.", ge=1)
    final_div_factor: float = key(1e4, "It ends at where it began, divided by this.", ge=1)
    three_phase: bool = key(False, "Falls as it grew, back to where it began, and from there to its end.")

    @model_validator(mode="after")
    def _phases_fit(self):
        if self.three_phase and self.pct_start > 0.5:
            raise ValueError(
                f"pct_start {self.pct_start:g} with three_phase: growing and falling back take twice that share of the "
                "steps. Give at most 0.5, or leave out three_phase."
            )
        return self

    @property
    def looks_at_end(self) -> bool:
        """The cycle lasts as long as the training."""
        return True


def learning_rate(settings: OneCycleSettings, base: float, progress: Progress) -> float:
    """See `segsweep.schedules`; as torch.optim.lr_scheduler.OneCycleLR(cycle_momentum=False).

    Source: Smith and Topin 2018, "Super-convergence: very fast training of neural networks using large learning
    rates".
    """
    first = base / settings.div_factor
    end = progress.total_epochs * progress.steps_per_epoch - 1
    peak = settings.pct_start * (end + 1) - 1
    # (last step of a phase, rate at its end), as torch numbers the steps
    phases = [(peak, base), (end, first / settings.final_div_factor)]
    if settings.three_phase:
        phases.insert(1, (2 * peak, first))
    start, begins = 0.0, first
    while len(phases) > 1 and progress.step > phases[0][0]:
        start, begins = phases.pop(0)
    last, ends = phases[0]
    done = min((progress.step - start) / (last - start), 1.0) if last > start else 1.0
    share = (1 - cos(pi * done)) / 2 if settings.anneal_strategy == "cos" else done
    return begins + (ends - begins) * share
