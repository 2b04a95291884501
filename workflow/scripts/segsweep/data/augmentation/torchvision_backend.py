"""The backend torchvision: its functional transforms, on any device, with draws from a generator of our own.

Images are float32 in 0..1 from the first transform to the last, whatever they are stored as, and round once. Numbers
are drawn by a NumPy generator on the host, and those of each pixel by a hash of a number from there, so that the device
changes nothing but the last bits.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.nn.functional import affine_grid, grid_sample
from torchvision.transforms.v2 import functional as F

from segsweep.config import torchvision_transforms as T
from segsweep.data.augmentation.corners import corners_of, with_corners
from segsweep.data.augmentation.pixels import RGB_BYTES, Pixels
from segsweep.data.sample import Sample
from segsweep.data.void import VOID
from segsweep.errors import InputError

ADJUSTMENTS = ((F.adjust_brightness, 1), (F.adjust_contrast, 1), (F.adjust_saturation, 1), (F.adjust_hue, 0))
BITS = (1 << 32) - 1


@dataclass
class Drawing:
    """What is transformed.

    Attributes:
        image: float32 (C, H, W), 0..1.
        mask: uint8 (1, H, W), or None.
        points: float64 (n, 2), x and y from the image's edge.
        fill: of new pixels, float32 (C, 1, 1), in 0..1.
    """

    image: torch.Tensor
    mask: torch.Tensor | None
    points: np.ndarray
    fill: torch.Tensor

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.image.shape[1], self.image.shape[2]


class Augmentation:
    """A pipeline, called with a sample and the numbers that seed it: equal numbers give equal results."""

    def __init__(
        self,
        transforms: list[T.Transform],
        where: str,
        pixels: Pixels = RGB_BYTES,
        device: torch.device | None = None,
    ):
        """`where` names the file of the transforms in problems; `pixels` are the images'; `device` as in `build`."""
        self._transforms, self._where, self._pixels, self._device = transforms, where, pixels, device

    @torch.no_grad()
    def __call__(self, sample: Sample, entropy: tuple[int, ...]) -> Sample:
        """The sample transformed. Image and mask go to the device as they are stored.

        Raises:
            InputError: a transform cannot be applied to the image.
        """
        pixels, device = self._pixels, self._device or torch.device("cpu")
        image, mask = (None if one is None else torch.tensor(one).to(device) for one in (sample.image, sample.mask))
        drawing = Drawing(
            pixels.to_unit(image.float()).permute(2, 0, 1),
            None if mask is None else mask[None],
            corners_of(sample).astype(np.float64),
            torch.tensor(pixels.unit_fill, dtype=torch.float32, device=device)[:, None, None],
        )
        drawing = self._apply(drawing, self._transforms, np.random.default_rng(entropy))
        image, mask = self._stored(drawing.image.permute(1, 2, 0)), None if mask is None else drawing.mask[0]
        if self._device is None:
            image, mask = image.numpy(), None if mask is None else mask.numpy()
        return with_corners(sample, image, mask, drawing.points)

    def _stored(self, image: torch.Tensor) -> torch.Tensor:
        """Numbers in 0..1 as images of the data set have them."""
        image, dtype = self._pixels.from_unit(image), getattr(torch, self._pixels.dtype)
        if dtype.is_floating_point:
            return image
        return image.clamp(torch.iinfo(dtype).min, torch.iinfo(dtype).max).to(torch.int32).to(dtype)

    def _apply(self, drawing: Drawing, transforms: Any, rng: np.random.Generator) -> Drawing:
        for transform in transforms:
            if rng.random() < transform.p:
                drawing = self._applied(transform, drawing, rng)
        return drawing

    def _applied(self, transform: T.Transform, drawing: Drawing, rng: np.random.Generator) -> Drawing:
        if isinstance(transform, T.Sequential):
            return self._apply(drawing, transform.transforms, rng)
        if isinstance(transform, T.OneOf):
            shares = np.array([one.p for one in transform.transforms])
            return self._applied(transform.transforms[rng.choice(len(shares), p=shares / shares.sum())], drawing, rng)
        try:
            return FUNCTIONS[type(transform).__name__](transform, drawing, rng)
        except (RuntimeError, TypeError, ValueError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            (height, width), reason = drawing.size, " ".join(str(error).split())
            raise InputError(
                f"{self._where} ({type(transform).__name__}): cannot be applied to an image of {height} x {width} "
                f"pixels: {reason}. Correct its arguments, or leave it out."
            ) from error


def build(
    transforms: list[tuple[str, dict[str, Any]]], where: str, pixels: Pixels, device: torch.device | None
) -> Augmentation:
    """See `segsweep.data.augmentation`."""
    return Augmentation([T.transform_of(*one) for one in transforms], where, pixels, device)


def turned(drawing: Drawing, quarters: int, mirrored: bool) -> Drawing:
    """Turned counterclockwise by quarters, then mirrored at the vertical axis: any of the eight symmetries."""
    layers = [drawing.image, drawing.mask]
    layers = [None if one is None else torch.rot90(one, quarters, (1, 2)) for one in layers]
    points, (height, width) = drawing.points, drawing.size
    for _ in range(quarters % 4):
        points = np.stack([points[:, 1], width - points[:, 0]], axis=1)
        height, width = width, height
    if mirrored:
        layers = [None if one is None else F.horizontal_flip(one) for one in layers]
        points = np.stack([width - points[:, 0], points[:, 1]], axis=1)
    return Drawing(*layers, points, drawing.fill)


def warped(drawing: Drawing, matrix: np.ndarray, height: int, width: int) -> Drawing:
    """Each point moved by a matrix, float64 (3, 3), of x and y from the image's edge, into an image of a new size.

    torchvision's own `affine` scales both axes alike and keeps the size.
    """
    old_height, old_width = drawing.size
    # grid_sample asks of each new pixel where it comes from, and counts sides from -1 to 1.
    to_pixels = np.array([[width / 2, 0, width / 2], [0, height / 2, height / 2], [0, 0, 1]])
    to_unit = np.array([[2 / old_width, 0, -1], [0, 2 / old_height, -1], [0, 0, 1]])
    theta = (to_unit @ np.linalg.inv(matrix) @ to_pixels)[None, :2]
    theta = torch.tensor(theta, dtype=torch.float32, device=drawing.image.device)
    grid = affine_grid(theta, [1, 1, height, width], align_corners=False)
    # What lies beyond is zero: with the fill taken off before and put on again after, it is the fill.
    image = grid_sample((drawing.image - drawing.fill)[None], grid, "bilinear", "zeros", align_corners=False)[0]
    mask = drawing.mask
    if mask is not None:
        values = mask.float()[None] - VOID
        mask = (grid_sample(values, grid, "nearest", "zeros", align_corners=False)[0] + VOID).to(torch.uint8)
    points = drawing.points @ matrix[:2, :2].T + matrix[:2, 2]
    return Drawing(image + drawing.fill, mask, points, drawing.fill)


def affine(transform: T.Affine, drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """Scaled, turned, sheared, moved."""
    height, width = drawing.size
    x_scale, y_scale = rng.uniform(*transform.scale, 2)
    y_scale = x_scale if transform.keep_ratio else y_scale
    angle = np.deg2rad(rng.uniform(*transform.rotate))
    x_shear, y_shear = -np.tan(np.deg2rad(rng.uniform(*transform.shear, 2)))
    shares = rng.uniform(*transform.translate_percent, 2)
    x_shift, y_shift = int(shares[0] * width), int(shares[1] * height)
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.array([[1, x_shear], [y_shear, 1]]) @ [[cos, sin], [-sin, cos]] @ np.diag([x_scale, y_scale])
    middle = np.array([width / 2, height / 2])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = middle + [x_shift, y_shift] - linear @ middle
    if transform.fit_output:
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]])
        # From pixels' centers and rounded outwards, as albumentations does it: sizes and places are the same.
        moved = (corners + 0.5) @ linear.T + matrix[:2, 2] - 0.5
        low, high = np.floor(moved.min(0)), np.ceil(moved.max(0))
        matrix[:2, 2] -= low
        width, height = (high - low + 1).astype(int).tolist()
    return warped(drawing, matrix, height, width)


def brightness_contrast(transform: T.RandomBrightnessContrast, drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """(1 + contrast) x + brightness."""
    contrast, brightness = rng.uniform(*transform.contrast_limit), rng.uniform(*transform.brightness_limit)
    return replace(drawing, image=(drawing.image * (1 + contrast) + brightness).clamp(0, 1))


def color_jitter(transform: T.ColorJitter, drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """Brightness, contrast, saturation and hue, in an order that is drawn."""
    image = drawing.image
    ranges = (transform.brightness, transform.contrast, transform.saturation, transform.hue)
    values = [rng.uniform(*one) for one in ranges]
    for number in rng.permutation(len(values)):
        adjust, nothing = ADJUSTMENTS[number]
        image = image if values[number] == nothing else adjust(image, values[number])
    return replace(drawing, image=image)


def gaussian_blur(transform: T.GaussianBlur, drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """Blurred by a kernel that ends where Pillow's does."""
    sigma = rng.uniform(*transform.sigma_limit)
    side = int(3.5 * sigma) * 2 + 1
    return replace(drawing, image=F.gaussian_blur(drawing.image, [side, side], [sigma, sigma]))


def gauss_noise(transform: T.GaussNoise, drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """Noise of each pixel by itself."""
    std, mean = rng.uniform(*transform.std_range), rng.uniform(*transform.mean_range)
    channels = len(drawing.image) if transform.per_channel else 1
    noise = normal((channels, *drawing.size), rng.integers(1 << 32, size=2).tolist(), drawing.image.device)
    return replace(drawing, image=(drawing.image + noise * std + mean).clamp(0, 1))


def normal(shape: tuple[int, ...], seeds: list[int], device: torch.device) -> torch.Tensor:
    """Standard normal numbers, float32, that follow from the seeds alone: the generators of devices differ.

    Each is made of two hashes of its index, by Box and Muller's transform.
    """
    index = torch.arange(int(np.prod(shape)), device=device)
    first, second = (scrambled(scrambled(index) ^ seed) for seed in seeds)
    radius = torch.sqrt(-2 * torch.log((first + 1).float() / (BITS + 1)))
    return (radius * torch.cos(2 * torch.pi * (second.float() / (BITS + 1)))).reshape(shape)


def scrambled(x: torch.Tensor) -> torch.Tensor:
    """A hash of 32 bits in int64, another one for each.

    Source: C. Wellons, "Prospecting for Hash Functions" (2018), lowbias32.
    """
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & BITS
    x = ((x ^ (x >> 15)) * 0x846CA68B) & BITS
    return x ^ (x >> 16)


FUNCTIONS: dict[str, Callable[[Any, Drawing, np.random.Generator], Drawing]] = {
    "HorizontalFlip": lambda transform, drawing, rng: turned(drawing, 0, mirrored=True),
    "VerticalFlip": lambda transform, drawing, rng: turned(drawing, 2, mirrored=True),
    "Transpose": lambda transform, drawing, rng: turned(drawing, 3, mirrored=True),
    "RandomRotate90": lambda transform, drawing, rng: turned(drawing, int(rng.integers(4)), mirrored=False),
    "D4": lambda transform, drawing, rng: turned(drawing, int(rng.integers(4)), mirrored=bool(rng.integers(2))),
    "Affine": affine,
    "RandomBrightnessContrast": brightness_contrast,
    "ColorJitter": color_jitter,
    "GaussianBlur": gaussian_blur,
    "GaussNoise": gauss_noise,
}
