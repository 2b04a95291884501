"""`make data`: what it says and draws of data sets that can be used, and of such that cannot."""

import json
from pathlib import Path

import inspect_data
import numpy as np
import pytest
import tifffile
import yaml
from PIL import Image

from segsweep.data.display import ImageDisplay
from segsweep.data.prepared import Prepared
from segsweep.exits import DONE, WRONG_INPUT
from segsweep.inspection.label_sheets import chosen_images, label_sheet
from segsweep.io import read_csv

SIDE = 16
NAMES = [f"i{i}" for i in range(6)]
FOLDER = {
    "name": "cells", "title": "Cells in culture", "reader": "folder", "root": "cells", "images": "images/{name}.png",
    "masks": "masks/{name}.png", "task": "multiclass", "classes": {0: "background", 1: "cell", 2: "debris"},
    "void": [255],
}  # fmt: skip


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with config/ and data/ in which the program is started."""
    (tmp_path / "config/datasets").mkdir(parents=True)
    (tmp_path / "config/config.yaml").write_text("study: demo\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def draw(folder, suffix="png", channels=3, dtype=np.uint8):
    """Six images with a square of cells, one of them with debris and a void row; the first four are for training."""
    random = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for i, name in enumerate(NAMES):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[2 : 6 + i, 2:8] = 1
        if i in (1, 4):
            mask[10:12, :] = 2
            mask[15, :] = 255
        image = random.integers(0, 200, (SIDE, SIDE, channels)).astype(dtype) + (mask[..., None] == 1) * dtype(50)
        if suffix == "png":
            Image.fromarray(image).save(folder / f"images/{name}.png")
        else:
            tifffile.imwrite(folder / f"images/{name}.tif", image, photometric="minisblack", planarconfig="contig")
        Image.fromarray(mask).save(folder / f"masks/{name}.png")
    (folder / "train.txt").write_text("\n".join(NAMES[:4]))
    (folder / "val.txt").write_text("\n".join(NAMES[4:]))


def write_dataset(keys):
    Path("config/datasets", f"{keys['name']}.yaml").write_text(yaml.safe_dump(keys))


def test_a_data_set_is_described_and_drawn(project, capsys):
    draw(project / "data/cells")
    write_dataset(FOLDER)
    assert inspect_data.main(["cells"]) == DONE
    shown = capsys.readouterr().out
    assert "cells: Cells in culture\nTask: multiclass. Read as folder from data/cells.\n" in shown
    assert "Images have 3 channels (uint8)." in shown
    assert [line.split()[1:6:2] for line in shown.splitlines() if line.startswith("│ train")] == [["train", "4", "16"]]
    page = Path("results/data/cells/data.md").read_text()
    # Of the training pixels less a void row, 6 times 4 + 5 + 6 + 7 are cells and 32 debris.
    assert f"| debris | {100 * 32 / (4 * 256 - 16):.2f} % | 1 | {100 * 32 / (2 * 256 - 16):.2f} % | 1 |" in page
    assert "![Images of val, 2 in all, each beside its labels](labels_val.jpg)" in page
    assert Image.open("results/data/cells/labels_train.jpg").width > 4 * 200
    assert [row["images"] for row in read_csv("results/data/cells/data.csv")] == ["4", "2"]
    (prepared,) = Path("results/data").glob("cells-*/manifest.json")
    before = prepared.stat().st_mtime_ns
    assert inspect_data.main(["cells"]) == DONE
    assert prepared.stat().st_mtime_ns == before  # what is prepared already is looked at as it is


def test_all_problems_are_listed(project, capsys):
    draw(project / "data/cells")
    write_dataset(FOLDER)
    assert inspect_data.main(["cells"]) == DONE
    capsys.readouterr()
    Path("data/cells/train.txt").write_text("\n".join([*NAMES[:4], *(f"x{i}" for i in range(12))]))
    Image.fromarray(np.full((SIDE, SIDE), 7, np.uint8)).save("data/cells/masks/i5.png")
    assert inspect_data.main(["cells"]) == WRONG_INPUT
    shown = capsys.readouterr().out
    assert "It cannot be used: 25 problems, nothing is trained on it. Its lists name 16 images in train and 2" in shown
    assert "  ... and 5 more.\nall of it: results/data/cells/data.md" in shown
    page = Path("results/data/cells/data.md").read_text()
    assert page.count("\n- ") == 25
    assert "masks/i5.png: value 7" in page
    assert not list(Path("results/data/cells").glob("*.jpg"))  # nothing is left that shows what no longer holds


def test_five_bands_of_16_bits_are_shown_as_the_file_says(project, capsys):
    draw(project / "data/cells", "tif", 5, np.uint16)
    bands = FOLDER | {"images": "images/{name}.tif", "display": {"channels": [4, 2, 0], "stretch": [0, 100]}}
    write_dataset(bands)
    assert inspect_data.main(["cells"]) == DONE
    assert "Images have 5 channels (uint16).\nNetworks see their values divided by 255.\n" in capsys.readouterr().out
    write_dataset(bands | {"display": {"channels": [5]}})
    assert inspect_data.main(["cells"]) == WRONG_INPUT
    assert "display.channels is [5], but its images have channels 0 to 4" in capsys.readouterr().err


def test_a_drawn_data_set_has_no_folder(project, capsys):
    demo = {"train": 3, "val": 2, "size": [16, 16], "classes": 2}
    classes = {0: "background", 1: "one", 2: "two"}
    write_dataset({"name": "tiny", "reader": "demo", "task": "multiclass", "classes": classes, "demo": demo})
    assert inspect_data.main(["tiny"]) == DONE
    assert "Task: multiclass. Drawn by the project itself." in capsys.readouterr().out


def test_the_folder_is_missing(project, capsys):
    write_dataset(FOLDER)
    assert inspect_data.main(["cells"]) == WRONG_INPUT
    assert "the folder data/cells does not exist" in capsys.readouterr().out


def test_neither_a_data_set_nor_a_folder(project, capsys):
    write_dataset(FOLDER)
    assert inspect_data.main(["cels"]) == WRONG_INPUT
    assert "unknown data set 'cels'" in capsys.readouterr().err
    assert inspect_data.main(["data/cels"]) == WRONG_INPUT
    assert "data/cels: no such folder. Give a folder of images, " in capsys.readouterr().err


def test_a_folder_gets_a_file_that_is_not_written_twice(project, capsys):
    draw(project / "data/cells")
    assert inspect_data.main(["data/cells"]) == DONE
    path = Path("config/datasets/cells.yaml")
    assert yaml.safe_load(path.read_text())["classes"] == {0: "background", 1: "class_1", 2: "class_2"}
    assert inspect_data.main(["cells"]) == DONE
    path.write_text("# mine\n" + path.read_text())
    capsys.readouterr()
    assert inspect_data.main(["data/cells"]) == DONE
    assert "config/datasets/cells.yaml is there already and stays as it is" in capsys.readouterr().out
    assert path.read_text().startswith("# mine\n")


class Counts:
    """A split of which the pixels by class are known."""

    def __init__(self, counts):
        self.class_counts = np.array(counts)

    def __len__(self):
        return len(self.class_counts)


def test_images_are_chosen_so_that_rare_classes_are_seen():
    counts = np.tile([10, 0, 0], (20, 1))
    counts[13] = [3, 7, 0]
    counts[[5, 6]] = [[8, 0, 2], [7, 0, 3]]
    assert chosen_images(Counts(counts), 4)[:4] == [0, 6, 13, 19]
    assert chosen_images(Counts(counts), 2) == [6, 13]
    assert chosen_images(Counts(counts[:3]), 8) == [0, 1, 2]


def test_a_split_without_labels_shows_the_images_alone(project):
    draw(project / "data/cells")
    write_dataset(FOLDER)
    assert inspect_data.main(["cells"]) == DONE
    (folder,) = Path("results/data").glob("cells-*")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["splits"]["val"]["labeled"] = False
    (folder / "manifest.json").write_text(json.dumps(manifest))
    prepared = Prepared.open(folder, ["background", "cell", "debris"])
    widths = [label_sheet(prepared, split, ImageDisplay((0, 1, 2))).width for split in ("train", "val")]
    assert widths[0] > 1.5 * widths[1]  # four panels in a row, and two
