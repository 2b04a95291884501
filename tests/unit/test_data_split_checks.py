"""What preparation makes of splits: drawn ones, groups, images that are there twice, hidden ground truth."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from segsweep.config.dataset import parse_dataset
from segsweep.config.train import Data
from segsweep.data.classes import class_names
from segsweep.data.duplicates import signature
from segsweep.data.preparation import prepare
from segsweep.data.prepared import Prepared
from segsweep.data.splits import dealt, folds
from segsweep.errors import InputError

DATASET = {
    "name": "tiny", "reader": "folder", "images": "{name}.png", "masks": "{name}_mask.png",
    "classes": {0: "sky", 1: "road", 2: "car"}, "void": [255],
}  # fmt: skip
SIZE = (12, 16)


def image(seed):
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)


def mask(*classes):
    rows = np.linspace(0, len(classes) - 1e-9, SIZE[0]).astype(int)
    return np.repeat(np.array(classes, np.uint8)[rows][:, None], SIZE[1], 1)


def write(root, name, number, labels=(0, 1, 2)):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image(number)).save(root / f"{name}.png")
    if labels:
        Image.fromarray(mask(*labels)).save(root / f"{name}_mask.png")


def lists(root, **splits):
    for split, names in splits.items():
        (root / f"{split}.txt").write_text("\n".join(names))
    return {split: f"{split}.txt" for split in splits}


def prepared(root, data=None, **changes):
    dataset, output = parse_dataset(DATASET | changes), root / "out"
    prepare(dataset, root, data, output, "f")
    return Prepared.open(output, class_names(dataset))


def problems(root, **changes):
    with pytest.raises(InputError) as caught:
        prepared(root, **changes)
    return caught.value.problems


def names(found):
    return {split: one.names for split, one in found.splits.items()}


def test_drawn_splits_have_the_shares_that_were_asked_for(tmp_path):
    for i in range(20):
        write(tmp_path, f"p{i // 2:02d}_{i % 2}", i, (0, 1, 2) if i % 5 == 0 else (0, 1))
    found = prepared(tmp_path, splits={"random": {"val": 0.25, "test": 0.25, "seed": 3}})
    assert {split: len(members) for split, members in names(found).items()} == {"train": 10, "val": 5, "test": 5}
    dealt_out = sorted(name for members in names(found).values() for name in members)
    assert dealt_out == sorted(path.stem for path in tmp_path.glob("p??_?.png"))
    assert all((split.class_counts[:, 2] > 0).sum() >= 1 for split in found.splits.values())  # 4 of 20 have a car
    assert names(found)["train"] == sorted(names(found)["train"])
    assert names(prepared(tmp_path, splits={"random": {"val": 0.25, "test": 0.25, "seed": 3}})) == names(found)
    assert names(prepared(tmp_path, splits={"random": {"val": 0.25, "test": 0.25, "seed": 4}})) != names(found)


def test_drawn_splits_keep_groups_whole(tmp_path):
    for i in range(20):
        write(tmp_path, f"p{i // 2:02d}_{i % 2}", i)
    drawn = {"val": 0.25, "group": "{name:.3}"}
    found = prepared(tmp_path, splits={"random": drawn})
    groups = {split: {name[:3] for name in members} for split, members in names(found).items()}
    assert not groups["train"] & groups["val"]
    assert (len(groups["train"]), len(groups["val"]), found.warnings) == (8, 2, [])  # 2.5 groups: 4 or 6 images
    assert found.splits["val"].group(0) == found.splits["val"].names[0][:3]
    with_expression = prepared(tmp_path, splits={"random": {"val": 0.25}}, group="(p.+)_")
    assert names(with_expression) == names(found)


def test_what_cannot_be_drawn(tmp_path):
    for i in range(4):
        write(tmp_path, f"a{i}", i)
    (found,) = problems(tmp_path, splits={"random": {"val": 0.25, "group": "{name:.1}"}})
    assert "the split 'val' is empty. It was to be 25% of 4 images in 1 group. Raise its share" in found
    found = problems(tmp_path, splits={"random": {"val": 0.25}}, group="(.+)_")
    assert len(found) == 1
    assert "a0.png: the group '(.+)_' is not found in the name 'a0' and in 3 more. Correct `group`" in found[0]
    (tmp_path / "a3_mask.png").unlink()
    (found,) = problems(tmp_path, splits={"random": {"val": 0.25}})
    assert "a3_mask.png: no such file" in found


def test_a_split_far_from_its_share_is_noted(tmp_path):
    for i in range(20):
        write(tmp_path, f"{'ab'[i > 12]}{i}", i)
    assert prepared(tmp_path, splits={"random": {"val": 0.2}}, group="{name:.1}").warnings == [
        "the split 'train' has 13 images, 65% of all and not 80%: groups of images are not divided",
        "the split 'val' has 7 images, 35% of all and not 20%: groups of images are not divided",
    ]


@pytest.mark.parametrize("count", [10, 47, 200])
def test_parts_are_as_large_as_they_should_be(count):
    rng = np.random.default_rng(count)
    strata = rng.random((count, 4)) < [0.9, 0.5, 0.2, 0.05]
    part = dealt(range(count), range(count), strata, [0.7, 0.2, 0.1], np.random.default_rng(0))
    sizes = np.bincount(part, minlength=3)
    assert abs(sizes - count * np.array([0.7, 0.2, 0.1])).max() <= 1
    for stratum in strata.T:  # each is spread as well as whole images allow
        spread = np.bincount(part[stratum], minlength=3) - stratum.sum() * np.array([0.7, 0.2, 0.1])
        assert abs(spread).max() <= 2.5


def test_groups_of_any_size_are_dealt_out_whole_and_near_their_shares():
    rng = np.random.default_rng(1)
    group = rng.choice(40, 400, p=rng.dirichlet(np.ones(40)))
    part = dealt(range(400), group.tolist(), np.zeros((400, 0), bool), [0.7, 0.2, 0.1], np.random.default_rng(0))
    assert all(len(set(part[group == one])) == 1 for one in set(group.tolist()))
    assert abs(np.bincount(part) - [280, 80, 40]).max() <= 10


def test_no_part_stays_empty_while_there_are_groups():
    for seed in range(20):
        group = [i // 10 for i in range(30)]
        part = dealt(range(30), group, np.zeros((30, 0), bool), [0.6, 0.2, 0.2], np.random.default_rng(seed))
        assert np.bincount(part).tolist() == [10, 10, 10]
        strata = np.arange(6)[:, None] % 3 == np.arange(3)
        assert set(dealt(range(6), range(6), strata, [1] * 4, np.random.default_rng(seed))) == set(range(4))


def test_folds_respect_groups(tmp_path):
    for i in range(12):
        write(tmp_path, f"p{i // 3}_{i}", i)
    write(tmp_path, "q_0", 99)
    splits = lists(tmp_path, train=[f"p{i // 3}_{i}" for i in range(12)], val=["q_0"])
    found = prepared(tmp_path, splits=splits, group="{name:.2}")
    for training, validation in folds(found, 2, 0):
        groups = [{found.splits[split].group(i) for split, i in refs} for refs in (training, validation)]
        assert not groups[0] & groups[1]
        assert [len(training), len(validation)] == [6, 6]
    with pytest.raises(InputError, match="4 training groups of images cannot be cut into 5 folds"):
        folds(found, 5, 0)
    patched = prepared(
        tmp_path, Data(patches={"page_size": None, "size": 8, "overlap": 0}), splits=splits, group="{name:.2}"
    )
    for training, validation in folds(patched, 2, 0):
        groups = [{patched.splits[split].group(i) for split, i in refs} for refs in (training, validation)]
        assert not groups[0] & groups[1]


def test_a_group_in_two_splits(tmp_path):
    for number, name in enumerate(("p1_a", "p1_b", "p2_a")):
        write(tmp_path, name, number)
    (found,) = problems(tmp_path, splits=lists(tmp_path, train=["p1_a", "p2_a"], val=["p1_b"]), group="(.+)_")
    assert found.startswith(f"{tmp_path}/val.txt:1: 'p1_b' is of the group 'p1', and so is 'p1_a' of train")
    (tmp_path / "t.csv").write_text("name,split,patient\np1_a,train,x\np1_b,train,y\np2_a,val,x\n")
    (found,) = problems(tmp_path, splits={"table": "t.csv", "group": "patient"})
    assert "t.csv:4: 'p2_a' is of the group 'x', and so is 'p1_a' of train" in found


def test_patterns_that_group_nothing(tmp_path):
    for number, name in enumerate(("p1_a", "p2_a", "3", "4")):
        write(tmp_path, name, number)
    splits = lists(tmp_path, train=["p1_a", "3"], val=["p2_a", "4"])
    (found,) = problems(tmp_path, splits=splits, group="(p.)_")
    assert found.startswith(f"{tmp_path}/train.txt:2: the group '(p.)_' is not found in the name '3' and in 1 more.")
    (found,) = problems(tmp_path, splits=splits, group="p(x?)")
    assert "is not found in the name 'p1_a' and in 3 more" in found
    with pytest.raises(InputError, match="group: found '\\(p', which is no regular expression"):
        prepared(tmp_path, splits=splits, group="(p")
    of_one = prepared(tmp_path, splits=splits, group="{name:.9}")
    assert of_one.warnings == ["each image is a group of its own ('p1_a' and so on): `group` keeps nothing together"]


def test_the_same_pixels_in_two_splits(tmp_path):
    for name, number in (("a", 1), ("b", 2), ("c", 1), ("d", 2), ("e", 4)):
        write(tmp_path, name, number)
    (tmp_path / "e.png").unlink()
    (tmp_path / "e.png").symlink_to(tmp_path / "b.png")
    splits = lists(tmp_path, train=["a", "b"], val=["c", "e"])
    found = problems(tmp_path, splits=splits)
    assert len(found) == 2
    assert found[0].startswith(
        f"{tmp_path}/val.txt:1: 'c' has the same pixels as 'a' of train ({tmp_path}/train.txt:1)"
    )
    assert "allow_duplicates: true" in found[1]
    allowed = prepared(tmp_path, splits=splits, allow_duplicates=True)
    assert allowed.warnings == ["the same pixels in train and val (2): a = c, b = e"]
    within = prepared(tmp_path, splits=lists(tmp_path, train=["a", "c"], val=["b"]))
    assert within.warnings == ["the same pixels under two names in train (1): a = c"]


def test_images_of_one_value_are_no_duplicates(tmp_path):
    for name, number in (("a", 1), ("b", 2)):
        write(tmp_path, name, number)
    for name in ("black", "dark"):
        write(tmp_path, name, 0)
        Image.new("RGB", SIZE[::-1]).save(tmp_path / f"{name}.png")
    assert prepared(tmp_path, splits=lists(tmp_path, train=["a", "black"], val=["b", "dark"])).warnings == []


def test_nearly_the_same_image_in_two_splits_is_noted(tmp_path):
    rng = np.random.default_rng(0)
    scene = np.kron(rng.integers(0, 200, (12, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    Image.fromarray(scene).save(tmp_path / "a.png")
    Image.fromarray(scene + 30).resize((96, 72)).save(tmp_path / "b.jpg", quality=60)
    Image.open(tmp_path / "b.jpg").save(tmp_path / "b.png")
    Image.fromarray(np.ascontiguousarray(scene[::-1])).save(tmp_path / "c.png")
    for name, size in (("a", (128, 96)), ("b", (96, 72)), ("c", (128, 96))):
        Image.fromarray(mask(0, 1, 2)).resize(size, 0).save(tmp_path / f"{name}_mask.png")
    found = prepared(tmp_path, splits=lists(tmp_path, train=["a"], val=["b", "c"]))
    assert found.warnings == ["nearly the same image in train and val (1): a = b"]


@pytest.mark.parametrize(
    "image", [np.zeros((4, 5, 7), np.uint16), np.full((4, 5, 3), (1, 2, 3), np.uint8), np.ones((1, 1, 1), np.float32)]
)
def test_signatures_of_images_that_tell_nothing(image):
    assert signature(image) is None


def test_signatures_of_any_depth_and_number_of_channels():
    rng = np.random.default_rng(0)
    for channels, dtype in ((1, np.uint8), (5, np.uint16), (8, np.float32)):
        values = (1000 * rng.random((40, 50, channels))).astype(dtype)
        one, other = signature(values), signature(values * 2)
        assert one.digest == signature(values.copy()).digest != other.digest
        assert np.linalg.norm(one.thumbnail) == pytest.approx(1)
        gray = signature(values.mean(2, keepdims=True, dtype=np.float32)).thumbnail
        assert one.thumbnail @ gray == pytest.approx(1, abs=1e-5)  # all channels count alike, whatever the width
    assert signature(values).digest != signature(values.reshape(50, 40, channels)).digest


def test_equal_names_in_folders_of_their_own(tmp_path):
    for folder, number in (("train", 1), ("val", 2)):
        write(tmp_path, f"{folder}/0001", number)
    folders = {
        "images": "{split}/{name}.png",
        "masks": "{split}/{name}_mask.png",
        "splits": {"folders": ["train", "val"]},
    }
    assert names(prepared(tmp_path, **folders)) == {"train": ["0001"], "val": ["0001"]}
    write(tmp_path, "val/0001", 1)
    (found,) = problems(tmp_path, **folders)
    assert "'0001' has the same pixels as '0001' of train" in found


def test_a_name_that_a_list_names_twice_though_another_split_has_it_too(tmp_path):
    for folder, number in (("train", 1), ("val", 2)):
        write(tmp_path, f"{folder}/0001", number)
    patterns = {"images": "{split}/{name}.png", "masks": "{split}/{name}_mask.png"}
    (found,) = problems(tmp_path, splits=lists(tmp_path, train=["0001"], val=["0001", "0001"]), **patterns)
    assert "val.txt:2: '0001' is already in val" in found


def test_a_test_split_without_masks_is_void(tmp_path):
    for number, name in enumerate("abc"):
        write(tmp_path, name, number)
    write(tmp_path, "t", 9, labels=None)
    write(tmp_path, "u", 1, labels=None)  # is b of the training split
    splits = lists(tmp_path, train=["a", "b"], val=["c"], test=["t", "u"])
    found = prepared(tmp_path, splits=splits)
    test = found.splits["test"]
    assert [split.labeled for split in found.splits.values()] == [True, True, False]
    assert (test.mask(0) == 255).all()
    assert (test.image(0) == image(9)).all()
    assert test.scored_pixels.tolist() == [0, 0]
    assert found.warnings == [
        "the same pixels in train and test (1): b = u",
        "no image of the split test has ground truth: it can be predicted, not scored",
    ]
    Image.fromarray(mask(0)).save(tmp_path / "t_mask.png")
    found = problems(tmp_path, splits=splits)
    assert any("u_mask.png: no such file" in one for one in found)
    (tmp_path / "t_mask.png").unlink()
    (tmp_path / "t.png").unlink()
    (found,) = problems(tmp_path, splits=splits)
    assert "t.png: no such file" in found
    for name in "ab":
        (tmp_path / f"{name}_mask.png").unlink()
    assert len(problems(tmp_path, splits=lists(tmp_path, train=["a", "b"], val=["c"]))) == 2


def test_text_without_words_is_hidden_or_missing(tmp_path):
    for folder in ("images", "gt"):
        (tmp_path / folder).mkdir()
    for number, name in enumerate("abct"):
        Image.fromarray(image(number)).save(tmp_path / f"images/{name}.png")
    for name in "ac":
        (tmp_path / f"gt/gt_{name}.txt").write_text("1,1,9,1,9,5,1,5,word\n")
    changes = {"reader": "icdar", "task": "text"}
    data = {key: value for key, value in DATASET.items() if key in ("name",)} | changes
    splits = lists(tmp_path, train=["a"], val=["c"], test=["t"])
    prepare(parse_dataset(data | {"splits": splits}), tmp_path, None, tmp_path / "out", "f")
    assert not Prepared.open(tmp_path / "out").splits["test"].labeled
    lists(tmp_path, train=["a", "b"])
    with pytest.raises(InputError, match=r"gt_b.txt: no such file; each image of the lists needs one"):
        prepare(parse_dataset(data | {"splits": splits}), tmp_path, None, tmp_path / "out", "f")
    lists(tmp_path, train=["a"])
    (tmp_path / "gt/gt_c.txt").write_text("1,1,9,1,9,5,1,5,###\n")
    with pytest.raises(InputError, match=r"no validation image holds a word that counts. Nothing can be scored"):
        prepare(parse_dataset(data | {"splits": splits}), tmp_path, None, tmp_path / "out", "f")


def test_validation_images_that_show_nothing(tmp_path):
    write(tmp_path, "a", 0)
    write(tmp_path, "b", 1, (255,))
    splits = lists(tmp_path, train=["a"], val=["b"])
    (found,) = problems(tmp_path, splits=splits)
    assert "all pixels of the validation split (1 images) are void: nothing can be scored" in found
    write(tmp_path, "b", 1, (0, 1))
    assert prepared(tmp_path, splits=splits).warnings == [
        "the class 'car' never occurs in the validation split: it has no score there"
    ]


def test_the_drawn_parts_depend_on_no_order_of_the_file_system(tmp_path):
    for i in reversed(range(8)):
        write(tmp_path, f"a{i}", i)
    found = names(prepared(tmp_path, splits={"random": {"val": 0.5, "stratify": False}}))
    assert Counter(map(len, found.values())) == {4: 2}
    assert all(members == sorted(members) for members in found.values())
