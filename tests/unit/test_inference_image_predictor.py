"""Images that nobody prepared: cut, mirrored, stitched and brought back to their own size."""

from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from segsweep.data.image_files.image_file import Reading
from segsweep.errors import InputError
from segsweep.inference.flipped import flipped_back, flipped_image
from segsweep.inference.native_size import in_native_size
from segsweep.inference.prediction_options import FLIPS, PredictionOptions
from segsweep.inference.prediction_stream import too_large
from segsweep.inference.sliding_windows import WindowStitcher, gaussian, starts
from segsweep.inference.unseen_images import UnseenImage, read_unseen, size_of
from segsweep.text.postprocess import Detections


@pytest.mark.parametrize(("side", "window", "overlap"), [(100, 100, 0.5), (101, 32, 0.5), (97, 32, 0), (64, 32, 0.99)])
def test_windows_reach_from_edge_to_edge_and_overlap_enough(side, window, overlap):
    found = starts(side, window, overlap)
    assert found[0] == 0
    assert found[-1] == side - window
    steps = np.diff(found)
    assert (steps > 0).all()
    assert (steps <= max(window * (1 - overlap), 1) + 0.5).all()  # whole pixels


def test_weights_are_those_of_a_gaussian_about_the_middle():
    weights = gaussian(3, 16, torch.device("cpu"))
    assert weights.shape == (3, 16)
    assert torch.allclose(weights, weights.flip(0, 1))
    assert weights.min() > 0
    assert float(weights[1, 7] / weights[1, 3]) == pytest.approx(np.exp(-0.5 * ((0.5 / 2) ** 2 - (4.5 / 2) ** 2)))


def page(name, y, x, size):
    return {"page": name, "y": y, "x": x, "height": size[0], "width": size[1]}


def test_windows_that_say_the_same_give_the_image_and_others_their_weighted_mean():
    whole = torch.arange(2 * 6 * 8, dtype=torch.float32).view(2, 6, 8)
    corners = [(y, x) for y in (0, 2) for x in (0, 4)]
    images = torch.zeros(4, 2, 32, 32)  # padded as batches are
    for i, (y, x) in enumerate(corners):
        images[i, :, :4, :4] = whole[:, y : y + 4, x : x + 4]
    batch = {"page": [page("a", y, x, (6, 8)) for y, x in corners], "size": [(4, 4)] * 4}
    ((outputs, about),) = WindowStitcher().add([{"main": images, "aux": []}, {"main": -images, "aux": []}], batch)
    assert about == {"name": ["a"], "size": [(6, 8)]}
    assert torch.allclose(outputs[0]["main"][0], whole)
    assert torch.allclose(outputs[1]["main"][0], -whole)
    both = {"page": [page("a", 0, 0, (1, 6)), page("a", 0, 2, (1, 6))], "size": [(1, 4)] * 2}
    values = torch.stack([torch.zeros(1, 1, 4), torch.ones(1, 1, 4)])
    ((outputs, _),) = WindowStitcher().add([values], both)
    weights = gaussian(1, 4, torch.device("cpu"))[0]
    shared = [weights[0] / (weights[2] + weights[0]), weights[1] / (weights[3] + weights[1])]
    assert torch.allclose(outputs[0].flatten(), torch.tensor([0, 0, *shared, 1, 1]))


@pytest.mark.parametrize("flip", FLIPS["all"])
def test_what_is_found_in_a_mirrored_image_comes_back(flip):
    """A pixel, its box and its polygon, marked in the mirrored image, are those of the image."""
    mask = np.zeros((5, 7), np.uint8)
    mask[1, 2] = 1
    box, polygon = np.float32([[2, 1, 3, 2]]), np.float32([[2, 1], [3, 1], [3, 2], [2, 2]])
    there = flipped_image(mask, flip)
    ((y, x),) = np.argwhere(there)
    found = {"mask": there, "probability": there[None].astype(np.float32), "boxes": np.float32([[x, y, x + 1, y + 1]])}
    back = flipped_back(found, (5, 7), flip)
    assert (back["mask"] == mask).all()
    assert (back["probability"] == mask).all()
    assert (back["boxes"] == box).all()
    corners = np.float32([[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]])
    (points,) = flipped_back(Detections([corners], np.ones(1)), (5, 7), flip).polygons
    start = int(np.flatnonzero((points == polygon[0]).all(1))[0])
    assert (np.roll(points, -start, axis=0) == polygon).all()  # and clockwise still


def unseen(height, width):
    return UnseenImage("a", np.zeros((height, width, 3), np.uint8), {33550: (12, 3, (1.0, 1.0, 0.0))})


def test_a_larger_image_gets_the_mask_of_the_network_pixel_by_pixel():
    rng = np.random.default_rng(0)
    found = {"mask": rng.integers(0, 3, (8, 10), np.uint8), "probability": rng.random((3, 8, 10), np.float32)}
    found |= {"boxes": np.float32([[1, 2, 3, 4]]), "labels": np.array([0]), "scores": np.float32([0.5])}
    whole = in_native_size(unseen(24, 40), found, (8, 10), "multitask")
    assert (whole.mask[1::3, 2::4] == found["mask"]).all()
    assert (whole.probability == np.repeat(np.repeat(found["probability"], 3, 1), 4, 2)).all()
    assert whole.boxes.tolist() == [[4, 6, 12, 12]]
    assert whole.tags
    same = in_native_size(unseen(8, 10), found, (8, 10), "multitask")
    assert (same.mask == found["mask"]).all()


def test_smooth_masks_follow_from_interpolated_probabilities():
    found = {"mask": np.array([[0, 1]], np.uint8), "probability": np.float32([[[0.0, 1.0]]])}
    whole = in_native_size(unseen(1, 8), found, (1, 2), "binary", smooth=True)
    assert (np.diff(whole.probability[0, 0]) >= 0).all()
    assert len(np.unique(whole.probability)) > 2
    assert whole.mask[0].tolist() == (whole.probability[0, 0] > 0.5).astype(int).tolist()


def test_text_comes_back_in_the_size_of_the_image():
    found = Detections([np.float32([[1, 1], [2, 1], [2, 3]])], np.float32([0.7]))
    whole = in_native_size(unseen(20, 30), found, (10, 10), "text")
    assert whole.polygons[0].tolist() == [[3, 2], [6, 2], [6, 6]]
    assert whole.mask is None


@pytest.mark.parametrize(
    ("options", "task", "said"),
    [
        ({"window": 500}, "binary", "window: 500"),
        ({"window": 0}, "binary", "window: 0"),
        ({"overlap": 1.0}, "binary", "overlap: 1.0"),
        ({"flips": "vertical"}, "binary", "none, horizontal, all"),
        ({"window": 512}, "multitask", "boxes"),
        ({"smooth": True}, "text", "no masks"),
    ],
)
def test_what_cannot_be_done_is_refused(options, task, said):
    PredictionOptions(window=512, flips="all", smooth=True).check("binary")
    with pytest.raises(InputError, match=said):
        PredictionOptions(**options).check(task)


def image_files(folder):
    """Images that no trained model takes as they are, with what a data set's file says, and the remedy."""
    colors = np.zeros((8, 9, 4), np.uint8)
    Image.fromarray(colors, "CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(colors, "RGBA").save(folder / "clear.png")
    tifffile.imwrite(folder / "pages.tif", np.zeros((3, 8, 9), np.uint8), photometric="minisblack")
    np.save(folder / "first.npy", np.zeros((4, 30, 30), np.uint8))
    np.save(folder / "holes.npy", np.full((8, 9, 3), np.nan, np.float32))
    nibabel.Nifti1Image(np.zeros((8, 9, 3), np.uint8), np.eye(4)).to_filename(folder / "volume.nii")
    return {
        "cmyk.jpg": ({}, "Convert it to RGB with the program of your choice."),
        "clear.png": ({}, "Save the image without its alpha channel."),
        "pages.tif": ({}, "3 images in one file (pages, frames or slices). Save each in a file of its own."),
        "first.npy": ({}, "Save np.moveaxis(image, 0, -1)."),
        "holes.npy": ({}, "216 of 216 values are infinite or not a number (NaN). Replace them, for example by 0."),
        "volume.nii": ({}, "Save each of its slices as an image of its own."),
    }


def test_the_remedy_for_an_image_that_cannot_be_predicted_is_one_of_its_file(tmp_path):
    trained = SimpleNamespace(channels=3, dtype="uint8")
    cases = [(tmp_path / name, Reading(**said), remedy) for name, (said, remedy) in image_files(tmp_path).items()]
    page = "there is no page 5; it has 3, counted from 0. The images of the training were page 5 of their files: save"
    cases += [(tmp_path / "pages.tif", Reading(page=5), f"{page} this one so.")]
    has = "the image has 3 channels, and the data set's file says `channels: 2`."
    Image.new("RGB", (9, 8)).save(tmp_path / "three.png")
    cases += [
        (
            tmp_path / "three.png",
            Reading(channels=2),
            f"{has} Save it with the channels that the images of the training have.",
        )
    ]
    for path, reading, remedy in cases:
        with pytest.raises(InputError) as refused:
            read_unseen(path, "a", reading, trained)
        assert str(refused.value).startswith(f"{path}: ")
        assert str(refused.value).endswith(remedy)
        assert "in the data set's file" not in str(refused.value)
    with pytest.raises(InputError, match=r"CMYK.*your choice\.$"):
        size_of(tmp_path / "cmyk.jpg", Reading())


@pytest.mark.parametrize(
    ("task", "window", "remedy"),
    [
        ("binary", None, "through windows of 512 pixels"),
        ("binary", 512, "Take smaller windows than 512 pixels"),
        ("multitask", None, "Use a device with more memory, or cut it where no object is cut."),
    ],
)
def test_the_remedy_for_an_image_that_is_too_large_can_be_followed(task, window, remedy):
    options = PredictionOptions(window=window)
    options.check(task)
    assert remedy in str(too_large(UnseenImage("a", np.zeros((8, 9, 3), np.uint8)), options, task))
    if task == "multitask":
        with pytest.raises(InputError, match="window"):
            PredictionOptions(window=512).check(task)
