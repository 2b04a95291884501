"""Batches: sizes, order, crops, and that who makes a batch changes nothing."""

import numpy as np
import pytest
import torch

from segsweep.config.train import Data
from segsweep.data.loading import Batches, Buffers, Normalize
from segsweep.data.preparation import prepare
from segsweep.data.prepared import Prepared
from segsweep.data.readers.demo import Demo, DemoDataset
from segsweep.data.readers.folder import FolderDataset
from segsweep.inference.forward import to_device

COUNT = 9
NAMES = {0: "background", 1: "disc", 2: "square"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "demo"
    demo = Demo(train=COUNT, val=3, size=(40, 64), classes=2)
    prepare(DemoDataset(name="d", task="multitask", classes=NAMES, demo=demo), folder, None, folder, "f")
    return Prepared.open(folder)


def batches(prepared, data=None, batch_size=4, split="train", **options):
    items = [(split, i) for i in range(len(prepared.splits[split]))]
    settings = {"seed": 1, "training": split == "train"} | options
    return Batches(items, data or Data(), prepared, batch_size, **settings)


def equal(a, b):
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


def test_a_batch_holds_what_the_contract_says(prepared):
    batch = next(batches(prepared).epoch(1))
    assert batch["image"].shape == (4, 3, 64, 64)  # 40 x 64, padded at the bottom
    assert batch["image"].dtype == torch.uint8
    assert (batch["mask"].shape, batch["mask"].dtype) == ((4, 64, 64), torch.uint8)
    assert (batch["mask"][:, 40:] == 255).all()
    assert batch["size"] == [(40, 64)] * 4
    for b, (position, name) in enumerate(zip(batch["index"], batch["name"], strict=True)):
        split = prepared.splits["train"]
        assert split.names[position] == name
        assert (batch["image"][b, :, :40].permute(1, 2, 0).numpy() == split.image(position)).all()
        assert (batch["mask"][b, :40].numpy() == split.mask(position)).all()
        assert (batch["boxes"][b].numpy() == split.boxes(position)).all()
        assert batch["labels"][b].dtype == torch.int64
        assert len(batch["ignored"][b]) == len(batch["boxes"][b])
    assert "page" not in batch


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_that_is_held_keeps_its_content(prepared, workers):
    loader = batches(prepared, batch_size=2, workers=workers)
    held = [(batch, {key: batch[key].clone() for key in ("image", "mask")}) for batch in loader.epoch(1)]
    for _ in loader.epoch(2):
        assert all(torch.equal(batch[key], kept[key]) for batch, kept in held for key in kept)


def test_memory_is_used_again_once_nobody_looks_at_it():
    buffers = Buffers()
    first = buffers.take(100)
    address, seen = first.ctypes.data, torch.from_numpy(first[10:70].reshape(3, 4, 5)).permute(2, 0, 1)
    del first
    assert buffers.take(50).ctypes.data != address  # a view of a view still looks
    del seen
    taken = [buffers.take(40), buffers.take(40)]
    assert address in [array.ctypes.data for array in taken]
    assert [len(array) for array in taken] == [40, 40]
    assert taken[0].ctypes.data != taken[1].ctypes.data
    del taken
    assert len(buffers.take(1000)) == 1000


def test_on_the_device_masks_are_whole_numbers_and_images_in_the_order_wished_for(prepared):
    (batch,) = batches(prepared, batch_size=9).epoch(1)
    for last, order in ((True, torch.channels_last), (False, torch.contiguous_format)):
        moved = to_device(batch, torch.device("cpu"), torch.channels_last if last else torch.contiguous_format)
        assert moved["mask"].dtype == torch.int64
        assert torch.equal(moved["mask"], batch["mask"].long())
        assert torch.equal(moved["image"], batch["image"])
        assert moved["image"].is_contiguous(memory_format=order)


def test_an_epoch_shows_each_image_once_in_an_order_of_its_own(prepared):
    loader = batches(prepared, batch_size=5)
    first, second = ([i for batch in loader.epoch(n) for i in batch["index"]] for n in (1, 2))
    assert sorted(first) == sorted(second) == list(range(COUNT))
    assert first != second
    assert first == [i for batch in loader.epoch(1) for i in batch["index"]]
    assert len(loader) == 2


def test_a_single_image_left_over_is_passed_over_in_training_only(prepared):
    assert [len(batch["index"]) for batch in batches(prepared, batch_size=4).epoch(1)] == [4, 4]
    assert len(batches(prepared, batch_size=4)) == 2
    whole = batches(prepared, batch_size=4, training=False).epoch(1)
    assert [len(batch["index"]) for batch in whole] == [4, 4, 1]
    assert len(batches(prepared, batch_size=1)) == COUNT


@pytest.mark.parametrize("split", ["train", "val"])
def test_workers_change_nothing(prepared, split):
    data = Data(augmentation="heavy", crop=(32, 32))
    alone, helped = (batches(prepared, data, split=split, workers=workers) for workers in (0, 2))
    state = torch.get_rng_state()
    for epoch in (1, 2):
        one, two = list(alone.epoch(epoch)), list(helped.epoch(epoch))
        assert len(one) == len(two)
        assert all(map(equal, one, two))
    assert torch.equal(state, torch.get_rng_state())  # dropout draws from it


def test_an_image_does_not_depend_on_its_neighbours(prepared):
    data = Data(augmentation="heavy", crop=(32, 32))
    small, large = batches(prepared, data, batch_size=2), batches(prepared, data, batch_size=9)
    (whole,) = large.epoch(3)
    at = {position: b for b, position in enumerate(whole["index"])}
    for batch in small.epoch(3):
        for b, position in enumerate(batch["index"]):
            assert torch.equal(batch["image"][b], whole["image"][at[position]])
            assert torch.equal(batch["boxes"][b], whole["boxes"][at[position]])


def test_seed_and_epoch_change_crops(prepared):
    def shown(seed, epoch):
        (batch,) = batches(prepared, Data(crop=(32, 32)), batch_size=9, seed=seed).epoch(epoch)
        return {i: image.numpy().tobytes() for i, image in zip(batch["index"], batch["image"], strict=True)}

    first = shown(0, 1)
    for other in (shown(0, 2), shown(1, 1)):
        assert sum(first[i] == other[i] for i in first) < COUNT / 2


def test_crops_and_augmentation_apply_to_training_only(prepared):
    data = Data(augmentation="heavy", crop=(32, 32))
    assert next(batches(prepared, data).epoch(1))["image"].shape == (4, 3, 32, 32)
    assert next(batches(prepared, data, split="val").epoch(1))["image"].shape == (3, 3, 64, 64)
    plain, set_ = (list(batches(prepared, d, split="val").epoch(1)) for d in (Data(), data))
    assert all(map(equal, plain, set_))


def test_a_crop_larger_than_the_image_is_void_around_it(prepared):
    batch = next(batches(prepared, Data(crop=(96, 128))).epoch(1))
    assert batch["mask"].shape == (4, 96, 128)
    assert ((batch["mask"] != 255).sum((1, 2)) == 40 * 64).all()
    for mask, boxes, labels in zip(batch["mask"], batch["boxes"], batch["labels"], strict=True):
        for (x1, y1, x2, y2), label in zip(boxes.int().tolist(), labels, strict=True):
            assert (mask[y1:y2, x1:x2] == label + 1).any()


def test_validation_batches_hold_images_of_one_size(tmp_path):
    from PIL import Image

    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    sizes = {"a": (40, 64), "b": (70, 33), "c": (64, 40), "d": (33, 33), "e": (32, 32)}
    for name, (height, width) in sizes.items():
        Image.new("RGB", (width, height)).save(tmp_path / f"images/{name}.jpg")
        Image.fromarray(np.arange(height * width).reshape(height, width).astype(np.uint8) % 2).save(
            tmp_path / f"masks/{name}.png"
        )
    (tmp_path / "train.txt").write_text("e")
    (tmp_path / "val.txt").write_text("a b\nb\nc\nd\n".replace("a b", "a"))
    dataset = FolderDataset(name="t", classes={0: "even", 1: "odd"})
    prepare(dataset, tmp_path, None, tmp_path / "out", "f")
    found = list(batches(Prepared.open(tmp_path / "out"), split="val").epoch(1))
    assert [batch["name"] for batch in found] == [["a", "c", "d"], ["b"]]
    assert [tuple(batch["image"].shape) for batch in found] == [(3, 3, 64, 64), (1, 3, 96, 64)]
    assert found[0]["size"] == [(40, 64), (64, 40), (33, 33)]


def test_normalize(prepared):
    image = torch.tensor([0, 255, 51], dtype=torch.uint8).view(1, 3, 1, 1)
    assert Normalize("none", prepared)(image).flatten().tolist() == pytest.approx([0, 1, 0.2])
    expected = [(0 - 0.485) / 0.229, (1 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]
    assert Normalize("standardize", prepared)(image).flatten().tolist() == pytest.approx(expected, rel=1e-5)
    train = np.stack([prepared.splits["train"].image(i) for i in range(COUNT)])
    shown = Normalize("normalize", prepared)(torch.from_numpy(train).permute(0, 3, 1, 2))
    assert shown.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert shown.std((0, 2, 3), correction=0).tolist() == pytest.approx([1, 1, 1], rel=1e-4)
    assert not Normalize("normalize", prepared).state_dict()
    floats = torch.rand(1, 3, 2, 2)
    kept = floats.clone()
    Normalize("none", prepared)(floats)
    assert torch.equal(floats, kept)  # what it is given stays as it is


@pytest.mark.parametrize("name", ["none", "heavy", "street"])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_device_makes_the_batches_that_the_loader_makes(prepared, name, workers):
    data = {"augmentation": name, "augmentation_backend": "torchvision", "crop": (48, 56)}
    made = batches(prepared, Data(**data), workers=workers)
    on_device = Data(augmentation_device="device", **data)
    there = batches(prepared, on_device, workers=workers, device=torch.device("cpu"))
    for epoch in (1, 2):
        found, expected = list(there.epoch(epoch)), list(made.epoch(epoch))
        assert equal(found, expected)
        assert {one["image"].dtype for one in found} == {torch.uint8}
    assert equal(*(list(batches(prepared, one, split="val").epoch(1)) for one in (Data(**data), on_device)))


def test_a_device_is_refused_to_a_backend_that_knows_none():
    with pytest.raises(ValueError, match=r"albumentations augments images in the loader only\. Set augmentation_b"):
        Data(augmentation="basic", augmentation_device="device")
