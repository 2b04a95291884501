"""Proposals of settings: Optuna's samplers as pure functions of the sweep's settings and of the earlier trials.

Optuna's study is rebuilt from the earlier trials, in their order, before every proposal; those that still train are
pending in it. A sampler that keeps no memory of its own gets the trials and a seed drawn from (sweep.seed, number of
the trial). One that is `stateful` goes through all earlier steps again, and proposes the same again. Scores are always
told as losses, so that maximizing a metric and minimizing its negative propose the same.
"""

import hashlib
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from segsweep import registry
from segsweep.config.search import Sweep
from segsweep.search.objectives import Losses, told_losses
from segsweep.search.random_points import some_point
from segsweep.search.space import (
    Dimension,
    Space,
    Values,
    active,
    at_level,
    identity,
    levels,
    order,
    same,
    steps,
    tidy,
)
from segsweep.search.start_points import as_values, is_complete
from segsweep.search.step_files import Trial

# A sampler that proposes what will not do (it was tried already, for one) is asked again this often.
MOST_ATTEMPTS = 30
NONE: Mapping[str, str] = MappingProxyType({})


def propose(
    sweep: Sweep,
    space: Space,
    trials: list[Trial],
    number: int,
    *,
    minimize: bool,
    objectives: Mapping[str, str] = NONE,
    allows: Callable[[Values], bool] = lambda values: True,
) -> list[Values]:
    """The next settings to try; fewer than `number` when a finite space has no more.

    Args:
        sweep: sampler, seed.
        space: the axes, narrowed already if they are to be.
        trials: all earlier trials in order, with `values`, `score`, `status`, `epochs`, `proposed`, `ended`.
        number: how many.
        minimize: whether lower scores are better.
        objectives: several, by name `maximize` or `minimize`; trials then have `objectives`, their values by name.
        allows: whether the sweep's constraints allow a setting (`segsweep.search.constraints`).

    Returns:
        Settings by dotted axis, all different from each other and from all earlier ones.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found: list[Values] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = _OptunaStudy(sweep, space, len(trials), allows, max(1, len(objectives)))
        told = told_losses(trials, minimize, objectives)
        (study.replay if sweep.sampler.stateful else study.tell)(trials, told)
        for _ in range(number):
            values = study.propose()
            if values is None:
                break
            found.append(values)
    return found


def proposal_seed(seed: int, trial: int) -> int:
    """A seed of 32 bits for the proposal of a trial."""
    return int.from_bytes(hashlib.sha256(f"sweep {seed} trial {trial}".encode()).digest()[:4], "big")


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

    def __init__(self, sweep: Sweep, space: Space, number: int, allows: Callable[[Values], bool], objectives: int = 1):
        self.space, self.axes, self.sampler, self.allows = space, order(space), sweep.sampler, allows
        self.codes = {axis: _AxisCode(space[axis], self.sampler.enumerates) for axis in self.axes}
        self.start_points = [as_values(space, point) for point in sweep.try_first]
        self.reserved = {identity(point) for point in self.start_points if is_complete(space, point)}
        self.used: list[str] = []  # of all trials so far, in their order
        self.random_trials = sweep.sampler.random_trials(len(space))
        self.seed = proposal_seed(sweep.seed, number)
        seed = sweep.seed if self.sampler.stateful else self.seed
        built = registry.load(self.sampler).build(self.sampler, seed, len(space))
        self.study = optuna.create_study(directions=["minimize"] * objectives, sampler=built)

    def tell(self, trials: list[Trial], told: list[Losses | None]) -> None:
        """Give the study all earlier trials."""
        for trial, losses in zip(trials, told, strict=True):
            self.used.append(identity(trial["values"]))
            inside = [axis for axis in self.axes if axis in trial["values"]]
            state = self._state(trial, losses)
            self.study.add_trial(
                create_trial(
                    state=state,
                    values=losses,
                    params={axis: self.codes[axis].code(trial["values"][axis]) for axis in inside},
                    distributions={axis: self.codes[axis].distribution for axis in inside},
                    intermediate_values={trial["epochs"]: losses[0]} if state == TrialState.PRUNED else {},
                )
            )

    def _state(self, trial: Trial, losses: Losses | None) -> TrialState:
        if trial["status"] == "running":
            return TrialState.RUNNING
        if losses is None:
            return TrialState.FAIL
        # The other samplers learn the score of a pruned trial as it stands.
        return TrialState.PRUNED if self.sampler.knows_pruned and trial["status"] == "pruned" else TrialState.COMPLETE

    def replay(self, trials: list[Trial], told: list[Losses | None]) -> None:
        """Let the sampler go through all earlier steps again, as it did then."""
        asked: dict[int, optuna.Trial] = {}
        for step in sorted({trial[event] for trial in trials for event in ("proposed", "ended")} - {None}):
            for number, trial in enumerate(trials):
                if trial["ended"] == step:
                    state = TrialState.COMPLETE if told[number] is not None else TrialState.FAIL
                    self.study.tell(asked[number], told[number], state=state)
            for number, trial in enumerate(trials):
                if trial["proposed"] == step:
                    wanted = identity(trial["values"])
                    found = self._asked(lambda values, wanted=wanted: identity(values) == wanted)
                    asked[number], _ = found or self._ask(trial["values"])
                    self.used.append(wanted)

    def propose(self) -> Values | None:
        """The next setting, which was not tried before; None if there is none.

        It stays pending, which keeps the next one away from it.
        """
        found = self._asked(self._fits)
        if found is None:
            # All that a start point leaves open may have been tried; the search goes on without it.
            some = (
                some_point(self.space, one, self._fits, f"{self.seed} {len(self.used)}") for one in (self._fixed, {})
            )
            values = next((one for one in some if one is not None), None)
            if values is None:
                return None
            found = self._ask(values)
        self.used.append(identity(found[1]))
        return found[1]

    @property
    def _fixed(self) -> Values:
        """What the next trial has from a start point."""
        return self.start_points[len(self.used)] if len(self.used) < len(self.start_points) else {}

    def _fits(self, values: Values) -> bool:
        """Whether a setting will do as the next trial."""
        if self._fixed and is_complete(self.space, self._fixed):
            return True
        return self.allows(values) and identity(values) not in self.reserved.union(self.used)

    def _asked(self, fits: Callable[[Values], bool]) -> tuple[optuna.Trial, Values] | None:
        """The sampler's next setting that fits; None if it proposes others time and again."""
        # One that enumerates repeats itself only when it has nothing left.
        for _ in range(1 if self.sampler.enumerates else MOST_ATTEMPTS):
            trial, values = self._ask(self._fixed)
            if fits(values):
                return trial, values
            if not self.sampler.enumerates:
                self._reject(trial, values)
        return None

    def _reject(self, trial: optuna.Trial, values: Values) -> None:
        """Let the sampler go on without a setting.

        One that makes a model would propose the same again: it is told, until the next trial, that what a constraint
        forbids is as bad as the worst.
        """
        known = [one.values for one in self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
        follows_scores = self.sampler.adaptive and not self.sampler.stateful
        if known and follows_scores and len(self.used) >= self.random_trials and not self.allows(values):
            self.study.tell(trial, [max(losses) for losses in zip(*known, strict=True)])
        else:
            self.study.tell(trial, state=TrialState.FAIL)

    def _ask(self, fixed: Values) -> tuple[optuna.Trial, Values]:
        """A trial with the sampler's values, but for those that are fixed."""
        if fixed:
            self.study.enqueue_trial({axis: self.codes[axis].code(value) for axis, value in fixed.items()})
        trial = self.study.ask()
        # Optuna draws these when the first value is needed, so never where all are fixed; the sampler's memory
        # (generation, position in the sequence) would stand still.
        _ = trial.relative_params
        values: Values = {}
        for axis in self.axes:
            if active(self.space[axis], values):
                values[axis] = self.codes[axis].suggest(trial, axis)
        return trial, values
