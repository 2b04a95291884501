"""Parquet files of images and masks, by drawn ones."""

import io

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from segsweep.config.dataset import parse_dataset
from segsweep.data import readers
from segsweep.data.preparation import prepare
from segsweep.data.prepared import Prepared
from segsweep.errors import InputError
from segsweep.planning.data_fingerprint import of_listing
from segsweep.planning.remembered import Remembered

CLASSES = {0: "background", 1: "disc"}


def dataset(**changes):
    return parse_dataset({"name": "hub", "reader": "parquet", "classes": CLASSES} | changes)


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def drawn(rows, seed=0):
    """Images and masks of 6 rows and 8 columns."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (rows, 6, 8, 3), np.uint8)
    return images, (images[..., 0] > 127).astype(np.uint8)


def write(root, shard, images, masks, group=2, **columns):
    cells = {
        "image": [{"bytes": png(image), "path": f"{number}.png"} for number, image in enumerate(images)],
        "mask": [png(mask) for mask in masks],
    } | columns
    (root / "data").mkdir(exist_ok=True)
    parquet.write_table(pyarrow.table(cells), root / "data" / shard, row_group_size=group)


@pytest.fixture
def root(tmp_path):
    write(tmp_path, "train-00000-of-00002.parquet", *drawn(5))
    write(tmp_path, "train-00001-of-00002.parquet", *drawn(2, 1))
    write(tmp_path, "validation-00000-of-00001.parquet", *drawn(2, 2))
    return tmp_path


def problems(ask, *arguments):
    with pytest.raises(InputError) as caught:
        ask(*arguments)
    return caught.value.problems


@pytest.mark.parametrize("kind", [pyarrow.large_binary(), pyarrow.binary_view()])
def test_other_types_of_bytes(root, kind):
    images, masks = drawn(5)
    cells = {"image": pyarrow.array([png(one) for one in images], kind), "mask": pyarrow.array(map(png, masks), kind)}
    write(root, "train-00000-of-00002.parquet", images, masks, **cells)
    manifest = prepare(dataset(), root, None, root / "out", "f")
    assert len(manifest["splits"]["train"]["names"]) == 7


@pytest.mark.parametrize("workers", [1, 3])
def test_rows_become_images_and_masks_bit_for_bit(root, workers):
    prepare(dataset(), root, None, root / "out", "f", workers=workers)
    train = Prepared.open(root / "out").splits["train"]
    assert train.names == [f"train-00000-of-00002_{row:05d}" for row in range(5)] + [
        f"train-00001-of-00002_{row:05d}" for row in range(2)
    ]
    for first, count, seed in ((0, 5, 0), (5, 2, 1)):
        images, masks = drawn(count, seed)
        for row in range(count):
            assert (train.image(first + row) == images[row]).all()
            assert (train.mask(first + row) == masks[row]).all()


def test_columns_and_names_are_the_data_sets(root):
    images, masks = drawn(2)
    cells = {"label": [{"bytes": png(mask), "path": None} for mask in masks], "number": [7, 8]}
    write(root, "train-00000-of-00002.parquet", images, masks, **cells)
    shards = {"folders": {"train": "train-00000"}}
    named = dataset(splits=shards, mask="label", names="number")
    assert [name for name, _ in readers.files(named, root)["train"]] == ["7", "8"]
    assert [item.name for item in readers.read(dataset(splits=shards, names="image.path"), root)["train"]] == [
        "0",
        "1",
    ]
    assert readers.read(named, root)["train"][1].mask(6, 8) == png(masks[1])


def test_images_of_16_bits_are_kept_whole(root):
    shards = ("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001")
    images = np.random.default_rng(5).integers(0, 2**16, (3, 2, 6, 8), np.uint16)
    for number, shard in enumerate(shards):
        write(root, f"{shard}.parquet", images[number], (images[number] > 2**15).astype(np.uint8))
    prepare(dataset(channels=1), root, None, root / "out", "f")
    train = Prepared.open(root / "out").splits["train"]
    assert (np.stack([train.image(i)[..., 0] for i in range(4)]) == images[:2].reshape(4, 6, 8)).all()


def test_masks_of_colors_are_read_by_the_palette(root):
    palette = {"background": [0, 0, 0], "disc": [200, 0, 0]}
    for number, shard in enumerate(("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001")):
        images, masks = drawn(2, number)
        write(root, f"{shard}.parquet", images, masks[..., None] * np.uint8([200, 0, 0]))
    prepare(dataset(palette=palette, classes=None), root, None, root / "out", "f")
    assert (Prepared.open(root / "out").splits["val"].mask(1) == drawn(2, 2)[1][1]).all()


def test_a_shard_counts_as_a_whole_and_which_row_is_meant(root):
    before = readers.files(dataset(), root)
    assert before["train"][5] == (
        "train-00001-of-00002_00000",
        [root / "data/train-00001-of-00002.parquet", "row 0"],
    )
    hashes = of_listing(before, Remembered(None))
    write(root, "validation-00000-of-00001.parquet", *drawn(2, 3))
    after = of_listing(readers.files(dataset(), root), Remembered(None))
    assert after["train"] == hashes["train"]
    assert after["val"] != hashes["val"]


def test_all_that_is_wrong_with_shards_is_named_at_once(root):
    (root / "data/train-00000-of-00002.parquet").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid")
    write(root, "train-00001-of-00002.parquet", *drawn(1), mask=[3])
    found = problems(
        readers.files,
        dataset(splits={"folders": ["train", "val"]}, image="imgae"),
        root,
    )
    assert "a pointer of Git LFS" in found[0]
    assert "no column 'imgae', which `image` names. Did you mean 'image'? Columns: image, mask." in found[1]
    assert "the column 'mask', which `mask` names, is of the type int64" in found[2]
    assert "data/val-*.parquet: there is no such file" in found[3]
    assert "data/validation-00000-of-00001.parquet" in found[3]


def test_rows_without_files_are_named_with_all_others(root):
    images, masks = drawn(3)
    cells = [{"bytes": None, "path": "/home/me/0.png"}, {"bytes": png(images[1])[:40], "path": None}, None]
    write(root, "train-00000-of-00002.parquet", images, masks, image=cells)
    found = problems(prepare, dataset(), root, None, root / "out", "f")
    assert "row 0 holds no bytes, only the path '/home/me/0.png' in the column 'image'" in found[0]
    assert "train-00000-of-00002.parquet: row 1: not an image of a known format" in found[1]
    assert "row 2 holds nothing in the column 'image'" in found[2]


@pytest.mark.parametrize(
    "kind", [pyarrow.binary(), pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})]
)
def test_a_test_split_without_masks_is_predicted(root, kind):
    images, masks = drawn(3, 4)
    write(root, "test-0.parquet", images, masks, mask=pyarrow.array([None] * 3, kind))
    folders = {"train": "train", "val": "validation", "test": "test"}
    assert readers.files(dataset(splits={"folders": folders}), root)["test"][0][1] == [root / "data/test-0.parquet"]
    manifest = prepare(dataset(splits={"folders": folders}), root, None, root / "out", "f")
    assert manifest["splits"]["test"]["labeled"] is False
    swapped = dataset(splits={"folders": {"train": "test", "val": "validation"}})
    found = problems(prepare, swapped, root, None, root / "out", "f")
    assert "test-0.parquet: row 0: 'test-0_00000' has no mask, and the task needs one" in found[0]


def test_a_list_names_rows_of_any_shard(root):
    (root / "train.txt").write_text("train-00001-of-00002_00001\ntrain-00000-of-00002_00003\n")
    (root / "val.txt").write_text("validation-00000-of-00001_00001\nnobody\n")
    listed = dataset(splits={"train": "train.txt", "val": "val.txt"}, shards="data/*.parquet")
    assert [path[1] for _, path in readers.files(listed, root)["train"]] == ["row 1", "row 3"]
    (problem,) = problems(prepare, listed, root, None, root / "out", "f")
    assert "val.txt:2: 'nobody' is none of the 9 images of" in problem


def test_a_mask_that_is_refused_is_named_by_its_row(root):
    images, masks = drawn(2)
    file = io.BytesIO()
    Image.fromarray(masks[0]).save(file, "JPEG")
    write(root, "train-00001-of-00002.parquet", images, masks, mask=[file.getvalue(), png(masks[1])])
    (problem,) = problems(prepare, dataset(), root, None, root / "out", "f")
    assert "train-00001-of-00002.parquet: row 0: JPEG" in problem


def test_a_damaged_shard(root):
    shard = root / "data/train-00001-of-00002.parquet"
    shard.write_bytes(shard.read_bytes()[:-20])
    (found,) = problems(readers.files, dataset(), root)
    assert "train-00001-of-00002.parquet: cannot be read as Parquet" in found


def test_a_row_without_a_name(root):
    write(root, "train-00000-of-00002.parquet", *drawn(2), id=["a", None])
    named = {"splits": {"folders": {"train": "train-00000"}}}
    (found,) = problems(readers.files, dataset(**named, names="id"), root)
    assert "row 1 has no name in the column 'id'" in found
    images, masks = drawn(2)
    cells = [{"bytes": png(image), "path": path} for image, path in zip(images, ("a.png", None), strict=True)]
    write(root, "train-00000-of-00002.parquet", images, masks, image=cells)
    (found,) = problems(readers.files, dataset(**named, names="image.path"), root)
    assert "row 1 has no name in the column 'image.path'" in found


def test_names_that_several_rows_have_are_refused_and_problems_of_all_splits_are_said(tmp_path):
    write(tmp_path, "train-0.parquet", *drawn(3), id=["a", "b", "a"])
    write(tmp_path, "validation-0.parquet", *drawn(2), id=["c", "c"])
    found = problems(readers.files, dataset(names="id"), tmp_path)
    assert len(found) == 2
    assert "train-0.parquet: row 2: its name 'a' is that of " in found[0]
    assert "validation-0.parquet: row 1: its name 'c' is that of " in found[1]
