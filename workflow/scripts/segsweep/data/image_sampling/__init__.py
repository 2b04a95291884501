"""How often an epoch has each training image, a file each: a class of settings, and

weights(settings, pixels, present) -> float64 (N,), or None

how often each of N images is drawn, relative to the others (None: each once), from what the images hold:
pixels, int64 (N, C), of each class in each mask, void left out; present, bool (N, C), whether an image has the class.
Where a pixel may carry several labels, or none, the images without any label are one class more, the last: else what
goes by classes would never draw what other tasks have as images of background alone.

An epoch has as many images as it has without sampling, so schedules, costs and numbers of steps stay comparable. The
images are those of the run: of its subset and its fold. Class weights of losses are not touched: they are those of the
whole training split as it is.
"""

from typing import Any

import numpy as np

from segsweep import registry
from segsweep.config.components import ImageSampling
from segsweep.config.dataset_keys import BY_LABEL
from segsweep.data.prepared import classes_present
from segsweep.errors import InputError


def image_weights(sampling: ImageSampling, prepared: Any, items: list[tuple[str, int]]) -> np.ndarray | None:
    """How often each training image of a run is drawn, relative to the others: float64 (N,); None for each once.

    Args:
        sampling: settings.
        prepared: the data, a `segsweep.data.prepared.Prepared`.
        items: (split, index) of each image.

    Raises:
        InputError: the task has no classes, or no image can be drawn.
    """
    if refusal := sampling.refusal(prepared.task):
        raise InputError(refusal)
    pixels = np.stack([prepared.splits[split].class_counts[i] for split, i in items])
    present = classes_present(prepared, items)
    if prepared.task in BY_LABEL:
        scored = np.array([prepared.splits[split].scored_pixels[i] for split, i in items])
        bare = np.where(present.any(1), 0, scored)[:, None]
        pixels, present = np.hstack([pixels, bare]), np.hstack([present, bare > 0])
    weights = registry.load(sampling).weights(sampling, pixels, present)
    if weights is not None and not weights.sum() > 0:
        raise InputError(
            f"data.image_sampling: {sampling.name} draws none of the {len(items)} training images of "
            f"{prepared.dataset}, as none has a pixel of a class. Correct the masks, or choose `name: uniform`."
        )
    return weights


def draw(weights: np.ndarray, rng: np.random.Generator) -> list[int]:
    """The images of an epoch, as many as there are weights, in random order.

    With n = N w / sum(w), image i is drawn n_i times on average, and floor(n_i) or ceil(n_i) times in each epoch:
    systematic sampling of the images in random order.

    Source: Madow 1949, "On the theory of systematic sampling, II".

    Args:
        weights: float64 (N,), 0 or more.
        rng: of the epoch.

    Returns:
        The index of each image; i + k N for its k-th repetition, so that each is augmented by draws of its own.
    """
    count = len(weights)
    order = rng.permutation(count)
    ends = weights[order].cumsum()
    places = np.searchsorted(ends, (np.arange(count) + 1 - rng.random()) / count * ends[-1])  # ascending
    repetitions = np.arange(count) - np.searchsorted(places, places)
    return rng.permutation(order[places] + count * repetitions).tolist()
