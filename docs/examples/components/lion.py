"""Lion, an optimizer of signs.

Source: Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2.
"""

import torch


class Lion(torch.optim.Optimizer):
    """Each weight takes a step of the size of the learning rate, in the direction of the sign of a moving average."""

    def __init__(self, params, lr: float = 1e-4, weight_decay: float = 0.0, betas: tuple[float, float] = (0.9, 0.99)):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "betas": betas})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            first, second = group["betas"]
            for weights in group["params"]:
                if weights.grad is None:
                    continue
                average = self.state[weights].setdefault("average", torch.zeros_like(weights))
                weights.mul_(1 - group["lr"] * group["weight_decay"])
                weights.sub_(torch.lerp(weights.grad, average, first).sign_(), alpha=group["lr"])
                average.lerp_(weights.grad, 1 - second)
