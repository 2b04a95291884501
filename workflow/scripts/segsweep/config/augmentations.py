"""Augmentation files: plain YAML that planning reads without importing what carries it out."""

from pathlib import Path
from typing import Any

from segsweep.config.yaml_documents import Document, nearest
from segsweep.errors import InputError

FOLDERS = (Path("config/augmentations"), Path(__file__).resolve().parents[4] / "config" / "augmentations")
# Of transforms whose outcome is another one than it was: what was trained with them trains again.
REVISIONS = dict.fromkeys(
    (
        "RandomScale", "Resize", "LongestMaxSize", "SmallestMaxSize", "RandomResizedCrop", "RandomSizedCrop",
        "CropAndPad", "ElasticTransform", "GridDistortion", "OpticalDistortion",
    ),
    2,
)  # fmt: skip
FORM = "`transforms` is a list of `- Name: {argument: value}`"
# Groups and their arguments.
GROUPS = {
    "OneOf": ("transforms", "p"),
    "Sequential": ("transforms", "p"),
    "SomeOf": ("transforms", "n", "replace", "p"),
    "RandomOrder": ("transforms", "n", "replace", "p"),
}
# Transforms of albumentations that are of no use here, with a remedy.
REFUSED = {
    **dict.fromkeys(
        ("Normalize", "ToFloat", "FromFloat"),
        "makes other numbers of an image's bytes. Leave it out: `data.preprocessing` does this.",
    ),
    **dict.fromkeys(("ToTensorV2", "ToTensor3D"), "makes tensors. Leave it out: batches become tensors without it."),
    **dict.fromkeys(
        ("CenterCrop3D", "CoarseDropout3D", "CubicSymmetry", "Pad3D", "PadIfNeeded3D", "RandomCrop3D"),
        "is for volumes, and these are images. Choose a transform of images, such as RandomCrop, CoarseDropout or D4.",
    ),
    **dict.fromkeys(
        ("AtLeastOneBBoxRandomCrop", "BBoxSafeRandomCrop", "RandomCropNearBBox", "RandomSizedBBoxSafeCrop"),
        "follows boxes that albumentations carries, and here they are carried by their corners. Choose RandomCrop, "
        "RandomSizedCrop or CropNonEmptyMaskIfExists.",
    ),
    **dict.fromkeys(
        ("FDA", "HistogramMatching", "Mosaic", "OverlayElements", "PixelDistributionAdaptation", "TextImage"),
        "asks for further images or texts, and is given one image and its mask. Leave it out.",
    ),
    "Lambda": "takes functions, which a YAML file cannot hold. Choose a transform by its name.",
    **dict.fromkeys(
        ("Compose", "OneOrOther", "ReplayCompose", "SelectiveChannelTransform"),
        f"is no group that can be used here. Choose one of {', '.join(GROUPS)}.",
    ),
}
# Where boxes or polygons would not follow the image, which they cut into tiles or fold over.
WITHOUT_POINTS = ("RandomGridShuffle", "PiecewiseAffine", "ThinPlateSpline")
TASKS_WITH_POINTS = ("multitask", "text")


def find_augmentation(name: str) -> Path:
    """The file of an augmentation: config/augmentations/NAME.yaml, or a path.

    Raises:
        InputError: there is none; names the known ones and the nearest.
    """
    if name.endswith((".yaml", ".yml")):
        if not Path(name).is_file():
            raise InputError(
                f"data.augmentation: {name}: no such file. Check the path; it is relative to the working directory."
            )
        return Path(name)
    for folder in FOLDERS:
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    known = {path.stem for folder in FOLDERS for path in folder.glob("*.yaml")}
    raise InputError(f"data.augmentation: unknown augmentation {name!r}. {nearest(name, known)} Or the path of a file.")


def read_augmentation(name: str, task: str | None = None) -> list[tuple[str, dict[str, Any]]]:
    """Names and arguments of an augmentation's transforms, in order; groups hold theirs in `transforms`.

    Raises:
        InputError: the file is unknown, not of the form that it should have, or has a transform that cannot be used,
            at all or for data of the task.
    """
    document = Document(find_augmentation(name))
    unknown = [key for key in document.values if key not in ("description", "transforms")]
    if unknown:
        location = document.location((unknown[0],))
        raise InputError(
            f"{location}: unknown key {unknown[0]!r}. {nearest(unknown[0], ('description', 'transforms'))}"
        )
    return _entries(document.values.get("transforms") or [], document, ("transforms",), task)


def revisions(transforms: list[tuple[str, dict[str, Any]]]) -> dict[str, int]:
    """Those of the transforms, and of what groups hold, that are above 1."""
    found = {name: REVISIONS[name] for name, _ in transforms if name in REVISIONS}
    for _, arguments in transforms:
        found |= revisions(arguments.get("transforms", []))
    return found


def _entries(values: Any, document: Document, keys: tuple, task: str | None) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(values, list):
        raise InputError(f"{document.location(keys)}: found {values!r}; {FORM}.")
    found = []
    for number, value in enumerate(values):
        here = (*keys, number)
        value = {value: {}} if isinstance(value, str) else value
        if not isinstance(value, dict) or len(value) != 1:
            raise InputError(f"{document.location(here)}: found {value!r}; {FORM}.")
        ((name, arguments),) = value.items()
        arguments = {} if arguments is None else arguments
        if not isinstance(name, str) or not isinstance(arguments, dict):
            raise InputError(f"{document.location(here)}: found {value!r}; {FORM}.")
        if problem := _problem(name, arguments, task):
            raise InputError(f"{document.location((*here, name))}: {name} {problem}")
        arguments = dict(arguments)
        if "transforms" in arguments:
            arguments["transforms"] = _entries(arguments["transforms"], document, (*here, name, "transforms"), task)
        found.append((name, arguments))
    return found


def _problem(name: str, arguments: dict[str, Any], task: str | None) -> str | None:
    """What is wrong with a transform, as far as its name and a group's form tell."""
    if name in REFUSED:
        return REFUSED[name]
    if task in TASKS_WITH_POINTS and name in WITHOUT_POINTS:
        return (
            f"takes boxes and polygons to other places than the image, and data of the task {task} has them. Choose "
            "GridDistortion, ElasticTransform or Perspective, which they follow."
        )
    if name in GROUPS:
        if unknown := [key for key in arguments if key not in GROUPS[name]]:
            return f"has no argument {unknown[0]!r}. {nearest(str(unknown[0]), GROUPS[name])}"
        if not arguments.get("transforms"):
            return f"is a group without transforms. Give it some: {FORM}."
    return None
