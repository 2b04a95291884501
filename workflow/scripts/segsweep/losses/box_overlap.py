"""Losses of boxes by their overlap: torchvision's, to the bit, without the boolean indices that make a GPU wait."""

from math import pi

import torch

EPS = 1e-7
Sides = tuple[torch.Tensor, ...]  # left, top, right, bottom, (n,) each


def giou(boxes: torch.Tensor, ground_truth: torch.Tensor) -> torch.Tensor:
    """1 - generalized IoU, summed: a scalar of corners float32 (n, 4) in pixels.

    Source: Rezatofighi et al. 2019, "Generalized intersection over union".
    """
    intersection, union = _intersection_and_union(boxes, ground_truth)
    hull = _area(*_hull(boxes.unbind(-1), ground_truth.unbind(-1)))
    return (1 - (intersection / (union + EPS) - (hull - union) / (hull + EPS))).sum()


def ciou(boxes: torch.Tensor, ground_truth: torch.Tensor) -> torch.Tensor:
    """1 - IoU + distance of the centres + difference of the shapes, summed: a scalar of corners float32 (n, 4).

    Source: Zheng et al. 2020, "Distance-IoU loss", section "CIoU loss".
    """
    intersection, union = _intersection_and_union(boxes, ground_truth)
    iou = intersection / (union + EPS)
    sides, true_sides = boxes.unbind(-1), ground_truth.unbind(-1)
    left, top, right, bottom = _hull(sides, true_sides)
    diagonal = (right - left) ** 2 + (bottom - top) ** 2 + EPS
    (x, y), (true_x, true_y) = _centre(*sides), _centre(*true_sides)
    away = 1 - iou + ((x - true_x) ** 2 + (y - true_y) ** 2) / diagonal
    v = (4 / (pi**2)) * torch.pow(_angle(ground_truth) - _angle(boxes), 2)
    with torch.no_grad():
        alpha = v / (1 - iou + v + EPS)
    return (away + alpha * v).sum()


def _intersection_and_union(boxes: torch.Tensor, others: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    sides, other_sides = boxes.unbind(-1), others.unbind(-1)
    left, top = (torch.max(*pair) for pair in zip(sides[:2], other_sides[:2], strict=True))
    right, bottom = (torch.min(*pair) for pair in zip(sides[2:], other_sides[2:], strict=True))
    meet = (bottom > top) & (right > left)
    intersection = torch.where(meet, _area(left, top, right, bottom), 0.0)
    return intersection, _area(*sides) + _area(*other_sides) - intersection


def _hull(sides: Sides, others: Sides) -> list[torch.Tensor]:
    pairs = list(zip(sides, others, strict=True))
    return [torch.min(*pair) for pair in pairs[:2]] + [torch.max(*pair) for pair in pairs[2:]]


def _area(left: torch.Tensor, top: torch.Tensor, right: torch.Tensor, bottom: torch.Tensor) -> torch.Tensor:
    return (right - left) * (bottom - top)


def _centre(
    left: torch.Tensor, top: torch.Tensor, right: torch.Tensor, bottom: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    return (right + left) / 2, (bottom + top) / 2


def _angle(boxes: torch.Tensor) -> torch.Tensor:
    left, top, right, bottom = boxes.unbind(-1)
    return torch.atan((right - left) / (bottom - top))
