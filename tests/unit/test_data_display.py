"""How images of any depth and number of channels are shown."""

from types import SimpleNamespace

import numpy as np
import pytest

from segsweep.config.dataset import parse_dataset
from segsweep.config.display import Display
from segsweep.data.display import display_of
from segsweep.errors import InputError


def data_of(*images):
    """Prepared data whose training images are these."""
    split = type("Split", (), {"__len__": lambda self: len(images), "image": lambda self, i: images[i]})
    dtype, channels = images[0].dtype.name, images[0].shape[2]
    return SimpleNamespace(dataset="bands", channels=channels, dtype=dtype, splits={"train": split()})


def ramp(dtype, *factors):
    """(1, 101, C): the values 0 to 100, times a factor for each channel."""
    return (np.arange(101)[None, :, None] * np.array(factors)).astype(dtype)


def test_8_bit_rgb_is_shown_as_it_is():
    image = ramp(np.uint8, 1, 2, 0)
    assert np.array_equal(display_of(data_of(image))(image), image)
    assert display_of(data_of(image)).in_words == ""


def test_a_single_channel_is_shown_in_gray():
    image = ramp(np.uint8, 2)
    shown = display_of(data_of(image))(image)
    assert shown.shape == (1, 101, 3)
    assert np.array_equal(shown[..., 1], image[..., 0])
    assert display_of(data_of(image)).in_words == "Channel 0 is shown in gray."


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_other_depths_are_stretched_by_channel(dtype):
    image = ramp(dtype, 1, 100, 600, 7, 7)
    shown = display_of(data_of(image))(image)
    # 2 becomes black and 98 white, in the unit of each channel; 50 lies in the middle.
    assert shown.dtype == np.uint8
    assert shown[0, [0, 2, 50, 98, 100]].tolist() == [[0] * 3, [0] * 3, [128] * 3, [255] * 3, [255] * 3]


def test_channels_and_percentiles_are_named_by_the_data_set():
    image = ramp(np.uint16, 1, 2, 3, 4, 500)
    show = display_of(data_of(image), Display(channels=[4, 2, 0], stretch=(0, 50)))
    shown = show(image)
    assert show.in_words == (
        "Shown as red, green and blue are the channels 4, 2 and 0, stretched between the percentiles 0 and 50 of the "
        "training images."
    )
    assert shown[0, 25].tolist() == [128] * 3
    assert shown[0, 50].tolist() == [255] * 3


def test_percentiles_are_of_all_training_images():
    dark, light = (np.full((2, 2, 1), value, np.uint16) for value in (100, 300))
    show = display_of(data_of(dark, light), Display(stretch=(0, 100)))
    assert show(dark).max() == 0
    assert show(light).min() == 255


def test_a_constant_channel_is_black():
    image = np.full((2, 2, 1), 7, np.uint16)
    assert display_of(data_of(image))(image).max() == 0


def test_a_channel_that_is_not_there_is_refused():
    with pytest.raises(InputError, match=r"display.channels is \[4, 3, 2\], but its images have channels 0 to 3"):
        display_of(data_of(ramp(np.uint16, 1, 1, 1, 1)), Display(channels=[4, 3, 2]))


@pytest.mark.parametrize(("value", "said"), [({"channels": [0, 1]}, "gray is one"), ({"stretch": [98, 2]}, "white")])
def test_what_cannot_be_shown_is_refused_in_the_file(value, said):
    keys = {"name": "a", "reader": "folder", "classes": {0: "no", 1: "yes"}}
    with pytest.raises(InputError, match=said):
        parse_dataset(keys | {"display": value})
