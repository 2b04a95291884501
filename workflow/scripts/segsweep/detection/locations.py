"""Where a feature pyramid looks: the centres of the cells of its levels."""

import torch

PYRAMID = (8, 16, 32)  # strides of the levels P3, P4 and P5, in pixels
Levels = list[tuple[int, int, int]]  # height and width in cells, stride in pixels; from the finest to the coarsest


def pyramid(height: int, width: int) -> Levels:
    """The levels of an image whose sides are multiples of the largest stride."""
    return [(height // stride, width // stride, stride) for stride in PYRAMID]


def locations(levels: Levels, device: torch.device | str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """Centres of all cells of all levels, row by row, from the finest level to the coarsest.

    Returns:
        float32 (N, 2), x and y in pixels, and float32 (N,), the stride of each in pixels.

    Source: Tian et al. 2019, "FCOS", section 3.1: cell (x, y) looks at stride / 2 + x * stride.
    """
    points, strides = [], []
    for height, width, stride in levels:
        y, x = torch.meshgrid(
            (torch.arange(height, device=device, dtype=torch.float32) + 0.5) * stride,
            (torch.arange(width, device=device, dtype=torch.float32) + 0.5) * stride,
            indexing="ij",
        )
        points.append(torch.stack([x.flatten(), y.flatten()], dim=1))
        strides.append(torch.full((height * width,), float(stride), device=device))
    return torch.cat(points), torch.cat(strides)
