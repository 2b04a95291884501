"""Losses of MONAI. They know no void pixels: these are zero in probabilities and in the ground truth."""

from monai.losses import TverskyLoss
from torch import Tensor, nn
from torch.nn.functional import one_hot

VOID = 255


class Tversky(nn.Module):
    """1 - TP / (TP + alpha FP + beta FN), soft counts over the whole batch, mean over the classes.

    Source: Salehi et al. 2017, "Tversky loss function for image segmentation", eq. 4.
    """

    def __init__(self, classes: int, alpha: float = 0.5, beta: float = 0.5, smooth: float = 1.0):
        super().__init__()
        self.classes = classes
        self.loss = TverskyLoss(alpha=alpha, beta=beta, smooth_nr=smooth, smooth_dr=smooth, batch=True)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        valid = (target != VOID)[:, None]  # (B, 1, H, W)
        if self.classes == 1:
            probabilities, truth = logits.sigmoid(), (target == 1)[:, None]
        else:
            probabilities = logits.softmax(1)
            truth = one_hot(target.where(valid[:, 0], 0), self.classes).movedim(-1, 1)
        return self.loss(probabilities * valid, truth * valid)
