"""Data set files that are proposed for folders as people have them: each is what a person would have written."""

import numpy as np
import pytest
import yaml
from PIL import Image

from segsweep.config.dataset import parse_dataset
from segsweep.errors import InputError
from segsweep.inspection.proposal import propose

SIZE = (8, 10)
BLACK, ROAD, SKY = (0, 0, 0), (128, 64, 128), (70, 130, 180)


class Folder:
    """A folder of somebody's images in which a test puts files."""

    def __init__(self, root):
        self.root = root / "mine"
        self.random = np.random.default_rng(0)

    def image(self, *paths):
        for path in paths:
            self._save(path, self.random.integers(0, 256, (*SIZE, 3), dtype=np.uint8))

    def mask(self, *paths, values=(0, 255)):
        values = np.array(values, np.uint8)
        for path in paths:
            chosen = np.arange(SIZE[0] * SIZE[1]).reshape(SIZE) % len(values)
            self._save(path, values[chosen])

    def text(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def proposed(self):
        """The keys that are proposed, and their text."""
        _, text = propose(self.root, self.root.parent)
        keys = yaml.safe_load(text)
        parse_dataset(keys)
        return keys, text

    def _save(self, path, array):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(self.root / path)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def expect(keys, **wanted):
    assert {name: keys.get(name) for name in wanted} == wanted


def test_images_and_masks_in_two_folders(folder):
    folder.image("images/a.jpg", "images/b.jpg", "images/c.jpg")
    folder.mask("masks/a.png", "masks/b.png", "masks/c.png")
    keys, text = folder.proposed()
    expect(keys, name="mine", reader="folder", root="mine", images="images/{name}.jpg", masks="masks/{name}.png")
    expect(keys, task="binary", classes={0: "background", 255: "foreground"}, foreground="foreground")
    expect(keys, splits={"random": {"val": 0.2, "seed": 0}})
    assert "# splits: no lists and no folders of splits were found: drawn" in text


def test_the_masks_are_those_with_few_values_where_no_name_says_so(folder):
    folder.mask("A/1.png", "A/2.png", values=(0, 1, 2))
    folder.image("B/1.png", "B/2.png")
    expect(folder.proposed()[0], images="B/{name}.png", masks="A/{name}.png", task="multiclass")


def test_masks_beside_the_images(folder):
    folder.image("1.png", "2.png")
    folder.mask("1_mask.png", "2_mask.png", values=(0, 1, 2, 255))
    keys, text = folder.proposed()
    expect(keys, images="{name}.png", masks="{name}_mask.png", void=[255])
    expect(keys, classes={0: "background", 1: "class_1", 2: "class_2"})
    assert "# void: counts in no loss and no score; if 255 is a class, move it to classes" in text


def test_folders_of_splits_with_names_of_their_own(folder):
    for split in ("training", "validation"):
        folder.image(f"images/{split}/{split}_1.jpg")
        folder.mask(f"annotations/{split}/{split}_1.png", values=(0, 1, 2))
    keys, _ = folder.proposed()
    expect(keys, images="images/{split}/{name}.jpg", masks="annotations/{split}/{name}.png")
    expect(keys, splits={"folders": {"train": "training", "val": "validation"}})


def test_without_a_folder_of_validation_images_they_are_drawn(folder):
    for split in ("train", "test"):
        folder.image(f"{split}/images/{split}_1.png")
        folder.mask(f"{split}/masks/{split}_1.png")
    keys, text = folder.proposed()
    expect(keys, images="train/images/{name}.png", splits={"random": {"val": 0.2, "seed": 0}})
    assert "left out: test" in text


@pytest.mark.parametrize(
    ("images", "masks", "splits"),
    [
        ("{split}/{name}.png", "{split}_labels/{name}_L.png", {"folders": ["train", "val"]}),
        ("{split}-images/{name}.jpg", "{split}-masks/{name}.png", {"folders": ["train", "val"]}),
        ("{split}/{name}.jpg", "masks_{split}/{name}_mask.gif", {"folders": ["train", "val"]}),
        ("Set 1_{split}_Input/{name}.jpg", "{split}_GroundTruth/{name}.png", {"folders": ["train", "val"]}),
        ("images/img_{name}.png", "masks/mask_{name}.png", {"random": {"val": 0.2, "seed": 0}}),
        ("{name}_sat.jpg", "{name}_mask.png", {"random": {"val": 0.2, "seed": 0}}),
    ],
)
def test_names_with_splits_and_affixes(folder, images, masks, splits):
    """As of CamVid, Carvana, ISIC and DeepGlobe, as they are downloaded."""
    for split, name in [("train", "1"), ("train", "2"), ("val", "3")]:
        folder.image(images.format(split=split, name=name))
        folder.mask(masks.format(split=split, name=name))
    expect(folder.proposed()[0], images=images, masks=masks, splits=splits)


def test_a_folder_within_a_folder(folder):
    """As archives unpack: what is looked for at the top, lists and VOC's folders, is found."""
    for name in "ab":
        folder.image(f"VOCdevkit/VOC2012/JPEGImages/{name}.jpg")
        folder.mask(f"VOCdevkit/VOC2012/SegmentationClass/{name}.png", values=(0, 1))
    folder.text("VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt", "a\n")
    folder.text("VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt", "b\n")
    lists = {"train": "train.txt", "val": "val.txt"}
    expect(folder.proposed()[0], name="mine", root="mine/VOCdevkit/VOC2012", reader="voc", splits=lists)


def test_lists_of_names(folder):
    folder.image("images/a.jpg", "images/b.jpg")
    folder.mask("masks/a.png", "masks/b.png")
    folder.text("train.txt", "a\n")
    folder.text("valid.txt", "b\n")
    expect(folder.proposed()[0], splits={"train": "train.txt", "val": "valid.txt"})


@pytest.mark.parametrize(("suffix", "stems"), [("", {}), (".jpg", {"stems": True})])
def test_a_column_of_a_table(folder, suffix, stems):
    folder.image("images/a.jpg", "images/b.jpg")
    folder.mask("masks/a.png", "masks/b.png")
    folder.text("split.csv", f"age,file,part\n31,a{suffix},training\n31,b{suffix},val\n")
    values = {"training": "train", "val": "val"}
    table = {"table": "split.csv", "name": "file", "split": "part", "values": values}
    expect(folder.proposed()[0], splits=table | stems)


def test_colors_are_a_palette(folder):
    folder.image("images/a.jpg")
    folder.mask("masks/a.png", values=(BLACK, ROAD, ROAD, SKY))
    keys, text = folder.proposed()
    palette = {"background": list(BLACK), "class_1": list(ROAD), "class_2": list(SKY)}
    expect(keys, palette=palette, task="multiclass", classes=None)
    assert "# palette: the colors that were found, frequent ones first" in text


def test_instances_are_a_range(folder):
    folder.image("images/a.png")
    folder.root.joinpath("masks").mkdir()
    Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20)).save(folder.root / "masks/a.png")
    expect(folder.proposed()[0], palette={"background": 0, "object": "1-399"}, task="binary", foreground="object")


def test_masks_that_were_saved_as_jpeg_are_said(folder):
    folder.image("images/a.png")
    folder.root.joinpath("masks").mkdir()
    blurred = np.arange(0, 256, 2, dtype=np.uint8).reshape(8, 16)
    Image.fromarray(blurred).save(folder.root / "masks/a.jpg")
    keys, text = folder.proposed()
    expect(keys, palette={"background": "0-127", "foreground": "128-255"})
    assert "(JPEG? antialiased?)" in text


def test_a_mask_for_each_label(folder):
    folder.image("images/a.png", "images/b.png")
    folder.mask("crack_mask/a.png", "crack_mask/b.png", "rust_mask/a.png", "rust_mask/b.png")
    masks = {"crack": "crack_mask/{name}.png", "rust": "rust_mask/{name}.png"}
    expect(folder.proposed()[0], masks=masks, task="multilabel")


def test_images_without_a_mask_and_others_are_counted(folder):
    folder.image("images/a.png", "images/b.png", "images/c.png")
    folder.mask("masks/a.png", "masks/b.png")
    folder.image("images/d.JPG", "thumbs/e.png")
    said = "# images: 1 image without a mask: images/c.png; 2 images left out: images/d.JPG, thumbs/e.png\n"
    assert said in folder.proposed()[1]


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (
            ["JPEGImages/a.jpg", "SegmentationClass/a.png", "Annotations/a.xml", "ImageSets/Segmentation/train.txt"],
            {"reader": "voc", "task": "multitask", "splits": {"train": "train.txt"}},
        ),
        (["leftImg8bit/train/a/a.png", "gtFine/train/a/a.png"], {"reader": "cityscapes", "classes": "cityscapes"}),
        (["images/a.jpg", "gt/gt_a.txt", "train.txt", "val.txt"], {"reader": "icdar", "task": "text"}),
    ],
)
def test_public_data_sets(folder, files, wanted):
    for file in files:
        folder.text(file, "")
    expect(folder.proposed()[0], **wanted)


def test_a_folder_outside_of_data_root_keeps_its_path(folder, tmp_path):
    folder.image("images/a.jpg")
    folder.mask("masks/a.png")
    _, text = propose(folder.root, tmp_path / "elsewhere")
    assert yaml.safe_load(text)["root"] == str(folder.root)


def test_what_is_not_known_is_said_with_what_is_there(folder):
    folder.image("a.jpg", "b.jpg")
    folder.text("notes.md", "")
    with pytest.raises(InputError, match=r"mine: 3 files \(2 .jpg, 1 .md\), but no images with masks of the same name"):
        folder.proposed()


def test_annotations_that_were_cut_off_are_named(folder):
    folder.image("images/a.jpg")
    folder.text("annotations.json", '{"images": [{"id": 1')
    with pytest.raises(InputError, match=r"mine/annotations.json cannot be read as JSON: export it again\. Put images"):
        folder.proposed()


def test_an_empty_folder(folder):
    folder.root.mkdir()
    with pytest.raises(InputError, match="there is no file in this folder"):
        folder.proposed()
