"""The tree-structured Parzen estimator, multivariate.

Source: Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization", section 4; Watanabe 2023, "Tree-Structured
Parzen Estimator: Understanding Its Algorithm Components and Their Roles for Better Empirical Performance".
"""

from typing import ClassVar, Literal

from optuna.samplers import TPESampler

from segsweep.config.search_components import ModelSampler
from segsweep.config.settings import key


class TpeSettings(ModelSampler):
    """Tree-structured Parzen estimator."""

    title: ClassVar[str] = "a tree-structured Parzen estimator"
    knows_pruned: ClassVar[bool] = True

    name: Literal["tpe"] = key("tpe", "Which sampler of Optuna.")


def build(sampler: TpeSettings, seed: int, axes: int) -> TPESampler:
    """Optuna's sampler for a space of so many axes."""
    return TPESampler(
        seed=seed,
        n_startup_trials=sampler.random_trials(axes),
        multivariate=True,
        group=True,
        constant_liar=True,
    )
