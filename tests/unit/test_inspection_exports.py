"""Data set files that are proposed for exports of annotation tools: the data set can be used as it is proposed."""

import io
import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import yaml
from PIL import Image

from segsweep.config.dataset import parse_dataset
from segsweep.errors import InputError
from segsweep.inspection.findings import inspect
from segsweep.inspection.proposal import propose
from tests.annotated_files import write_cvat

WIDTH, HEIGHT = 20, 16
SQUARE = [4, 4, 12, 4, 12, 12, 4, 12]  # x and y of its corners: 64 pixels


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of somebody's images; `folder.look()` proposes a data set file and looks at what it gives."""
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "data/mine"
    made.mkdir(parents=True)
    return made


def look(folder):
    """The proposed keys, and how many pixels of each class the data set then has."""
    _, text = propose(folder, Path("data"))
    keys = yaml.safe_load(text)
    findings = inspect(parse_dataset(keys), Path("data") / keys["root"], Path("results/data"))
    assert findings.problems == []
    counts = sum(split.class_counts.sum(axis=0) for split in findings.prepared.splits.values())
    return keys, dict(zip(findings.prepared.classes, counts.tolist(), strict=True))


def encoded(values, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(values).save(file, kind)
    return file.getvalue()


def image(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    path.write_bytes(encoded(values))


def coco(names, categories=("cat", "dog")):
    """COCO's JSON, with a square of the first category in each image, and one of the second in the first."""
    images = [{"id": i, "file_name": name, "width": WIDTH, "height": HEIGHT} for i, name in enumerate(names)]
    drawn = [(i, 1) for i in range(len(names))] + [(0, 2)] * (len(categories) > 1)
    annotations = [
        {"id": k, "image_id": i, "category_id": category, "segmentation": [[x + 4 * (category - 1) for x in SQUARE]],
         "bbox": [4 * category, 4 * category, 8, 8], "area": 64, "iscrowd": 0}
        for k, (i, category) in enumerate(drawn)
    ]  # fmt: skip
    listed = [{"id": i, "name": name} for i, name in enumerate(categories, 1)]
    return json.dumps({"images": images, "annotations": annotations, "categories": listed})


def test_coco_with_a_file_for_each_split(folder):
    (folder / "annotations").mkdir()
    for k, split in enumerate(("train2017", "val2017")):
        names = [f"{k}{i}.png" for i in range(2)]
        for i, name in enumerate(names):
            image(folder / "images" / split / name, 10 * k + i)
        (folder / f"annotations/instances_{split}.json").write_text(coco(names))
    keys, counts = look(folder)
    assert keys["annotations"] == "annotations/instances_{split}.json"
    assert keys["images"] == "images/{split}"
    assert keys["splits"] == {"folders": {"train": "train2017", "val": "val2017"}}
    assert keys["classes"] == {0: "background", 1: "cat", 2: "dog"}
    assert counts == {"background": 4 * 320 - 4 * 64 - 2 * 48, "cat": 4 * 64 - 2 * 16, "dog": 2 * 64}


def test_coco_of_roboflow(folder):
    for k, split in enumerate(("train", "valid")):
        image(folder / split / f"{k}.png", k)
        (folder / split / "_annotations.coco.json").write_text(coco([f"{k}.png"], ("leaf",)))
    keys, counts = look(folder)
    assert keys["splits"] == {"folders": {"train": "train", "val": "valid"}}
    assert (keys["task"], keys["foreground"]) == ("binary", "leaf")
    assert counts["leaf"] == 2 * 64


def test_categories_without_annotations_are_left_out_and_said(folder):
    """As the one that Roboflow puts above all others, and that no image shows."""
    for k, split in enumerate(("train", "valid")):
        image(folder / split / f"{k}.png", k)
        content = json.loads(coco([f"{k}.png"], ("leaf",)))
        content["categories"].insert(0, {"id": 0, "name": "leaves-v3", "supercategory": "none"})
        (folder / split / "_annotations.coco.json").write_text(json.dumps(content))
    assert look(folder)[0]["classes"] == {0: "background", 1: "leaf"}
    assert "left out, as without annotations: leaves-v3" in propose(folder, Path("data"))[1]
    for split in ("train", "valid"):
        content["annotations"] = []
        (folder / split / "_annotations.coco.json").write_text(json.dumps(content))
    assert "{0: background, 1: leaves-v3, 2: leaf}" in propose(folder, Path("data"))[1]


ODD_COCO = '{"images": ["a"], "annotations": [1], "categories": [[]]}'


@pytest.mark.parametrize("content", ["", "[", "[" * 10_000, ODD_COCO, '{"shapes": ["a"]}', "{train: 1, names: 2}"])
@pytest.mark.parametrize("name", ["a.json", "a.yaml", "a.xml", "a.parquet", "masks/a.nii.gz"])
def test_broken_files_are_no_accident(folder, name, content):
    """Whatever stands in the file: something is proposed, or refused in words."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(content)
    image(folder / "images/a.png", 0)
    (folder / "images/a.nii.gz").write_text(content)
    with suppress(InputError):
        assert propose(folder, Path("data"))


def test_coco_with_one_file(folder):
    names = [f"{i}.png" for i in range(5)]
    for i, name in enumerate(names):
        image(folder / "images" / name, i)
    (folder / "result.json").write_text(coco(names, ("leaf",)))
    keys, counts = look(folder)
    assert (keys["annotations"], keys["images"]) == ("result.json", "images")
    assert keys["splits"] == {"random": {"val": 0.2, "seed": 0}}
    assert counts["leaf"] == 5 * 64


def test_yolo(folder):
    corners = " ".join(f"{x / side:.6f}" for x, side in zip(SQUARE, (WIDTH, HEIGHT) * 4, strict=True))
    for split in ("train", "val"):
        image(folder / "images" / split / f"{split}.png", len(split))
        (folder / "labels" / split).mkdir(parents=True)
        (folder / "labels" / split / f"{split}.txt").write_text(f"0 {corners}\n")
    (folder / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: {0: leaf}\n")
    keys, counts = look(folder)
    assert keys["splits"] == {"folders": ["train", "val"]}
    assert counts["leaf"] == 2 * 64


def test_labelme(folder):
    points = np.reshape(SQUARE, (4, 2)).tolist()
    for i in range(5):
        image(folder / f"{i}.png", i)
        shapes = [{"label": label, "points": points, "shape_type": "polygon"} for label in ("cat", "dog")[: 1 + i % 2]]
        content = {"imagePath": f"{i}.png", "imageData": None, "imageWidth": WIDTH, "imageHeight": HEIGHT}
        (folder / f"{i}.json").write_text(json.dumps(content | {"shapes": shapes}))
    keys, counts = look(folder)
    assert keys["annotations"] == "{name}.json"
    assert {name: counts[name] for name in ("cat", "dog")} == {"cat": 3 * 64, "dog": 2 * 64}


def test_labelme_in_folders_of_folders(folder):
    for i in range(4):
        shape = {"label": "cat", "points": np.reshape(SQUARE, (4, 2)).tolist()}
        image(folder / f"p{i // 2}/{i}.png", i)
        (folder / f"p{i // 2}/{i}.json").write_text(json.dumps({"imagePath": f"{i}.png", "shapes": [shape]}))
    keys, counts = look(folder)
    assert keys["annotations"] == "{name}.json"
    assert counts["cat"] == 4 * 64


def test_cvat(folder):
    points = ";".join(f"{x},{y}" for x, y in np.reshape(SQUARE, (4, 2)).tolist())
    shape = f'<polygon label="leaf" points="{points}" occluded="0" z_order="0"/>'
    text = ""
    for i in range(5):
        image(folder / f"images/{i}.png", i)
        text += f'<image id="{i}" name="{i}.png" width="{WIDTH}" height="{HEIGHT}">{shape}</image>'
    (folder / "annotations.xml").write_text(f"<annotations><version>1.1</version>{text}</annotations>")
    keys, counts = look(folder)
    assert (keys["reader"], keys["images"]) == ("cvat", "images")
    assert counts["leaf"] == 5 * 64


def test_subsets_of_cvat(folder):
    write_cvat(folder, {"Train": ["a", "b"], "Validation": ["c"]})
    keys, counts = look(folder)
    assert keys["splits"] == {"folders": {"train": "Train", "val": "Validation"}}
    assert keys["images"] == "images/{split}"
    assert counts["box"] == 3 * 14 * 12


@pytest.mark.parametrize("channel", ["", "_0000"])
def test_volumes(folder, channel):
    nibabel = pytest.importorskip("nibabel")
    mask = np.zeros((WIDTH, HEIGHT, 3), np.uint8)
    mask[4:12, 4:12, 1] = 1
    for i in range(4):
        values = np.random.default_rng(i).normal(size=mask.shape).astype(np.float32)
        for kind, volume in ((f"imagesTr/p{i}{channel}", values), (f"labelsTr/p{i}", mask)):
            (folder / kind).parent.mkdir(exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), folder / f"{kind}.nii.gz")
    keys, counts = look(folder)
    assert keys["images"] == f"imagesTr/{{name}}{channel}.nii.gz"
    assert keys["masks"] == "labelsTr/{name}.nii.gz"
    assert counts["foreground"] == 4 * 64


def test_parquet(folder):
    (folder / "data").mkdir()
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[4:12, 4:12] = 1
    for k, split in enumerate(("train", "validation")):
        values = np.random.default_rng(k).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        rows = {"image": [{"bytes": encoded(values), "path": "a.png"}], "label": [{"bytes": encoded(mask), "path": ""}]}
        pyarrow.parquet.write_table(pyarrow.table(rows), folder / f"data/{split}-00000-of-00001.parquet")
    keys, counts = look(folder)
    assert (keys["root"], keys["shards"]) == ("mine/data", "{split}-*.parquet")
    assert keys["splits"] == {"folders": {"train": "train", "val": "validation"}}
    assert counts == {"background": 2 * (320 - 64), "foreground": 2 * 64}
