"""What a study asks of the images that are prepared for it, and they cannot give: said before the first training.

What is known of prepared data before it is opened stands in its manifest: planning reads it where it is there already,
and `prepare_data` when it has just been written.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.config.display import Display
from segsweep.config.split_keys import TRAIN, VAL
from segsweep.data.image_kinds import RGB
from segsweep.formatting import plural
from segsweep.io import regular
from segsweep.planning.plan_file import StudyPlan

MANIFEST = "manifest.json"  # as in segsweep.data.prepared, which has numpy
POOLED = "train+val"
SHOWN = 5  # cells


@dataclass(frozen=True)
class Fit:
    """What does not fit.

    Attributes:
        problems: what would fail, or score nothing.
        warnings: what trains, but hardly as it was meant.
    """

    problems: list[str]
    warnings: list[str]


@dataclass(frozen=True)
class _Asked:
    """What of segments is looked at, and the cells of which they are."""

    data: dict[str, Any]
    batch_size: int
    fold: dict[str, Any] | None
    cells: dict[str, None]


@dataclass(frozen=True)
class _Sizes:
    """How many images, or patches, are trained on, and how many validated; height and width of the largest."""

    train: int
    val: int
    noun: str = "image"
    largest: list[int] | None = None


def data_fit(plan: StudyPlan, folder: str) -> Fit:
    """How a study and a folder of prepared data fit together; of a folder that is not prepared yet nothing is known."""
    try:
        manifest = json.loads(regular(Path(folder, MANIFEST)).read_text(encoding="utf-8"))
        splits, channels = manifest["splits"], manifest.get("channels", RGB)
    except (OSError, ValueError, LookupError):  # prepared, or refused, later
        return Fit([], [])
    asked = _asked(plan, folder)
    problems = dict.fromkeys(problem for one in asked for problem in _problems(one, splits))
    dataset = plan.dataset or {}
    display = Display.model_validate(dataset.get("display") or {})
    if said := display.unknown_channel(dataset.get("name", ""), channels):
        problems[said] = None
    score_on = (plan.study.get("ensemble") or {}).get("score_on")
    if score_on in splits and not splits[score_on].get("labeled", True):
        problems[
            f"ensemble.score_on: the split {score_on!r} has no ground truth, so nothing can be scored on it. Score on "
            "`val`: the members' folds are then drawn within `train`."
        ] = None
    if not asked:
        return Fit(list(problems), [])
    train = splits[TRAIN]
    noun = "image" if train["pages"] is None else "patch"
    sizes = _Sizes(len(train["names"]), len(_images(splits[VAL])), noun, train.get("largest"))
    return Fit(list(problems), _warnings(asked, sizes, len(plan.cells)))


def fit_of_listed(
    plan: StudyPlan, folder: str, images: Callable[[], dict[str, int]], trials: Iterable[dict[str, Any]] = ()
) -> list[str]:
    """The warnings of `data_fit` for a folder that is not prepared yet, as far as the numbers of images tell.

    Args:
        plan: of the study.
        folder: of prepared data.
        images: how many each split has, as far as it is known; asked where it matters.
        trials: settings that trials may have.
    """
    if Path(folder, MANIFEST).is_file():
        return []
    asked = [*_asked(plan, folder), *(_Asked(one["data"], one["batch_size"], None, {}) for one in trials)]
    asked = [one for one in asked if not one.data["patches"]]
    counts = images() if asked else {}
    if TRAIN not in counts or VAL not in counts:
        return []
    return _warnings(asked, _Sizes(counts[TRAIN], counts[VAL]), len(plan.cells))


def _asked(plan: StudyPlan, folder: str) -> list[_Asked]:
    """What a plan asks of a folder, each once."""
    labels = {cell.cell: cell.label for cell in plan.cells}
    cells = {segment: labels.get(run.cell, run.cell) for run in plan.runs for segment in run.segments}
    found: dict[tuple[str, int, str], _Asked] = {}
    texts: dict[int, str] = {}  # by identity: cells share sections, which live as long as the plan
    for name, one in plan.segments.items():
        if one.data == folder:
            data, batch_size = one.train["data"], one.train["batch_size"]
            if id(data) not in texts:
                texts[id(data)] = json.dumps(data)
            of_fold = {key: value for key, value in (one.fold or {}).items() if key != "index"}
            key = texts[id(data)], batch_size, json.dumps(of_fold) if of_fold else ""
            if key not in found:
                found[key] = _Asked(data, batch_size, one.fold, {})
            found[key].cells[cells.get(name, one.label)] = None
    return list(found.values())


def _problems(asked: _Asked, splits: dict[str, Any]) -> Iterator[str]:
    fold = asked.fold
    if not fold or fold["k"] is None:
        return
    pooled = [TRAIN, VAL] if fold["within"] == POOLED else [TRAIN]
    groups = {group for split in pooled for group in _groups(split, splits[split])}
    if len(groups) < fold["k"]:
        yield (
            f"folds: the {' and '.join(pooled)} images are {plural(len(groups), 'group')}, which cannot be cut into "
            f"{fold['k']} folds. Ask for fewer folds."
        )
    if len(pooled) > 1 and (both := sorted(_images(splits[TRAIN]) & _images(splits[VAL]))):
        yield (
            f"folds pool the train and val images, and both have one named {both[0]!r}, so that scores of images could "
            f"not be told apart ({plural(len(both), 'name')}). Rename one of them, or draw folds within `train`."
        )


def _warnings(asked: list[_Asked], sizes: _Sizes, cells: int) -> list[str]:
    found = dict.fromkeys(said for one in asked for said in [*_about_subsets(one, sizes), *_about_crop(one, sizes)])
    return [*found, *_about_batches(asked, sizes, cells)]


def _about_subsets(asked: _Asked, sizes: _Sizes) -> Iterator[str]:
    for split, count, noun in ((TRAIN, sizes.train, sizes.noun), (VAL, sizes.val, "image")):
        subset = asked.data[f"{split}_subset"]
        if subset and subset > count:
            yield (
                f"data.{split}_subset: {subset} is more than the {plural(count, noun)} of the split {split}: all are "
                "used."
            )


def _about_crop(asked: _Asked, sizes: _Sizes) -> Iterator[str]:
    crop, largest = asked.data["crop"], sizes.largest
    if crop and largest and (crop[0] > largest[0] or crop[1] > largest[1]):
        yield (
            f"data.crop: {crop[0]}x{crop[1]} is larger than any training image (at most {largest[0]}x{largest[1]}, "
            "height x width): each crop is padded, and what is padded is void. A smaller crop wastes nothing."
        )


def _about_batches(asked: list[_Asked], sizes: _Sizes, cells: int) -> Iterator[str]:
    """A sentence for each number of images that is smaller than batches of them, with the cells of these batches."""
    batches: dict[int, dict[int, None]] = {}
    concerned: dict[int, dict[str, None]] = {}
    for one in asked:
        trained = _trained_on(one, sizes)
        if one.batch_size > trained:
            batches.setdefault(trained, {})[one.batch_size] = None
            concerned.setdefault(trained, {}).update(one.cells)
    for trained, found in batches.items():
        are = "is" if len(found) == 1 else "are"
        of_cells = list(concerned[trained])
        more = f" and {len(of_cells) - SHOWN:,} more" if len(of_cells) > SHOWN else ""
        where = f" (of {plural(len(of_cells), 'cell')}: {', '.join(of_cells[:SHOWN])}{more})"
        yield (
            f"batch_size: {', '.join(map(str, sorted(found)))} {are} more than the {plural(trained, sizes.noun)} that "
            f"are trained on{where if len(of_cells) < cells else ''}: an epoch is one step with all of them. A smaller "
            "batch_size takes more steps."
        )


def _trained_on(asked: _Asked, sizes: _Sizes) -> int:
    """How many images, or patches, are trained on: of folds in the smallest one."""
    train = min(asked.data["train_subset"] or sizes.train, sizes.train)
    val = min(asked.data["val_subset"] or sizes.val, sizes.val)
    if not asked.fold:
        return train
    pool = train + (val if asked.fold["within"] == POOLED else 0)
    return pool - (pool // asked.fold["k"] if asked.fold["k"] else 0)


def _images(split: dict[str, Any]) -> set[str]:
    """Names of the images of a prepared split, whole ones where they are cut."""
    return set(_image_of_each(split))


def _image_of_each(split: dict[str, Any]) -> list[str]:
    """The image that each is, or is a patch of."""
    return split["names"] if split["pages"] is None else [page["page"] for page in split["pages"]]


def _groups(name: str, split: dict[str, Any]) -> set[Any]:
    """What folds keep whole."""
    images = _image_of_each(split)
    groups = split.get("groups") or [None] * len(images)
    return {(name, image) if group is None else group for image, group in zip(images, groups, strict=True)}
