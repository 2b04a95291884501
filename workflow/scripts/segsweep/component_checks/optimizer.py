"""An optimizer: steps that change the weights, at the rate that the schedule sets, and a state that can be saved."""

import copy
from typing import Any

import torch
from torch import nn

from segsweep.component_checks.own_component import OwnComponent
from segsweep.optimizers.parameter_groups import parameter_groups

STEPS = 2


class _Network(nn.Module):
    """Weights of several axes and biases of one, in an encoder and beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(images))


def check_optimizer(component: OwnComponent) -> str:
    """Take steps, then once more from a saved state: what resumes must continue as it would have."""
    network = _Network()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for weights in network.parameters():
            nn.init.normal_(weights, std=0.1)
        images = torch.randn(4, 3, 8, 8)
    optimizer = _built(component, network)
    before = [weights.detach().clone() for weights in network.parameters()]
    for _ in range(STEPS):
        _step(component, optimizer, network, images)
    after = [weights.detach() for weights in network.parameters()]
    if not all(weights.isfinite().all() for weights in after):
        raise component.problem(f"weights are not finite after {STEPS} steps", "Look at the rule of its update")
    if all(torch.equal(*pair) for pair in zip(before, after, strict=True)):
        raise component.problem(
            f"{STEPS} steps change no weight", "Let step() change the parameters of all groups, in place"
        )
    _check_resumed(component, optimizer, network, images)
    return f"{STEPS} steps change the weights; its state can be saved"


def _built(component: OwnComponent, network: nn.Module) -> Any:
    groups = parameter_groups(component.settings, network)
    with component.calls("build", "It takes the parameter groups, dictionaries as torch's optimizers take them"):
        optimizer = component.functions.build(component.settings, groups)
    needed = ("param_groups", "zero_grad", "step", "state_dict", "load_state_dict")
    if lacking := [name for name in needed if not hasattr(optimizer, name)]:
        raise component.problem(
            f"build gives {type(optimizer).__name__}, which has no {', '.join(lacking)}",
            "Let it give a torch.optim.Optimizer",
        )
    given = {id(weights) for group in groups for weights in group["params"]}
    if given != {id(weights) for group in optimizer.param_groups for weights in group["params"]}:
        raise component.problem("the optimizer has other parameters than it was given", "Hand on all groups")
    if any("lr" not in group for group in optimizer.param_groups):
        raise component.problem(
            "a parameter group of the optimizer has no `lr`",
            "Let its rate be group['lr'], which the schedule sets before each step",
        )
    return optimizer


def _step(component: OwnComponent, optimizer: Any, network: nn.Module, images: torch.Tensor) -> None:
    with component.calls("a step", "step() needs no argument: the gradients are there"):
        optimizer.zero_grad(set_to_none=True)
        network(images).square().mean().backward()
        optimizer.step()


def _check_resumed(component: OwnComponent, optimizer: Any, network: nn.Module, images: torch.Tensor) -> None:
    """A copy that is restored from the state takes the same next step."""
    with component.calls("state_dict", "It holds all that the next step needs, in tensors and plain values"):
        state = copy.deepcopy(optimizer.state_dict())
    resumed_network = copy.deepcopy(network)
    resumed = _built(component, resumed_network)
    with component.calls("load_state_dict", "It takes what state_dict gave"):
        resumed.load_state_dict(state)
    for one, of in ((optimizer, network), (resumed, resumed_network)):
        _step(component, one, of, images)
    if not all(torch.equal(*pair) for pair in zip(network.parameters(), resumed_network.parameters(), strict=True)):
        raise component.problem(
            "the step after its state was saved and loaded differs from the step without",
            "Keep all that steps depend on in `self.state` or in the groups",
        )
