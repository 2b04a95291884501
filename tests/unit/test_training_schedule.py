"""Learning rates by numbers computed by hand, and against torch's own schedulers."""

import pytest
import torch

from segsweep.config.components import Schedule
from segsweep.config.train import EarlyStopping, Train
from segsweep.schedules import Progress, learning_rate
from segsweep.training.early_stopping import after_epoch, should_end
from segsweep.training.run_state import RunState


def schedule(settings: dict) -> Schedule:
    return Train.model_validate({"scheduler": settings}).scheduler


def rate(settings: dict, step: int, *, epochs: int = 10, steps: int = 4, reductions: int = 0) -> float:
    return learning_rate(schedule(settings), 0.1, Progress(step, steps, epochs, reductions))


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


def test_cosine_is_that_of_torch():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10, eta_min=0.01)
    for epoch in range(10):
        assert rate({"name": "cosine", "eta_min": 0.01}, 4 * epoch) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


def test_plateau_is_that_of_torch():
    losses = [1.0, 0.9, 0.95, 0.95, 0.9, 0.8, 0.85, float("nan"), 0.8, 0.8, 0.8, 0.7]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, threshold=0.0, min_lr=0.02)
    settings = schedule({"name": "plateau", "factor": 0.5, "patience": 1, "min_lr": 0.02, "monitor": "val/loss"})
    state = RunState(micro_batch=1)
    for epoch, loss in enumerate(losses):
        row = {"val/loss": loss, "val/miou": 0.0}
        after_epoch(state, row, settings, None, "val/miou", minimize=False)
        theirs.step(loss)
        reductions = state.plateau["reductions"]
        dump = settings.model_dump()
        assert rate(dump, 4 * epoch, reductions=reductions) == pytest.approx(theirs.get_last_lr()[0])


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
    ],
)
def test_schedules_say_whether_their_early_epochs_depend_on_the_last(settings, looks):
    assert schedule(settings).looks_at_end is looks
    assert (rate(settings, 20, epochs=10) != rate(settings, 20, epochs=20)) is looks
