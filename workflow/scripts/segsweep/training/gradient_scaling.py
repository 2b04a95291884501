"""Mixed precision in float16: the gradient is scaled up, so that what is small in the backward pass does not become 0.

Source: Micikevicius et al. 2018, "Mixed precision training", section 3.2; torch.amp.GradScaler.
"""

from collections.abc import Callable
from typing import Any

import torch

Losses = dict[str, torch.Tensor]
# From 65536 this takes 30 steps in a row that overflow: no scale brings such a gradient back.
SMALLEST_SCALE = 1e-4


class GradientScaler(torch.amp.GradScaler):
    """torch's gradient scaler, which also counts the steps left out. Without `precision: fp16` it does nothing.

    A step whose gradient is not finite is left out, and the scale halved. After 2000 steps in a row that were taken
    it doubles.
    """

    def __init__(self, precision: str, device: torch.device):
        """
        Args:
            precision: arithmetic of the forward pass, as in the settings.
            device: that the losses are on.
        """
        super().__init__(device.type, enabled=precision == "fp16")
        self._one = torch.ones((), device=device)
        self._left_out = torch.zeros((), device=device)  # 1 if the last step was
        self._count = torch.zeros((), device=device)  # of the steps left out since `begin_epoch`

    @property
    def took_step(self) -> bool:
        """Whether the last step was taken. In float16 this waits for the GPU."""
        return not self.is_enabled() or not self._left_out

    def scaled(self, criterion: Callable[..., Losses]) -> Callable[..., Losses]:
        """The same losses, each with its gradient multiplied by the scale.

        So GradNorm, which looks at the gradients of several losses, sees all of them scaled alike.
        """
        if not self.is_enabled():
            return criterion

        def with_scaled_gradients(*batch: Any) -> Losses:
            scale = self.scale(self._one)
            return {name: _ScaledGradient.apply(loss, scale) for name, loss in criterion(*batch).items()}

        return with_scaled_gradients

    def update(self, new_scale: float | torch.Tensor | None = None) -> None:
        """As torch's; whether the step was left out is known from the scale, without waiting for the GPU."""
        if self.is_enabled():
            before = self.scale(self._one)
            super().update(new_scale)
            self._left_out = (self.scale(self._one) < before).float()
            self._count += self._left_out

    @property
    def skipped_steps(self) -> int:
        """Steps left out since `begin_epoch`. In float16 this waits for the GPU."""
        return int(self._count) if self.is_enabled() else 0

    def begin_epoch(self, skipped_steps: int) -> None:
        """Count again, from what was left out before."""
        self._count.fill_(skipped_steps)

    def columns(self) -> dict[str, int]:
        """What epochs.csv tells of an epoch; nothing where nothing is scaled."""
        return {"train/skipped_steps": self.skipped_steps} if self.is_enabled() else {}


class _ScaledGradient(torch.autograd.Function):
    """The same value, with its gradient multiplied by a factor."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(factor)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (factor,) = ctx.saved_tensors
        return gradient * factor, None
