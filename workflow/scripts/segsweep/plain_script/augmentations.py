"""The augmentation of a run as the script carries it out.

What is simple is written in numpy, drawn and computed to the bit as albumentations does. As soon as one transform is
not, the script imports albumentations and leaves all of them to it.
"""

from dataclasses import dataclass, field
from typing import Any

import albumentations as A

from segsweep.config.albumentations_transforms import GROUPS
from segsweep.config.augmentations import read_augmentation
from segsweep.config.train import Data
from segsweep.data.augmentation import albumentations_exact
from segsweep.data.augmentation.albumentations_backend import _with_forced as with_forced
from segsweep.data.augmentation.pixels import Pixels
from segsweep.data.prepared import Prepared
from segsweep.plain_script.build_calls import literal

IN_NUMPY = (A.HorizontalFlip, A.VerticalFlip, A.RandomBrightnessContrast)


@dataclass(frozen=True)
class AugmentationText:
    """An augmentation, carried out one way or the other.

    Attributes:
        steps: transforms that the script's template writes in numpy, with the values that they draw from.
        calls: expressions that make the transforms of albumentations.
    """

    steps: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)


def augmentation(data: Data, prepared: Prepared) -> AugmentationText | None:
    """The augmentation of a setting for images of bytes; None where it does nothing.

    Raises:
        InputError: the augmentation is unknown or wrong.
    """
    transforms = read_augmentation(data.augmentation, channels=prepared.channels, dtype=prepared.dtype)
    if not transforms:
        return None
    steps = [_step(name, arguments) for name, arguments in transforms]
    if None not in steps:
        return AugmentationText(steps=steps)
    return AugmentationText(calls=[_call(name, arguments, Pixels.of(prepared)) for name, arguments in transforms])


def _step(name: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """A transform as values of the template; None where it is not written in numpy."""
    if name not in (one.__name__ for one in IN_NUMPY):
        return None
    made = getattr(A, name)(**arguments)
    if not 0 < made.p < 1:  # albumentations then draws nothing
        return None
    step = {"name": name, "p": made.p}
    if isinstance(made, A.RandomBrightnessContrast):
        if not made.brightness_by_max or made.ensure_safe_range:
            return None
        step |= {"brightness": made.brightness_limit, "contrast": made.contrast_limit}
    return step


def _call(name: str, arguments: dict[str, Any], pixels: Pixels) -> str:
    """The expression that makes a transform, with what is always set (fill, masks by their nearest pixel)."""
    if name in GROUPS:
        inner = ", ".join(_call(one, values, pixels) for one, values in arguments["transforms"])
        rest = {key: literal(value) for key, value in arguments.items() if key != "transforms"}
        given = {"transforms": f"[{inner}]"} | rest
    else:
        _, forced = with_forced(getattr(albumentations_exact, name, None) or getattr(A, name), pixels)
        given = {key: literal(value) for key, value in (forced | arguments).items()}
    return f"A.{name}({', '.join(f'{key}={value}' for key, value in given.items())})"
