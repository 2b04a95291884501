"""What is known of albumentations' transforms without importing it: which cannot be used, and for which images.

The other backend takes the same names and arguments, so this holds for it as well.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from segsweep.config.yaml_documents import nearest

FORM = "`transforms` is a list of `- Name: {argument: value}`"
# Of transforms whose outcome is another one than it was: what was trained with them trains again.
REVISIONS = dict.fromkeys(
    (
        "RandomScale", "Resize", "LongestMaxSize", "SmallestMaxSize", "RandomResizedCrop", "RandomSizedCrop",
        "CropAndPad", "ElasticTransform", "GridDistortion", "OpticalDistortion",
    ),
    2,
)  # fmt: skip
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
# Transforms that know images of these numbers of channels only; all others take any.
CHANNELS = {
    **dict.fromkeys(
        (
            "ChromaticAberration", "HEStain", "ISONoise", "PlanckianJitter", "RandomFog", "RandomGravel", "RandomRain",
            "RandomSnow", "RandomSunFlare", "Spatter", "ToRGB",
        ),
        (3,),
    ),
    **dict.fromkeys(
        ("CLAHE", "ColorJitter", "Equalize", "HueSaturationValue", "RGBShift", "ToGray", "ToSepia"), (1, 3)
    ),
}  # fmt: skip
# Transforms that make 256 levels, or fewer, of any image.
ONLY_BYTES = (
    "AutoContrast", "CLAHE", "ChromaticAberration", "Downscale", "Equalize", "HueSaturationValue", "ImageCompression",
    "MedianBlur", "Posterize", "RandomFog", "RandomGravel", "RandomRain", "RandomShadow", "RandomSnow",
    "RandomSunFlare", "RandomToneCurve", "ShotNoise", "Superpixels",
)  # fmt: skip
FOR_ANY_IMAGE = "RandomBrightnessContrast, RandomGamma, GaussNoise, GaussianBlur, or what moves pixels: Affine, D4"


# Arguments of all transforms, by name: written by `make schemas`, as albumentations is not imported here.
SIGNATURES = Path(__file__).with_name("albumentations_signatures.json")
FIXED = ("mask_interpolation", "border_mode", "fill_mask")


def problem_of(
    name: str, arguments: dict[str, Any], task: str | None, channels: int | None, dtype: str | None
) -> str | None:
    """What is wrong with a transform, as far as its name and a group's form tell; see `read_augmentation`."""
    if name in REFUSED:
        return REFUSED[name]
    if task in TASKS_WITH_POINTS and name in WITHOUT_POINTS:
        return (
            f"takes boxes and polygons to other places than the image, and data of the task {task} has them. Choose "
            "GridDistortion, ElasticTransform or Perspective, which they follow."
        )
    if channels is not None and channels not in CHANNELS.get(name, (channels,)):
        known = " or ".join(map(str, CHANNELS[name]))
        return f"is for images of {known} channels, and those of the data set have {channels}. Choose {FOR_ANY_IMAGE}."
    if channels == 1 and name == "ChannelDropout":
        return "takes a channel away, and images of the data set have one. Leave it out, or choose CoarseDropout."
    if dtype not in (None, "uint8") and name in ONLY_BYTES:
        return f"makes 256 levels or fewer of images, and those of the data set are {dtype}. Choose {FOR_ANY_IMAGE}."
    if name in GROUPS:
        if unknown := [key for key in arguments if key not in GROUPS[name]]:
            return f"has no argument {unknown[0]!r}. {nearest(str(unknown[0]), GROUPS[name])}"
        if not arguments.get("transforms"):
            return f"is a group without transforms. Give it some: {FORM}."
    return None


def unknown_in_albumentations(name: str, arguments: dict[str, Any]) -> str | None:
    """What of a transform albumentations does not know, or is not asked for."""
    if name in GROUPS:
        return None
    if name not in _signatures():
        near = nearest(name, [*_signatures(), *GROUPS]).split("Allowed:")[0]
        return f"is no transform of albumentations. {near}See albumentations.ai/docs for all of them."
    if unknown := [key for key in arguments if key not in _signatures()[name]]:
        allowed = [key for key in _signatures()[name] if key not in FIXED]
        return f"has no argument {unknown[0]!r}. {nearest(str(unknown[0]), allowed)}"
    if fixed := [key for key in FIXED if key in arguments]:
        return (
            f"sets {fixed[0]}. It is fixed: masks take their nearest pixel, and what comes from beyond the image is "
            "void. Take the argument out."
        )
    if name == "Perspective" and isinstance(fill := arguments.get("fill"), int | float) and fill:
        return f"fills the first channel alone where `fill` is one number. Write one for each: fill: [{fill}, ...]."
    return None


@cache
def _signatures() -> dict[str, list[str]]:
    return json.loads(SIGNATURES.read_text(encoding="utf-8"))
