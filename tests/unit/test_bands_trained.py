"""Five bands of 16 bits, from TIFF files to tables, images, a report and files to submit, trained for real."""

import io
import json
import zipfile

import build_report
import describe_data
import draw_images
import evaluate_run
import numpy as np
import pytest
import tifffile
from PIL import Image

from segsweep.data.prepared import Prepared
from segsweep.io import read_csv
from tests.unit.test_inference_trained import run_programs
from tests.workspace import SMALL, Workspace

SPLITS = {"train": 6, "val": 3, "test": 3}
SIZE = (64, 96)
CLASSES = {0: "soil", 1: "plants", 2: "water"}
# Reflectance of blue, green, red, near infrared and short-wave infrared, times 10,000. What one sees of the three
# classes is the same; they differ in the infrared alone, as no 8-bit RGB image could show it.
SPECTRA = np.array([[800, 900, 900, 1500, 2600], [800, 900, 900, 3800, 1500], [800, 900, 900, 300, 100]])

# Where each scene lies on the earth: meters a pixel, its corner, and the zone of its map (UTM 32N).
GEO = [
    (33550, 12, 3, (10.0, 10.0, 0.0), True),
    (33922, 12, 6, (0.0, 0.0, 0.0, 399960.0, 5300040.0, 0.0), True),
    (34735, 3, 12, (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32632), True),
]


def draw(folder):
    """Masks of a field of plants and a pond, and what a sensor of 12 bits sees of them, a file of five bands each."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for split, count in SPLITS.items():
        names = [f"{split}_{i}" for i in range(count)]
        (folder / f"{split}.txt").write_text("\n".join(names) + "\n")
        for name in names:
            mask = np.zeros(SIZE, np.uint8)
            for value in (1, 2):
                top, left = rng.integers(0, SIZE[0] - 30), rng.integers(0, SIZE[1] - 40)
                mask[top : top + 30, left : left + 40] = value
            light = rng.uniform(0.8, 1.0)
            bands = light * SPECTRA[mask] + rng.normal(0, 60, (*SIZE, 5))
            Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
            values = bands.round().clip(0, 4095).astype(np.uint16)
            how = {"photometric": "minisblack", "planarconfig": "contig", "extratags": GEO}
            tifffile.imwrite(folder / "images" / f"{name}.tif", values, **how)


@pytest.fixture(scope="module", params=["images", "patches"])
def trained(request, tmp_path_factory):
    """A study of one cell whose two folds vote: of random crops in bf16, or of patches; augmented by either library."""
    folder = tmp_path_factory.mktemp(request.param)
    workspace = Workspace(folder)
    draw(folder / "data" / "scenes")
    dataset = {"name": "scenes", "reader": "folder", "root": "scenes", "channels": 5, "classes": CLASSES}
    dataset |= {"display": {"channels": [3, 4, 0]}}
    dataset |= {"images": "images/{name}.tif", "masks": "masks/{name}.png"}
    workspace.write("config/datasets/scenes.yaml", dataset | {"splits": {split: f"{split}.txt" for split in SPLITS}})
    augmented = {"augmentation": "basic", "augmentation_backend": "torchvision"}
    data = {
        "images": {"data": {"image_size": [48, 96], "crop": [64, 64]} | augmented, "precision": "bf16"},
        "patches": {"data": {"patches": {"size": 64, "overlap": 32, "page_size": None}, "augmentation": "basic"}},
    }
    workspace.write_study(
        dataset="scenes",
        train=SMALL | {"epochs": 20, "optimizer": {"name": "adam", "lr": 5e-3}} | data[request.param],
        grid={"optimizer.lr": [0.005]},
        ensemble={"folds": 2, "method": "vote"},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_programs()
    return folder


def rows(folder, name):
    return read_csv(folder / "results" / "little" / name)


def opened(folder):
    return Prepared.open(next((folder / "results/data").glob("scenes-*")), list(CLASSES.values()))


def test_what_is_trained_on_are_the_values_of_the_files(trained):
    prepared = opened(trained)
    assert (prepared.channels, prepared.dtype, prepared.scale) == (5, "uint16", 4095)
    files = [tifffile.imread(trained / f"data/scenes/images/train_{i}.tif") for i in range(SPLITS["train"])]
    if prepared.splits["train"].page(0):
        patch = next(i for i in range(4) if prepared.splits["train"].page(i)["x"])
        left = prepared.splits["train"].page(patch)["x"]
        assert (prepared.splits["train"].image(patch)[:, : SIZE[1] - left] == files[0][:, left:]).all()
        np.testing.assert_allclose(prepared.mean, np.mean(files, axis=(0, 1, 2)) / 4095, rtol=1e-9)
    else:
        assert abs(prepared.mean - np.mean(files, axis=(0, 1, 2)) / 4095).max() < 1e-3
    assert (prepared.splits["train"].image(0).max((0, 1)) > 255).all()


def test_scores_are_those_of_the_files_handed_in(trained):
    """An independent count, of the files handed in, which lie where their images lie, and those that were drawn."""
    hit, either = np.zeros(3), np.zeros(3)
    with zipfile.ZipFile(trained / "results/little/submission.zip") as archive:
        assert len(archive.namelist()) == SPLITS["test"]
        for name in archive.namelist():
            with tifffile.TiffFile(io.BytesIO(archive.read(name))) as file:
                said, place = file.asarray(), file.geotiff_metadata
            with tifffile.TiffFile(trained / "data/scenes/images" / name) as file:
                assert place == file.geotiff_metadata
            assert place["ProjectedCSTypeGeoKey"] == 32632
            truth = np.asarray(Image.open((trained / "data/scenes/masks" / name).with_suffix(".png")))
            hit += [((truth == value) & (said == value)).sum() for value in CLASSES]
            either += [((truth == value) | (said == value)).sum() for value in CLASSES]
    found = (hit / either).mean()
    assert found > 0.6  # from the infrared alone
    if opened(trained).splits["test"].page(0):  # images that are resized are scored in the size of the training
        vote, *_ = rows(trained, "ensemble.csv")
        assert float(vote["test/miou"]) == pytest.approx(found, abs=1e-6)


def test_a_run_is_evaluated_drawn_and_reported(trained, monkeypatch, tmp_path):
    monkeypatch.chdir(trained)
    plan, results = ["--plan", "results/little/plan.json"], ["--results", "results/little"]
    run = rows(trained, "runs.csv")[0]["run"]
    options = ["--run", run, "--split", "test", "--device", "cpu", "--output", str(tmp_path / "evaluated.json")]
    assert evaluate_run.main([*plan, *options]) == 0
    assert json.loads((tmp_path / "evaluated.json").read_text())["images"] == SPLITS["test"]
    images = trained / "results/little/images"
    assert draw_images.main([*plan, *results, "--store", "results/segments", "--output", str(images)]) == 0
    sheets = [np.asarray(Image.open(path)) for path in images.glob("*.jpg")]
    assert sheets
    assert all(np.ptp(sheet) > 200 for sheet in sheets)
    assert describe_data.main([*plan, "--output", "results/little"]) == 0
    assert build_report.main([*results, "--output", "results/little"]) == 0
    report = (trained / "results/little/report.md").read_text(encoding="utf-8")
    assert "Images have 5 channels (uint16)" in report
    assert "images/predictions.jpg" in report
