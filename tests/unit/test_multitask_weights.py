"""How two losses become one."""

from math import log

import pytest
import torch

from segsweep.config.losses import TaskWeights
from segsweep.losses.task_weights import Fixed, GradNorm, Uncertainty, build


def test_fixed():
    weighing = build(TaskWeights(seg=2.0, det=0.5))
    assert isinstance(weighing, Fixed)
    assert weighing((torch.tensor(3.0), torch.tensor(4.0))).item() == 8


def test_uncertainty_by_hand():
    weighing = build("uncertainty")
    losses = torch.tensor(4.0), torch.tensor(3.0)
    assert weighing(losses).item() == 7
    with torch.no_grad():
        weighing.log_variances.copy_(torch.tensor([log(2), 0.0]))
    total = weighing(losses)
    assert total.item() == pytest.approx(4 / 2 + log(2) / 2 + 3)
    total.backward()
    assert weighing.log_variances.grad.tolist() == pytest.approx([-4 / 2 + 0.5, -3 + 0.5])


def test_uncertainty_is_learned_to_be_twice_the_loss():
    weighing = Uncertainty(2)
    optimizer = torch.optim.SGD(weighing.parameters(), lr=0.2)
    for _ in range(300):
        optimizer.zero_grad()
        weighing((torch.tensor(2.0), torch.tensor(0.25))).backward()
        optimizer.step()
    # exp(-s) L = 1/2, so sigma^2 = 2 L
    torch.testing.assert_close(weighing.log_variances.exp(), torch.tensor([4.0, 0.5]), rtol=1e-3, atol=1e-3)


def two_losses(slopes, value=1.0):
    """A shared weight, and losses slope * weight, whose gradients have the slopes as their norms."""
    shared = torch.nn.Parameter(torch.tensor([[value]]))
    return shared, [slope * shared.sum() for slope in slopes]


def test_gradnorm_by_hand():
    weighing = GradNorm(2, alpha=1.5, lr=0.1)
    shared, losses = two_losses((3.0, 1.0))
    weighing.update(losses, [shared])
    # Norms 3 and 1, mean 2, both tasks at their start: the first weight falls by 0.1 * 3 / 2, the second grows by
    # 0.1 * 1 / 2, and the sum of 1.9 is brought back to 2.
    assert weighing.weights.tolist() == pytest.approx([0.85 * 2 / 1.9, 1.05 * 2 / 1.9])
    assert weighing.first_losses.tolist() == [3, 1]
    assert weighing(losses).item() == pytest.approx(3 * 0.85 * 2 / 1.9 + 1.05 * 2 / 1.9)
    assert shared.grad is None


def test_gradnorm_steps_down_the_published_loss():
    weighing = GradNorm(2, alpha=1.5, lr=0.025)
    weighing.first_losses.copy_(torch.tensor([2.0, 5.0]))
    weighing.weights.copy_(torch.tensor([0.7, 1.3]))
    values, norms = torch.tensor([1.8, 2.0]), torch.tensor([0.3, 2.0])
    weights = weighing.weights.clone().requires_grad_()
    sizes = weights * norms
    rates = (values / weighing.first_losses) / (values / weighing.first_losses).mean()
    target = (sizes.mean() * rates**1.5).detach()
    ((sizes - target).abs().sum() / sizes.mean().detach()).backward()
    wanted = weights.detach() - 0.025 * weights.grad
    torch.testing.assert_close(weighing.stepped(values, norms), 2 * wanted / wanted.sum())


def test_gradnorm_evens_out_the_gradients_of_tasks_that_learn_alike():
    weighing = GradNorm(2, lr=0.01)
    for _ in range(300):
        shared, losses = two_losses((3.0, 1.0))
        weighing.update(losses, [shared])
    assert weighing.weights.sum().item() == pytest.approx(2)
    assert (weighing.weights * torch.tensor([3.0, 1.0])).tolist() == pytest.approx([1.5, 1.5], abs=0.05)


def test_gradnorm_favours_the_task_that_lags_behind():
    weighing = GradNorm(2, lr=0.01)
    weighing.first_losses.copy_(torch.tensor([1.0, 4.0]))  # the second has come down to a quarter
    for _ in range(300):
        shared, losses = two_losses((1.0, 1.0))
        weighing.update(losses, [shared])
    wanted = torch.tensor([1.0, 0.25]) ** 1.5
    torch.testing.assert_close(weighing.weights, 2 * wanted / wanted.sum(), rtol=0, atol=0.05)


def test_gradnorm_takes_the_last_weight_that_all_losses_depend_on():
    shared, losses = two_losses((3.0, 1.0))
    own = torch.nn.Parameter(torch.ones(1))
    weighing = GradNorm(2, lr=0.1)
    weighing.update([losses[0] + own.sum(), losses[1]], [own, shared])
    assert weighing.weights[0] < 1
    with pytest.raises(RuntimeError, match="share"):
        weighing.update([losses[0] + own.sum(), losses[1]], [own])


def test_gradnorm_leaves_its_weights_alone_where_losses_say_nothing():
    weighing = GradNorm(2)
    shared, losses = two_losses((float("nan"), 1.0))
    weighing.update(losses, [shared])
    shared, losses = two_losses((0.0, 0.0))
    weighing.update(losses, [shared])
    assert weighing.weights.tolist() == [1, 1]


def test_gradnorm_goes_on_from_a_saved_state():
    first, second = GradNorm(2), GradNorm(2)
    shared, losses = two_losses((3.0, 1.0))
    first.update(losses, [shared])
    second.load_state_dict(first.state_dict())
    shared, losses = two_losses((2.0, 1.0), value=0.5)
    first.update(losses, [shared])
    second.update(losses, [shared])
    assert first.weights.tolist() == second.weights.tolist()
    assert not list(first.parameters())
