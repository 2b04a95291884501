"""Proposals of settings: Optuna's samplers as pure functions of the sweep's settings and of the earlier trials.

Optuna's study is rebuilt from the earlier trials, in their order, before every proposal; those that still train are
pending in it. A sampler that keeps no memory of its own gets the trials and a seed drawn from (sweep.seed, number of
the trial). One that is `stateful` goes through all earlier steps again, with the values that were proposed then. Scores
are always told as losses, so that maximizing a metric and minimizing its negative propose the same.
"""

import hashlib
import math
import random
import warnings
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from segsweep import registry
from segsweep.config.search import Sweep
from segsweep.search.space import (
    Dimension,
    Space,
    Values,
    active,
    at_level,
    count,
    identity,
    is_finite,
    levels,
    order,
    points,
    same,
    steps,
    tidy,
)
from segsweep.search.step_files import Trial
from segsweep.statuses import FAILED

# A sampler that proposes what was tried already is asked again this often.
MOST_ATTEMPTS = 30
# A finite space above this size is not listed to find what is left of it.
MOST_POINTS = 100_000
UNTOLD = {*FAILED, "running"}


def propose(sweep: Sweep, space: Space, trials: list[Trial], number: int, *, minimize: bool) -> list[Values]:
    """The next settings to try; fewer than `number` when a finite space has no more.

    Args:
        sweep: sampler, seed.
        space: the axes, narrowed already if they are to be.
        trials: all earlier trials in order, with `values`, `score`, `status`, `epochs`, `proposed`, `ended`.
        number: how many.
        minimize: whether lower scores are better.

    Returns:
        Settings by dotted axis, all different from each other and from all earlier ones.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seed = proposal_seed(sweep.seed, len(trials))
    used = {identity(trial["values"]) for trial in trials}
    found: list[Values] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = _OptunaStudy(sweep, space, sweep.seed if sweep.sampler.stateful else seed)
        (study.replay if sweep.sampler.stateful else study.tell)(trials, losses(trials, minimize))
        for _ in range(number):
            values = study.propose(used)
            if values is None:
                values = _left_over(space, used, seed)
            if values is None:
                break
            used.add(identity(values))
            found.append(values)
    return found


def proposal_seed(seed: int, trial: int) -> int:
    """A seed of 32 bits for the proposal of a trial."""
    return int.from_bytes(hashlib.sha256(f"sweep {seed} trial {trial}".encode()).digest()[:4], "big")


def losses(trials: list[Trial], minimize: bool) -> list[float | None]:
    """What the sampler is told of each trial: its loss; a failed one is as bad as the worst, None if none has any.

    None of one that still trains.
    """
    sign = 1.0 if minimize else -1.0
    known = [
        sign * trial["score"] if trial["score"] is not None and trial["status"] not in UNTOLD else None
        for trial in trials
    ]
    worst = max((loss for loss in known if loss is not None), default=None)
    return [
        worst if loss is None and trial["status"] != "running" else loss
        for loss, trial in zip(known, trials, strict=True)
    ]


class _AxisCode:
    """How an axis looks to Optuna, and back: choices by their index, steps by their count."""

    def __init__(self, dimension: Dimension, enumerated: bool):
        self.dimension = dimension
        self.choices = levels(dimension) if enumerated or dimension.choices is not None else None
        self.stepped = self.choices is None and dimension.step is not None
        self.distribution = self._distribution()

    def _distribution(self) -> BaseDistribution:
        low, high, log = self.dimension.low, self.dimension.high, self.dimension.log
        if self.choices is not None:
            return CategoricalDistribution(range(len(self.choices)))
        if self.stepped:
            return IntDistribution(0, steps(self.dimension))
        if self.dimension.integer:
            return IntDistribution(int(low), int(high), log=log)
        return FloatDistribution(low, high, log=log)

    def suggest(self, trial: optuna.Trial, axis: str) -> Any:
        """The value that Optuna's sampler chooses."""
        if self.choices is not None:
            return self.value(trial.suggest_categorical(axis, range(len(self.choices))))
        suggest = trial.suggest_int if self.stepped or self.dimension.integer else trial.suggest_float
        return self.value(suggest(axis, self.distribution.low, self.distribution.high, log=self.distribution.log))

    def value(self, code: Any) -> Any:
        """From Optuna's number to a value of the axis."""
        if self.choices is not None:
            return self.choices[code]
        if self.stepped:
            return at_level(self.dimension, code)
        return code if self.dimension.integer else tidy(self.dimension, code)

    def code(self, value: Any) -> Any:
        """From a value of the axis to Optuna's number."""
        if self.choices is not None:
            return next(index for index, choice in enumerate(self.choices) if same(choice, value))
        return round((value - self.dimension.low) / self.dimension.step) if self.stepped else value


class _OptunaStudy:
    """An Optuna study that is told the earlier trials and asked for the next ones."""

    def __init__(self, sweep: Sweep, space: Space, seed: int):
        self.space, self.axes, self.sampler = space, order(space), sweep.sampler
        self.codes = {axis: _AxisCode(space[axis], self.sampler.enumerates) for axis in self.axes}
        built = registry.load(self.sampler).build(self.sampler, seed, len(space))
        self.study = optuna.create_study(direction="minimize", sampler=built)

    def tell(self, trials: list[Trial], told: list[float | None]) -> None:
        """Give the study all earlier trials."""
        for trial, loss in zip(trials, told, strict=True):
            inside = [axis for axis in self.axes if axis in trial["values"]]
            state = self._state(trial, loss)
            self.study.add_trial(
                create_trial(
                    state=state,
                    value=loss,
                    params={axis: self.codes[axis].code(trial["values"][axis]) for axis in inside},
                    distributions={axis: self.codes[axis].distribution for axis in inside},
                    intermediate_values={trial["epochs"]: loss} if state == TrialState.PRUNED else {},
                )
            )

    def _state(self, trial: Trial, loss: float | None) -> TrialState:
        if trial["status"] == "running":
            return TrialState.RUNNING
        if loss is None:
            return TrialState.FAIL
        # The other samplers learn the score of a pruned trial as it stands.
        return TrialState.PRUNED if self.sampler.knows_pruned and trial["status"] == "pruned" else TrialState.COMPLETE

    def replay(self, trials: list[Trial], told: list[float | None]) -> None:
        """Let the sampler go through all earlier steps again; it is handed the values that it proposed then."""
        asked: dict[int, optuna.Trial] = {}
        for step in sorted({trial[event] for trial in trials for event in ("proposed", "ended")} - {None}):
            for number, trial in enumerate(trials):
                if trial["ended"] == step:
                    state = TrialState.COMPLETE if told[number] is not None else TrialState.FAIL
                    self.study.tell(asked[number], told[number], state=state)
            for number, trial in enumerate(trials):
                if trial["proposed"] == step:
                    codes = {axis: self.codes[axis].code(value) for axis, value in trial["values"].items()}
                    self.study.enqueue_trial(codes)
                    asked[number] = self._ask()[0]

    def propose(self, used: set[str]) -> Values | None:
        """The sampler's next setting that was not tried before; None if it has none.

        It stays pending, which keeps the next one away from it.
        """
        # One that enumerates repeats itself only when it has nothing left.
        for _ in range(1 if self.sampler.enumerates else MOST_ATTEMPTS):
            trial, values = self._ask()
            if identity(values) not in used:
                return values
            if not self.sampler.enumerates:
                self.study.tell(trial, state=TrialState.FAIL)
        return None

    def _ask(self) -> tuple[optuna.Trial, Values]:
        trial = self.study.ask()
        # Optuna draws these when the first value is needed, so never for a trial that is replayed; the sampler's memory
        # (generation, position in the sequence) would stand still.
        _ = trial.relative_params
        values: Values = {}
        for axis in self.axes:
            if active(self.space[axis], values):
                values[axis] = self.codes[axis].suggest(trial, axis)
        return trial, values


def _left_over(space: Space, used: set[str], seed: int) -> Values | None:
    """Any untried setting of a finite space, for a sampler that keeps proposing the same."""
    if not is_finite(space):
        return None
    if math.prod(count(dimension) for dimension in space.values()) > MOST_POINTS:
        return None
    left = [values for values in points(space) if identity(values) not in used]
    return random.Random(f"{seed} {len(used)}").choice(left) if left else None
