"""Images of any number of channels, of 8, 16 bits or float, from preparation to the network."""

import json

import numpy as np
import pytest
import torch

from segsweep.config.dataset import parse_dataset
from segsweep.config.train import Data
from segsweep.data import preparation
from segsweep.data.channel_statistics import Moments
from segsweep.data.image_arrays import FILL, as_stored, fill_of, resized_image
from segsweep.data.loading import Batches, Normalize
from segsweep.data.prepared import Prepared
from segsweep.data.raw_item import Item
from segsweep.errors import InputError

CLASSES = {0: "low", 1: "high"}
DATASET = {"name": "bands", "reader": "folder", "classes": CLASSES, "allow_duplicates": True}
HIGHEST = {"uint8": 255, "uint16": 65535, "float32": 1.0}


def drawn(channels, dtype, height=9, width=14, seed=0, highest=None):
    """An image whose values fill the range of its type; floats lie around -1000, as in computed tomography."""
    rng = np.random.default_rng([seed, channels])
    if dtype == "float32":
        return rng.normal(-1000, 300, (height, width, channels)).astype(np.float32)
    return rng.integers(0, (highest or HIGHEST[dtype]) + 1, (height, width, channels)).astype(dtype)


@pytest.fixture
def prepare(tmp_path, monkeypatch):
    """Prepares images in memory: arrays by split, each with a mask of both classes."""

    def prepared(train, val, data=None, **changes):
        splits = {
            split: [
                Item(f"{split}{i}", image, mask=np.indices(image.shape[:2]).sum(0) % 2, location=f"{split}.txt:{i + 1}")
                for i, image in enumerate(images)
            ]
            for split, images in (("train", train), ("val", val))
        }
        monkeypatch.setattr(preparation, "read", lambda dataset, root: splits)
        preparation.prepare(parse_dataset(DATASET | changes), tmp_path, data, tmp_path / "out", "f")
        return Prepared.open(tmp_path / "out", ["low", "high"])

    return prepared


# Preparation


@pytest.mark.parametrize("dtype", HIGHEST)
@pytest.mark.parametrize("channels", range(1, 9))
def test_images_survive_preparation_bit_for_bit(prepare, channels, dtype):
    train = [drawn(channels, dtype, 5 + i, 20 - i, seed=i) for i in range(3)]
    val = [drawn(channels, dtype, seed=9)]
    prepared = prepare(train, val, channels=channels)
    assert (prepared.channels, prepared.dtype) == (channels, dtype)
    for split, images in (("train", train), ("val", val)):
        for i, image in enumerate(images):
            stored = prepared.splits[split].image(i)
            assert (stored.dtype, stored.shape) == (image.dtype, image.shape)
            assert (stored == image).all()
    pixels = np.concatenate([image.reshape(-1, channels) for image in train]).astype(np.float64) / prepared.scale
    np.testing.assert_allclose(prepared.mean, pixels.mean(0), rtol=1e-12)
    np.testing.assert_allclose(prepared.std, pixels.std(0), rtol=1e-9)


def test_sixteen_bits_take_two_bytes(prepare):
    prepared = prepare([drawn(5, "uint16")], [drawn(5, "uint16")])
    assert (prepared.folder / "train.images.bin").stat().st_size == 9 * 14 * 5 * 2


@pytest.mark.parametrize(
    ("dtype", "highest", "scale"),
    [("uint8", 3, 255), ("uint16", 4000, 4095), ("uint16", 4096, 8191), ("uint16", 65535, 65535), ("uint16", 0, 1)],
)
def test_the_value_range_is_that_of_the_bits_in_use(prepare, dtype, highest, scale):
    image = np.zeros((4, 5, 2), dtype)
    image[0, 0, 1] = highest
    assert prepare([image], [np.full_like(image, HIGHEST[dtype])]).scale == scale


def test_moments_of_values_far_from_zero():
    images = [1e4 + np.random.default_rng(i).normal(size=(7, 3 + i, 2)).astype(np.float32) for i in range(5)]
    moments = Moments(2)
    for image in images:
        moments.add(image)
    pixels = np.concatenate([image.reshape(-1, 2) for image in images]).astype(np.float64)
    mean, std = moments.mean_and_std()
    np.testing.assert_allclose(mean, pixels.mean(0), rtol=1e-12)
    np.testing.assert_allclose(std, pixels.std(0), rtol=1e-9)


@pytest.mark.parametrize(
    ("shape", "dtype", "channels", "stored"),
    [
        ((4, 5), "uint8", None, 3),
        ((4, 5, 1), "uint16", None, 3),
        ((4, 5), "float32", None, 1),
        ((4, 5), "uint8", 1, 1),
        ((4, 5), "float32", 3, 3),
        ((4, 5, 2), "uint8", None, 2),
    ],
)
def test_one_band_of_integers_is_grey_unless_one_channel_is_asked_for(shape, dtype, channels, stored):
    image = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    found = as_stored(image, channels, "a.png")
    assert (found.dtype, found.shape) == (dtype, (4, 5, stored))
    assert (found == image.reshape(4, 5, -1)).all()


def not_finite():
    image = drawn(2, "float32")
    image[0, 0], image[1, 1, 0] = np.nan, np.inf
    return image


@pytest.mark.parametrize(
    ("image", "channels", "message"),
    [
        (drawn(5, "uint16"), 4, r"a\.tif: the image has 5 channels, and .* says `channels: 4`\. Correct"),
        (drawn(3, "uint8"), 1, r"the image has 3 channels, and .* says `channels: 1`"),
        (not_finite(), None, r"a\.tif: 3 of 252 values are infinite or not a number"),
        (np.zeros((4, 5), np.int64), None, r"a\.tif: values of the type int64; .* uint8, uint16, float32"),
        (np.zeros((2, 4, 5, 3), np.uint8), None, r"a\.tif: an array of the shape \(2, 4, 5, 3\) is no image"),
        (np.zeros((0, 5, 3), np.uint8), None, r"shape \(0, 5, 3\) is no image"),
    ],
)
def test_images_that_cannot_be_stored_are_refused(image, channels, message):
    with pytest.raises(InputError, match=message):
        as_stored(image, channels, "a.tif")


def test_images_of_several_kinds_are_refused_beside_all_other_problems(prepare):
    train = [drawn(3, "uint8"), drawn(3, "uint8"), drawn(4, "uint8"), drawn(4, "uint8"), np.zeros((4, 5), np.int32)]
    with pytest.raises(InputError) as caught:
        prepare(train, [drawn(3, "uint16"), drawn(3, "uint8")])
    wrong_type, kinds = caught.value.problems
    assert wrong_type.startswith("train.txt:5: values of the type int32")
    assert (
        "3 channels of uint8: train.txt:1; 4 channels of uint8: train.txt:3; 3 channels of uint16: val.txt:1." in kinds
    )


def test_a_folder_of_an_earlier_version_holds_8_bit_rgb(prepare):
    image = drawn(3, "uint8")
    manifest = prepare([image], [image]).folder / "manifest.json"
    content = json.loads(manifest.read_text())
    for name in ("channels", "dtype", "scale"):
        del content[name]
    manifest.write_text(json.dumps(content | {"format": 2}))
    prepared = Prepared.open(manifest.parent)
    assert (prepared.channels, prepared.dtype, prepared.scale) == (3, "uint8", 255)
    assert (prepared.splits["train"].image(0) == image).all()


def test_channels_are_resized_each_as_an_image_of_its_own():
    image = drawn(7, "uint16", 24, 36)
    for size in ((12, 18), (10, 17), (50, 40)):
        found = resized_image(image, *size)
        assert (found.dtype, found.shape) == (np.uint16, (*size, 7))
        alone = [resized_image(image[..., i : i + 1], *size)[..., 0] for i in range(7)]
        assert (found == np.stack(alone, axis=2)).all()
    by_area = image.reshape(12, 2, 18, 2, 7).mean((1, 3))
    assert abs(resized_image(image, 12, 18) - by_area).max() <= 0.5
    assert resized_image(image[..., :1], 12, 18).shape == (12, 18, 1)


def test_patches_beyond_a_page_are_filled_with_the_pages_mean(prepare):
    pages = [drawn(5, "uint16", 12, 16, seed=i) for i in range(2)]
    data = Data(patches={"page_size": None, "size": 8, "overlap": 0})
    prepared = prepare(pages[:1], pages[1:], data)
    train = prepared.splits["train"]
    assert (train.image(0) == pages[0][:8, :8]).all()
    assert (train.image(2)[:4] == pages[0][8:, :8]).all()
    mean = pages[0].mean((0, 1))
    assert abs(train.image(2)[4:] - mean).max() <= 0.5
    np.testing.assert_allclose(prepared.mean * prepared.scale, mean)  # what is filled is counted nowhere


def test_what_lies_beyond_an_image_is_of_its_own_type():
    assert fill_of(drawn(3, "uint8")).tolist() == list(FILL)
    image = drawn(2, "float32")
    assert fill_of(image).dtype == np.float32
    np.testing.assert_allclose(fill_of(image), image.mean((0, 1)), rtol=1e-5)


# Batches


def test_batches_hold_the_stored_values(prepare):
    images = [drawn(5, "uint16", 20 + i, 40, seed=i) for i in range(3)]
    prepared = prepare(images, images)
    items = [("val", i) for i in range(3)]
    (batch,) = Batches(items, Data(), prepared, 4, seed=0, training=False).epoch(1)
    assert (batch["image"].shape, batch["image"].dtype) == ((3, 5, 32, 64), torch.uint16)
    for found, image in zip(batch["image"].permute(0, 2, 3, 1).numpy(), images, strict=True):
        assert (found[: len(image), :40] == image).all()
        assert (found[:, 40:] == prepared.fill).all()
        assert (found[len(image) :] == prepared.fill).all()
    normalized = Normalize("standardize", prepared)(batch["image"])
    assert normalized.dtype == torch.float32
    assert normalized[..., 40:].abs().max() < 1e-4  # beyond the images lies their mean
    inside = torch.cat([normalized[i, :, : 20 + i, :40].flatten(1) for i in range(3)], dim=1)
    assert inside.mean(1).tolist() == pytest.approx([0] * 5, abs=1e-4)
    assert inside.std(1, correction=0).tolist() == pytest.approx([1] * 5, rel=1e-4)
    assert torch.equal(normalized, Normalize("normalize", prepared)(batch["image"]))
    plain = Normalize("none", prepared)(batch["image"])[0, :, :20, :40]
    np.testing.assert_allclose(plain, images[0].transpose(2, 0, 1) / 65535, rtol=1e-6)


def test_crops_reach_beyond_images_of_any_kind(prepare):
    image = drawn(2, "float32", 10, 12)
    prepared = prepare([image], [image])
    batch = next(Batches([("train", 0)], Data(crop=(32, 32)), prepared, 1, seed=0, training=True).epoch(1))
    assert batch["image"].dtype == torch.float32
    values = batch["image"][0].permute(1, 2, 0).reshape(-1, 2).numpy()
    beyond = (values == prepared.fill).all(1)
    assert beyond.sum() == 32 * 32 - 10 * 12
    assert (np.sort(values[~beyond], axis=0) == np.sort(image.reshape(-1, 2), axis=0)).all()


@pytest.mark.parametrize("dtype", HIGHEST)
def test_a_constant_channel_is_not_blown_up(prepare, dtype):
    image = drawn(2, dtype)
    image[..., 1] = 7
    prepared = prepare([image], [image])
    normalize = Normalize("normalize", prepared)
    assert normalize(torch.from_numpy(image).permute(2, 0, 1)[None])[:, 1].abs().max() < 0.01


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_five_bands_of_16_bits_are_learned_by_heart(prepare, precision):
    from segsweep import tasks
    from segsweep.config.train import Train
    from segsweep.inference.forward import Forward, to_device

    torch.manual_seed(0)
    image = drawn(5, "uint16", 64, 64, highest=4000)
    image[..., 3] = 200 + 3000 * (np.indices((64, 64)).sum(0) % 2)  # the only band that says the class
    prepared = prepare([image], [image])
    settings = {
        "model": {"arch": "unet", "encoder": "tu-lcnet_035", "options": {"decoder_channels": [16, 16, 16, 16, 16]}},
        "loss": {"main": {"cross_entropy": 1.0}},
        "precision": precision,
    }
    train = Train.model_validate(settings)
    task = tasks.build(train, prepared)
    model, criterion = task.model(), task.criterion()
    forward = Forward(model, Normalize("standardize", prepared), train, torch.device("cpu"))
    batch = to_device(
        next(Batches([("train", 0)], Data(), prepared, 1, seed=0, training=False).epoch(1)), forward.device
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(30):
        optimizer.zero_grad()
        criterion(forward(batch["image"]), batch)["loss"].backward()
        optimizer.step()
    predicted = forward(batch["image"]).argmax(1)
    assert (predicted == batch["mask"]).float().mean() > 0.95


# Networks


@pytest.mark.parametrize("arch", ["bisenet", "multitask", "dbnet"])
def test_networks_of_other_outputs_take_any_number_of_channels(arch):
    from tests.networks import build

    network = build(arch, in_channels=5).eval()
    with torch.inference_mode():
        found = network(torch.rand(1, 5, 64, 64))
    main = found if torch.is_tensor(found) else found["main" if arch == "multitask" else "logits"]
    assert main.shape[-2:] == (64, 64)
    assert {
        weight.shape[1] for name, weight in network.named_parameters() if name.endswith("encoder.conv1.weight")
    } == {5}


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_weights_of_a_file_are_adapted_as_smp_adapts_its_own(tmp_path, channels):
    from segmentation_models_pytorch.encoders._utils import patch_first_conv

    from segsweep.models import encoders
    from segsweep.models.smp import SmpSettings

    rgb = encoders.encoder(SmpSettings(), 3)
    torch.save(rgb.state_dict(), tmp_path / "rgb.pt")
    found = encoders.encoder(SmpSettings(encoder_weights=str(tmp_path / "rgb.pt")), channels).state_dict()
    patch_first_conv(rgb, channels)
    assert all(torch.equal(found[name], weight) for name, weight in rgb.state_dict().items())
    torch.save(found, tmp_path / "own.pt")  # weights of a network of as many channels are taken as they are
    again = encoders.encoder(SmpSettings(encoder_weights=str(tmp_path / "own.pt")), channels).state_dict()
    assert torch.equal(again["conv1.weight"], found["conv1.weight"])
