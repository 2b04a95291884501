"""A Gaussian process with log expected improvement.

Source: Snoek et al. 2012, "Practical Bayesian Optimization of Machine Learning Algorithms"; Ament et al. 2023,
"Unexpected Improvements to Expected Improvement for Bayesian Optimization".
"""

from typing import ClassVar, Literal

from optuna.samplers import GPSampler, RandomSampler

from segsweep.config.search_components import ModelSampler
from segsweep.config.settings import key


class GpSettings(ModelSampler):
    """Gaussian process; axes that `when` switches on and off are drawn at random."""

    title: ClassVar[str] = "a Gaussian process"

    name: Literal["gp"] = key("gp", "Which sampler of Optuna.")


def build(sampler: GpSettings, seed: int, axes: int) -> GPSampler:
    """Optuna's sampler for a space of so many axes; scores are taken as noisy."""
    return GPSampler(
        seed=seed,
        n_startup_trials=sampler.random_trials(axes),
        independent_sampler=RandomSampler(seed=seed),
        deterministic_objective=False,
        warn_independent_sampling=False,
    )
