"""Boxes as corners, and as distances from a point to their four sides.

Corners are float (..., 4) x1, y1, x2, y2 in pixels, 0-based, the right and lower side exclusive: a box of one pixel at
the origin is (0, 0, 1, 1).
"""

import torch


def encode(locations: torch.Tensor, boxes: torch.Tensor, strides: torch.Tensor) -> torch.Tensor:
    """Distances from locations to the left, upper, right and lower side, in strides; negative outside of the box.

    Args:
        locations: float (N, 2), x and y in pixels.
        boxes: float (N, 4) corners in pixels, one for each location, or (N, n, 4) with n boxes for each.
        strides: float (N,), pixels.

    Returns:
        float, of the shape of `boxes`.

    Source: Tian et al. 2019, "FCOS: fully convolutional one-stage object detection", eq. 1.
    """
    extra = (1,) * (boxes.dim() - 2)
    points = locations.reshape(-1, *extra, 2)
    distances = torch.cat([points - boxes[..., :2], boxes[..., 2:] - points], dim=-1)
    return distances / strides.reshape(-1, *extra, 1)


def decode(locations: torch.Tensor, distances: torch.Tensor, strides: torch.Tensor) -> torch.Tensor:
    """Corners in pixels from distances in strides: the inverse of `encode`.

    `locations` float (N, 2), `distances` float (..., N, 4), `strides` float (N,). Returns float (..., N, 4).
    """
    pixels = distances * strides[:, None]
    return torch.cat([locations - pixels[..., :2], locations + pixels[..., 2:]], dim=-1)


def areas(boxes: torch.Tensor) -> torch.Tensor:
    """Areas in square pixels of corners (..., 4); 0 where a box is turned inside out. Returns float (...)."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1)
