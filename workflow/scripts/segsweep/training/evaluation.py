"""Scores of a whole split, from counts summed over all its pictures."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from segsweep.training.gradients import VOID, in_parts, map_tensors, pictures_of


@torch.inference_mode()
def evaluate(
    task: Any,
    model: nn.Module,
    criterion: nn.Module,
    batches: Iterable[dict],
    *,
    forward: Callable,
    place: Callable,
    part_size: int,
    device: torch.device,
    checkpoint: Callable[[], None],
) -> tuple[dict[str, float], list[dict]]:
    """Losses and scores of a split, and the scores of each picture.

    Args:
        forward: batch -> outputs in float32.
        place: batch as loaded -> batch on the device.
        part_size: most pictures passed through the network at once.
        checkpoint: called before each batch; may raise to end the evaluation.

    Returns:
        ({"loss": ..., "miou": ...}, [{"image": name, ...}, ...]). A loss is the mean over the pictures that
        have a valid pixel or a box, each picture's loss taken by itself: it does not depend on the batch size.
        A split of void pictures alone has no loss.
    """
    model.eval()
    criterion.eval()
    scores = task.scores(device)
    sums: dict[str, torch.Tensor] = {}
    pictures = 0
    for loaded in batches:
        checkpoint()
        for part in in_parts(loaded, part_size):
            batch = place(part)
            outputs = forward(batch)
            scores.update(outputs, batch)
            for i in range(len(batch["image"])):
                one = pictures_of(batch, i, i + 1)
                if not _counts(one):
                    continue
                pictures += 1
                losses = criterion(map_tensors(lambda tensor, i=i: tensor[i : i + 1], outputs), one)
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + value.detach().double()
    losses = {name: float(value) / pictures for name, value in sums.items()}
    return losses | {name: float(value) for name, value in scores.compute().items()}, scores.images()


def _counts(one: dict) -> bool:
    """Whether a picture (a batch of one) has something to be judged by."""
    if "mask" not in one:
        return True
    return bool((one["mask"] != VOID).any()) or len(one.get("boxes", [[]])[0]) > 0
