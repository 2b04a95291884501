"""Image files from the disk into prepared data: whole, upright, or refused with all other problems of the data set."""

import json
import os

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from segsweep.config.dataset import parse_dataset
from segsweep.data.classes import class_names
from segsweep.data.preparation import prepare
from segsweep.data.prepared import Prepared
from segsweep.data.readers import files
from segsweep.errors import InputError
from segsweep.planning.data_fingerprint import of_listing
from segsweep.planning.remembered import Remembered

NAMES = ("a", "b", "c")
RNG = np.random.default_rng(0)


def dataset(suffix, **changes):
    values = {
        "name": "d", "reader": "folder", "images": f"{{name}}.{suffix}", "masks": "masks/{name}.png",
        "classes": {0: "left", 1: "right"},
    }  # fmt: skip
    return parse_dataset(values | changes)


def lists(root):
    (root / "train.txt").write_text("a\nb\n")
    (root / "val.txt").write_text("c\n")


@pytest.fixture
def root(tmp_path):
    """Lists and masks of three images, 12 wide and 8 high."""
    lists(tmp_path)
    (tmp_path / "masks").mkdir()
    mask = np.zeros((8, 12), np.uint8)
    mask[:, 6:] = 1
    for name in NAMES:
        Image.fromarray(mask).save(tmp_path / f"masks/{name}.png")
    return tmp_path


def run(root, suffix, **changes):
    data = dataset(suffix, **changes)
    manifest = prepare(data, root, None, root / "out", "f")
    return Prepared.open(root / "out", class_names(data)), manifest["warnings"]


def problems(root, suffix, **changes):
    with pytest.raises(InputError) as caught:
        run(root, suffix, **changes)
    return caught.value.problems


def stored(prepared):
    places = {"a": ("train", 0), "b": ("train", 1), "c": ("val", 0)}
    return {name: prepared.splits[split].image(i) for name, (split, i) in places.items()}


def images(shape, dtype, top=None):
    if dtype == "float32":
        return {name: RNG.normal(size=shape).astype(dtype) for name in NAMES}
    return {name: RNG.integers(0, (top or np.iinfo(dtype).max) + 1, shape).astype(dtype) for name in NAMES}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", range(1, 9))
def test_any_channels_and_depth_survive_from_file_to_array(root, channels, dtype):
    """In TIFF, planes apart or together at random, and in .npy; gray of integers becomes three equal channels."""
    shown = channels if channels > 1 or dtype == "float32" else 3
    for suffix in ("tif", "npy"):
        made = images((8, 12, channels), dtype)
        for name, image in made.items():
            if suffix == "npy":
                np.save(root / f"{name}.npy", image)
                continue
            planar, compression = RNG.choice(["contig", "separate"]), RNG.choice(["lzw", "deflate", "zstd"])
            planes = image if planar == "contig" else np.moveaxis(image, -1, 0)
            how = {"planarconfig": planar} if channels > 1 else {}
            planes = planes if channels > 1 else image[..., 0]
            extra = [0] * (channels - 1)
            tifffile.imwrite(
                root / f"{name}.tif",
                planes,
                photometric="minisblack",
                extrasamples=extra,
                compression=compression,
                **how,
            )
        prepared, warnings = run(root, suffix)
        assert (prepared.channels, prepared.dtype, warnings) == (shown, dtype, [])
        for name, image in stored(prepared).items():
            np.testing.assert_array_equal(image, np.broadcast_to(made[name], image.shape))


def test_12_bits_in_16_are_kept_and_scaled_as_12(root):
    made = images((8, 12, 3), "uint16", 4095)
    for name, image in made.items():
        (root / f"{name}.png").write_bytes(imagecodecs.png_encode(image))
    prepared, _ = run(root, "png")
    assert (prepared.dtype, prepared.scale) == ("uint16", 4095)
    assert all((image == made[name]).all() for name, image in stored(prepared).items())


@pytest.mark.parametrize("turned", [3, 6])
def test_images_that_exif_turns_fit_to_their_upright_masks(root, turned):
    upright = {
        name: np.kron(image, np.ones((8, 8, 1), np.uint8)) for name, image in images((8, 12, 3), "uint8").items()
    }
    exif = Image.Exif()
    exif[274] = turned
    for name, image in upright.items():
        mask = Image.open(root / f"masks/{name}.png")
        mask.resize((96, 64), Image.Resampling.NEAREST).save(root / f"masks/{name}.png")
        laid = image[::-1, ::-1] if turned == 3 else np.rot90(image)  # as the sensor saw it
        Image.fromarray(np.ascontiguousarray(laid)).save(root / f"{name}.jpg", exif=exif, quality=95, subsampling=0)
    prepared, _ = run(root, "jpg")
    for name, image in stored(prepared).items():
        assert image.shape == upright[name].shape
        assert np.abs(image.astype(int) - upright[name]).mean() < 8
    if turned == 6:
        found = problems(root, "jpg", orientation="ignore")
        assert len(found) == 3
        assert "One of the two is turned" in found[0]


def test_masks_of_unturned_pixels_are_refused_or_taken(root):
    """Tools that know no EXIF draw the mask on the pixels as they are stored."""
    made, exif = images((8, 12, 3), "uint8"), Image.Exif()
    exif[274] = 6
    for name, image in made.items():
        Image.fromarray(image).save(root / f"{name}.png", exif=exif)
    found = problems(root, "png")
    assert len(found) == 3
    assert "masks/a.png" in found[0]
    assert "One of the two is turned" in found[0]
    assert "`orientation: ignore`" in found[0]
    prepared, warnings = run(root, "png", orientation="ignore")
    assert all((image == made[name]).all() for name, image in stored(prepared).items())
    assert warnings == ["the orientation that EXIF names is ignored (3 images, such as a)"]


def test_alpha_is_said(root):
    made = images((8, 12, 4), "uint8")
    for name, image in made.items():
        image[..., 3] = 255
        Image.fromarray(image).save(root / f"{name}.png")
    prepared, warnings = run(root, "png")
    assert (prepared.channels, warnings) == (3, ["an alpha channel is left out, all opaque (3 images, such as a)"])
    assert run(root, "png", channels=4)[0].channels == 4
    made["b"][2, 3, 3] = 0
    Image.fromarray(made["b"]).save(root / "b.png")
    (problem,) = problems(root, "png")
    assert "b.png: 1 of 96 pixels are transparent" in problem
    assert run(root, "png", alpha="drop")[0].channels == 3


def test_pages_as_channels(root):
    made = images((5, 8, 12), "uint16")
    for name, pages in made.items():
        tifffile.imwrite(root / f"{name}.tif", pages, photometric="minisblack")
    assert all("5 images in one file" in problem for problem in problems(root, "tif"))
    prepared, _ = run(root, "tif", page="channels")
    assert all((image == np.moveaxis(made[name], 0, -1)).all() for name, image in stored(prepared).items())
    prepared, _ = run(root, "tif", page=4)
    assert all((image[..., 0] == made[name][4]).all() for name, image in stored(prepared).items())


def test_all_that_is_no_image_is_one_line_each_and_nothing_hangs(root):
    names = ["fifo", "link", "folder", "empty", "text", "cut", "gone", "loop", "gif"]
    (root / "train.txt").write_text("\n".join(names))
    os.mkfifo(root / "fifo.png")
    (root / "link.png").symlink_to("nowhere.png")
    (root / "loop.png").symlink_to("loop.png")
    (root / "folder.png").mkdir()
    (root / "empty.png").touch()
    (root / "text.png").write_text("<html>")
    image = Image.fromarray(images((8, 12, 3), "uint8")["a"])
    for name in ("cut", "c", "gif"):
        image.save(root / f"{name}.png")
    (root / "cut.png").write_bytes((root / "c.png").read_bytes()[:150])
    image.save(root / "gif.png", "GIF", save_all=True, append_images=[Image.new("RGB", (12, 8))])
    for name in names:
        Image.open(root / "masks/a.png").save(root / f"masks/{name}.png")
    os.mkfifo(root / "masks/fifo2.png")
    found = problems(root, "png")
    parts = [
        "a FIFO", "a link to nowhere.png, which is not there", "a folder", "empty", "not an image of a known format",
        "cut.png: cannot be used as an image", "no such file", "loop.png: cannot be read", "2 images in one file",
    ]  # fmt: skip
    assert len(found) == len(parts)
    for problem, name, part in zip(found, names, parts, strict=True):
        assert problem.startswith(f"{root / name}.png: ")
        assert part in problem
    hashes = of_listing(files(dataset("png"), root), Remembered(None))  # planning opens no FIFO either
    assert set(hashes) == {"train", "val"}


def test_images_of_two_kinds_are_a_problem_that_names_the_first_of_each(root):
    made = images((8, 12, 3), "uint8")
    for name, image in made.items():
        Image.fromarray(image).save(root / f"{name}.png")
    (root / "b.png").write_bytes(imagecodecs.png_encode(made["b"].astype(np.uint16)))
    (problem,) = problems(root, "png")
    assert f"3 channels of uint8: {root / 'a.png'}" in problem
    assert f"3 channels of uint16: {root / 'b.png'}" in problem


def test_the_manifest_says_what_was_let_pass(root):
    for name, image in images((8, 12, 4), "uint8").items():
        Image.fromarray(image).save(root / f"{name}.png")
    run(root, "png", alpha="drop")
    warnings = json.loads((root / "out/manifest.json").read_text())["warnings"]
    assert warnings == ["an alpha channel is left out, with transparent pixels (3 images, such as a)"]
