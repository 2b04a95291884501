"""The tree-structured Parzen estimator, multivariate.

Source: Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization", section 4; Watanabe 2023, "Tree-Structured
Parzen Estimator: Understanding Its Algorithm Components and Their Roles for Better Empirical Performance".
"""

from typing import ClassVar, Literal

from optuna.samplers import TPESampler

from segsweep.config.components import Sampler
from segsweep.config.settings import key


class TpeSettings(Sampler):
    """Tree-structured Parzen estimator."""

    title: ClassVar[str] = "a tree-structured Parzen estimator"
    adaptive: ClassVar[bool] = True
    knows_pruned: ClassVar[bool] = True

    name: Literal["tpe"] = key("tpe", "Which sampler of Optuna.")
    startup_trials: int | None = key(
        None,
        "Trials drawn at random before a model of the scores is trusted; one for each axis, 4 to 10, if not set.",
        unit="trials",
        ge=1,
    )


def build(sampler: TpeSettings, seed: int, axes: int) -> TPESampler:
    """Optuna's sampler for a space of so many axes."""
    return TPESampler(
        seed=seed,
        n_startup_trials=sampler.startup_trials or usual_startup(axes),
        multivariate=True,
        group=True,
        constant_liar=True,
    )


def usual_startup(axes: int) -> int:
    """Optuna's 10, fewer for a small space."""
    return min(10, max(4, axes))
