"""NSGA-II: generations, of which the members that no other is ahead of in all objectives have offspring.

Source: Deb et al. 2002, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II".
"""

from typing import ClassVar, Literal

from optuna.samplers import NSGAIISampler

from segsweep.config.search_components import Sampler
from segsweep.config.settings import key


class Nsga2Settings(Sampler):
    """NSGA-II, a genetic algorithm for several objectives; the first generation is drawn at random."""

    title: ClassVar[str] = "NSGA-II"
    adaptive: ClassVar[bool] = True
    stateful: ClassVar[bool] = True

    name: Literal["nsga2"] = key("nsga2", "Which sampler of Optuna.")
    population: int = key(16, "Trials of a generation; a search takes several generations.", unit="trials", ge=2)


def build(sampler: Nsga2Settings, seed: int, axes: int) -> NSGAIISampler:
    """Optuna's sampler."""
    return NSGAIISampler(seed=seed, population_size=sampler.population)
