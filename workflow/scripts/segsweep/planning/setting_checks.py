"""What a study's settings ask of its data set: what is refused, and what is said."""

from collections.abc import Iterable, Iterator
from functools import cache

from segsweep.config.augmentations import read_augmentation
from segsweep.config.components import Task
from segsweep.config.losses import missing, unsuited
from segsweep.errors import InputError
from segsweep.planning.overrides import Resolved

# Patches that a pixel of a page may lie in before the plan speaks of it: an overlap of 7/8 of the patch.
PATCHES_OF_A_PIXEL = 64


def check_data(settings: Iterable[Resolved], task: type[Task], name: str) -> None:
    """Refuse what a task cannot have: patches if its predictions are not stitched to pages, balanced sampling of text.
    And an augmentation that its backend cannot carry out.

    Args:
        settings: of a study.
        task: of its data set.
        name: of the task.

    Raises:
        InputError: a setting cuts images into patches, and the task is about boxes or text; it draws images by
            classes that the task has not; or it has a transform that the backend does not know.
    """
    wrong: dict[str, None] = {}
    for one in settings:
        data = one.sections["data"].value
        if data.patches and not task.stitched:
            where = one.location(("data", "patches"))
            wrong[
                f"{where}: train.data.patches is for masks, which are stitched to pages, and the task of the data set "
                f"is {name}. Leave it out; `image_size` and `crop` make images smaller."
            ] = None
        if refusal := data.image_sampling.refusal(name):
            wrong[f"{one.location(('data', 'image_sampling'))}: {refusal}"] = None
        wrong |= dict.fromkeys(_unknown_transforms(data.augmentation, data.augmentation_backend))
    if wrong:
        raise InputError(*wrong)


@cache
def _unknown_transforms(augmentation: str, backend: str) -> tuple[str, ...]:
    try:
        read_augmentation(augmentation, backend=backend)
    except InputError as error:
        return tuple(error.problems)
    return ()


def check_losses(settings: Iterable[Resolved], task: str) -> None:
    """Refuse losses of masks that do not serve a task, and a task of masks without one.

    Args:
        settings: of a study.
        task: name of the task of its data set.

    Raises:
        InputError: naming each such loss once.
    """
    losses = {id(loss): (loss, one.location) for one in settings if (loss := one.sections["loss"].value)}
    problems: dict[str, str] = {}  # of many cells the same
    for loss, location in losses.values():
        for problem in [*unsuited(loss, task), *missing(loss, task)]:
            problems.setdefault(problem, location(("loss",)))
    if problems:
        raise InputError(*(f"{where}: {problem}." for problem, where in problems.items()))


def about_patches(settings: Iterable[Resolved]) -> Iterator[str]:
    """A sentence for each way of cutting pages that makes many times as many pixels of them."""
    cut = dict.fromkeys(
        (patches.size, patches.overlap) for one in settings if (patches := one.sections["data"].value.patches)
    )
    for size, overlap in cut:
        patches = (size / (size - overlap)) ** 2
        if patches > PATCHES_OF_A_PIXEL:
            yield (
                f"data.patches: with an overlap of {overlap} of {size} pixels each pixel lies in about {patches:,.0f} "
                f"patches: preparation, training and scoring take that many times as long, and as much disk. With an "
                f"overlap of {size // 2} it is 4."
            )
