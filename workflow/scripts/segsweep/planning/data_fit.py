"""What a study asks of the images that are prepared for it, and they cannot give: said before the first training.

What is known of prepared data before it is opened stands in its manifest: planning reads it where it is there already,
and `prepare_data` when it has just been written.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.config.display import Display
from segsweep.config.split_keys import TRAIN, VAL
from segsweep.data.image_kinds import RGB
from segsweep.formatting import plural
from segsweep.planning.plan_file import SegmentPlan, StudyPlan

MANIFEST = "manifest.json"  # as in segsweep.data.prepared, which has numpy
POOLED = "train+val"


@dataclass(frozen=True)
class Fit:
    """What does not fit.

    Attributes:
        problems: what would fail, or score nothing.
        warnings: what trains, but hardly as it was meant.
    """

    problems: list[str]
    warnings: list[str]


def data_fit(plan: StudyPlan, folder: str) -> Fit:
    """How a study and a folder of prepared data fit together; of a folder that is not prepared yet nothing is known."""
    try:
        manifest = json.loads(Path(folder, MANIFEST).read_text(encoding="utf-8"))
        splits, channels = manifest["splits"], manifest.get("channels", RGB)
    except (OSError, ValueError, LookupError):  # prepared, or refused, later
        return Fit([], [])
    asked = {_text(one): one for one in plan.segments.values() if one.data == folder}
    problems = dict.fromkeys(problem for one in asked.values() for problem in _problems(one, splits))
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
    return Fit(list(problems), list(dict.fromkeys(said for one in asked.values() for said in _warnings(one, splits))))


def _text(segment: SegmentPlan) -> str:
    """What of a segment is looked at."""
    fold = {name: value for name, value in (segment.fold or {}).items() if name != "index"}
    return json.dumps([segment.train["data"], segment.train["batch_size"], fold])


def _problems(segment: SegmentPlan, splits: dict[str, Any]) -> Iterator[str]:
    fold = segment.fold
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


def _warnings(segment: SegmentPlan, splits: dict[str, Any]) -> Iterator[str]:
    data, fold = segment.train["data"], segment.fold
    patched = splits[TRAIN]["pages"] is not None
    counts = {TRAIN: len(splits[TRAIN]["names"]), VAL: len(_images(splits[VAL]))}
    for split, noun in ((TRAIN, "patch" if patched else "image"), (VAL, "image")):
        subset = data[f"{split}_subset"]
        if subset and subset > counts[split]:
            yield (
                f"data.{split}_subset: {subset} is more than the {plural(counts[split], noun)} of the split {split}: "
                "all are used."
            )
        counts[split] = min(subset or counts[split], counts[split])
    trained = counts[TRAIN]
    if fold:
        pool = trained + (counts[VAL] if fold["within"] == POOLED else 0)
        trained = pool - (pool // fold["k"] if fold["k"] else 0)
    if segment.train["batch_size"] > trained:
        images = plural(trained, "patch" if patched else "image")
        yield (
            f"batch_size: {segment.train['batch_size']} is more than the {images} that are trained on: an epoch is one "
            "step with all of them. A smaller batch_size takes more steps."
        )
    crop, largest = data["crop"], splits[TRAIN].get("largest")
    if crop and largest and (crop[0] > largest[0] or crop[1] > largest[1]):
        yield (
            f"data.crop: {crop[0]}x{crop[1]} is larger than any training image (at most {largest[0]}x{largest[1]}, "
            "height x width): each crop is padded, and what is padded is void. A smaller crop wastes nothing."
        )


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
