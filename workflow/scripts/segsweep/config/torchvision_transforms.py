"""The transforms that the backend `torchvision` carries out: a class each, whose keys are its arguments.

Names, arguments and what they mean are albumentations': a file of config/augmentations serves both backends.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

from segsweep.config.settings import Settings, key
from segsweep.config.yaml_documents import nearest, parse
from segsweep.errors import InputError


def _interval(around: float | None, low: float | None = None) -> Any:
    """A pair, or a number that stands for one: itself twice, or as far as it to both sides of `around`."""

    def spelled_out(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            if not isinstance(value, list | tuple) or len(value) != 2:
                raise ValueError(f"a number or a pair of them is allowed; got {value!r}")
            return value
        return (value, value) if around is None else (around - value, around + value)

    def ordered(pair: tuple[float, float]) -> tuple[float, float]:
        if pair[0] > pair[1]:
            raise ValueError(f"the lower bound comes first; write [{pair[1]:g}, {pair[0]:g}]")
        if low is not None and pair[0] < low:
            raise ValueError(f"no value below {low:g} makes sense; got {list(pair)}")
        return pair

    return Annotated[tuple[float, float], BeforeValidator(spelled_out), AfterValidator(ordered)]


Fixed, AroundZero = _interval(None), _interval(0.0)
NotNegative, Positive, Factor = _interval(None, low=0.0), _interval(None, low=1e-3), _interval(1.0, low=0.0)


class Transform(Settings):
    """A transform, and the probability that it is applied."""

    p: float = key(0.5, "Probability.", ge=0, le=1)


class HorizontalFlip(Transform):
    """Mirrored at the vertical axis."""


class VerticalFlip(Transform):
    """Mirrored at the horizontal axis."""


class Transpose(Transform):
    """Mirrored at the diagonal from the top left."""


class RandomRotate90(Transform):
    """Turned by 0 to 3 quarters."""

    p: float = key(1.0, "Probability.", ge=0, le=1)


class D4(Transform):
    """Turned by 0 to 3 quarters, and mirrored or not."""

    p: float = key(1.0, "Probability.", ge=0, le=1)


class Affine(Transform):
    """Scaled, turned, sheared and moved, about the middle of the image."""

    scale: Positive = key((1.0, 1.0), "Factor of the sides, drawn for each axis.")
    keep_ratio: bool = key(False, "One factor for both axes.")
    rotate: Fixed = key((0.0, 0.0), "Angle, counterclockwise.", unit="degrees")
    shear: Fixed = key((0.0, 0.0), "Angle, drawn for each axis.", unit="degrees")
    translate_percent: Fixed = key((0.0, 0.0), "Way as a share of the side, drawn for each axis.")
    fit_output: bool = key(False, "The result is as large as what is scaled and turned.")


class RandomBrightnessContrast(Transform):
    """Each number x becomes (1 + contrast) x + brightness, black being 0 and white 1."""

    brightness_limit: AroundZero = key((-0.2, 0.2), "What is added.")
    contrast_limit: AroundZero = key((-0.2, 0.2), "What is multiplied, less 1.")


class ColorJitter(Transform):
    """Factors of brightness, contrast and saturation and a shift of the hue, in random order."""

    brightness: Factor = key((0.8, 1.2), "Factor.")
    contrast: Factor = key((0.8, 1.2), "Factor of the distance to the mean gray.")
    saturation: Factor = key((0.8, 1.2), "Factor of the distance to the pixel's gray.")
    hue: AroundZero = key((-0.5, 0.5), "Share of the circle of hues.")


class GaussianBlur(Transform):
    """Convolved with a Gaussian, cut off beyond three and a half sigma."""

    blur_limit: Literal[0] = key(0, "The kernel's size follows from sigma.")
    sigma_limit: Positive = key((0.5, 3.0), "Sigma.", unit="pixels")


class GaussNoise(Transform):
    """Gaussian noise is added, black being 0 and white 1."""

    std_range: NotNegative = key((0.2, 0.44), "Standard deviation.")
    mean_range: Fixed = key((0.0, 0.0), "Mean.")
    per_channel: bool = key(True, "Each channel has noise of its own.")


class Group(Transform):
    """Transforms of which some are applied."""

    transforms: tuple[Any, ...] = key(..., "Transforms.")


class OneOf(Group):
    """One of the transforms, drawn in proportion to their `p`, and applied for certain."""


class Sequential(Group):
    """All transforms, one after the other."""


def _classes(base: type[Transform]) -> dict[str, type[Transform]]:
    found = {cls.__name__: cls for cls in base.__subclasses__() if cls is not Group}
    return found | {name: cls for one in base.__subclasses__() for name, cls in _classes(one).items()}


KNOWN = _classes(Transform)


def problems_of(name: str, arguments: dict[str, Any], location: Callable[[tuple], str]) -> list[str]:
    """What is wrong with a transform, where this backend carries it out; what groups hold is not looked at.

    Args:
        name: of the transform.
        arguments: as the file has them.
        location: where a key of it stands, and its name.
    """
    if name not in KNOWN:
        return [
            f"{location(())}: the backend torchvision does not know it. {nearest(name, KNOWN)} Or set "
            "data.augmentation_backend to albumentations."
        ]
    try:
        parse(KNOWN[name], arguments | ({"transforms": ()} if "transforms" in arguments else {}), location)
    except InputError as error:
        return error.problems
    return []


def transform_of(name: str, arguments: dict[str, Any]) -> Transform:
    """The transform, of which `problems_of` finds nothing wrong, with those that it holds."""
    if "transforms" in arguments:
        arguments = arguments | {"transforms": tuple(transform_of(*inner) for inner in arguments["transforms"])}
    return KNOWN[name](**arguments)
