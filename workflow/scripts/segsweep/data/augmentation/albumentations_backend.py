"""The backend albumentations: transforms by their names, masks never interpolated, boxes and polygons carried along.

Images of bytes are given to it as they are; others as float32 in 0..1, which it knows as well.
"""

from inspect import signature
from typing import Any

import albumentations as A
import cv2
import numpy as np
from albumentations.augmentations.crops.transforms import CropSizeError
from pydantic import ValidationError

from segsweep.config.albumentations_transforms import GROUPS, REFUSED
from segsweep.data.augmentation import albumentations_exact
from segsweep.data.augmentation.corners import corners_of, with_corners
from segsweep.data.augmentation.pixels import RGB_BYTES, Pixels
from segsweep.data.sample import Sample
from segsweep.data.void import VOID
from segsweep.errors import InputError

# Forced on every transform that takes them. New pixels are void, so no reflection (which would repeat objects
# without their boxes), and masks hold class numbers, between which there is nothing.
FORCED = {"mask_interpolation": cv2.INTER_NEAREST, "border_mode": cv2.BORDER_CONSTANT, "fill_mask": VOID}
RESIZED = (albumentations_exact.Scaled, albumentations_exact.CroppedAndScaled)
TAKE_GRAY = ("ChannelDropout", "MaskDropout")  # whose `fill` is one number

BASES = (A.BasicTransform, A.DualTransform, A.ImageOnlyTransform, A.Transform3D)


class Augmentation:
    """A pipeline, called with a sample and the numbers that seed it: equal numbers give equal results."""

    def __init__(self, transforms: list[tuple[str, dict[str, Any]]], where: str, pixels: Pixels = RGB_BYTES):
        """`transforms` are names and arguments; `where` names their file in problems; `pixels` are the images'.

        Raises:
            InputError: transforms refuse their arguments.
        """
        self._pixels = pixels
        self._title = f"{where} ({', '.join(name for name, _ in transforms)})"
        built = _built(transforms, where, pixels)
        # Corners outside of the image are kept: the share of a box that is still visible follows from them.
        keypoints = A.KeypointParams(format="xy", remove_invisible=False)
        self._bare = A.Compose(built)
        self._with_points = A.Compose(built, keypoint_params=keypoints)
        self._all = _flat(self._with_points)

    def __call__(self, sample: Sample, entropy: tuple[int, ...]) -> Sample:
        """The sample transformed.

        Raises:
            InputError: a transform cannot be applied to the image, or makes no image like it of it.
        """
        # Seeded with one number, as albumentations does, all transforms of a pipeline would draw alike.
        seeds = np.random.SeedSequence(entropy).generate_state(len(self._all))
        for transform, seed in zip(self._all, seeds.tolist(), strict=True):
            # Not set_random_seed: a group would hand its own seed on to its members.
            A.BasicTransform.set_random_seed(transform, seed)
        image = sample.image if self._pixels.is_bytes else self._pixels.to_unit(sample.image.astype(np.float32))
        given = {"image": image} | ({} if sample.mask is None else {"mask": sample.mask})
        points = corners_of(sample)
        if len(points):
            # albumentations counts from the center of the first pixel, we from its edge.
            found = self._applied(self._with_points, given | {"keypoints": points - 0.5})
            points = np.asarray(found["keypoints"], np.float64)[:, :2] + 0.5
        else:
            found = self._applied(self._bare, given)
        return with_corners(sample, self._image(found), found.get("mask"), points)

    def _image(self, found: dict[str, Any]) -> np.ndarray:
        image = found["image"]
        return image if self._pixels.is_bytes else self._pixels.to_dtype(self._pixels.from_unit(image))

    def _applied(self, pipeline: A.Compose, given: dict[str, np.ndarray]) -> dict[str, Any]:
        height, width, _ = given["image"].shape
        try:
            found = pipeline(**given)
        except (KeyError, NotImplementedError, TypeError, ValueError, CropSizeError, cv2.error) as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"{self._title}: a transform cannot be applied to an image of {height} x {width} pixels: {reason}. "
                "Correct its arguments, or leave it out."
            ) from error
        image, wanted = found["image"], given["image"]
        if getattr(image, "dtype", None) != wanted.dtype or image.shape[2:] != wanted.shape[2:]:
            kind = f"{getattr(image, 'dtype', type(image).__name__)}, {getattr(image, 'shape', '')}"
            raise InputError(
                f"{self._title}: a transform makes {kind} of an image of {wanted.dtype}, {wanted.shape}. Leave it out: "
                "`data.preprocessing` scales and standardizes images, and batches become tensors by themselves."
            )
        return found


def build(transforms: list[tuple[str, dict[str, Any]]], where: str, pixels: Pixels, device: None) -> Augmentation:
    """See `segsweep.data.augmentation`. albumentations knows arrays alone: settings refuse a device."""
    return Augmentation(transforms, where, pixels)


def signatures() -> dict[str, list[str]]:
    """The arguments of all transforms that can be used, by name: what planning knows of them (`make schemas`)."""
    classes = {
        name: cls for name, cls in vars(A).items() if isinstance(cls, type) and issubclass(cls, A.BasicTransform)
    }
    used = {name: cls for name, cls in sorted(classes.items()) if name not in REFUSED and cls not in BASES}
    return {name: sorted({*signature(cls).parameters, "p"}) for name, cls in used.items()}


def _built(transforms: list[tuple[str, dict[str, Any]]], where: str, pixels: Pixels) -> list[Any]:
    built, problems = [], []
    for name, arguments in transforms:
        try:
            built.append(_build(name, arguments, where, pixels))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return built


def _build(name: str, arguments: dict[str, Any], where: str, pixels: Pixels) -> Any:
    if name in GROUPS:
        cls = getattr(A, name)
        arguments = arguments | {"transforms": _built(arguments["transforms"], where, pixels)}
    else:
        cls, forced = _with_forced(getattr(albumentations_exact, name, None) or getattr(A, name), pixels)
        arguments = forced | arguments
    try:
        return cls(**arguments)
    except (ArithmeticError, TypeError, ValueError) as error:
        wrong = _wrong(error, arguments)
        raise InputError(*(f"{where}: {name}: {one}. Correct it, or leave it out." for one in wrong)) from error


def _with_forced(cls: type, pixels: Pixels) -> tuple[type, dict[str, Any]]:
    """A transform as it is built here, and the arguments that are given to it."""
    accepted = [*signature(cls).parameters, "p"]
    fill = pixels.fill if pixels.is_bytes else pixels.unit_fill
    gray = sum(fill) / len(fill)
    gray = round(gray) if pixels.is_bytes else gray
    values = FORCED | {"fill": gray if cls.__name__ in TAKE_GRAY else fill}
    forced = {key: value for key, value in values.items() if key in accepted}
    if pixels.channels > albumentations_exact.FILLED_AT_ONCE and "fill" in forced:
        cls = type(cls.__name__, (albumentations_exact.FilledInParts, cls), {})
    if issubclass(cls, RESIZED):
        forced["mask_interpolation"] = cv2.INTER_NEAREST_EXACT
    return cls, forced


def _wrong(error: Exception, arguments: dict[str, Any]) -> list[str]:
    """What a transform says of its arguments, each once."""
    if not isinstance(error.__cause__, ValidationError):
        return [f"its arguments are refused ({' '.join(str(error).split())})"]
    said: dict[str, list[str]] = {}  # of an argument that may be a number or a pair several things
    for entry in error.__cause__.errors():
        key = str(entry["loc"][0]) if entry["loc"] else "its arguments"
        message = entry["msg"].removeprefix("Value error, ").rstrip(".")
        said.setdefault(key, []).append(message[0].lower() + message[1:])
    return [
        f"{key}{f' is {arguments[key]!r}' if key in arguments else ''}: {', or '.join(dict.fromkeys(messages))}"
        for key, messages in said.items()
    ]


def _flat(compose: Any) -> list[Any]:
    """A composition and everything in it, in order."""
    inner = getattr(compose, "transforms", [])
    return [compose, *(found for transform in inner for found in _flat(transform))]
