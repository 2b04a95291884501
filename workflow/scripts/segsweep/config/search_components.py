"""The kinds of components of a search: samplers and pruners. See `segsweep.config.components`."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from segsweep.config.settings import Component, key
from segsweep.errors import InputError

# A product of floats that should be whole may fall short of it by this.
ROUNDING = 1e-9


class Sampler(Component):
    """What proposes the settings of a sweep.

    Attributes:
        adaptive: whether its proposals follow the scores of earlier trials.
        stateful: whether it keeps a memory of its own, so that all earlier steps are replayed before the next.
        enumerates: whether it visits each point of a countable space once.
        knows_pruned: whether it makes something of it that a trial was pruned.
        several_objectives: whether it knows what to do with several objectives.
    """

    package: ClassVar[str] = "search/samplers"
    discriminator: ClassVar[str] = "name"
    default: ClassVar[str] = "tpe"
    provides: ClassVar[tuple[str, ...]] = ("seed", "axes")
    adaptive: ClassVar[bool] = False
    stateful: ClassVar[bool] = False
    enumerates: ClassVar[bool] = False
    knows_pruned: ClassVar[bool] = False
    several_objectives: ClassVar[bool] = True

    name: str = key(..., "Which sampler of Optuna.")

    @classmethod
    def spelled_out(cls, value: Any) -> Any:
        """A sampler's name alone is short for `{name: ...}`."""
        return {"name": value} if isinstance(value, str) else value

    def random_trials(self, axes: int) -> int:
        """How many trials of a space of so many axes it draws at random before it follows scores."""
        return 0


class ModelSampler(Sampler):
    """A sampler that makes a model of the scores, from some random trials on."""

    adaptive: ClassVar[bool] = True

    startup_trials: int | None = key(
        None,
        "Trials drawn at random before a model of the scores is trusted; one for each axis, 4 to 10, if not set.",
        unit="trials",
        ge=1,
    )

    def random_trials(self, axes: int) -> int:
        """As many as are set; else Optuna's 10, fewer for a small space."""
        return self.startup_trials or min(10, max(4, axes))


class Pruner(Component):
    """What ends trials before their last epoch.

    Attributes:
        compares_runs: whether it looks at the scores of a trial's single runs.
    """

    package: ClassVar[str] = "search/pruners"
    discriminator: ClassVar[str] = "name"
    functions: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = (
        "score", "others", "minimize", "epoch", "curve", "runs", "best_runs",
    )  # fmt: skip
    compares_runs: ClassVar[bool] = False

    name: str = key(..., "Which pruner.")

    def rungs(self, total_epochs: int, bracket: int = 0) -> list[int]:
        """Epochs after which a trial of a bracket is judged, ascending, all below `total_epochs`."""
        return []

    def bracket_sizes(self, total_epochs: int) -> list[int]:
        """The shares of trials that the brackets get, the one that prunes earliest first."""
        return [1]


class RungPruner(Pruner):
    """A pruner that judges trials at rungs: when first, and which trials are never pruned."""

    min_epochs: int = key(1, "Epochs before the first decision.", unit="epochs", ge=1)
    preserve: float | None = key(
        None, "A trial at or above this score is never pruned (at or below, if the metric is minimized)."
    )
    preserve_margin: float = key(
        0.0, "A trial within this of the best at its rung is never pruned: the noise floor.", ge=0
    )
    patience: int | None = key(
        None,
        "A trial is pruned only if its last so many epochs and the one before them brought nothing better.",
        unit="epochs",
        ge=0,
    )
    min_delta: float = key(0.0, "With patience: what is worse by less than this counts as better.", ge=0)

    def improves(self, curve: Sequence[float | None], minimize: bool) -> bool:
        """Whether patience keeps a trial from being pruned.

        Source: `PatientPruner` of Optuna, which compares the best of the last patience + 1 steps with the best before.

        Args:
            curve: the metric after each epoch; None where it is no number.
            minimize: whether lower scores are better.
        """
        if self.patience is None:
            return False
        known = [(number, value) for number, value in enumerate(curve) if value is not None]
        first = len(curve) - self.patience - 1
        sign = -1 if minimize else 1
        before = [sign * value for number, value in known if number < first]
        after = [sign * value for number, value in known if number >= first]
        return not (before and after and max(before) - self.min_delta > max(after))


class IntervalPruner(RungPruner):
    """A pruner whose rungs are equally far apart."""

    interval: int | None = key(
        None, "Epochs from one decision to the next; `min_epochs` if not set.", unit="epochs", ge=1
    )

    def rungs(self, total_epochs: int, bracket: int = 0) -> list[int]:
        """min_epochs, min_epochs + interval, ..."""
        return list(range(self.min_epochs, total_epochs, self.interval or self.min_epochs))


class OwnPruner(IntervalPruner):
    """A pruner in a person's own file: a function that says whether a trial is pruned."""

    functions: ClassVar[tuple[str, ...]] = ("prunes",)
    compares_runs: ClassVar[bool] = True

    @classmethod
    def result_of(cls, result: Any) -> bool:
        """A truth, also one of numpy's.

        Raises:
            InputError: it is none.
        """
        if type(result).__name__ not in ("bool", "bool_"):
            raise InputError(f"{cls.own.name}: gives {result!r}, and true or false belongs there. Return one of them.")
        return bool(result)


Pruner.own_base = OwnPruner


class GeometricPruner(RungPruner):
    """A pruner that promotes the best one in `eta` at rungs that are `eta` times as far each time."""

    functions: ClassVar[tuple[str, ...]] = ("cutoff",)

    min_trials: int = key(2, "A rung with fewer trials prunes none.", unit="trials", ge=2)
    eta: float = key(3, "One in eta is promoted at each rung.", gt=1)

    def rungs(self, total_epochs: int, bracket: int = 0) -> list[int]:
        """min_epochs * eta^(bracket + i), rounded down; each once."""
        found: list[int] = []
        exponent = bracket
        while (epoch := math.floor(self.min_epochs * self.eta**exponent + ROUNDING)) < total_epochs:
            if not found or epoch > found[-1]:
                found.append(epoch)
            exponent += 1
        return found
