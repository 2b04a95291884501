"""Additive attention gates."""

import torch
from torch import nn
from torch.nn import functional as F

from segsweep.models.initialization import keep_as_built

OPEN = 3.0  # sigmoid(3) = 0.95
PSI_STD = 1e-3  # the sums before psi are not normalised: some tens in deep maps


class AttentionGate(nn.Module):
    """Weighs each position of a skip connection by what a coarser map says about it.

    q = psi(relu(W_x x + W_g g + b_g)) + b_psi, alpha = sigmoid(q), output = alpha * x. W_x has stride 2, so that q is
    computed on the grid of the coarser map; alpha is brought back to the grid of x by bilinear interpolation.

    Args:
        skip: channels of x.
        gating: channels of g.
        inner: channels in between; half of `skip` if not given.

    Gates start open everywhere (b_psi = 3, weights of psi near zero: alpha is near 0.95 at each place), whatever scheme
    draws the other weights: the network begins as a U-Net without gates. The weights are not zero, so that the layers
    before psi learn from the first step.

    Source: Oktay et al. 2018, "Attention U-Net", eq. 1 and 2, figure 2; stride, biases and inner channels as in the
    authors' code, without the convolution that it puts behind the gate and the paper does not mention.
    """

    def __init__(self, skip: int, gating: int, inner: int | None = None):
        super().__init__()
        inner = inner or max(skip // 2, 1)
        self.theta = nn.Conv2d(skip, inner, 2, stride=2, bias=False)
        self.phi = nn.Conv2d(gating, inner, 1)
        self.activation = nn.ReLU(inplace=True)
        self.psi = nn.Conv2d(inner, 1, 1)
        for layer in (self.theta, self.phi):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(self.phi.bias)
        nn.init.normal_(self.psi.weight, std=PSI_STD)
        nn.init.constant_(self.psi.bias, OPEN)
        keep_as_built(self.psi)

    def coefficients(self, skip: torch.Tensor, gating: torch.Tensor) -> torch.Tensor:
        """alpha, (B, 1, h, w) in 0..1, of `skip` (B, skip, h, w) and `gating` (B, gating, about h/2, w/2)."""
        height, width = skip.shape[-2:]
        # An odd side has one row more than stride 2 sees.
        theta = self.theta(F.pad(skip, (0, width % 2, 0, height % 2), mode="replicate"))
        phi = self.phi(gating)
        if phi.shape[-2:] != theta.shape[-2:]:
            phi = F.interpolate(phi, size=theta.shape[-2:], mode="bilinear", align_corners=False)
        alpha = torch.sigmoid(self.psi(self.activation(theta + phi)))
        return F.interpolate(alpha, size=(height, width), mode="bilinear", align_corners=False)

    def forward(self, skip: torch.Tensor, gating: torch.Tensor) -> torch.Tensor:
        return skip * self.coefficients(skip, gating)
