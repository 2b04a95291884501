"""What a study's settings ask of its data set: what is refused, and what is said."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from segsweep import metrics
from segsweep.config.architectures import unsuited_architecture
from segsweep.config.augmentations import read_augmentation
from segsweep.config.components import Network, Task
from segsweep.config.encoder_names import wrong_encoder
from segsweep.config.losses import missing, unsuited
from segsweep.config.split_keys import POOL, TRAIN, VAL
from segsweep.config.study import Study
from segsweep.data.image_kinds import RGB
from segsweep.errors import InputError
from segsweep.formatting import plural
from segsweep.planning.data_fit import POOLED
from segsweep.planning.overrides import Resolved
from segsweep.search.requests import Fold, folds_of, folds_of_ensemble

# Patches that a pixel of a page may lie in before the plan speaks of it: an overlap of 7/8 of the patch.
PATCHES_OF_A_PIXEL = 64
FLOAT32 = 4  # bytes
LARGE_BATCH_GB = 2.0


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
    augmentations: dict[tuple[str, str], Callable[[tuple], str]] = {}
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
            augmentations.setdefault((data.augmentation, data.augmentation_backend), one.location)
    for (augmentation, backend), location in augmentations.items():
        where = location(("data", "augmentation"))
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
    """Refuse networks that do not serve a task.

    Args:
        settings: of a study.
        task: name of the task of its data set.

    Raises:
        InputError: naming each once.
    """
    problems: dict[str, str] = {}
    for model, location in _models(settings):
        if problem := unsuited_architecture(model, task):
            problems.setdefault(problem, location(("model", "arch")))
    if problems:
        raise InputError(*(f"{where}: {problem}." for problem, where in problems.items()))


def check_encoders(settings: Iterable[Resolved]) -> None:
    """Refuse encoders and weights that nobody has.

    Args:
        settings: of a study.

    Raises:
        InputError: naming each once.
    """
    problems: dict[str, str] = {}
    for model, location in _models(settings):
        if model.has_encoder and model.own is None and (problem := wrong_encoder(model)):
            problems.setdefault(problem, location(("model", problem.partition(":")[0].rpartition(".")[2])))
    if problems:
        raise InputError(*(f"{where}: {problem}." for problem, where in problems.items()))


def _models(settings: Iterable[Resolved]) -> Iterable[tuple[Network, Callable[[tuple], str]]]:
    """Each network of the settings once, and where its keys stand."""
    return {id(model): (model, one.location) for one in settings if (model := one.sections["model"].value)}.values()


def check_monitors(settings: Iterable[Resolved], task: str, classes: Sequence[str]) -> None:
    """Refuse columns that nobody measures, for schedules and early stopping to follow.

    Args:
        settings: of a study.
        task: name of the task of its data set.
        classes: names of all classes of its data set.

    Raises:
        InputError: naming each once.
    """
    asked: dict[str, str] = {}
    for one in settings:
        for name in ("scheduler", "early_stopping"):
            column = getattr(one.sections[name].value, "monitor", None)
            if column is not None and column not in asked:
                asked[column] = one.location((name, "monitor"))
    if wrong := metrics.check(((where, column) for column, where in asked.items()), task, classes):
        raise InputError(*wrong)


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


def check_folds(study: Study, counts: Callable[[], dict[str, int]], location: Callable[[tuple], str]) -> None:
    """Refuse more folds than there are images to cut into them.

    Args:
        study: the study.
        counts: how many images the splits have, as far as it is known; asked where it matters.
        location: `file:line` of a key of the study file.

    Raises:
        InputError: naming the folds and the images.
    """
    asked: list[tuple[tuple[str, ...], Fold | None]] = [(("folds",), folds_of(study)[0])]
    if study.ensemble is not None:
        asked.append((("ensemble", "folds"), folds_of_ensemble(study)[0]))
    wrong = []
    for keys, fold in asked:
        if fold is None:
            continue
        known, pooled = counts(), [TRAIN, VAL] if fold["within"] == POOLED else [TRAIN]
        pooled = [POOL] if POOL in known else pooled
        images = sum(known.get(split, 0) for split in pooled)
        if all(split in known for split in pooled) and images < fold["k"]:
            wrong.append(
                f"{location(keys)}: {'.'.join(keys)}: the {' and '.join(pooled)} images are {images}, which cannot be "
                f"cut into {fold['k']} folds. Ask for at most {images}."
            )
    if wrong:
        raise InputError(*wrong)


def about_sizes(settings: Iterable[Resolved]) -> Iterator[str]:
    """A sentence for each size of images of which a batch alone fills much of a device's memory."""
    asked: dict[tuple[tuple[int, int], int], None] = {}
    for one in settings:
        data = one.sections["data"].value
        size = (data.patches.size, data.patches.size) if data.patches else data.crop or data.image_size
        if size is not None:
            asked[size, one.sections["batch_size"].value] = None
    for (height, width), batch_size in asked:
        gigabytes = height * width * RGB * FLOAT32 * batch_size / 1e9
        if gigabytes > LARGE_BATCH_GB:
            yield (
                f"data: images of {height}x{width} in batches of {batch_size} are {gigabytes:,.1f} GB of RGB in "
                "float32 before the network makes the first map of them, which usually takes tens of times as much. "
                "Smaller images (`image_size`, `crop`, `patches`) or batches take less."
            )


def about_schedules(settings: Iterable[Resolved]) -> Iterator[str]:
    """A sentence for each schedule that a run is too short for."""
    found: dict[str, None] = {}
    for one in settings:
        schedule, epochs = one.sections["scheduler"].value, one.sections["epochs"].value
        if schedule.first_fall is not None and schedule.first_fall >= epochs:
            found[
                f"scheduler: {schedule.name} lowers the rate for the first time after "
                f"{plural(schedule.first_fall, 'epoch')}, and a run ends after {epochs}: its rate never falls."
            ] = None
    yield from found


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
