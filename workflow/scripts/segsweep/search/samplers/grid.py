"""Every point of a countable space once, in random order."""

from typing import ClassVar, Literal

from optuna.samplers import BruteForceSampler

from segsweep.config.search_components import Sampler
from segsweep.config.settings import key


class GridSettings(Sampler):
    """Every point of a countable space."""

    title: ClassVar[str] = "a grid"
    enumerates: ClassVar[bool] = True

    name: Literal["grid"] = key("grid", "Which sampler of Optuna.")


def build(sampler: GridSettings, seed: int, axes: int) -> BruteForceSampler:
    """Optuna's sampler."""
    return BruteForceSampler(seed=seed)
