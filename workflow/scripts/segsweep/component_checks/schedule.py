"""A schedule: finite rates for all epochs, which follow from nothing but the step."""

import json
from math import isfinite
from typing import Any

from segsweep.component_checks.own_component import OwnComponent
from segsweep.schedules import Progress


def check_schedule(component: OwnComponent, base: float, batches: int, epochs: int, accumulate: int = 1) -> str:
    """Ask for the rates of the first and the last step of each epoch.

    Args:
        component: the schedule's.
        base: learning rate of the optimizer.
        batches: of an epoch.
        epochs: of a run.
        accumulate: batches that make a step.
    """
    state: dict[str, Any] = {"best": None, "bad": 0, "reductions": 0}
    rates = _rates(component, base, batches, epochs, accumulate)
    if not any(rates):
        raise component.problem(
            f"all rates of {epochs} epochs are 0", f"Let learning_rate scale `base`, which is {base:g}"
        )
    if not component.settings.looks_at_end:
        longer = _rates(component, base, batches, epochs + 1, accumulate)[: len(rates)]
        if differing := [i // 2 + 1 for i, (one, other) in enumerate(zip(rates, longer, strict=True)) if one != other]:
            raise component.problem(
                f"the rate of epoch {differing[0]} depends on how many epochs there will be, and looks_at_end is false",
                "Say so with the property `looks_at_end`: a study that is extended then trains its runs again",
            )
    if component.settings.monitors:
        _check_reductions(component, state)
    return f"rates from {min(rates):.3g} to {max(rates):.3g} in {epochs} epochs"


def _rates(component: OwnComponent, base: float, batches: int, epochs: int, accumulate: int) -> list[float]:
    """The rates of the first and the last step of each epoch, in order."""
    steps = Progress(0, batches, epochs, 0, accumulate).steps_per_epoch
    found = []
    for step in (step for epoch in range(epochs) for step in (epoch * steps, (epoch + 1) * steps - 1)):
        progress = Progress(step, batches, epochs, 0, accumulate)
        with component.calls(f"learning_rate at {progress}", "It gives the rate of a step, a number"):
            rate = float(component.functions.learning_rate(component.settings, base, progress))
        if not isfinite(rate) or rate < 0:
            raise component.problem(f"the rate is {rate:g} at {progress}", "Rates are finite, and 0 or more")
        found.append(rate)
    return found


def _check_reductions(component: OwnComponent, state: dict[str, Any]) -> None:
    """What `after_epoch` gives is kept with the weights, so it is of plain values."""
    for value in (1.0, 0.5, 0.5):
        with component.calls("after_epoch", "It gives the state after an epoch"):
            state = component.functions.after_epoch(component.settings, state, value, False)
        if not isinstance(state, dict) or not isinstance(state.get("reductions"), int):
            raise component.problem(
                f"after_epoch gives {state!r}", 'Let it give a dictionary with the number of "reductions"'
            )
        with component.calls("after_epoch", "Its state is of plain values: it is saved with the weights"):
            json.dumps(state)
