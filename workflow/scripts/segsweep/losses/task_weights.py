"""How the losses of two tasks become one: fixed weights, learned uncertainty, or balanced gradients."""

from collections.abc import Sequence

import torch
from torch import nn

from segsweep.config.losses import TaskWeights

TASKS = ("seg", "det")


class Fixed(nn.Module):
    """sum of w_i * L_i, with weights that stay."""

    def __init__(self, weights: Sequence[float]):
        super().__init__()
        self.register_buffer("weights", torch.tensor(weights, dtype=torch.float32))

    def forward(self, losses: Sequence[torch.Tensor]) -> torch.Tensor:
        """The weighted sum of the tasks' scalar losses, a scalar."""
        return (self.weights * torch.stack(tuple(losses)).float()).sum()


class Uncertainty(nn.Module):
    """sum of exp(-s_i) * L_i + s_i / 2, where s_i = log(sigma_i ** 2) is learned with the network.

    The form that Kendall et al. give for classification, for both tasks: detection is for its greater part a
    classification as well. Starts at sigma = 1, the plain sum.

    Source: Kendall, Gal, Cipolla 2018, "Multi-task learning using uncertainty to weigh losses for scene geometry and
    semantics", eq. 10.
    """

    def __init__(self, tasks: int):
        super().__init__()
        self.log_variances = nn.Parameter(torch.zeros(tasks))

    def forward(self, losses: Sequence[torch.Tensor]) -> torch.Tensor:
        """The weighted sum of the tasks' scalar losses, a scalar; it may be negative."""
        return (torch.exp(-self.log_variances) * torch.stack(tuple(losses)).float() + self.log_variances / 2).sum()


class GradNorm(nn.Module):
    """sum of w_i * L_i with weights that draw the tasks' gradients towards a common size.

    With G_i the norm of the gradient of w_i * L_i with respect to the last shared layer, G their mean, and r_i the
    inverse training rate of the task (its loss over its first loss, divided by the mean of these), w_i descends on
    |G_i - G * r_i ** alpha|, where the target counts as a constant; then the weights are scaled so that they sum to the
    number of tasks. Here the gradient of w_i is divided by G, so that one rate suits losses of any size.
    Weights and first losses are buffers: they lie in a checkpoint, and no optimizer touches them.

    Source: Chen et al. 2018, "GradNorm: gradient normalization for adaptive loss balancing in deep multitask networks",
    eq. 1 and 2 and algorithm 1; alpha = 1.5 as in its experiments on NYUv2.
    """

    def __init__(self, tasks: int, alpha: float = 1.5, lr: float = 0.025, smallest: float = 1e-3):
        super().__init__()
        self.alpha, self.lr, self.smallest = alpha, lr, smallest
        self.register_buffer("weights", torch.ones(tasks))
        self.register_buffer("first_losses", torch.full((tasks,), torch.nan))

    def forward(self, losses: Sequence[torch.Tensor]) -> torch.Tensor:
        """The weighted sum of the tasks' scalar losses, a scalar, with the weights as they are."""
        # A copy: the weights change before the gradient of this sum is taken.
        return (self.weights.clone() * torch.stack(tuple(losses)).float()).sum()

    def update(self, losses: Sequence[torch.Tensor], shared: Sequence[nn.Parameter]) -> None:
        """One step of the weights; the graph of the losses stays whole for the network's own backward pass.

        Args:
            losses: the tasks' scalar losses of this batch, unweighted, with their graph.
            shared: weights of the shared layers, the last first; the first that all losses depend on is taken.
        """
        values = torch.stack([loss.detach().float() for loss in losses])
        norms = torch.stack([gradient.float().norm() for gradient in self._gradients(losses, shared)])
        # What follows from a loss that is not finite is for the training loop to say. Decided on the device: a GPU
        # would have to be waited for.
        usable = values.isfinite().all() & norms.isfinite().all() & (norms.sum() > 0)
        first = usable & self.first_losses.isnan().any()
        self.first_losses.copy_(torch.where(first, values, self.first_losses))
        self.weights.copy_(torch.where(usable, self.stepped(values, norms), self.weights))

    def stepped(self, values: torch.Tensor, norms: torch.Tensor) -> torch.Tensor:
        """The weights after one step.

        Args:
            values: float (tasks,), losses of this batch.
            norms: float (tasks,), norms of the gradients of the unweighted losses.

        Returns:
            float (tasks,), positive, with the number of tasks as their sum.
        """
        sizes = self.weights * norms
        mean = sizes.mean()
        progress = values / self.first_losses.clamp(min=torch.finfo(torch.float32).tiny)
        rates = progress / progress.mean()
        slope = torch.sign(sizes - mean * rates**self.alpha) * norms / mean
        stepped = (self.weights - self.lr * slope).clamp(min=self.smallest)
        return stepped * len(stepped) / stepped.sum()

    @staticmethod
    def _gradients(losses: Sequence[torch.Tensor], shared: Sequence[nn.Parameter]) -> list[torch.Tensor]:
        for weight in shared:
            gradients = [
                torch.autograd.grad(loss, weight, retain_graph=True, allow_unused=True)[0]
                if loss.requires_grad
                else torch.zeros_like(weight)
                for loss in losses
            ]
            if all(gradient is not None for gradient in gradients):
                return gradients
        raise RuntimeError("GradNorm needs a layer that all tasks share, but no weight of the encoder is one")


def build(settings: TaskWeights | str) -> nn.Module:
    """The weighing that `loss.task_weights` names, for the tasks seg and det."""
    if isinstance(settings, TaskWeights):
        return Fixed([settings.seg, settings.det])
    return {"uncertainty": Uncertainty, "gradnorm": GradNorm}[settings](len(TASKS))
