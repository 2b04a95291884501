"""A quasi-random sequence: scrambled Sobol points, which fill the space more evenly than random draws.

Source: Sobol 1967, "On the distribution of points in a cube and the approximate evaluation of integrals"; scrambling:
Owen 1998, "Scrambling Sobol and Niederreiter-Xing points".
"""

from typing import ClassVar, Literal

from optuna.samplers import QMCSampler, RandomSampler

from segsweep.config.search_components import Sampler
from segsweep.config.settings import key


class QmcSettings(Sampler):
    """Quasi-random sequence; choices, and axes that `when` switches on and off, are drawn at random."""

    title: ClassVar[str] = "a quasi-random sequence"
    stateful: ClassVar[bool] = True

    name: Literal["qmc"] = key("qmc", "Which sampler of Optuna.")


def build(sampler: QmcSettings, seed: int, axes: int) -> QMCSampler:
    """Optuna's sampler."""
    return QMCSampler(
        seed=seed, scramble=True, independent_sampler=RandomSampler(seed=seed), warn_independent_sampling=False
    )
