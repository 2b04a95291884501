"""What a study's settings ask of its data set: what is refused, and what is said."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from segsweep.config.architectures import unsuited_architecture
from segsweep.config.augmentations import read_augmentation
from segsweep.config.components import Task
from segsweep.config.encoder_names import wrong_encoder
from segsweep.config.losses import missing, unsuited
from segsweep.errors import InputError
from segsweep.formatting import plural
from segsweep.planning.overrides import Resolved

# Patches that a pixel of a page may lie in before the plan speaks of it: an overlap of 7/8 of the patch.
PATCHES_OF_A_PIXEL = 64


def check_data(
    settings: Iterable[Resolved],
    task: type[Task],
    name: str,
    images: Callable[[], tuple[int | None, str | None]],
) -> None:
    """Refuse what a task cannot have: patches if its predictions are not stitched to pages, balanced sampling of text.
    And augmentations that their backend, or the images, cannot have.

    Args:
        settings: of a study.
        task: of its data set.
        name: of the task.
        images: channels and dtype of the images, as far as they are known; asked where it matters.

    Raises:
        InputError: a setting cuts images into patches, and the task is about boxes or text; it draws images by
            classes that the task has not; or it has a transform that the backend does not know, or not for such images.
    """
    wrong: dict[str, None] = {}
    augmentations: dict[tuple[str, str], str] = {}
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
        if data.augmentation != "none":
            where = one.location(("data", "augmentation"))
            augmentations.setdefault((data.augmentation, data.augmentation_backend), where)
    for (augmentation, backend), where in augmentations.items():
        try:
            read_augmentation(augmentation, name, *images(), backend)
        except InputError as error:
            wrong |= dict.fromkeys(f"{where}: {problem}" for problem in error.problems)
    if wrong:
        raise InputError(*wrong)


def check_retraining(settings: Iterable[Resolved]) -> None:
    """Refuse schedules that follow validation, where chosen runs are trained again on its images.

    Args:
        settings: of a study that does so.

    Raises:
        InputError: a schedule monitors a column.
    """
    monitoring = [one for one in settings if one.sections["scheduler"].value.monitors]
    if monitoring:
        name = monitoring[0].sections["scheduler"].value.name
        raise InputError(
            f"{monitoring[0].location(('scheduler', 'name'))}: the schedule {name} lowers the rate by what validation "
            "says, and a run that `test.retrain` trains on training and validation images has none. Take another "
            "schedule, or `retrain: none`."
        )


def check_models(settings: Iterable[Resolved], task: str) -> None:
    """Refuse networks that do not serve a task, and encoders and weights that nobody has.

    Args:
        settings: of a study.
        task: name of the task of its data set.

    Raises:
        InputError: naming each once.
    """
    problems: dict[str, str] = {}
    models = {id(model): (model, one.location) for one in settings if (model := one.sections["model"].value)}
    for model, location in models.values():
        if problem := unsuited_architecture(model, task):
            problems.setdefault(problem, location(("model", "arch")))
        if model.has_encoder and model.own is None and (problem := wrong_encoder(model)):
            problems.setdefault(problem, location(("model", problem.partition(":")[0].rpartition(".")[2])))
    if problems:
        raise InputError(*(f"{where}: {problem}." for problem, where in problems.items()))


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


def check_class_weights(settings: Iterable[Resolved], classes: Sequence[str]) -> None:
    """Refuse lists of class weights that are not one for each class.

    Args:
        settings: of a study.
        classes: names of all classes of its data set.

    Raises:
        InputError: naming each such list once.
    """
    problems: dict[str, str] = {}
    for one in settings:
        loss = one.sections["loss"].value
        for weights in (loss.class_weights, *(phase.class_weights for phase in loss.phases)):
            if isinstance(weights, list) and (len(weights) != len(classes) or not any(weights)):
                problems.setdefault(
                    f"loss.class_weights: {weights} are to be {plural(len(classes), 'number')}, one for each class in "
                    f"their order ({', '.join(classes)}), and not all 0",
                    one.location(("loss", "class_weights")),
                )
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
