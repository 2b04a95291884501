"""Large images looked at through overlapping windows, whose outputs become one by a mean with Gaussian weights.

Source: Isensee et al. 2021, "nnU-Net", Methods, inference: windows that overlap by half, Gaussian weights.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import torch

SIGMA = 1 / 8  # of a window's side, as in nnU-Net


def starts(side: int, window: int, overlap: float) -> list[int]:
    """Where windows begin along one side of an image: evenly spaced from its edge to its other edge.

    Args:
        side: of the image, in pixels.
        window: side of a window, at most that of the image.
        overlap: least share of a window that the next one covers again, from 0 to below 1.
    """
    room = side - window
    steps = math.ceil(room / max(window * (1 - overlap), 1))
    return [round(room * step / steps) for step in range(steps + 1)] if steps else [0]


@cache
def gaussian(height: int, width: int, device: torch.device) -> torch.Tensor:
    """Weights of a window's pixels, float32 (height, width), largest in its middle and above 0 everywhere."""

    def along(side: int) -> torch.Tensor:
        offsets = torch.arange(side, device=device, dtype=torch.float32) - (side - 1) / 2
        return torch.exp(-0.5 * (offsets / (side * SIGMA)) ** 2)

    return torch.outer(along(height), along(width))


class WindowStitcher:
    """Takes the outputs of windows, and gives those of whole images.

    The windows of an image come one after the other, in batches of any size. One image is held at a time, on the device
    of the outputs. What it takes and gives has the form of `segsweep.inference.pages.PageStitcher`.
    """

    def __init__(self) -> None:
        self._page: dict[str, Any] | None = None
        self._sums: list[torch.Tensor] = []
        self._weight = torch.zeros(0)

    def add(self, outputs: Sequence[Any], batch: dict) -> Iterator[tuple[Sequence[Any], dict]]:
        """What a batch completes.

        Args:
            outputs: of each model: float maps (B, C, h, w), or a dict with them under "main", or for text under
                "probability".
            batch: with "size" and, if its images are windows, "page", as `segsweep.data.loading.Batches` has them.

        Yields:
            Outputs and batch themselves where its images are whole. Else of each image the maps alone, (1, C, H, W)
            for each model, in the form in which they came; and the batch {"name", "size"}.
        """
        if "page" not in batch:
            yield outputs, batch
            return
        key = _key(outputs[0])
        maps = [one if key is None else one[key] for one in outputs]
        for i, (page, size) in enumerate(zip(batch["page"], batch["size"], strict=True)):
            if self._page is None or self._page["page"] != page["page"]:
                self._start(page, [one[i] for one in maps])
            here = (..., slice(page["y"], page["y"] + size[0]), slice(page["x"], page["x"] + size[1]))
            weights = gaussian(*size, maps[0].device)
            for whole, one in zip(self._sums, maps, strict=True):
                whole[here] += one[i, :, : size[0], : size[1]] * weights
            self._weight[here] += weights
            if page["y"] + size[0] == page["height"] and page["x"] + size[1] == page["width"]:
                means = [(whole / self._weight)[None] for whole in self._sums]
                yield (
                    [one if key is None else {key: one} for one in means],
                    {"name": [page["page"]], "size": [(page["height"], page["width"])]},
                )
                self._page, self._sums = None, []

    def _start(self, page: dict[str, Any], maps: list[torch.Tensor]) -> None:
        size = (page["height"], page["width"])
        self._page = page
        self._sums = [one.new_zeros(one.shape[0], *size) for one in maps]
        self._weight = maps[0].new_zeros(size)


def _key(outputs: Any) -> str | None:
    """Under which key a model's outputs hold the maps that are decided by; None where they are the maps."""
    if not isinstance(outputs, dict):
        return None
    return "main" if "main" in outputs else "probability"
