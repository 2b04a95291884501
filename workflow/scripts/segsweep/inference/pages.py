"""Pages stitched from what a network says of their patches: what is scored, voted on, drawn and handed in.

One rule holds everywhere. Where patches overlap, the logits of a pixel are their mean, weighted by the distance to the
edges of each patch (`segsweep.data.patches.window`); what follows from logits (classes, probabilities) follows from
those of the page. Where one patch alone shows a pixel, its logits stay as they are, to the bit.

Source: Isensee et al. 2021, "nnU-Net", Methods, inference: overlap by half, weights that fall towards the patch's edge;
theirs are Gaussian, ours linear.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch

from segsweep.data.patches import window
from segsweep.data.void import VOID
from segsweep.network_outputs import main_logits


class PageStitcher:
    """Takes batches with their outputs, and gives them back, patches as whole pages.

    The patches of a page come one after the other, as in a split, in batches of any size. One page is held at a time,
    on the device of the outputs.
    """

    def __init__(self) -> None:
        self._page: _Page | None = None

    def add(self, outputs: Sequence[Any], batch: dict) -> Iterator[tuple[Sequence[Any], dict]]:
        """What a batch completes: the batch itself, or pages.

        Args:
            outputs: of each model that looked at the batch; of patches, float logits (B, C, h, w), or a dict with them
                under "main".
            batch: on the same device; with "page" and "size" if its images are patches.

        Yields:
            The outputs, of a page float (1, C, H, W) for each model, and the batch, of a page {"name", "size", and
            "mask" if the patches have one}.

        Raises:
            ValueError: patches of a page are missing, or do not follow each other.
        """
        if "page" not in batch:
            yield outputs, batch
            return
        logits = [main_logits(one) for one in outputs]
        for i, patch in enumerate(batch["page"]):
            if self._page is None:
                self._page = _Page(patch, [one[i] for one in logits], batch["mask"][i] if "mask" in batch else None)
            page = self._page
            if patch["page"] != page.name:
                raise ValueError(f"a patch of the page {patch['page']} stands among those of {page.name}")
            page.lay([one[i] for one in logits], batch["mask"][i] if "mask" in batch else None, patch, batch["size"][i])
            if page.is_last(patch, batch["size"][i]):
                self._page = None
                yield page.whole()

    def close(self) -> None:
        """Say that no patch follows.

        Raises:
            ValueError: the last page is not whole.
        """
        if self._page is not None:
            raise ValueError(f"patches of the page {self._page.name} are missing")


class _Page:
    """The logits of each model and the mask of one page, as far as its patches have come."""

    def __init__(self, patch: dict[str, Any], logits: list[torch.Tensor], mask: torch.Tensor | None):
        self.name, self.size = patch["page"], (patch["height"], patch["width"])
        self.logits = [one.new_zeros(one.shape[0], *self.size) for one in logits]
        self.mask = None if mask is None else mask.new_full((*mask.shape[:-2], *self.size), VOID)
        self.weight = logits[0].new_zeros(self.size)
        self.seen = np.zeros(self.size, bool)  # in main memory, where to ask is to wait for nothing

    def lay(
        self, logits: list[torch.Tensor], mask: torch.Tensor | None, patch: dict[str, Any], size: tuple[int, int]
    ) -> None:
        """Take in a patch of a size; what its tensors hold beyond that, or beyond the page, is padding."""
        y, x = patch["y"], patch["x"]
        height, width = min(size[0], self.size[0] - y), min(size[1], self.size[1] - x)
        here = (..., slice(y, y + height), slice(x, x + width))
        inside = (..., slice(height), slice(width))
        own = _window(*size, self.weight.device)[inside]
        self.weight[here] += own
        self.seen[here[1:]] = True
        share = own / self.weight[here]  # exactly 1 where no other patch was
        for whole, one in zip(self.logits, logits, strict=True):
            whole[here].lerp_(one[inside], share)
        if mask is not None:
            self.mask[here] = mask[inside]

    def is_last(self, patch: dict[str, Any], size: tuple[int, int]) -> bool:
        """Whether a patch is the last one of the page: the one at its lower right corner."""
        return patch["y"] + size[0] >= self.size[0] and patch["x"] + size[1] >= self.size[1]

    def whole(self) -> tuple[list[torch.Tensor], dict]:
        """Outputs and batch of the page."""
        if not self.seen.all():
            raise ValueError(f"patches of the page {self.name} are missing")
        batch = {"name": [self.name], "size": [self.size]}
        return [one[None] for one in self.logits], batch | ({} if self.mask is None else {"mask": self.mask[None]})


@cache
def _window(height: int, width: int, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(window(height, width)).to(device)
