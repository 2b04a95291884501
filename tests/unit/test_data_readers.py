"""Readers: what stands in files of each format, by hand-made files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segsweep.config.dataset import parse_dataset
from segsweep.config.load import load_dataset
from segsweep.data.classes import CITYSCAPES, class_table
from segsweep.data.decoding import decode
from segsweep.data.name_lists import read_names
from segsweep.data.raw_item import Item
from segsweep.data.readers import files, read
from segsweep.data.readers.cityscapes import CityscapesDataset
from segsweep.data.readers.demo import Demo, DemoDataset
from segsweep.data.readers.folder import FolderDataset
from segsweep.data.readers.voc import VocDataset
from segsweep.errors import InputError

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow" / "scripts"
ANNOTATION = """<annotation><size><width>10</width><height>8</height></size>
<object><name>dog</name><difficult>1</difficult>
  <part><name>head</name><bndbox><xmin>9</xmin><ymin>9</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part>
  <bndbox><xmin>1</xmin><ymin>2</ymin><xmax>10</xmax><ymax>8</ymax></bndbox></object>
<object><name>person</name><bndbox><xmax>3</xmax><xmin>3</xmin><ymax>4</ymax><ymin>4</ymin></bndbox></object>
</annotation>"""


def voc_dataset(**changes):
    settings = {"name": "voc", "task": "multitask", "classes": "voc", "void": [255]}
    return VocDataset(**(settings | changes))


def voc_item(root, annotation=None, objects=None, classes=None, **changes):
    """The one item of a VOC data set."""
    for folder in ("Annotations", "SegmentationObject", "SegmentationClass"):
        (root / folder).mkdir(exist_ok=True)
    (root / "train.txt").write_text("a\n")
    if annotation is not None:
        (root / "Annotations/a.xml").write_text(annotation)
    for folder, values in (("SegmentationObject", objects), ("SegmentationClass", classes)):
        if values is not None:
            Image.fromarray(np.array(values, np.uint8)).save(root / folder / "a.png")
    return read(voc_dataset(splits={"train": "train.txt"}, **changes), root)["train"][0]


def test_voc_boxes_count_from_one_and_include_their_last_pixel(tmp_path):
    item = voc_item(tmp_path, ANNOTATION)
    # xmin 1, ymin 2, xmax 10, ymax 8: columns 0 to 9 and rows 1 to 7. A single pixel has width and height 1.
    assert item.boxes == [(0, 1, 10, 8), (2, 3, 3, 4)]
    assert item.labels == [11, 14]  # dog is class 12, person 15, less background
    assert item.ignored == [True, False]
    assert item.problems == []


@pytest.mark.parametrize(
    ("changes", "box"),
    [
        ({"box_origin": 0}, (1, 2, 11, 9)),
        ({"box_origin": 0, "box_end": "excluded"}, (1, 2, 10, 8)),
        ({"box_end": "excluded"}, (0, 1, 9, 7)),
    ],
)
def test_boxes_in_the_layout_of_voc_that_count_otherwise(tmp_path, changes, box):
    assert voc_item(tmp_path, ANNOTATION, **changes).boxes[0] == box


def test_a_box_that_counts_from_zero_is_told_as_it_stands_in_the_file(tmp_path):
    annotation = ANNOTATION.replace("<ymin>2</ymin>", "<ymin>0</ymin>")
    (problem,) = voc_item(tmp_path, annotation).problems
    assert "object 1 (dog) has xmin 1, ymin 0, xmax 10, ymax 8, but pixels are counted from 1" in problem
    assert "`box_origin: 0`" in problem
    assert voc_item(tmp_path, box_origin=0).problems == []


def test_voc_annotation_problems(tmp_path):
    problems = voc_item(
        tmp_path,
        "<annotation><object><name>dgo</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax>"
        "<ymax>2</ymax></bndbox></object><object><name>dog</name></object></annotation>",
    ).problems
    assert "object 1 is a 'dgo'" in problems[0]
    assert "classes are aeroplane, bicycle" in problems[0]
    assert "object 2 (dog) has no bndbox" in problems[1]
    assert "not valid XML" in voc_item(tmp_path, "<annotation>").problems[0]


OBJECTS = [[1, 1, 0, 0, 255], [1, 1, 255, 7, 7], [0, 0, 0, 7, 7]]
CLASSES = [[12, 12, 0, 0, 255], [12, 12, 255, 15, 15], [0, 0, 0, 15, 15]]


def test_voc_boxes_of_instances(tmp_path):
    item = voc_item(tmp_path, objects=OBJECTS, classes=CLASSES, boxes_from="instances")
    assert item.problems == []
    assert (item.boxes, item.labels) == ([(0, 0, 2, 2), (3, 1, 5, 3)], [11, 14])
    dataset = voc_dataset(splits={"train": "train.txt"}, boxes_from="instances")
    assert files(dataset, tmp_path)["train"][0][1][2:] == [tmp_path / "SegmentationObject/a.png"]


def test_instances_that_do_not_fit_their_classes(tmp_path):
    (mixed,) = voc_item(
        tmp_path, objects=OBJECTS, classes=[[12, 15, 0, 0, 255], *CLASSES[1:]], boxes_from="instances"
    ).problems
    assert "SegmentationObject/a.png: object 1 (row 0, column 0) lies on dog, person in" in mixed
    (cut,) = voc_item(tmp_path, objects=[[1, 1]], boxes_from="instances").problems
    assert "SegmentationObject/a.png: an array of (1, 2)" in cut
    assert "SegmentationClass/a.png has (3, 5)" in cut
    (tmp_path / "SegmentationObject/a.png").write_text("no image")
    (broken,) = voc_item(tmp_path, boxes_from="instances").problems
    assert "SegmentationObject/a.png: no image of a known format" in broken


@pytest.mark.parametrize(("said", "odd"), [(10, 0), (20, 1), (0, 0)])
def test_an_annotation_of_voc_that_says_another_size_is_odd(tmp_path, said, odd):
    item = voc_item(tmp_path, ANNOTATION.replace("<width>10", f"<width>{said}"))
    item.image, item.mask = np.zeros((8, 10, 3), np.uint8), np.zeros((8, 10), np.uint8)
    sample, problems = decode(item, class_table(voc_dataset()), True)
    assert problems == []
    assert sample.boxes.shape == (2, 4)
    assert len(item.warnings) == odd
    assert all("says another size than the image has" in one for one in item.warnings)


def test_images_of_other_kinds_in_the_layout_of_voc(tmp_path):
    (tmp_path / "JPEGImages").mkdir()
    (tmp_path / "JPEGImages/a.PNG").touch()
    (tmp_path / "JPEGImages/b.jpg").symlink_to("nowhere")  # which is not passed over
    (tmp_path / "train.txt").write_text("a\nb\nc\n")
    found = files(voc_dataset(splits={"train": "train.txt"}, task="multiclass"), tmp_path)["train"]
    assert [paths[0].name for _, paths in found] == ["a.PNG", "b.jpg", "c.jpg"]


@pytest.mark.parametrize("folder", ["", "ImageSets/Segmentation", "ImageSets/Main"])
def test_voc_lists_at_the_root_or_in_image_sets_and_images_without_boxes(tmp_path, folder):
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    second = "b  1" if folder == "ImageSets/Main" else "b"  # those lists say whether an object is there
    (tmp_path / folder / "train.txt").write_text(f"a\n\n{second}\n")
    (tmp_path / folder / "val.txt").write_text("c\n")
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations/a.xml").write_text(ANNOTATION)
    items = read(voc_dataset(), tmp_path)
    assert [[item.name for item in members] for members in items.values()] == [["a", "b"], ["c"]]
    assert [len(item.boxes) for item in items["train"]] == [2, 0]
    assert items["train"][1].location.endswith("train.txt:3")
    assert len(read(voc_dataset(task="multiclass"), tmp_path)["train"][0].boxes) == 0
    named = files(voc_dataset(), tmp_path)
    image, mask = tmp_path / "JPEGImages/a.jpg", tmp_path / "SegmentationClass/a.png"
    assert named["train"][0] == ("a", [image, mask, tmp_path / "Annotations/a.xml"])
    assert [(name, len(paths)) for name, paths in named["train"] + named["val"]] == [("a", 3), ("b", 2), ("c", 2)]
    assert files(voc_dataset(task="multiclass"), tmp_path)["train"][0] == ("a", [image, mask])


def test_all_missing_lists_are_named_at_once(tmp_path):
    for asked in (read, files):
        with pytest.raises(InputError) as caught:
            asked(voc_dataset(), tmp_path)
        assert ["train.txt" in c or "val.txt" in c for c in caught.value.problems] == [True, True]
        with pytest.raises(InputError, match=r"no such folder.*data_root"):
            asked(voc_dataset(), tmp_path / "nowhere")


def names_of(folder, content):
    (folder / "train.txt").write_bytes(content)
    return [name for name, _ in read_names(folder / "train.txt")]


def test_names_are_lines(tmp_path):
    written = "\ufeffa b\r\n\n#1\nno. #2 \n# a comment\n#\n./c\nd//e\nf\u2028g\x85h\n\tk".encode()
    assert names_of(tmp_path, written) == ["a b", "#1", "no. #2", "c", "d/e", "f\u2028g\x85h", "k"]
    assert read_names(tmp_path / "train.txt")[-1][1].endswith("train.txt:10")
    assert names_of(tmp_path, b"") == []


def test_names_with_a_flag_are_those_of_one_folder_of_voc_only(tmp_path):
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    flagged = b"2008_000008 -1\n2008_000015  1\nb\n2008_000019  0\n"
    assert names_of(lists, flagged) == ["2008_000008", "2008_000015", "b", "2008_000019"]
    assert names_of(tmp_path, flagged)[0] == "2008_000008 -1"


def test_names_that_no_file_can_have_get_a_line_each(tmp_path):
    with pytest.raises(InputError) as caught:
        names_of(tmp_path, b"a\ngr\xfc\xdfe\nb\0\nc\td\n\xff\n")
    first, second, third, more = caught.value.problems
    assert r"train.txt:2: 'gr\udcfc\udcdfe' is not UTF-8. Rename the image" in first
    assert r"train.txt:3: 'b\x00' holds a control character" in second
    assert r"train.txt:4: 'c\td' holds a control character" in third
    assert "1 more lines like these" in more


def test_a_list_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "train.txt")
    with pytest.raises(InputError, match=r"train\.txt: the list of names is not a file"):
        read_names(tmp_path / "train.txt")


def test_a_name_on_the_disk_that_is_not_utf_8_is_a_problem_of_its_own():
    item = Item(
        os.fsdecode(b"gr\xfc\xdf"), np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint8), location="images"
    )
    _, problems = decode(item, class_table(FolderDataset(name="f", classes={0: "a", 1: "b"})), True)
    assert problems == [r"'images': the name 'gr\udcfc\udcdf' is not UTF-8. Rename the file."]


def test_cityscapes_pairs_images_with_label_ids(tmp_path):
    for split, city in (("train", "ulm"), ("train", "bonn"), ("val", "jena")):
        folder = tmp_path / "leftImg8bit" / split / city
        folder.mkdir(parents=True)
        Image.new("RGB", (4, 2)).save(folder / f"{city}_0_leftImg8bit.png")
    dataset = CityscapesDataset(name="c", classes="cityscapes")
    items = read(dataset, tmp_path)
    assert [item.name for item in items["train"]] == ["bonn_0", "ulm_0"]
    assert items["val"][0].mask == tmp_path / "gtFine/val/jena/jena_0_gtFine_labelIds.png"
    assert files(dataset, tmp_path)["val"] == [("jena_0", [items["val"][0].image, items["val"][0].mask])]
    for asked in (read, files):
        with pytest.raises(InputError, match=r"no images.*'test'"):
            asked(dataset.model_copy(update={"splits": {"test": "test"}}), tmp_path)


def test_files_of_a_folder_come_in_the_order_of_the_lists_whether_they_exist_or_not(tmp_path):
    (tmp_path / "train.txt").write_text("b\n\n# of 2019\na\n")
    (tmp_path / "val.txt").write_text("c\n")
    dataset = FolderDataset(name="f", images="{split}/{name}.jpg", classes={0: "a", 1: "b"})
    assert files(dataset, tmp_path) == {
        "train": [(n, [tmp_path / f"train/{n}.jpg", tmp_path / f"masks/{n}.png"]) for n in ("b", "a")],
        "val": [("c", [tmp_path / "val/c.jpg", tmp_path / "masks/c.png"])],
    }


def test_files_are_named_without_numpy():
    """Planning asks for them, and is done before numpy would be imported."""
    program = """
import sys
from segsweep import registry
readers = [registry.load(cls) for cls in registry.classes("dataset").values()]
sys.exit(not all(reader.files for reader in readers) or "numpy" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=SCRIPTS, check=False)
    assert done.returncode == 0


def test_cityscapes_table_has_nineteen_classes_and_all_else_void():
    table = class_table(CityscapesDataset(name="c", classes="cityscapes"))
    assert len(table.names) == 19
    assert [table.index[value] for value in (7, 8, 33)] == [0, 1, 18]  # road, sidewalk, bicycle
    assert all(table.index[value] == 255 for value in (*range(34), 255) if value not in CITYSCAPES)
    assert table.index[34] == -1


def test_binary_table_puts_the_foreground_last():
    classes = {0: "membrane", 255: "interior"}
    table = class_table(FolderDataset(name="e", task="binary", classes=classes, foreground="membrane"))
    assert table.names == ["interior", "membrane"]
    assert [table.index[0], table.index[255]] == [1, 0]


def test_a_value_cannot_be_class_and_void():
    with pytest.raises(InputError, match=r"the value 1 is the class 'b' and void"):
        class_table(FolderDataset(name="x", classes={0: "a", 1: "b"}, void=[1]))


def demo_dataset(**changes):
    demo = Demo(train=6, val=3, size=(64, 80), classes=4, noise=0.1)
    names = {0: "background", 1: "disc", 2: "square", 3: "triangle", 4: "ring"}
    return DemoDataset(**({"name": "demo", "task": "multitask", "classes": names, "demo": demo} | changes))


def test_drawn_shapes_have_masks_and_boxes_that_agree(tmp_path):
    items = read(demo_dataset(), tmp_path)
    assert [len(items["train"]), len(items["val"])] == [6, 3]
    assert {int(v) for item in items["train"] for v in np.unique(item.mask)} == {0, 1, 2, 3, 4}
    for item in items["train"]:
        assert item.image.shape == (64, 80, 3)
        in_a_box = np.zeros(item.mask.shape, bool)
        for (x1, y1, x2, y2), label in zip(item.boxes.astype(int), item.labels, strict=True):
            inside = item.mask[y1:y2, x1:x2] == label + 1
            # Its kind touches all four sides of a box, which lies inside the image.
            assert all(side.any() for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))
            assert (0 <= x1 < x2 <= 80) and (0 <= y1 < y2 <= 64)  # noqa: PT018 (one statement about one box)
            in_a_box[y1:y2, x1:x2] = True
        assert (item.mask[~in_a_box] == 0).all()


def test_a_drawn_image_depends_on_seed_and_number_alone(tmp_path):
    few = read(demo_dataset(), tmp_path)["train"]
    more = read(demo_dataset(demo=Demo(train=8, val=1, size=(64, 80), classes=4, noise=0.1)), tmp_path)["train"]
    other = read(demo_dataset(demo=Demo(train=6, val=1, size=(64, 80), classes=4, noise=0.1, seed=1)), tmp_path)[
        "train"
    ]
    assert all((a.image == b.image).all() for a, b in zip(few, more, strict=False))
    assert not any((a.image == b.image).all() for a, b in zip(few, other, strict=False))


SHAPES = {"name": "d", "reader": "demo", "classes": {0: "background", 1: "disc"}, "demo": {"classes": 1}}
FOLDER = {"name": "f", "reader": "folder", "classes": {0: "a", 1: "b"}}
VOC_FILE = {"name": "v", "reader": "voc", "classes": "voc"}


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (SHAPES | {"demo": {"classes": 2}}, r"has the classes \{0: background, 1: disc, 2: square\}; found \{0: 'back"),
        (SHAPES | {"task": "text"}, r"a demo of shapes cannot serve the task text"),
        (SHAPES | {"demo": {"kind": "words"}}, r"a demo of words cannot serve the task multiclass"),
        ({"name": "d", "reader": "demo", "task": "text"}, r"the key 'demo' is missing"),
        (VOC_FILE | {"demo": {}}, r"line demo: 'demo' is a key of the reader demo, not of voc\. Take it out"),
        (VOC_FILE | {"masks": "m/{name}.png"}, r"line masks: 'masks' .* of the reader folder or volumes, not of voc"),
        (VOC_FILE | {"split": {}}, r"line split: unknown key 'split'. Did you mean 'splits'\?"),
        (VOC_FILE | {"reader": "vok"}, r"line reader: reader is 'vok'. Did you mean 'voc'\?"),
        ({"name": "v", "classes": "voc"}, r"the key 'reader' is missing"),
        ({"name": "i", "reader": "icdar"}, r"cannot serve 'multiclass'; they can serve: text"),
        (
            VOC_FILE | {"reader": "folder", "task": "multitask"},
            r"line task: .*'multitask'; .*: binary, multi",
        ),
        ({"name": "f", "reader": "folder"}, r"classes is missing"),
        (FOLDER | {"images": "{nam}.jpg"}, r"line images: images: found '\{nam\}.jpg'; a pattern holds \{name\}"),
        (FOLDER | {"masks": "{split}/mask.png"}, r"line masks: .*a pattern holds \{name\}"),
        (FOLDER | {"masks": "{name.png"}, r"line masks: masks: found '\{name\.png', where a brace has no partner"),
        (
            FOLDER | {"masks": "{name}.png}"},
            r"line masks: masks: found '\{name\}\.png\}', where a brace has no partner",
        ),
        (FOLDER | {"masks": "{name!x}"}, r"line masks: .*\{name!x\} cannot be filled in. Write \{name\}"),
        (FOLDER | {"masks": "{name:.4}"}, r"line masks: .*\{name:\.4\} cannot be filled in"),
        (FOLDER | {"images": "a.png"}, r"line images: images: found 'a\.png'; a pattern holds \{name\}"),
        (FOLDER | {"images": "{}.png"}, r"line images: images: found '\{\}\.png'; a pattern holds \{name\}"),
        (SHAPES | {"task": "binary", "foreground": "ring"}, r"one of them named by foreground; got .* and ring"),
    ],
)
def test_what_a_data_set_file_cannot_say(values, problem):
    with pytest.raises(InputError, match=problem):
        parse_dataset(values, lambda keys: f"line {keys[0] if keys else 1}")


def test_all_problems_of_a_data_set_file_are_named_at_once():
    with pytest.raises(InputError) as caught:
        parse_dataset(VOC_FILE | {"masks": "m", "images": "i", "viod": [255], "name": "a b"})
    assert len(caught.value.problems) == 4


def test_shipped_data_sets_are_valid_and_survive_being_written_as_json():
    for path in (SCRIPTS.parents[1] / "config" / "datasets").glob("*.yaml"):
        dataset = load_dataset(str(path))
        assert parse_dataset(json.loads(dataset.model_dump_json())) == dataset
