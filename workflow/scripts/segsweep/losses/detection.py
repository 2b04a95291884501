"""Loss of an anchor-free detection head: classes, boxes, centerness."""

from typing import Any, ClassVar, Literal

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from segsweep.config.components import Loss
from segsweep.config.settings import key
from segsweep.detection.answers import ANSWERS
from segsweep.detection.assignment import centerness
from segsweep.detection.boxes import decode, encode
from segsweep.detection.locations import locations
from segsweep.losses.box_overlap import ciou, giou


class DetectionSettings(Loss):
    """Losses of the detection head."""

    title: ClassVar[str] = "Detection loss"

    box: Literal["smooth_l1", "giou", "ciou"] = key("smooth_l1", "Loss of the boxes.", title="box loss")
    focal_alpha: float = key(0.25, "Alpha of the sigmoid focal loss of the classes.", ge=0, le=1)
    focal_gamma: float = key(2.0, "Gamma of the sigmoid focal loss of the classes.", ge=0)
    box_weight: float = key(1.0, "Factor of the box loss against the classes' loss.", ge=0)


class DetectionLoss(nn.Module):
    """Sigmoid focal loss of the classes + `box_weight` * loss of the boxes + cross entropy of the centerness.

    Each is summed over the locations of the whole batch and divided by the number of locations that answer for a box
    (at least 1), so that an image without boxes still teaches what is background. Locations that answer for an
    ignored box count nowhere.

    Source: Tian et al. 2019, "FCOS", eq. 2 and 3; Lin et al. 2017, "Focal loss for dense object detection", eq. 5;
    Girshick 2015, "Fast R-CNN", eq. 3 (smooth L1); Rezatofighi et al. 2019 (GIoU); Zheng et al. 2020 (CIoU).
    """

    def __init__(self, settings: DetectionSettings):
        super().__init__()
        self.settings = settings

    def forward(self, outputs: dict, answers: dict[str, Any]) -> dict[str, torch.Tensor]:
        """The loss of a batch and its parts.

        Args:
            outputs: "logits" (B, N, K), "distances" (B, N, 4) in strides, "centerness" (B, N) logits, and "levels",
                whose cells the N locations are.
            answers: see `segsweep.detection.answers`; on any device.

        Returns:
            Scalars "det" (the sum), and as they are in it "det_cls", "det_box" and "det_center".
        """
        logits, distances, centers = (outputs[name].float() for name in ("logits", "distances", "centerness"))
        device = logits.device
        points, strides = locations(outputs["levels"], device)
        wanted, counted = torch.zeros_like(logits), torch.ones_like(logits)
        box_losses, center_losses, positives = [], [], 0
        for i, one in enumerate(zip(*(answers[name] for name in ANSWERS), strict=True)):
            positive, box, label, uncounted = (values.to(device) for values in one)
            counted[i, uncounted] = 0
            if not len(positive):
                continue
            point, stride = points[positive], strides[positive]
            wanted[i, positive, label] = 1
            box_losses.append(self.box_loss(distances[i, positive], box, point, stride))
            target = centerness(encode(point, box, stride))
            center_losses.append(F.binary_cross_entropy_with_logits(centers[i, positive], target, reduction="sum"))
            positives += len(positive)

        settings, count = self.settings, max(1, positives)
        focal = counted * sigmoid_focal_loss(logits, wanted, settings.focal_alpha, settings.focal_gamma)
        nothing = 0 * (distances.sum() + centers.sum())  # keeps the graph whole where nothing is positive
        parts = {
            "det_cls": focal.sum() / count,
            "det_box": settings.box_weight * sum(box_losses, nothing) / count,
            "det_center": sum(center_losses, nothing) / count,
        }
        return {"det": sum(parts.values()), **parts}

    def box_loss(
        self, distances: torch.Tensor, boxes: torch.Tensor, points: torch.Tensor, strides: torch.Tensor
    ) -> torch.Tensor:
        """Loss of the boxes of some locations, summed. Shapes (n, 4), (n, 4), (n, 2), (n,); a scalar.

        smooth_l1 compares the four distances in strides, the others the overlap of the boxes.
        """
        if self.settings.box == "smooth_l1":
            return F.smooth_l1_loss(distances, encode(points, boxes, strides), reduction="sum")
        overlap = {"giou": giou, "ciou": ciou}[self.settings.box]
        return overlap(decode(points, distances, strides), boxes)
