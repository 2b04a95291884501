"""Random draws, each axis by itself.

Source: Bergstra and Bengio 2012, "Random Search for Hyper-Parameter Optimization".
"""

from typing import ClassVar, Literal

from optuna.samplers import RandomSampler

from segsweep.config.search_components import Sampler
from segsweep.config.settings import key


class RandomSettings(Sampler):
    """Random draws."""

    title: ClassVar[str] = "random draws"

    name: Literal["random"] = key("random", "Which sampler of Optuna.")


def build(sampler: RandomSettings, seed: int, axes: int) -> RandomSampler:
    """Optuna's sampler."""
    return RandomSampler(seed=seed)
