"""What the plan knows of images before any is decoded, and which transforms it refuses for it."""

import numpy as np
import pytest
import tifffile

from segsweep.config.dataset import parse_dataset
from segsweep.errors import InputError
from segsweep.planning.image_kind import image_kind
from segsweep.planning.planner import open_study
from tests.workspace import Workspace


def folder_of(root, image, **keys):
    """A data set of one image for each split; returns its settings."""
    root.mkdir(parents=True)
    for name in ("train", "val"):
        (root / f"{name}.txt").write_text(f"{name}\n", encoding="utf-8")
        tifffile.imwrite(root / f"{name}.tif", image, planarconfig="contig", photometric="minisblack")
    keys = {"images": "{name}.tif", "masks": "{name}.png"} | keys
    return {"name": "bands", "reader": "folder", "classes": {0: "low", 1: "high"}, "root": root.name} | keys


@pytest.mark.parametrize(
    ("shape", "dtype", "channels", "kind"),
    [
        ((8, 9, 5), "uint16", None, (5, "uint16")),
        ((8, 9), "uint16", None, (3, "uint16")),
        ((8, 9), "uint16", 1, (1, "uint16")),
        ((8, 9), "float32", None, (1, "float32")),
        ((8, 9, 3), "uint8", None, (3, "uint8")),
    ],
)
def test_the_kind_of_images_is_read_from_a_header(tmp_path, shape, dtype, channels, kind):
    image = np.ones(shape, dtype)
    dataset = parse_dataset(folder_of(tmp_path / "data", image, channels=channels))
    assert image_kind(dataset, tmp_path / "data") == kind


def test_where_no_image_can_be_read_preparation_has_the_word(tmp_path):
    dataset = parse_dataset(folder_of(tmp_path / "data", np.ones((8, 9, 5), "uint16"), channels=5))
    (tmp_path / "data" / "train.tif").write_bytes(b"II*\0 and no more")
    assert image_kind(dataset, tmp_path / "data") == (5, None)
    assert image_kind(dataset, tmp_path / "elsewhere") == (5, None)


@pytest.mark.parametrize("name", ["heavy", "basic"])
def test_the_plan_refuses_transforms_of_colors_for_images_of_five_bands(tmp_path, monkeypatch, name):
    workspace = Workspace.entered(tmp_path, monkeypatch)
    values = folder_of(tmp_path / "data" / "bands", np.ones((8, 9, 5), "uint16"))
    workspace.write("config/datasets/bands.yaml", values)
    augmentations = ["none", name] if name == "basic" else ["none", name, "text"]
    workspace.write_study(dataset="bands", grid={"data.augmentation": augmentations})
    if name == "basic":
        assert open_study({"study": "little"}, plans=True).plan.cells
        return
    with pytest.raises(InputError, match=r"heavy.yaml:\d+: ColorJitter is for images of 1 or 3 channels, .*5") as said:
        open_study({"study": "little"}, plans=True)
    assert len(said.value.problems) == 2  # of both pipelines
