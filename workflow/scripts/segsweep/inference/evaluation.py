"""Losses and counts of a whole split."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import nn

from segsweep.data.void import VOID
from segsweep.inference.batch_means import BatchMeans
from segsweep.inference.forward import Forward, images_of, micro_batches, read, to_device
from segsweep.inference.pages import PageStitcher
from segsweep.network_outputs import map_tensors


@torch.inference_mode()
def evaluate(
    task: Any,
    criterion: nn.Module | None,
    loader: Iterable[dict],
    forward: Forward,
    *,
    micro_batch: int,
    order: torch.memory_format = torch.contiguous_format,
    check_stop: Callable[[], None] = lambda: None,
    batch_means: BatchMeans | None = None,
) -> tuple[dict[str, float], Any]:
    """Losses of a split, and the counts of which its scores are made.

    Args:
        task: see `segsweep.tasks.Task`.
        criterion: None computes no losses.
        loader: batches as they were loaded.
        forward: images -> outputs; its model is put into evaluation mode.
        micro_batch: most images passed through the network at once.
        order: of images in memory.
        check_stop: called before each batch; may raise to end the evaluation.
        batch_means: scores to be measured besides.

    Returns:
        ({"loss": ...}, a counter: see `segsweep.tasks.Counter`); the scores of `batch_means` stand beside the losses,
        and are means over the batches of the loader. A loss is the mean over the images that have a valid
        pixel or a box, each image's loss taken by itself: it does not depend on the batch size. A split of void images
        alone has no loss. Of patches, all of these are means over patches, as in training, and counts those of pages.
    """
    forward.model.eval()
    if batch_means:
        batch_means.start_split()
    counter, stitcher = task.counter(), PageStitcher()
    sums: dict[str, torch.Tensor] = {}
    count = 0
    if criterion is not None:
        criterion.eval()
    for loaded in loader:
        check_stop()
        if batch_means:
            batch_means.start_batch()
        for part in micro_batches(loaded, micro_batch):
            batch = to_device(part, forward.device, order)
            outputs = forward(batch["image"])
            for (whole,), images in stitcher.add([outputs], batch):
                counter.update(whole, images)
            if batch_means:
                batch_means.update(outputs, batch)
            scored = has_ground_truth(part) if criterion is not None else []
            for losses in image_losses(criterion, outputs, batch, scored):
                count += 1
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + value.detach().double()
    stitcher.close()
    losses = {name: value / count for name, value in read(sums).items()}
    return losses | (batch_means.values() if batch_means else {}), counter


def image_losses(
    criterion: nn.Module | None, outputs: Any, batch: dict, scored: list[bool]
) -> Iterator[dict[str, torch.Tensor]]:
    """The losses of each image of a batch by itself, of those that are `scored`."""
    for i in (i for i, has in enumerate(scored) if has):
        yield criterion(map_tensors(lambda tensor, i=i: tensor[i : i + 1], outputs), images_of(batch, i, i + 1))


def has_ground_truth(loaded: dict) -> list[bool]:
    """Which images of a batch have something to be compared with; of a batch in main memory, where asking is free."""
    if "mask" not in loaded:
        return [True] * len(loaded["image"])
    boxes = loaded.get("boxes", [[]] * len(loaded["mask"]))
    return [bool((mask != VOID).any()) or len(box) > 0 for mask, box in zip(loaded["mask"], boxes, strict=True)]
