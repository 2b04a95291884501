"""Learning rates by numbers computed by hand, and against torch's own schedulers."""

from functools import partial
from math import inf, nan

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from segsweep.config.components import Schedule
from segsweep.config.train import EarlyStopping, Train
from segsweep.schedules import Progress, learning_rate
from segsweep.training.early_stopping import after_epoch, should_end
from segsweep.training.run_state import RunState


def schedule(settings: dict) -> Schedule:
    return Train.model_validate({"scheduler": settings}).scheduler


def rate(
    settings: dict, step: int, *, epochs: int = 10, steps: int = 4, reductions: int = 0, accumulate: int = 1
) -> float:
    return learning_rate(schedule(settings), 0.1, Progress(step, steps, epochs, reductions, accumulate))


@pytest.mark.parametrize(
    ("settings", "step", "expected"),
    [
        ({"name": "constant"}, 39, 0.1),
        ({"name": "constant", "warmup": {"iterations": 5, "lr": 0.05}}, 0, 0.05),
        ({"name": "constant", "warmup": {"iterations": 5, "lr": 0.05}}, 2, 0.07),
        ({"name": "constant", "warmup": {"iterations": 5, "lr": 0.05}}, 5, 0.1),
        ({"name": "step", "step_size": 3, "factor": 0.5}, 3 * 4 - 1, 0.1),
        ({"name": "step", "step_size": 3, "factor": 0.5}, 3 * 4, 0.05),
        ({"name": "step", "step_size": 3, "factor": 0.5}, 39, 0.0125),
        ({"name": "poly", "power": 2.0}, 0, 0.1),
        ({"name": "poly", "power": 2.0}, 20, 0.025),
        ({"name": "poly", "power": 1.0, "warmup": {"iterations": 10, "lr": 0.0}}, 5, 0.05),
        ({"name": "poly", "power": 1.0, "warmup": {"iterations": 10, "lr": 0.0}}, 25, 0.05),  # 15 of the 30 left
        ({"name": "poly", "warmup": {"iterations": 80, "lr": 0.0}}, 20, 0.025),  # no steps left after the warm-up
        ({"name": "poly", "warmup": {"iterations": 40, "lr": 0.0}}, 40, 0.0),
        ({"name": "cosine"}, 20, 0.05),  # five of ten epochs done
        ({"name": "cosine", "start_epoch": 5, "t_max": 4, "eta_min": 0.02}, 19, 0.1),
        ({"name": "cosine", "start_epoch": 5, "t_max": 4, "eta_min": 0.02}, 28, 0.06),
        ({"name": "cosine", "start_epoch": 5, "t_max": 4, "eta_min": 0.02}, 39, 0.02),
    ],
)
def test_by_hand(settings, step, expected):
    assert rate(settings, step) == pytest.approx(expected)


EPOCHS, STEPS = 12, 5
lr_scheduler = torch.optim.lr_scheduler


@pytest.mark.parametrize(
    ("settings", "per_step", "theirs"),
    [
        (
            {"name": "cosine", "eta_min": 0.01},
            False,
            partial(lr_scheduler.CosineAnnealingLR, T_max=EPOCHS, eta_min=0.01),
        ),
        ({"name": "cosine", "interval": "step"}, True, partial(lr_scheduler.CosineAnnealingLR, T_max=EPOCHS * STEPS)),
        ({"name": "step", "step_size": 3, "factor": 0.5}, False, partial(lr_scheduler.StepLR, step_size=3, gamma=0.5)),
        ({"name": "exponential", "factor": 0.8}, False, partial(lr_scheduler.ExponentialLR, gamma=0.8)),
        (
            {"name": "multistep", "milestones": [4, 9, 9], "factor": 0.5},
            False,
            partial(lr_scheduler.MultiStepLR, milestones=[4, 9, 9], gamma=0.5),
        ),
        (
            {"name": "cosine_restarts", "t_0": 3, "eta_min": 0.01},
            False,
            partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=3, eta_min=0.01),
        ),
        (
            {"name": "cosine_restarts", "t_0": 2, "t_mult": 2},
            False,
            partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=2, T_mult=2),
        ),
        (
            {"name": "cosine_restarts", "t_0": 2, "t_mult": 3, "interval": "step"},
            True,
            partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=2 * STEPS, T_mult=3),
        ),
        ({"name": "poly"}, True, partial(lr_scheduler.PolynomialLR, total_iters=EPOCHS * STEPS, power=0.9)),
        (
            {"name": "poly", "power": 1.0, "interval": "epoch"},
            False,
            partial(lr_scheduler.LinearLR, start_factor=1.0, end_factor=0.0, total_iters=EPOCHS),
        ),
        (
            {"name": "poly", "power": 2.0, "interval": "epoch"},
            False,
            partial(lr_scheduler.PolynomialLR, total_iters=EPOCHS, power=2.0),
        ),
        *(
            (
                {"name": "one_cycle"} | options,
                True,
                partial(
                    lr_scheduler.OneCycleLR, max_lr=0.1, total_steps=EPOCHS * STEPS, cycle_momentum=False, **options
                ),
            )
            for options in (
                {},
                {"pct_start": 0.25, "anneal_strategy": "linear"},
                {"div_factor": 10.0, "final_div_factor": 100.0, "three_phase": True},
                {"pct_start": 0.5, "three_phase": True, "anneal_strategy": "linear"},
            )
        ),
    ],
)
def test_schedules_are_those_of_torch(settings, per_step, theirs):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = theirs(optimizer)
    for step in range(EPOCHS * STEPS):
        ours = rate(settings, step, epochs=EPOCHS, steps=STEPS)
        assert ours == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12), step
        optimizer.step()
        if per_step or step % STEPS == STEPS - 1:
            scheduler.step()


@pytest.mark.parametrize("epochs", [1, 2, 10])
def test_one_cycle_of_few_steps_ends_at_its_lowest_rate(epochs):
    settings = {"name": "one_cycle", "pct_start": 0.1}  # of ten steps the first is at the peak already
    rates = [rate(settings, step, epochs=epochs, steps=1) for step in range(epochs)]
    assert rates[-1] == pytest.approx(0.1 / 25 / 1e4)
    assert all(0 < one <= 0.1 for one in rates)


def test_one_cycle_refuses_a_growth_that_leaves_no_room_for_falling_back():
    with pytest.raises(ValidationError, match=r"at most 0\.5"):
        schedule({"name": "one_cycle", "pct_start": 0.6, "three_phase": True})


@pytest.mark.parametrize(
    ("settings", "step", "expected"),
    [
        # 10 batches an epoch, two a step: 5 steps. Eight batches before step 4, ten before step 5.
        ({"name": "constant", "warmup": {"iterations": 16, "unit": "batches"}}, 4, 0.05),
        ({"name": "constant", "warmup": {"iterations": 16, "unit": "steps"}}, 4, 0.025),
        ({"name": "constant", "warmup": {"iterations": 2, "unit": "epochs"}}, 4, 0.04),
        ({"name": "constant", "warmup": {"iterations": 2, "unit": "epochs"}}, 10, 0.1),
        # of 100 batches 80 are left after the warm-up, 40 of them after 60 batches
        ({"name": "poly", "power": 1.0, "warmup": {"iterations": 20, "unit": "batches"}}, 30, 0.05),
        ({"name": "poly", "power": 1.0, "warmup": {"iterations": 10, "unit": "steps"}}, 30, 0.05),
        ({"name": "poly", "power": 1.0, "warmup": {"iterations": 2, "unit": "epochs"}}, 30, 0.05),
        ({"name": "poly", "power": 1.0, "warmup": {"iterations": 5, "unit": "epochs"}}, 24, 0.1 * 24 / 25),
    ],
)
def test_a_warm_up_counts_in_its_unit(settings, step, expected):
    assert rate(settings, step, epochs=10, steps=10, accumulate=2) == pytest.approx(expected)


def test_batches_before_a_step_count_the_shorter_last_group_of_each_epoch():
    # Five batches an epoch, two a step: groups of 2, 2 and 1.
    counted = [Progress(step, 5, 10, accumulate=2).counted("batches")[0] for step in range(7)]
    assert counted == [0, 2, 4, 5, 7, 9, 10]


def reductions_of(settings: dict, values: list[float], minimize: bool) -> list[int]:
    """How often the rate is reduced after each epoch."""
    state, found = RunState(micro_batch=1), []
    watched = schedule({"name": "plateau", "monitor": "val/jaccard"} | settings)
    for value in values:
        after_epoch(state, {"val/jaccard": value}, watched, None, "val/jaccard", minimize)
        found.append(state.plateau["reductions"])
    return found


def curves(minimize: bool):
    """Random curves that rise or fall, ever more slowly, with noise: some epochs improve by less than a min_delta."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        trend = 1 - np.exp(-np.arange(60) / rng.uniform(2, 30))
        values = trend + rng.normal(0, rng.choice([1e-4, 1e-2]), 60)
        yield (1 - values if minimize else values).tolist()


class KerasPlateau:
    """Keras's ReduceLROnPlateau, by its documentation and its order of events (keras 3.15, on_epoch_end)."""

    def __init__(
        self, lr: float, minimize: bool, factor: float, patience: int, min_delta: float, cooldown: int, min_lr
    ):
        self.lr, self.sign = lr, -1 if minimize else 1
        self.factor, self.patience, self.min_delta, self.min_lr = factor, patience, min_delta, min_lr
        self.cooldown, self.left, self.wait, self.best = cooldown, 0, 0, -inf

    def on_epoch_end(self, value: float) -> float:
        if self.left > 0:
            self.left, self.wait = self.left - 1, 0
        if self.sign * value - self.min_delta > self.best:
            self.best, self.wait = self.sign * value, 0
        elif self.left == 0:
            self.wait += 1
            if self.wait >= self.patience and self.lr > self.min_lr:
                self.lr = max(self.lr * self.factor, self.min_lr)
                self.left, self.wait = self.cooldown, 0
        return self.lr


@pytest.mark.parametrize("minimize", [True, False])
@pytest.mark.parametrize(("patience", "min_delta", "cooldown"), [(1, 0.0, 0), (5, 1e-4, 0), (5, 1e-2, 1), (3, 1e-4, 4)])
def test_plateau_is_that_of_keras_with_one_epoch_less_of_cooldown(patience, min_delta, cooldown, minimize):
    plateau = {"patience": patience, "min_delta": min_delta, "factor": 0.5, "min_lr": 0.005}
    settings, different = plateau | {"cooldown": max(cooldown - 1, 0)}, 0
    for values in curves(minimize):
        theirs = KerasPlateau(0.1, minimize, **plateau | {"cooldown": cooldown})
        later = KerasPlateau(0.1, minimize, **plateau | {"cooldown": cooldown, "patience": patience + 1})
        expected = [theirs.on_epoch_end(value) for value in values]
        reductions = reductions_of(settings, values, minimize)
        assert [rate({"name": "plateau"} | settings, 0, reductions=one) for one in reductions] == pytest.approx(
            expected
        )
        different += expected != [later.on_epoch_end(value) for value in values]
    assert different > 10  # the curves tell one counting from the other


@pytest.mark.parametrize("minimize", [True, False])
@pytest.mark.parametrize(("patience", "min_delta", "cooldown"), [(1, 0.0, 0), (3, 1e-2, 0), (3, 1e-4, 1), (5, 1e-4, 4)])
def test_plateau_is_that_of_torch_with_one_epoch_less_of_patience(patience, min_delta, cooldown, minimize):
    settings = {"patience": patience, "min_delta": min_delta, "cooldown": cooldown, "factor": 0.5, "min_lr": 0.005}
    for values in curves(minimize):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        theirs = lr_scheduler.ReduceLROnPlateau(
            optimizer,
            mode="min" if minimize else "max",
            factor=0.5,
            patience=patience - 1,
            threshold=min_delta,
            threshold_mode="abs",
            cooldown=cooldown,
            min_lr=0.005,
        )
        for value, reductions in zip(values, reductions_of(settings, values, minimize), strict=True):
            theirs.step(value)
            ours = rate({"name": "plateau"} | settings, 0, reductions=reductions)
            assert ours == pytest.approx(optimizer.param_groups[0]["lr"])


def test_an_epoch_without_a_number_is_a_bad_one():
    assert reductions_of({"patience": 2}, [0.5, nan, nan, 0.6, nan, nan], minimize=False) == [0, 0, 1, 1, 1, 2]


def test_plateau_and_early_stopping_count_alike():
    for values in curves(minimize=False):
        stopping, state = EarlyStopping(patience=5, min_delta=1e-4), RunState(micro_batch=1)
        ended = []
        for value in values:
            after_epoch(state, {"val/miou": value}, schedule({}), stopping, "val/miou", minimize=False)
            ended.append(should_end(state, stopping))
        reductions = reductions_of({"patience": 5, "min_delta": 1e-4}, values, minimize=False)
        assert (ended.index(True) if True in ended else None) == (reductions.index(1) if 1 in reductions else None)


def test_a_plateau_has_all_of_its_state_from_the_start():
    begun, watched = RunState(micro_batch=1), schedule({"name": "plateau", "cooldown": 2})
    earlier = RunState(micro_batch=1)
    del earlier.plateau["cooldown"]  # as states of earlier versions have it
    for state in (begun, earlier):
        keys = set(state.plateau) | {"cooldown"}
        after_epoch(state, {"val/miou": 0.5}, watched, None, "val/miou", minimize=False)
        assert set(state.plateau) <= keys
        after_epoch(state, {"val/miou": 0.4}, watched, None, "val/miou", minimize=False)
    assert begun.plateau | {"cooldown": 0} == earlier.plateau | {"cooldown": 0}
    assert begun.plateau.keys() == {"best", "bad", "reductions", "cooldown"}


def test_early_stopping_counts_only_improvements_that_matter():
    stopping = EarlyStopping(patience=2, min_delta=0.05)
    state = RunState(micro_batch=1)
    ended = []
    for value in [0.5, 0.53, 0.56, 0.58, 0.6]:
        after_epoch(state, {"val/miou": value}, schedule({}), stopping, "val/miou", minimize=False)
        ended.append(should_end(state, stopping))
    assert ended == [False, False, False, False, True]


@pytest.mark.parametrize(
    ("settings", "looks"),
    [
        ({"name": "constant"}, False),
        ({"name": "step"}, False),
        ({"name": "plateau"}, False),
        ({"name": "poly"}, True),
        ({"name": "cosine"}, True),
        ({"name": "cosine", "t_max": 5}, False),
        ({"name": "poly", "interval": "epoch"}, True),
        ({"name": "one_cycle"}, True),
        ({"name": "exponential"}, False),
        ({"name": "multistep", "milestones": [3]}, False),
        ({"name": "cosine_restarts", "t_0": 3}, False),
    ],
)
def test_schedules_say_whether_their_early_epochs_depend_on_the_last(settings, looks):
    assert schedule(settings).looks_at_end is looks
    assert (rate(settings, 20, epochs=10) != rate(settings, 20, epochs=20)) is looks
