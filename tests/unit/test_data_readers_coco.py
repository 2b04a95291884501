"""The readers of COCO's JSON and of YOLO's polygons, by drawn files."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from segsweep.config.dataset import parse_dataset
from segsweep.data.classes import class_table
from segsweep.data.decoding import decode
from segsweep.data.preparation import prepare
from segsweep.data.readers import files, read
from segsweep.errors import InputError
from segsweep.planning.data_address import meaning_of
from tests.annotated_files import HEIGHT, LABELS, WIDTH, coco, objects, write_coco, write_images, write_yolo

SPLITS = {"train": ["a", "b", "c"], "valid": ["d"]}
FOLDERS = {"folders": {"train": "train", "val": "valid"}}
CLASSES = {0: "background", 1: "box", 2: "roof"}
OF_ONE_FILE = {"annotations": "all.json", "images": "images", "splits": {"train": "train.txt", "val": "val.txt"}}


def coco_dataset(**changes):
    settings = {"name": "c", "reader": "coco", "annotations": "{split}/_annotations.coco.json", "splits": FOLDERS}
    return parse_dataset(settings | {"classes": CLASSES} | changes)


def yolo_dataset(**changes):
    return parse_dataset({"name": "y", "reader": "yolo", "classes": CLASSES} | changes)


def changed(path, change):
    """Rewrite a JSON file."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def problems_of(dataset, root):
    """What reading and decoding find."""
    table = class_table(dataset)
    return [
        problem for items in read(dataset, root).values() for one in items for problem in decode(one, table, True)[1]
    ]


def test_both_formats_hold_the_drawn_masks_and_boxes(tmp_path):
    write_coco(tmp_path / "coco", SPLITS)
    write_yolo(tmp_path / "yolo", SPLITS)
    for dataset, root in ((coco_dataset(task="multitask"), "coco"), (yolo_dataset(task="multitask"), "yolo")):
        items = read(dataset, tmp_path / root)
        assert [[item.name for item in members] for members in items.values()] == [["a", "b", "c"], ["d"]]
        for number, item in enumerate([*items["train"], *items["val"]]):
            sample, problems = decode(item, class_table(dataset), True)
            assert problems == []
            (_, box), (_, roof) = objects(number)
            (left, top), (right, bottom) = box[0], box[2]
            assert (sample.mask[top:bottom, left:right] == 1).all()
            assert (sample.mask == 1).sum() == (right - left) * (bottom - top)
            area = (roof[1][0] - roof[0][0]) * (roof[0][1] - roof[2][1]) / 2
            assert abs((sample.mask == 2).sum() - area) < 0.5 * (16 + 2 * 20)  # half a pixel along its edge
            extents = [left, top, right, bottom], [roof[0][0], roof[2][1], roof[1][0], roof[0][1]]
            np.testing.assert_allclose(sample.boxes, extents, atol=1e-4)
            assert sample.labels.tolist() == [0, 1]


def test_both_formats_make_the_same_data(tmp_path):
    write_coco(tmp_path / "coco", SPLITS)
    write_yolo(tmp_path / "yolo", SPLITS)
    manifests = [
        prepare(dataset, tmp_path / root, None, tmp_path / "out", "")
        for dataset, root in ((coco_dataset(), "coco"), (yolo_dataset(), "yolo"))
    ]
    assert manifests[0]["statistics"] == manifests[1]["statistics"]
    assert manifests[0]["files"] == manifests[1]["files"]


def test_files_are_the_image_and_what_is_said_of_it(tmp_path):
    write_coco(tmp_path, SPLITS)
    before = files(coco_dataset(), tmp_path)
    assert before["val"][0][1][0] == tmp_path / "valid/d.png"

    def other_order(content):
        for entry in content["images"]:
            entry["id"] += 100
        for entry in content["annotations"]:
            entry["image_id"] += 100
            entry["id"] += 7
        content["images"].append({"id": 1, "file_name": "e.png"})
        content["categories"].append({"id": 99, "name": "dog"})

    changed(tmp_path / "train/_annotations.coco.json", other_order)
    assert files(coco_dataset(), tmp_path)["train"][:3] == before["train"]  # the others' and all ids say nothing of it
    changed(
        tmp_path / "train/_annotations.coco.json",
        lambda content: content["annotations"][0]["segmentation"][0].append(0.0),
    )
    after = files(coco_dataset(), tmp_path)["train"]
    assert [one == other for one, other in zip(after, before["train"], strict=False)] == [False, True, True]


def test_boxes_of_coco_are_in_an_address_where_they_count(tmp_path):
    write_coco(tmp_path, SPLITS)
    single, multitask = coco_dataset(), coco_dataset(task="multitask")
    before = files(single, tmp_path), files(multitask, tmp_path)
    changed(
        tmp_path / "valid/_annotations.coco.json", lambda content: content["annotations"][0].update(bbox=[0, 0, 9, 9])
    )
    assert files(single, tmp_path) == before[0]
    assert files(multitask, tmp_path) != before[1]


def test_what_labels_mean_is_in_an_address_and_where_files_lie_is_not():
    before = meaning_of(coco_dataset())
    for changes in ({"images": "x/{split}"}, {"annotations": "x/{split}.json"}, {"root": "elsewhere"}):
        assert meaning_of(coco_dataset(**changes)) == before
    for changes in (
        {"void_labels": ["blur"]},
        {"background_labels": ["*"]},
        {"unannotated": "void"},
        {"classes": CLASSES | {2: "wall"}},
    ):
        assert meaning_of(coco_dataset(**changes)) != before


def test_run_lengths_and_crowds(tmp_path):
    write_coco(tmp_path, SPLITS)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[5:9, 40:48] = 1
    compressed = coco_mask.encode(np.asfortranarray(mask))

    def crowd(content):
        runs = {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH - 20, 20]}
        content["annotations"] = [
            {"id": 1, "image_id": 1, "category_id": 10, "segmentation": runs, "iscrowd": 1},
            {
                "id": 2,
                "image_id": 1,
                "category_id": 20,
                "segmentation": {"size": [HEIGHT, WIDTH], "counts": compressed["counts"].decode()},
            },
        ]

    changed(tmp_path / "valid/_annotations.coco.json", crowd)
    dataset = coco_dataset(task="multitask")
    sample, problems = decode(read(dataset, tmp_path)["val"][0], class_table(dataset), True)
    assert problems == []
    expected = np.zeros((HEIGHT, WIDTH), int)
    expected[-20:, -1] = 1
    expected[5:9, 40:48] = 2
    assert (sample.mask == expected).all()
    assert sample.ignored.tolist() == [True, False]
    assert sample.boxes.tolist() == [[47, HEIGHT - 20, 48, HEIGHT], [40, 5, 48, 9]]


@pytest.mark.parametrize("seed", range(3))
def test_masks_are_those_of_the_coco_api(tmp_path, seed):
    """Random polygons in parts, run lengths in both forms, drawn one over the other."""
    generator = np.random.default_rng(seed)
    write_images(tmp_path / "images", ["a"])
    content = coco({"a": []})
    for number in range(12):
        corners = [generator.uniform((0, 0), (WIDTH, HEIGHT), (5, 2)).round(2).ravel().tolist() for _ in range(2)]
        mask = np.asfortranarray(generator.random((HEIGHT, WIDTH)) < 0.05, np.uint8)
        runs = {"size": [HEIGHT, WIDTH], "counts": coco_mask.encode(mask)["counts"].decode()}
        edges = np.flatnonzero(np.diff(mask.T.ravel().astype(int), prepend=0))
        plain = {"size": [HEIGHT, WIDTH], "counts": np.diff([0, *edges, mask.size]).tolist()}
        outline = [corners, runs, plain][number % 3]
        category = int(generator.choice([10, 20]))
        content["annotations"].append(
            {"id": number + 1, "image_id": 1, "category_id": category, "segmentation": outline, "iscrowd": 0}
        )
    (tmp_path / "all.json").write_text(json.dumps(content))
    api = COCO(tmp_path / "all.json")
    expected = np.zeros((HEIGHT, WIDTH), int)
    for annotation in api.loadAnns(api.getAnnIds(imgIds=1)):
        expected[api.annToMask(annotation) == 1] = annotation["category_id"] // 10
    dataset = coco_dataset(**(OF_ONE_FILE | {"splits": {"random": {"val": 0.5}}}))
    sample, problems = decode(read(dataset, tmp_path)["all"][0], class_table(dataset), True)
    assert problems == []
    assert (sample.mask == expected).all()
    assert len(np.unique(expected)) == 3


def test_one_file_with_lists_of_names_and_all_of_it_by_chance(tmp_path):
    found = write_images(tmp_path / "images/ward", ["a", "b.1", "c"])
    (tmp_path / "all.json").write_text(json.dumps(coco({f"ward/{name}": members for name, members in found.items()})))
    (tmp_path / "train.txt").write_text("ward/c\nward/a\n")
    (tmp_path / "val.txt").write_text("ward/b.1\nward/x\n")
    items = read(coco_dataset(**OF_ONE_FILE), tmp_path)
    assert [item.image.name for item in items["train"]] == ["c.png", "a.png"]
    assert problems_of(coco_dataset(**OF_ONE_FILE), tmp_path) == [
        f"{tmp_path / 'val.txt'}:2: 'ward/x' is none of the 3 images of {tmp_path / 'all.json'}; names there are "
        "like 'ward/a'. Correct the name, or take it out."
    ]
    pool = read(coco_dataset(**(OF_ONE_FILE | {"splits": {"random": {"val": 0.3}}})), tmp_path)
    assert [[item.name for item in members] for members in pool.values()] == [["ward/a", "ward/b.1", "ward/c"]]


def test_a_file_without_annotations_is_a_split_whose_labels_are_hidden(tmp_path):
    write_coco(tmp_path, SPLITS | {"test": ["t"]})
    changed(tmp_path / "test/_annotations.coco.json", lambda content: content.pop("annotations"))
    dataset = coco_dataset(splits={"folders": ["train", "val", "test"]}, annotations="{split}/_annotations.coco.json")
    (tmp_path / "valid").rename(tmp_path / "val")
    (item,) = read(dataset, tmp_path)["test"]
    assert item.mask is None
    assert item.labels_file is None
    assert files(dataset, tmp_path)["test"] == [("t", [tmp_path / "test/t.png"])]
    manifest = prepare(dataset, tmp_path, None, tmp_path / "out", "")
    assert [split["labeled"] for split in manifest["splits"].values() if "labeled" in split] == [False]


def test_labels_of_a_yolo_test_split_may_be_hidden(tmp_path):
    write_yolo(tmp_path, SPLITS | {"test": ["t", "u"]})
    dataset = yolo_dataset(splits={"folders": ["train", "val", "test"]}, task="multitask")
    (tmp_path / "test/labels/t.txt").unlink()
    with pytest.raises(InputError, match=r"labels/t\.txt: no such file"):  # only some
        prepare(dataset, tmp_path, None, tmp_path / "out", "")
    (tmp_path / "test/labels/u.txt").unlink()
    manifest = prepare(dataset, tmp_path, None, tmp_path / "out", "")
    assert manifest["splits"]["test"]["labeled"] is False


COCO_MISTAKES = [
    (
        lambda c: c["annotations"][1].update(category_id=30),
        r"annotation 1 \(id 2\) has the category_id 30; .*10 \(box\)",
    ),
    (lambda c: c["annotations"][1].update(image_id=77), r"annotation 1 \(id 2\) has the image_id 77, which no image"),
    (lambda c: c["annotations"][0].update(segmentation=[[1, 2, 3]]), r"a polygon of 3 numbers, \[1, 2, 3\]"),
    (lambda c: c["annotations"][0].update(segmentation=[[1, 2, 3, 4]]), r"at least 3 corners\.$"),
    (
        lambda c: c["annotations"][0].update(segmentation=[1, 2, 3, 4, 5, 6]),
        r"segmentation is \[1, 2, 3, 4, 5, 6\]; it",
    ),
    (lambda c: c["annotations"][0].update(segmentation=[["a"] * 6]), r"a polygon of 6 numbers, \['a'"),
    (lambda c: c["annotations"][0].update(segmentation="7"), r"segmentation is '7'"),
    (lambda c: c["annotations"][0].update(segmentation=[]), r"'box' has a box but no outline"),
    (lambda c: c["annotations"][0].update(segmentation={"size": [32, 48], "counts": [8, 9]}), r"add up to 17 pixels"),
    (
        lambda c: c["annotations"][0].update(segmentation={"size": [4, 4], "counts": [8, 8]}),
        r"the run lengths of 'box' are those of 4x4 pixels \(width x height\), the image has 48x32",
    ),
    (lambda c: c["annotations"][0].update(bbox=[1, 2, 3]), r"bbox is \[1, 2, 3\]; it is \[left, top, width, height\]"),
    (lambda c: c["annotations"][0].update(bbox=[5, 5, 90, 3]), r"its box, reaches from x 5, y 5 to x 95"),
    (lambda c: c["annotations"].append(7), r"annotation 2 is 7; it is a mapping"),
    (lambda c: c["categories"].append({"id": 10, "name": "dog"}), r"category 2: id 10 is 'box' and 'dog'"),
    (lambda c: c["categories"].append({"id": 10}), r"category 2 has no id or no name"),
    (
        lambda c: c["images"].append(c["images"][0]),
        r"image 1: id 1, file_name 'd.png': id or name are those of 'd.png'",
    ),
    (lambda c: c["images"].append({"id": 9}), r"image 1 has no id or no file_name"),
    (lambda c: c["images"].append({"id": 9, "file_name": "d.jpg"}), r"are those of 'd.png' as well"),
    (
        lambda c: c["images"].append({"id": 9, "file_name": "../d.png"}),
        r"file_name '../d.png', which is no path in",
    ),
    (
        lambda c: c["images"].append({"id": 9, "file_name": "/d.png"}),
        r"file_name '/d.png', which is no path in the",
    ),
    (lambda c: c["images"].append({"id": 9, "file_name": "C:\\d.png"}), r"which is no path in the folder of images"),
    (lambda c: c["images"].append({"id": 9, "file_name": "d\n\ud800.png"}), r"'d\\n\\ud800.png', which is no path"),
    (lambda c: c["images"].append({"id": 9, "file_name": "./x/../d.png"}), r"are those of 'd.png' as well"),
    (lambda c: c["annotations"][1].update(image_id="1"), r"image_id '1', which no image has; ids of images are like 1"),
    (lambda c: c["images"][0].update(height="32"), r"image 0 has the height '32' and width 48"),
    (
        lambda c: c["images"][0].update(height=64, width=96),
        r"says that 'd' has 96x64 pixels .* the image has 48x32\. Ex",
    ),
    (lambda c: c["images"][0].update(height=48, width=32), r"has 32x48 pixels .*Export both again"),
    (lambda c: c["categories"][0].update(name="Box"), r"annotation 0 .*the label 'Box' means nothing.*mean 'box'\?"),
]


@pytest.mark.parametrize(("change", "problem"), COCO_MISTAKES)
def test_mistakes_in_coco_files_are_one_line_each(tmp_path, change, problem):
    write_coco(tmp_path, SPLITS)
    changed(tmp_path / "valid/_annotations.coco.json", change)
    found = problems_of(coco_dataset(task="multitask"), tmp_path)
    assert len(found) == 1
    assert found[0].startswith(str(tmp_path / "valid/_annotations.coco.json"))
    with pytest.raises(InputError, match=problem):
        raise InputError(*found)


def test_all_mistakes_come_together_and_an_unknown_label_once(tmp_path):
    write_coco(tmp_path, SPLITS)
    changed(
        tmp_path / "valid/_annotations.coco.json", lambda content: content["annotations"][0].update(segmentation=[])
    )
    (tmp_path / "valid/d.png").unlink()
    dataset = coco_dataset(classes={0: "background", 1: "box"})
    with pytest.raises(InputError) as caught:
        prepare(dataset, tmp_path, None, tmp_path / "out", "")
    found = caught.value.problems
    assert sorted("means nothing" in one for one in found) == [False, False, True]
    assert any("and 3 further annotations: the label 'roof'" in one for one in found)
    assert any("d.png: no such file" in one for one in found)
    assert any("'box' has no outline" in one for one in found)  # of the image that is not there


def test_numbers_and_paths_as_other_programs_write_them(tmp_path):
    write_coco(tmp_path, SPLITS)
    expected = read(coco_dataset(), tmp_path), files(coco_dataset(), tmp_path)

    def otherwise(content):
        for entry in (*content["images"], *content["annotations"], *content["categories"]):
            for number in {"id", "image_id", "category_id", "height", "width"} & set(entry):
                entry[number] = float(entry[number])
        for entry in content["images"]:
            entry["file_name"] = ".\\" + entry["file_name"]

    changed(tmp_path / "train/_annotations.coco.json", otherwise)
    found = read(coco_dataset(), tmp_path), files(coco_dataset(), tmp_path)
    assert found[1] == expected[1]
    for one, other in zip(found[0]["train"], expected[0]["train"], strict=True):
        assert (one.name, one.image, one.problems) == (other.name, other.image, [])
        assert (one.mask(HEIGHT, WIDTH) == other.mask(HEIGHT, WIDTH)).all()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, r"cannot be read.*correct `annotations`"),
        ("{", r"is no JSON"),
        ("[" * 100_000, r"is no JSON"),
        ("1" * 5_000, r"is no JSON"),
        ("[]", r"no list 'images'"),
        ('{"images": []}', r"no list 'categories'"),
        ('{"images": [], "categories": []}', r"the list of images is empty"),
        ('{"images": [7], "categories": []}', r"image 0 has no id"),
    ],
)
def test_what_is_no_coco_file_is_named_for_each_split(tmp_path, text, problem):
    for folder in ("train", "valid"):
        (tmp_path / folder).mkdir()
        if text is not None:
            (tmp_path / folder / "_annotations.coco.json").write_text(text)
    for asked in (read, files):
        with pytest.raises(InputError, match=problem) as caught:
            asked(coco_dataset(), tmp_path)
        assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"annotations": "all.json"}, r"splits names folders, but annotations has no \{split\}"),
        ({"splits": {"random": {"val": 0.5}}}, r"the splits are drawn, so no folder has their names"),
        ({"images": "{name}"}, r"found '\{name\}'; only \{split\} can be filled in here"),
        ({"classes": None}, r"classes is missing"),
    ],
)
def test_keys_of_coco_that_contradict_each_other(changes, problem):
    with pytest.raises(InputError, match=problem):
        coco_dataset(**changes)


def test_yolo_finds_folders_lists_and_paths(tmp_path):
    write_yolo(tmp_path, SPLITS)
    (tmp_path / "some.txt").write_text("train/images/a.png\n./train/images/c.png\n")
    for content, expected in [
        ({"train": ["train/images"], "val": "valid/images"}, ["a", "b", "c"]),
        ({"train": "some.txt", "val": "valid/images"}, ["a", "c"]),
        ({"path": "train", "train": "images", "val": "../valid/images"}, ["a", "b", "c"]),
        ({"path": "/nowhere", "train": "train/images", "val": "valid/images"}, ["a", "b", "c"]),
    ]:
        (tmp_path / "data.yaml").write_text(yaml.safe_dump(content | {"names": dict(enumerate(LABELS))}))
        items = read(yolo_dataset(), tmp_path)
        assert [item.name for item in items["train"]] == expected
        assert items["train"][-1].labels_file == tmp_path / "train/labels/c.txt"
        assert problems_of(yolo_dataset(), tmp_path) == []
    image, labels, names = files(yolo_dataset(), tmp_path)["val"][0][1]
    assert (image, labels) == (tmp_path / "valid/images/d.png", tmp_path / "valid/labels/d.txt")
    assert json.loads(names) == {"0": "box", "1": "roof"}


def test_yolo_of_a_windows_machine_and_in_a_folder_of_its_own(tmp_path, monkeypatch):
    write_yolo(tmp_path, SPLITS)
    expected = read(yolo_dataset(), tmp_path)
    content = yaml.safe_load((tmp_path / "data.yaml").read_text())
    content |= {"path": "C:\\data", "train": ".\\train\\images", "val": "val.txt"}
    content["names"] = {str(number): name for number, name in enumerate(LABELS)}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(content), encoding="utf-8-sig")
    (tmp_path / "val.txt").write_bytes(b"valid\\images\\d.png\r\n")
    monkeypatch.chdir(tmp_path / "train")  # `images` is the first folder of the path
    (tmp_path / "train/data.yaml").write_text("names: [box, roof]\ntrain: images\nval: images")
    for found in (read(yolo_dataset(), tmp_path), read(yolo_dataset(), Path())):
        for one, other in zip(found["train"], expected["train"], strict=True):
            assert one.problems == []
            assert (one.mask(HEIGHT, WIDTH) == other.mask(HEIGHT, WIDTH)).all()


def test_yolo_passes_over_hidden_files_and_reports_broken_links(tmp_path):
    write_yolo(tmp_path, SPLITS)
    images = tmp_path / "train/images"
    (images / ".ipynb_checkpoints").mkdir()
    for hidden in ("._a.png", ".ipynb_checkpoints/a-checkpoint.png"):
        (images / hidden).write_bytes(b"no image")
    (images / "notes.txt").write_text("no image")
    assert [item.name for item in read(yolo_dataset(), tmp_path)["train"]] == ["a", "b", "c"]
    (images / "e.png").symlink_to("nowhere.png")
    (tmp_path / "train/labels/e.txt").symlink_to("nowhere.txt")
    found = problems_of(yolo_dataset(missing_labels="background"), tmp_path)
    assert len(found) == 2
    assert found[0].startswith(str(tmp_path / "train/labels/e.txt"))
    assert found[1].startswith(str(images / "e.png"))


def test_yolo_by_lists_and_by_chance_among_all_splits(tmp_path):
    write_yolo(tmp_path, SPLITS)
    (tmp_path / "train.txt").write_text("d\nb\n")
    (tmp_path / "val.txt").write_text("a\nx\n")
    dataset = yolo_dataset(splits={"train": "train.txt", "val": "val.txt"})
    assert [item.name for item in read(dataset, tmp_path)["train"]] == ["d", "b"]
    (problem,) = problems_of(dataset, tmp_path)
    assert "val.txt:2: 'x' is none of the 4 images of " in problem
    assert len(read(yolo_dataset(splits={"random": {"val": 0.5}}), tmp_path)["all"]) == 4


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("0 0.5 0.5 0.2 0.2", r"d\.txt:1: a box \(class x y width height\); masks are drawn from polygons"),
        ("0 0.5 0.5 0.2 0.2\n\n1 0.5 0.5 0.2 0.2", r"d\.txt:1: a box .*, and on 1 further line;"),
        ("0 0.1 0.1 0.9 0.1 0.9", r"d\.txt:1: 6 numbers; a line holds the class and x and y of 3"),
        ("0 0.1 0.1", r"3 numbers"),
        ("box 0.1 0.1 0.9 0.1 0.9 0.9", r"found 'box 0\.1"),
        ("2 0.1 0.1 0.9 0.1 0.9 0.9", r"class 2, but .*data\.yaml names 0 \(box\), 1 \(roof\)"),
        ("0.5 0.1 0.1 0.9 0.1 0.9 0.9", r"class 0\.5, but"),
        ("0 1 1 40 1 40 20", r"d\.txt:1: 'box' reaches from x 48, y 32 to x 1920, y 640; the image has 48x32"),
        ("0 0.1 0.1 0.1 0.1 0.1 0.1", r"no area"),
    ],
)
def test_mistakes_in_yolo_labels_are_one_line_each(tmp_path, line, problem):
    write_yolo(tmp_path, SPLITS)
    (tmp_path / "valid/labels/d.txt").write_text(line)
    found = problems_of(yolo_dataset(), tmp_path)
    assert len(found) == 1
    with pytest.raises(InputError, match=problem):
        raise InputError(*found)


def test_an_image_without_labels_is_refused_unless_it_means_that_nothing_is_there(tmp_path):
    write_yolo(tmp_path, SPLITS)
    (tmp_path / "valid/labels/d.txt").unlink()
    (problem,) = problems_of(yolo_dataset(), tmp_path)
    assert problem.startswith(f"{tmp_path / 'valid/labels/d.txt'}: no such file")
    dataset = yolo_dataset(missing_labels="background")
    assert problems_of(dataset, tmp_path) == []
    sample, _ = decode(read(dataset, tmp_path)["val"][0], class_table(dataset), True)
    assert (sample.mask == 0).all()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, r"data\.yaml: cannot be read.*correct `data`"),
        ("a: [", r"is no YAML"),
        ("train: train/images", r"no `names`"),
        ("names: {box: 0}", r"no `names`"),
        ("names: [yes, no]", r"`names` calls class 0 True, as YAML reads it"),
        ("names: [box]\nkpt_shape: [4, 2]", r"labels are boxes with keypoints"),
        ("[" * 1_000, r"is no YAML"),
        ("names: [box]\nnc: 1", r"names no images for 'train', but for: none"),
        ("names: [box]\ntrain: train/images\nval: nowhere", r"`val: nowhere` leads to .*nowhere, where no image lies"),
        ("names: [box]\ntrain: train/images\nval: no.txt", r"no\.txt: cannot be read"),
    ],
)
def test_what_is_no_data_yaml(tmp_path, text, problem):
    write_yolo(tmp_path, SPLITS)
    (tmp_path / "data.yaml").unlink()
    if text is not None:
        (tmp_path / "data.yaml").write_text(text)
    for asked in (read, files):
        with pytest.raises(InputError, match=problem):
            asked(yolo_dataset(), tmp_path)


def test_images_of_one_name_cannot_be_drawn_from_one_pool(tmp_path):
    write_yolo(tmp_path, {"train": ["a", "b"], "valid": ["a"]})
    with pytest.raises(InputError, match=r"has the name 'a' as well"):
        read(yolo_dataset(splits={"random": {"val": 0.5}}), tmp_path)
