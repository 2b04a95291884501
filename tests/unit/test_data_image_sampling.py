"""How often images are drawn: the formulas by hand, the draws over many epochs, and that nothing else changes."""

import subprocess
import sys
from collections import Counter
from itertools import pairwise
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from segsweep.config.train import Data, Train
from segsweep.data.image_sampling import draw, image_weights
from segsweep.data.loading import Batches
from segsweep.data.preparation import prepare
from segsweep.data.prepared import Prepared
from segsweep.data.readers.demo import Demo, DemoDataset
from segsweep.errors import InputError
from segsweep.store.segment_store import SegmentStore
from segsweep.training.dataloaders import open_dataloaders
from segsweep.training.loop import train_segment
from tests.fakes import segment_plan
from tests.unit.test_training_loop import content, files, same

ROOT = Path(__file__).parents[2]


class FakeSplit:
    """Counts of four images: of background, road and bicycle. The last image is void."""

    class_counts = np.array([[90, 10, 0], [80, 20, 0], [50, 20, 30], [0, 0, 0]])
    scored_pixels = class_counts.sum(1)

    def __init__(self, boxes=()):
        self.boxes = dict(boxes)

    def labels(self, i):
        return np.array(self.boxes.get(i, []), np.int64)


class FakePrepared:
    dataset = "streets"

    def __init__(self, task="multiclass", boxes=()):
        self.task, self.splits = task, {"train": FakeSplit(boxes)}


def weights(settings: dict, images=(0, 1, 2, 3), **data):
    sampling = Data.model_validate({"image_sampling": settings}).image_sampling
    return image_weights(sampling, FakePrepared(**data), [("train", i) for i in images])


@pytest.mark.parametrize(
    ("settings", "images", "expected"),
    [
        # Of four images three have background and road, one has a bicycle.
        ({"name": "repeat_factor", "threshold": 0.5}, (0, 1, 2, 3), [1, 1, sqrt(2), 1]),
        ({"name": "repeat_factor", "threshold": 1.0}, (0, 1, 2, 3), [sqrt(4 / 3), sqrt(4 / 3), 2, 1]),
        ({"name": "repeat_factor", "threshold": 0.25}, (0, 1, 2, 3), [1, 1, 1, 1]),
        ({"name": "repeat_factor", "threshold": 0.5}, (1, 2), [1, 1]),  # in a fold, half of the images have one
        ({"name": "class_balanced"}, (0, 1, 2, 3), [1 / 3 + 1 / 3, 1 / 3 + 1 / 3, 1 / 3 + 1 / 3 + 1, 0]),
        ({"name": "class_balanced"}, (0, 1), [1, 1]),  # a class that no image has is left out
        (
            {"name": "class_balanced", "per": "pixel"},
            (0, 1, 2, 3),
            [90 / 220 + 10 / 50, 80 / 220 + 20 / 50, 50 / 220 + 20 / 50 + 1, 0],
        ),
    ],
)
def test_weights_by_hand(settings, images, expected):
    assert weights(settings, images) == pytest.approx(expected)


def test_images_without_a_label_are_drawn_as_often_as_a_label():
    data = FakePrepared("multilabel")
    train = data.splits["train"]
    # Of five images two have the first label, one has the second, two have none, and one is void.
    train.class_counts = np.array([[30, 0], [10, 20], [0, 0], [0, 0], [0, 0]])
    train.scored_pixels = np.array([100, 100, 100, 60, 0])
    found = [
        image_weights(
            Data.model_validate({"image_sampling": one}).image_sampling, data, [("train", i) for i in range(5)]
        )
        for one in ({"name": "class_balanced"}, {"name": "class_balanced", "per": "pixel"})
    ]
    assert found[0] == pytest.approx([1 / 2, 1 / 2 + 1, 1 / 2, 1 / 2, 0])
    assert found[1] == pytest.approx([30 / 40, 10 / 40 + 1, 100 / 160, 60 / 160, 0])


def test_each_image_once_needs_no_weights():
    assert weights({}) is None


def test_an_object_without_a_mask_is_there_by_its_box():
    bicycle = 1  # labels count from the first class that is no background
    found = weights({"name": "class_balanced"}, task="multitask", boxes={0: [bicycle]})
    assert found == pytest.approx([1 / 3 + 1 / 3 + 1 / 2, 1 / 3 + 1 / 3, 1 / 3 + 1 / 3 + 1 / 2, 0])


def test_what_cannot_be_sampled_is_refused():
    with pytest.raises(InputError, match=r"draws none of the 1 training images of streets.*name: uniform"):
        weights({"name": "class_balanced"}, images=[3])
    with pytest.raises(InputError, match=r"repeat_factor goes by the classes of masks, and data of the task text has"):
        weights({"name": "repeat_factor", "threshold": 0.5}, task="text")
    with pytest.raises(ValidationError, match=r"threshold\n +Field required"):
        Data.model_validate({"image_sampling": {"name": "repeat_factor"}})


def test_keys_of_another_sampling_are_left_out_so_that_it_can_be_an_axis():
    assert Data.model_validate({"image_sampling": {"threshold": 0.5}}) == Data()


@pytest.mark.parametrize("given", [[1.0] * 7, [1, 1, 5, 0, 2.5, 1e-9, 1.5], [0, 0, 3.0], [0.1] * 10])
def test_each_epoch_has_each_image_as_often_as_it_weighs_rounded_up_or_down(given):
    given = np.array(given, float)
    expected = len(given) * given / given.sum()
    epochs = 4000
    counted = np.zeros(len(given))
    for epoch in range(epochs):
        order = draw(given, np.random.default_rng([0, epoch]))
        assert len(order) == len(given)
        counts = np.bincount([position % len(given) for position in order], minlength=len(given))
        assert (np.abs(counts - expected) < 1 + 1e-9).all()
        counted += counts
    deviation = np.sqrt(epochs / 4)  # of a count that is one of two whole numbers, at most
    assert (np.abs(counted - epochs * expected) < 5 * deviation).all()
    assert counted[given == 0].sum() == 0


def test_repetitions_are_numbered_and_spread_over_the_epoch():
    count = 200
    given = np.where(np.arange(count) < 20, 5.0, 1.0)
    order = draw(given, np.random.default_rng(3))
    for image, times in Counter(position % count for position in order).items():
        assert {image + count * k for k in range(times)} <= set(order)
    assert len(set(order)) == count
    rare = [at for at, position in enumerate(order) if position % count < 20]
    assert np.mean(rare) == pytest.approx((count - 1) / 2, abs=34)  # five standard deviations: 5 * 58 / sqrt(71)
    neighbours = sum(a % count == b % count for a, b in pairwise(order))
    assert neighbours < 10  # 0.6 are expected; repetitions side by side would be 50


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "demo"
    demo = Demo(train=9, val=3, size=(32, 32), classes=2)
    names = {0: "background", 1: "disc", 2: "square"}
    prepare(DemoDataset(name="d", task="multiclass", classes=names, demo=demo), folder, None, folder, "f")
    return folder


RARE = np.array([1.0, 1, 1, 1, 1, 1, 1, 1, 6])


def epoch_of(folder, seed=1, epoch=1, **options):
    prepared = Prepared.open(folder)
    data = Data.model_validate({"augmentation": "basic", "crop": [16, 16]})
    items = [("train", i) for i in range(9)]
    return list(Batches(items, data, prepared, 4, seed=seed, training=True, **options).epoch(epoch))


def test_equal_weights_are_each_image_once(folder):
    index = [i for batch in epoch_of(folder, weights=np.ones(9)) for i in batch["index"]]
    assert len(index) == 8  # a single image that is left over is passed over, as without weights
    assert len(set(index)) == 8


def test_a_repetition_is_augmented_anew_and_the_first_as_without_sampling(folder):
    def images(**options):
        found = {}
        for batch in epoch_of(folder, **options):
            for i, image in zip(batch["index"], batch["image"], strict=True):
                found.setdefault(i, []).append(image.numpy().tobytes())
        return found

    once, often = images(), images(weights=RARE)
    assert len(often[8]) in (3, 4)  # 9 * 6 / 14 = 3.86, and one image may be passed over
    assert len(set(often[8])) == len(often[8])
    shared = [i for i in once.keys() & often.keys() if once[i][0] in often[i]]
    assert len(shared) >= len(once.keys() & often.keys()) - 1  # the one passed over may be a first


def test_the_order_follows_from_seed_and_epoch_in_any_process_and_thread(folder):
    program = f"""
import numpy as np
from pathlib import Path
from tests.unit.test_data_image_sampling import RARE, epoch_of
print([batch["index"] for batch in epoch_of(Path({str(folder)!r}), weights=RARE, workers=2)])
"""
    code = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'workflow/scripts')!r}]\n" + program
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    here = [batch["index"] for batch in epoch_of(folder, weights=RARE)]
    assert other.strip() == str(here)
    assert here != [batch["index"] for batch in epoch_of(folder, weights=RARE, epoch=2)]
    assert here != [batch["index"] for batch in epoch_of(folder, weights=RARE, seed=2)]


def test_interrupted_it_resumes_to_the_same_bits(folder, tmp_path):
    settings = {
        "model": {"arch": "unet", "encoder": "resnet18"},
        "data": {"augmentation": "basic", "image_sampling": {"name": "class_balanced"}},
        "loss": {"main": {"cross_entropy": 1.0}},
        "batch_size": 4,
    }
    segment = segment_plan(settings, last=3, data=str(folder))
    whole, cut = SegmentStore(tmp_path / "whole"), SegmentStore(tmp_path / "cut")
    assert train_segment(segment, whole)["status"] == "finished"
    for steps in (3, 4):  # of two an epoch
        calls = iter(range(100))
        train_segment(segment, cut, should_stop=lambda calls=calls, steps=steps: next(calls) >= steps)
    assert train_segment(segment, cut)["status"] == "finished"
    assert same(*(content(store.part(segment.id)) for store in (whole, cut)))
    assert same(*(files(store.part(segment.id)) for store in (whole, cut)))
    loaders = open_dataloaders(segment, Train.model_validate(settings), torch.device("cpu"))
    drawn = Counter(i for epoch in range(1, 20) for batch in loaders.train.epoch(epoch) for i in batch["index"])
    assert len(set(drawn.values())) > 1  # the images of the demo do hold different classes
