"""Augmentation of images of any depth and number of channels, and by either backend with the same outcome."""

from dataclasses import replace
from inspect import signature

import albumentations as A
import cv2
import numpy as np
import pytest
import torch

from segsweep.config.albumentations_transforms import CHANNELS, ONLY_BYTES, problem_of
from segsweep.config.augmentations import read_augmentation
from segsweep.config.dataset import parse_dataset
from segsweep.config.torchvision_transforms import KNOWN
from segsweep.config.train import Data
from segsweep.data import preparation
from segsweep.data.augmentation import albumentations_backend, load_augmentation, torchvision_backend
from segsweep.data.augmentation.pixels import RGB_BYTES, Pixels
from segsweep.data.loading import Batches
from segsweep.data.prepared import Prepared
from segsweep.data.raw_item import Item
from segsweep.data.sample import Sample
from segsweep.data.void import VOID
from segsweep.errors import InputError
from tests.unit.test_data_augmentation import KNOWN as SHIPPED
from tests.unit.test_data_augmentation import augmentation_file, box_of, usable

BACKENDS = {"albumentations": albumentations_backend, "torchvision": torchvision_backend}


def smooth(channels=3, height=97, width=130):
    """Float64 (H, W, C) from 0 to 1, without edges."""
    noise = np.random.default_rng(0).random((height, width, channels))
    image = np.stack([cv2.GaussianBlur(noise[..., c], (0, 0), 4) for c in range(channels)], axis=2)
    return (image - image.min()) / (image.max() - image.min())


def sample_of(pixels=RGB_BYTES, height=97, width=130):
    image = pixels.from_unit(smooth(pixels.channels, height, width))
    mask = np.zeros((height, width), np.uint8)
    mask[20:60, 30:90], mask[70:, 100:] = 1, 2
    polygon = np.float32([[30, 20], [90, 20], [90, 60], [30, 60]])
    box = np.float32([[30, 20, 90, 60]])
    return Sample(image.astype(pixels.dtype), mask, box, np.zeros(1, np.int64), [polygon], np.zeros(1, bool))


def made_by(backend, name, arguments, sample, pixels=RGB_BYTES, seed=0):
    return BACKENDS[backend].build([(name, arguments | {"p": 1.0})], "test", pixels, None)(sample, (seed,))


def deep(channels, dtype):
    high = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}[dtype]
    fill = round(0.4 * high) if dtype != "float32" else 0.4
    return Pixels(dtype, (0.0,) * channels, (high,) * channels, (fill,) * channels)


@pytest.mark.parametrize("name", sorted(usable()))
def test_each_transform_works_for_the_images_that_the_plan_lets_pass(name):
    """And for no other, but RGBShift, which shifts two channels out of three."""
    for channels, dtype in [(1, "uint16"), (2, "float32"), (3, "uint16"), (4, "uint16"), (5, "uint8"), (8, "uint16")]:
        pixels = deep(channels, dtype)
        may_have = channels in CHANNELS.get(name, (channels,)) and (name, channels) != ("ChannelDropout", 1)
        assert (problem_of(name, {}, None, channels, "uint8") is None) == may_have
        sample = sample_of(pixels)
        try:
            found = made_by("albumentations", name, {}, sample, pixels)
        except InputError:
            assert not may_have
            continue
        assert may_have or (name, channels) == ("RGBShift", 2)
        assert found.image.dtype == dtype
        assert found.image.shape == (*found.mask.shape, channels)
        if dtype == "uint16" and channels == 3:
            assert (len(np.unique(found.image)) <= 256) == (name in ONLY_BYTES)
            assert (problem_of(name, {}, None, 3, "uint16") is None) == (name not in ONLY_BYTES)
            if name not in ONLY_BYTES:  # and then it does the same to 8 and to 16 bits
                bytes_ = made_by("albumentations", name, {}, sample_of(deep(3, "uint8")), deep(3, "uint8"))
                assert abs(bytes_.image / 255 - found.image / 65535).mean() < 0.01


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("channels", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_flips_keep_every_bit_of_any_image(backend, channels, dtype):
    pixels = deep(channels, dtype)
    sample = sample_of(pixels)
    found = made_by(backend, "HorizontalFlip", {}, sample, pixels).image
    if dtype == "float32":
        np.testing.assert_allclose(found, sample.image[:, ::-1], atol=1e-6)
    else:
        assert (found == sample.image[:, ::-1]).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("channels", [1, 3, 5, 9])
def test_new_pixels_take_the_fill_of_each_channel_and_are_void(backend, channels):
    pixels = Pixels("uint16", 0.0, 4095.0, tuple(100.0 * (c + 1) for c in range(channels)))
    found = made_by(backend, "Affine", {"translate_percent": [0.1, 0.1]}, sample_of(pixels), pixels)
    assert (found.image[:9, :13] == pixels.fill).all()
    assert (found.mask[:9] == VOID).all()
    assert (found.mask[:, :13] == VOID).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_brightness_is_a_share_of_the_range_of_the_images(backend):
    pixels = Pixels("uint16", (0.0,), (4095.0,), (0.0,))
    sample = sample_of(pixels)
    found = made_by(backend, "RandomBrightnessContrast", {"brightness_limit": [0.1, 0.1], "contrast_limit": [0, 0]},
                    sample, pixels).image  # fmt: skip
    assert abs(found.astype(int) - np.minimum(sample.image + 409.5, 4095)).max() <= 0.51


@pytest.mark.parametrize("backend", BACKENDS)
def test_brightness_is_a_share_of_the_range_of_each_channel_of_floats(backend, tmp_path):
    image = np.concatenate([smooth(1) * 1e-3, smooth(1) * 8000 - 400], axis=2).astype("float32")
    pixels = Pixels.of(prepared_of([image[:, ::-1], image], tmp_path))
    sample = replace(sample_of(), image=image)
    found = made_by(backend, "RandomBrightnessContrast", {"brightness_limit": [0.1, 0.1], "contrast_limit": [0, 0]},
                    sample, pixels).image  # fmt: skip
    expected = np.minimum(image + [1e-4, 800], [1e-3, 7600])
    assert (abs(found - expected).max((0, 1)) < [1e-8, 0.01]).all()


IDENTITY = {"brightness": [1, 1], "contrast": [1, 1], "saturation": [1, 1], "hue": [0, 0]}


@pytest.mark.parametrize(
    ("name", "arguments", "levels"),
    [
        ("HorizontalFlip", {}, 0),
        ("VerticalFlip", {}, 0),
        ("Transpose", {}, 0),
        ("Affine", {"rotate": [13, 13]}, 1),
        ("Affine", {"rotate": -30}, 1),
        ("Affine", {"scale": 1.3, "keep_ratio": True, "fit_output": True}, 1),
        ("Affine", {"scale": [0.6, 0.6], "keep_ratio": True, "fit_output": True, "rotate": [8, 8]}, 1),
        ("Affine", {"translate_percent": [0.1, 0.1], "shear": [5, 5], "scale": [0.9, 0.9]}, 1),
        ("RandomBrightnessContrast", {"brightness_limit": [0.1, 0.1], "contrast_limit": [0.2, 0.2]}, 1),
        ("ColorJitter", IDENTITY | {"brightness": [1.3, 1.3]}, 1),
        ("ColorJitter", IDENTITY | {"contrast": [0.6, 0.6]}, 1),
        ("ColorJitter", IDENTITY | {"saturation": [1.5, 1.5]}, 1),
        ("ColorJitter", IDENTITY | {"hue": [0.1, 0.1]}, 4),  # albumentations counts hues of bytes in 180 steps
        ("GaussianBlur", {"sigma_limit": [1.4, 1.4]}, 1),
    ],
)
def test_both_backends_make_the_same_of_the_same_numbers(name, arguments, levels):
    one, other = (made_by(backend, name, arguments, sample_of()) for backend in BACKENDS)
    assert one.image.shape == other.image.shape
    assert abs(one.image.astype(int) - other.image).max() <= levels
    assert (one.mask != other.mask).mean() < 0.005  # pixels between two others
    np.testing.assert_allclose(one.polygons[0], other.polygons[0], atol=1e-3)
    np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)


@pytest.mark.parametrize("name", ["RandomRotate90", "D4"])
def test_boxes_follow_turns(name):
    boxes = set()
    for seed in range(40):
        found = made_by("torchvision", name, {}, sample_of(), seed=seed)
        assert found.boxes[0].tolist() == box_of(found.mask == 1)
        boxes.add((*found.boxes[0].tolist(), *found.polygons[0][0].tolist()))
    assert len(boxes) == {"RandomRotate90": 4, "D4": 8}[name]


def drawn(backend, name):
    """Of 300 draws: how often, turned how far, scaled, mean and spread of the image."""
    pipeline, found = load_augmentation(name, backend), []
    sample = sample_of(height=48, width=64)
    sample.polygons = [np.float32([[20, 20], [40, 20], [40, 40], [20, 40]])]
    for seed in range(300):
        seen = pipeline(sample, (seed,))
        sides = np.diff(seen.polygons[0], axis=0)
        angle = np.degrees(np.arctan2(sides[0, 1], abs(sides[0, 0])))
        pixels = seen.image[seen.mask != VOID]
        found.append([angle, np.hypot(*sides[0]), seen.polygons[0].mean(), pixels.mean(), pixels.std()])
    return np.array(found)


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "none"])
def test_shipped_pipelines_draw_alike_in_both_backends(name):
    """Means of 300 draws by four standard errors, and spreads by a fifth."""
    one, other = (drawn(backend, name) for backend in BACKENDS)
    errors = np.hypot(one.std(0), other.std(0)) / np.sqrt(len(one))
    assert (abs(one.mean(0) - other.mean(0)) <= 4 * errors + 0.5).all()
    varies = one.std(0) > 0.1
    assert (varies == (other.std(0) > 0.1)).all()
    np.testing.assert_allclose(one.std(0)[varies], other.std(0)[varies], rtol=0.2)


def test_equal_numbers_give_equal_results_in_torchvision():
    pipeline, other = load_augmentation("heavy", "torchvision"), load_augmentation("heavy", "torchvision")
    first = pipeline(sample_of(), (0, 3, 7))
    pipeline(sample_of(height=40), (5,))
    for found in (pipeline(sample_of(), (0, 3, 7)), other(sample_of(), (0, 3, 7))):
        assert (found.image == first.image).all()
        assert (found.mask == first.mask).all()
        assert (found.boxes == first.boxes).all()
    assert len({pipeline(sample_of(), (0, 3, seed)).image.tobytes() for seed in range(6)}) == 6


def test_one_of_chooses_by_the_shares_and_applies_for_certain():
    flips = [("HorizontalFlip", {"p": 0.2}), ("VerticalFlip", {"p": 0.6})]
    found = []
    for seed in range(200):
        seen = made_by("torchvision", "OneOf", {"transforms": flips}, sample_of(), seed=seed)
        found.append(tuple(seen.boxes[0]))
    horizontal, vertical = (40, 20, 100, 60), (30, 37, 90, 77)
    assert set(found) == {horizontal, vertical}
    assert 30 <= found.count(horizontal) <= 70


def test_noise_is_normal_and_of_each_pixel_by_itself():
    device = torch.device("cpu")
    noise = torchvision_backend.normal((3, 200, 300), [1, 2], device)
    other = torchvision_backend.normal((3, 200, 300), [1, 3], device)
    assert noise.mean().abs() < 0.01
    assert noise.std() == pytest.approx(1, abs=0.01)
    assert noise.pow(4).mean() == pytest.approx(3, abs=0.1)
    for a, b in [
        (noise[..., 1:], noise[..., :-1]),
        (noise[:, 1:], noise[:, :-1]),
        (noise[0], noise[1]),
        (noise, other),
    ]:
        assert (a * b).mean().abs() < 0.015
    seen = made_by("torchvision", "GaussNoise", {"std_range": [0.1, 0.1], "per_channel": False}, sample_of(), RGB_BYTES)
    difference = seen.image.astype(int) - sample_of().image
    inner = ((seen.image > 0) & (seen.image < 255)).all(2)
    assert np.ptp(difference[inner], axis=1).max() <= 1
    assert difference[inner].std() == pytest.approx(25.5, rel=0.1)


@pytest.mark.parametrize("name", sorted(set(KNOWN) - {"OneOf", "Sequential"}))
def test_torchvision_has_the_defaults_of_albumentations(name):
    theirs = signature(getattr(A, name)).parameters
    for key, field in KNOWN[name].model_fields.items():
        default = theirs[key].default
        expected = {("Affine", "rotate"): (0.0, 0.0), ("Affine", "translate_percent"): (0.0, 0.0)}
        assert field.default == expected.get((name, key), default), key


def test_what_torchvision_does_not_know_is_refused_with_its_line(tmp_path):
    group = {
        "OneOf": {"transforms": [{"CLAHE": {}}, {"Affine": {"rotat": 3, "rotate": [5, -5], "shear": "x"}}], "p": 2}
    }
    path = augmentation_file(tmp_path, ["HorizontalFlip", group])
    with pytest.raises(InputError) as caught:
        read_augmentation(path, backend="torchvision")
    assert len(caught.value.problems) == 5
    for line, said in [
        (13, "OneOf: p is 2"),
        (6, "CLAHE: the backend torchvision"),
        (8, "Affine: unknown key 'rotat'. Did you mean 'rotate'"),
        (9, r"Affine: rotate: the lower bound comes first; write \[-5, 5\]"),
        (12, r"Affine: shear: a number or a pair of them is allowed; got 'x'"),
    ]:
        assert caught.match(rf"mine.yaml:{line}: .*{said}")


def test_images_that_a_transform_does_not_know_are_refused_with_a_remedy(tmp_path):
    path = augmentation_file(tmp_path, ["ColorJitter", "ToRGB", "Equalize", "Affine"])
    with pytest.raises(InputError) as caught:
        read_augmentation(path, channels=5, dtype="uint16")
    assert len(caught.value.problems) == 3
    assert caught.match(
        r"mine.yaml:3: ColorJitter is for images of 1 or 3 channels, .* have 5. Choose RandomBrightness"
    )
    with pytest.raises(InputError, match=r"mine.yaml:5: Equalize makes 256 levels or fewer .* are uint16. Choose"):
        read_augmentation(path, channels=3, dtype="uint16")
    assert read_augmentation(path, channels=3, dtype="uint8")


def test_without_augmentation_nobody_asks_what_would_carry_it_out():
    assert Data(augmentation_backend="torchvision", augmentation_device="device") == Data()
    assert Data(augmentation="basic", augmentation_backend="torchvision") != Data(augmentation="basic")
    with pytest.raises(ValueError, match="augmentation_backend"):
        Data(augmentation_backend="torchvison")


def prepared_of(images, folder):
    """Images in memory, prepared as a data set of two classes."""
    mask = np.indices(images[0].shape[:2]).sum(0) % 2
    items = [Item(f"image{i}", image, mask=mask, location=f"list.txt:{i + 1}") for i, image in enumerate(images)]
    values = {"name": "bands", "reader": "folder", "classes": {0: "low", 1: "high"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "read", lambda dataset, root: {"train": items[1:], "val": items[:1]})
        preparation.prepare(parse_dataset(values), folder, None, folder / "out", "f")
    return Prepared.open(folder / "out")


@pytest.mark.parametrize(("channels", "dtype"), [(5, "uint16"), (2, "float32"), (4, "uint8")])
def test_batches_of_any_images_are_augmented_within_their_range(tmp_path, channels, dtype):
    low, high = {"uint8": (0, 255), "uint16": (0, 4000), "float32": (-1000, 3000)}[dtype]
    images = [(low + (high - low) * smooth(channels, 40, 60) ** (1 + i / 4)).astype(dtype) for i in range(4)]
    prepared = prepared_of(images, tmp_path)
    pixels = Pixels.of(prepared)
    assert (pixels.channels, pixels.dtype, pixels.fill) == (channels, dtype, tuple(prepared.fill.tolist()))
    trained = np.stack(images[1:])
    bounds = {"uint8": [[0] * 4, [255] * 4], "uint16": [[0] * 5, [4095] * 5]}
    bounds = bounds.get(dtype, [trained.min((0, 1, 2)), trained.max((0, 1, 2))])
    assert np.array_equal([pixels.low, pixels.high], bounds)
    found = {}
    for backend, device in [("albumentations", "loader"), ("torchvision", "loader"), ("torchvision", "device")]:
        data = Data(augmentation="basic", augmentation_backend=backend, augmentation_device=device, crop=(32, 64))
        options = {"seed": 0, "training": True, "device": torch.device("cpu")}
        batches = Batches([("train", i) for i in range(3)], data, prepared, 3, **options)
        (found[backend, device],) = (batch["image"] for batch in batches.epoch(1))
    for image in found.values():
        assert (image.shape, image.dtype) == ((3, channels, 32, 64), getattr(torch, dtype))
        values = image.float()
        assert values.amin() >= np.min(bounds) - 0.01
        assert values.amax() <= np.max(bounds) + 0.01
        assert values.std() > 0.05 * (high - low)
    assert torch.equal(found["torchvision", "loader"], found["torchvision", "device"])


def test_transforms_of_colors_are_refused_when_a_loader_opens_other_images(tmp_path):
    images = [(smooth(5, 40, 60) ** (1 + i) * 4000).astype("uint16") for i in range(3)]
    with pytest.raises(InputError, match=r"heavy.yaml:\d+: ColorJitter is for images of 1 or 3 channels"):
        Batches([("train", 0)], Data(augmentation="heavy"), prepared_of(images, tmp_path), 1, seed=0, training=True)
