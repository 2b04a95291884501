"""Preparation: what lies in the arrays, and that all bad files are found at once."""

import json

import numpy as np
import prepare_data
import pytest
from PIL import Image

from segsweep.config.dataset import parse_dataset
from segsweep.config.train import Data
from segsweep.data.classes import class_names
from segsweep.data.preparation import prepare
from segsweep.data.prepared import Prepared, read_manifest
from segsweep.data.prepared_checks import check_prepared, prepared_problems
from segsweep.data.readers.voc import VocDataset
from segsweep.errors import InputError
from segsweep.planning.data_fingerprint import data_fingerprint
from segsweep.planning.plan_file import StudyPlan
from segsweep.planning.remembered import Remembered

DATASET = {
    "name": "tiny", "reader": "folder", "images": "images/{name}.png", "masks": "masks/{name}.png",
    "task": "multiclass", "classes": {10: "sky", 20: "road"}, "void": [99],
}  # fmt: skip
SPLITS = {"train": ["a", "b"], "val": ["c"]}


def values(height=6, width=8):
    mask = np.full((height, width), 10, np.uint8)
    mask[height // 2 :] = 20
    mask[0, 0] = 99
    return mask


@pytest.fixture
def root(tmp_path):
    """A data set of three images, 8 wide and 6 high."""
    root = tmp_path / "tiny"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    rng = np.random.default_rng(0)
    for split, names in SPLITS.items():
        (root / f"{split}.txt").write_text("\n".join(names))
        for name in names:
            Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).save(root / f"images/{name}.png")
            Image.fromarray(values()).save(root / f"masks/{name}.png")
    return root


def run(root, data=None, **changes):
    output, dataset = root.parent / "out", parse_dataset(DATASET | changes)
    prepare(dataset, root, data, output, "f00d")
    return Prepared.open(output, class_names(dataset))


def problems(root, **changes):
    with pytest.raises(InputError) as caught:
        run(root, **changes)
    assert not (root.parent / "out").exists()
    assert not (root.parent / "out.part").exists()
    return caught.value.problems


def test_arrays_hold_what_the_files_hold(root):
    prepared = run(root)
    train = prepared.splits["train"]
    assert (prepared.classes, prepared.num_classes, prepared.fingerprint) == (["sky", "road"], 2, "f00d")
    assert (train.names, len(train)) == (["a", "b"], 2)
    for i, name in enumerate(train.names):
        assert (train.image(i) == np.asarray(Image.open(root / f"images/{name}.png"))).all()
    expected = np.repeat([[0], [1]], 3, axis=0) * np.ones((1, 8), int)
    expected[0, 0] = 255
    assert (train.mask(0) == expected).all()
    assert prepared.pixel_counts.tolist() == [2 * 23, 2 * 24]
    assert prepared.image_class_counts.tolist() == [[23, 24], [23, 24]]
    images = np.stack([train.image(0), train.image(1)]) / 255
    np.testing.assert_allclose(prepared.mean, images.mean((0, 1, 2)))
    np.testing.assert_allclose(prepared.std, images.std((0, 1, 2)))
    assert train.page(0) is None
    with pytest.raises(ValueError, match=r"read-only"):
        train.image(0)[0] = 0
    assert prepared_problems(root.parent / "out") == []


def test_names_of_classes_are_the_data_sets_not_the_folders(root):
    run(root)
    folder = root.parent / "out"
    assert "sky" not in (folder / "manifest.json").read_text()
    assert Prepared.open(folder, ["heaven", "road"]).classes == ["heaven", "road"]
    assert Prepared.open(folder).classes == ["0", "1"]
    with pytest.raises(InputError, match=r"prepared for 2 classes, but 3 are named: a, b, c"):
        Prepared.open(folder, ["a", "b", "c"])


def test_a_changed_or_cut_file_is_noticed(root):
    run(root)
    path = root.parent / "out/train.masks.bin"
    content = path.read_bytes()
    path.write_bytes(bytes([1]) + content[1:])
    with pytest.raises(InputError, match=r"differs from its checksum"):
        check_prepared(root.parent / "out")
    path.write_bytes(content[:-1])
    with pytest.raises(InputError, match=r"95 bytes, the manifest says 96"):
        Prepared.open(root.parent / "out")


@pytest.mark.parametrize("damage", [b"", b"[1]", b"\xff\xfe", b'{"format": [2]}'], ids=repr)
def test_a_manifest_that_is_none_is_named(root, damage):
    run(root)
    manifest = root.parent / "out/manifest.json"
    manifest.write_bytes(damage)
    with pytest.raises(InputError, match=r"manifest\.json: (cannot be read|format)"):
        read_manifest(manifest.parent)


def test_workers_change_nothing(root):
    first = prepare(parse_dataset(DATASET), root, None, root.parent / "one", "f", workers=1)
    assert prepare(parse_dataset(DATASET), root, None, root.parent / "two", "f", workers=3) == first


def test_resized_masks_are_not_interpolated(root):
    image = np.random.default_rng(1).integers(0, 256, (16, 32, 3), np.uint8)
    Image.fromarray(image).save(root / "images/c.png")
    Image.fromarray(values(16, 32)).save(root / "masks/c.png")
    prepared = run(root, Data(image_size=(8, 16)))
    mask = prepared.splits["val"].mask(0)
    assert mask.shape == (8, 16)
    assert set(np.unique(mask)) <= {0, 1, 255}
    by_area = image.reshape(8, 2, 16, 2, 3).mean((1, 3))
    assert abs(prepared.splits["val"].image(0) - by_area).max() <= 0.5


def test_palette_masks_give_indices_and_binary_masks_the_foreground(root):
    for name in "abc":
        image = Image.fromarray((values() == 20).astype(np.uint8), mode="P")
        image.putpalette([200, 0, 0, 0, 0, 7])
        image.save(root / f"masks/{name}.png")
    prepared = run(root, task="binary", classes={0: "ink", 1: "paper"}, foreground="ink")
    assert prepared.classes == ["paper", "ink"]
    assert prepared.splits["val"].mask(0)[:, 0].tolist() == [1, 1, 1, 0, 0, 0]


def test_missing_file(root):
    (root / "masks/b.png").unlink()
    (found,) = problems(root)
    assert "masks/b.png: no such file, though" in found
    assert "train.txt:2 names 'b'" in found


def test_missing_file_where_all_files_are_taken(root):
    """No list names it, so none is to be corrected."""
    (root / "masks/b.png").unlink()
    found = next(one for one in problems(root, splits={"random": {"val": 0.3}}) if "masks/b.png" in one)
    assert found.endswith(
        f"no such file, as the mask of {root}/images/b.png. Correct the name, put the file there, or remove the image."
    )


def test_unreadable_image(root):
    path = root / "images/c.png"
    path.write_bytes(path.read_bytes()[:60])
    (found,) = problems(root)
    assert found.startswith(f"{path}: cannot be used as an image")


def test_mask_of_other_size(root):
    Image.fromarray(values(5, 8)).save(root / "masks/a.png")
    (found,) = problems(root)
    assert "masks/a.png: 8x5 pixels, its image has 8x6 (width x height)" in found


def test_label_out_of_range(root):
    mask = values()
    mask[4, 5] = mask[5, 0] = 21
    Image.fromarray(mask).save(root / "masks/a.png")
    (found,) = problems(root)
    assert "masks/a.png: value 21 at row 4, column 5 (2 pixels) is no class" in found
    assert "allowed: classes 10 (sky), 20 (road); void 99" in found


def test_coloured_mask(root):
    Image.new("RGB", (8, 6), (1, 2, 3)).save(root / "masks/a.png")
    found = problems(root)[0]
    assert "Found, most frequent first: [1, 2, 3] (100.0 %)." in found


def test_class_that_never_occurs_in_training(root):
    (found,) = problems(root, classes={10: "sky", 20: "road", 30: "car"})
    assert "the class 'car' never occurs in the training split (2 images)" in found


def test_absent_classes_of_a_known_list_are_noted(root):
    for name in "abc":
        Image.fromarray((values() == 20).astype(np.uint8) * 15).save(root / f"masks/{name}.png")
    prepared = run(root, classes="voc")
    (warning,) = prepared.warnings
    assert warning.startswith("classes that never occur in the training split: 'aeroplane', 'bicycle', ")
    assert prepared.pixel_counts[[0, 15]].tolist() == [48, 48]


def test_empty_split(root):
    (root / "val.txt").write_text("\n# nothing\n")
    (found,) = problems(root)
    assert "the split 'val' is empty" in found


def test_missing_split(root):
    assert "the split 'val' is missing" in problems(root, splits={"train": "train.txt"})[0]


def test_name_in_train_and_val(root):
    (root / "val.txt").write_text("c\na\n")
    (found,) = problems(root)
    assert "val.txt:2: 'a' is already in train" in found


def test_box_outside_of_its_image(tmp_path):
    for folder in ("JPEGImages", "SegmentationClass", "Annotations"):
        (tmp_path / folder).mkdir()
    for name in "ab":
        Image.new("RGB", (8, 6)).save(tmp_path / f"JPEGImages/{name}.jpg")
        Image.fromarray(np.full((6, 8), 12, np.uint8)).save(tmp_path / f"SegmentationClass/{name}.png")
    (tmp_path / "train.txt").write_text("a")
    (tmp_path / "val.txt").write_text("b")
    box = (
        "<annotation><object><name>dog</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>6</ymax></bndbox>"
    )
    (tmp_path / "Annotations/a.xml").write_text(box + "</object></annotation>")
    dataset = VocDataset(name="voc", task="multitask", classes="voc")
    with pytest.raises(InputError) as caught:
        prepare(dataset, tmp_path, None, tmp_path / "out", "f")
    (found,) = caught.value.problems
    assert "Annotations/a.xml: box 1 of 'a' reaches outside" in found
    assert "reaches outside of the image: xmin 1, ymin 1, xmax 9, ymax 6 (counted from 1, the last pixel" in found
    assert "right 9" in found
    assert "8x6 pixels" in found
    (tmp_path / "Annotations/a.xml").write_text(box.replace(">9<", ">8<") + "</object></annotation>")
    prepare(dataset, tmp_path, Data(image_size=(12, 24)), tmp_path / "out", "f")
    train = Prepared.open(tmp_path / "out").splits["train"]
    assert train.boxes(0).tolist() == [[0, 0, 24, 12]]
    assert train.labels(0).tolist() == [11]
    assert Prepared.open(tmp_path / "out").splits["val"].boxes(0).shape == (0, 4)


def test_all_problems_come_at_once(root):
    (root / "images/a.png").unlink()
    (root / "masks/c.png").write_text("no image")
    (root / "train.txt").write_text("a\nb\n" + "\n".join(f"x{i}" for i in range(12)))
    assert len(problems(root)) == 26  # a's image, c's mask, and both files of 12 names


def test_the_program_speaks_plainly(root, capsys):
    description = {"dataset": DATASET, "root": str(root), "data": None, "fingerprint": "f"}
    path = root.parent / "data.json"
    path.write_text(json.dumps(description))
    arguments = ["--description", str(path), "--output", str(root.parent / "out")]
    assert prepare_data.main(arguments) == 0
    assert "2 train, 1 val; 2 classes" in capsys.readouterr().out
    (root / "masks/b.png").unlink()
    assert prepare_data.main(arguments) == 2
    shown = capsys.readouterr().err
    assert "masks/b.png: no such file" in shown
    assert "cannot be used (1 problem):" in shown
    assert "Traceback" not in shown
    (root / "train.txt").write_text("a\n" + "\n".join(f"x{i}" for i in range(12)))
    assert prepare_data.main(arguments) == 2
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) == 22
    assert "cannot be used (24 problems):" in shown[0]
    assert shown[-1] == "  ... and 4 more: make data DATASET=tiny"


def test_the_program_reads_what_a_plan_says_of_the_folder(root, capsys):
    folder = str(root.parent / "out")
    needed = {folder: {"dataset": DATASET, "root": str(root), "data": None, "fingerprint": "f00d"}}
    plan = StudyPlan(study={}, name="s", axes=[], cells=[], runs=[], prepared=needed)
    (root.parent / "plan.json").write_text(plan.text())
    arguments = ["--plan", str(root.parent / "plan.json"), "--output"]
    assert prepare_data.main([*arguments, folder]) == 0
    assert Prepared.open(folder).fingerprint == "f00d"
    assert prepare_data.main([*arguments, f"{folder}2"]) == 2
    assert "out2 among" in capsys.readouterr().err


def test_data_that_changed_since_they_were_planned_are_not_prepared_under_their_name(root, capsys):
    dataset, description = parse_dataset(DATASET), root.parent / "data.json"
    content = data_fingerprint(dataset, root, Remembered(None), {})
    description.write_text(json.dumps(
        {"dataset": DATASET, "root": str(root), "data": None, "fingerprint": "f", "content": content}
    ))  # fmt: skip
    arguments = ["--description", str(description), "--output", str(root.parent / "out")]
    assert prepare_data.main(arguments) == 0
    (root / "val.txt").write_text("c\na\n")
    (root / "train.txt").write_text("b\n")
    assert prepare_data.main(arguments) == 2
    assert "tiny changed since the study was planned: the files of train" in capsys.readouterr().err
    assert not (root.parent / "out").exists()


def test_patches_cover_pages_and_count_only_their_pixels(root):
    prepared = run(root, Data(patches={"page_size": 16, "size": 8, "overlap": 0}))
    train = prepared.splits["train"]  # pages of 16 x 12: two by two patches each
    assert train.names[:4] == ["a_y0000_x0000", "a_y0000_x0008", "a_y0008_x0000", "a_y0008_x0008"]
    assert train.page(3) == {"page": "a", "y": 8, "x": 8, "height": 12, "width": 16}
    assert (train.mask(3)[4:] == 255).all()
    assert prepared.pixel_counts.sum() == 2 * (16 * 12 - 4)
