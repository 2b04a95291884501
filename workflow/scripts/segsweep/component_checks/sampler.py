"""A sampler of trials: proposals within the space, the same from the same seed."""

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from segsweep.component_checks.own_component import OwnComponent

SPACE = {
    "rate": FloatDistribution(1e-4, 1e-1, log=True),
    "width": IntDistribution(8, 64),
    "kind": CategoricalDistribution(["a", "b"]),
}
TRIALS = 4


def check_sampler(component: OwnComponent) -> str:
    """Ask twice from the same seed for a few trials of a space of numbers and choices."""
    first, second = (_proposals(component) for _ in range(2))
    if first != second:
        differing = next(one for one, other in zip(first, second, strict=True) if one != other)
        raise component.problem(
            f"two samplers with the same seed propose differently, first {differing}",
            "Draw from generators that begin at build's seed: decisions are made again from their seeds",
        )
    return f"proposes {first[0]}"


def _proposals(component: OwnComponent) -> list[dict]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with component.calls("build", "It gives a sampler of Optuna"):
        sampler = component.functions.build(component.settings, 0, len(SPACE))
    if not isinstance(sampler, optuna.samplers.BaseSampler):
        raise component.problem(
            f"build gives {type(sampler).__name__}", "Let it give a subclass of optuna.samplers.BaseSampler"
        )
    study = optuna.create_study(sampler=sampler)
    found = []
    for number in range(TRIALS):
        with component.calls("a proposal", "It gives a value for each axis"):
            trial = study.ask(SPACE)
        for name, value in trial.params.items():
            if not SPACE[name]._contains(SPACE[name].to_internal_repr(value)):
                raise component.problem(f"it proposes {value!r} for {SPACE[name]}", "Propose values of the space only")
        found.append(dict(trial.params))
        study.tell(trial, float(number))
    return found
