"""Proposals: Optuna's samplers, as pure functions of the sweep's settings and of the earlier trials.

Optuna's study is rebuilt from the earlier trials, in their order, before every batch. Samplers that keep no memory of
their own (tpe, gp, random, grid) get the trials and a seed drawn from (sweep.seed, batch). Those that do (cmaes, qmc)
go through all earlier batches again, with the values that were proposed then. Scores are always told as losses, so
that maximizing a metric and minimizing its negative propose the same.
"""

import hashlib
import math
import random
import warnings
from typing import Any

from segsweep.config.search import Sweep
from segsweep.search.results import FAILED
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

ASKED_AGAIN = 30
# A finite space above this size is not listed to find what is left of it.
LISTED = 100_000


def propose(sweep: Sweep, space: Space, trials: list[dict[str, Any]], number: int, *, minimize: bool) -> list[Values]:
    """The next settings to try; fewer than `number` when a finite space has no more.

    Args:
        sweep: sampler, seed.
        space: the axes, narrowed already if they are to be.
        trials: all earlier trials in order, with `values`, `score`, `status`, `epochs`, `batch`.
        number: how many.
        minimize: whether lower scores are better.

    Returns:
        Settings by dotted axis, all different from each other and from all earlier ones.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    batch = 1 + max((trial["batch"] for trial in trials), default=-1)
    axes = order(space)
    used = {identity(trial["values"]) for trial in trials}
    found: list[Values] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        replayed = sweep.sampler in ("cmaes", "qmc")
        seed = sweep.seed if replayed else batch_seed(sweep.seed, batch)
        sampler = _sampler(sweep.sampler, seed, len(space))
        study = optuna.create_study(direction="minimize", sampler=sampler)
        codes = {axis: _Code(space[axis], sweep.sampler == "grid") for axis in axes}
        (_replay if replayed else _tell)(study, sweep.sampler, codes, axes, space, trials, minimize)
        for _ in range(number):
            values = _ask_new(study, codes, axes, space, used)
            if values is None:
                values = _left_over(space, used, batch_seed(sweep.seed, batch))
            if values is None:
                break
            used.add(identity(values))
            found.append(values)
    return found


def batch_seed(seed: int, batch: int) -> int:
    """A seed of 32 bits for one batch of a sweep."""
    return int.from_bytes(hashlib.sha256(f"sweep {seed} batch {batch}".encode()).digest()[:4], "big")


def startup(axes: int) -> int:
    """Trials drawn at random before a model of the scores is trusted: Optuna's 10, fewer for a small space."""
    return min(10, max(4, axes))


def losses(trials: list[dict[str, Any]], minimize: bool) -> list[float | None]:
    """What the sampler is told of each trial: its loss; a failed one is as bad as the worst, None if none has any."""
    sign = 1.0 if minimize else -1.0
    known = [
        sign * trial["score"] if trial["score"] is not None and trial["status"] not in FAILED else None
        for trial in trials
    ]
    worst = max((loss for loss in known if loss is not None), default=None)
    return [worst if loss is None else loss for loss in known]


class _Code:
    """How an axis looks to Optuna, and back: choices by their number, steps by their count."""

    def __init__(self, dimension: Dimension, listed: bool):
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        self.dimension = dimension
        self.choices = levels(dimension) if listed or dimension.choices is not None else None
        self.stepped = self.choices is None and dimension.step is not None
        if self.choices is not None:
            self.distribution = CategoricalDistribution(range(len(self.choices)))
        elif self.stepped:
            self.distribution = IntDistribution(0, steps(dimension))
        elif dimension.integer:
            self.distribution = IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
        else:
            self.distribution = FloatDistribution(dimension.low, dimension.high, log=dimension.log)

    def suggest(self, trial: Any, axis: str) -> Any:
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
            return next(number for number, one in enumerate(self.choices) if same(one, value))
        return round((value - self.dimension.low) / self.dimension.step) if self.stepped else value


def _sampler(name: str, seed: int, axes: int) -> Any:
    from optuna import samplers

    independent = samplers.RandomSampler(seed=seed)
    if name == "tpe":
        return samplers.TPESampler(
            seed=seed, n_startup_trials=startup(axes), multivariate=True, group=True, constant_liar=True
        )
    if name == "gp":
        return samplers.GPSampler(
            seed=seed,
            n_startup_trials=startup(axes),
            independent_sampler=independent,
            deterministic_objective=False,
            warn_independent_sampling=False,
        )
    if name == "cmaes":
        return samplers.CmaEsSampler(seed=seed, independent_sampler=independent, warn_independent_sampling=False)
    if name == "qmc":
        return samplers.QMCSampler(
            seed=seed, scramble=True, independent_sampler=independent, warn_independent_sampling=False
        )
    return samplers.BruteForceSampler(seed=seed) if name == "grid" else independent


def _tell(study, name, codes, axes, space, trials, minimize) -> None:
    """Give the study all earlier trials."""
    from optuna.trial import TrialState, create_trial

    for trial, loss in zip(trials, losses(trials, minimize), strict=True):
        inside = [axis for axis in axes if axis in trial["values"]]
        state = TrialState.COMPLETE if loss is not None else TrialState.FAIL
        # Only tpe knows what to make of a pruned trial; the others learn its score as it stands.
        if name == "tpe" and loss is not None and trial["status"] == "pruned":
            state = TrialState.PRUNED
        study.add_trial(
            create_trial(
                state=state,
                value=loss,
                params={axis: codes[axis].code(trial["values"][axis]) for axis in inside},
                distributions={axis: codes[axis].distribution for axis in inside},
                intermediate_values={trial["epochs"]: loss} if state == TrialState.PRUNED else {},
            )
        )


def _replay(study, _name, codes, axes, space, trials, minimize) -> None:
    """Let the sampler go through all earlier batches again; it is handed the values that it proposed then."""
    from optuna.trial import TrialState

    told = losses(trials, minimize)
    for batch in sorted({trial["batch"] for trial in trials}):
        asked = []
        for trial, loss in zip(trials, told, strict=True):
            if trial["batch"] == batch:
                study.enqueue_trial({axis: codes[axis].code(value) for axis, value in trial["values"].items()})
                asked.append((_ask(study, codes, axes, space)[0], loss))
        for one, loss in asked:
            study.tell(one, loss, state=TrialState.COMPLETE if loss is not None else TrialState.FAIL)


def _ask(study, codes, axes, space) -> tuple[Any, Values]:
    trial = study.ask()
    # Optuna draws these when the first value is needed, so never for a trial that is replayed; the sampler's memory
    # (generation, place in the sequence) would stand still.
    _ = trial.relative_params
    values: Values = {}
    for axis in axes:
        if active(space[axis], values):
            values[axis] = codes[axis].suggest(trial, axis)
    return trial, values


def _ask_new(study, codes, axes, space, used) -> Values | None:
    """The sampler's next setting that was not tried before. It stays pending, which keeps the next one away from it."""
    from optuna.samplers import BruteForceSampler
    from optuna.trial import TrialState

    # A grid repeats itself only when it has nothing left.
    for _ in range(1 if isinstance(study.sampler, BruteForceSampler) else ASKED_AGAIN):
        trial, values = _ask(study, codes, axes, space)
        if identity(values) not in used:
            return values
        if not isinstance(study.sampler, BruteForceSampler):
            study.tell(trial, state=TrialState.FAIL)
    return None


def _left_over(space: Space, used: set[str], seed: int) -> Values | None:
    """Any untried setting of a finite space, for a sampler that keeps proposing the same."""
    if not is_finite(space):
        return None
    if math.prod(count(dimension) for dimension in space.values()) > LISTED:
        return None
    left = [values for values in points(space) if identity(values) not in used]
    return random.Random(f"{seed} {len(used)}").choice(left) if left else None
