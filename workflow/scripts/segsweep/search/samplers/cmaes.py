"""CMA-ES: a normal distribution that moves and narrows from generation to generation.

Source: Hansen 2016, "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772.
"""

from typing import ClassVar, Literal

from optuna.samplers import CmaEsSampler, RandomSampler

from segsweep.config.search_components import Sampler
from segsweep.config.settings import key


class CmaEsSettings(Sampler):
    """CMA-ES; choices, and axes that `when` switches on and off, are drawn at random."""

    title: ClassVar[str] = "CMA-ES"
    adaptive: ClassVar[bool] = True
    stateful: ClassVar[bool] = True
    several_objectives: ClassVar[bool] = False

    name: Literal["cmaes"] = key("cmaes", "Which sampler of Optuna.")


def build(sampler: CmaEsSettings, seed: int, axes: int) -> CmaEsSampler:
    """Optuna's sampler."""
    return CmaEsSampler(seed=seed, independent_sampler=RandomSampler(seed=seed), warn_independent_sampling=False)
