"""Each format of predictions, read back by a library that did not write it."""

import contextlib
import csv
import io
import json

import numpy as np
import pytest
import shapely.geometry
import tifffile
from PIL import Image
from pycocotools.coco import COCO

from segsweep.data.georeference import georeference
from segsweep.data.image_files import geo_tags
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_files import PredictionFiles, usual_formats
from tests.unit.test_inference_prediction_files import subject

MASK = np.array([[1, 1, 1, 0], [1, 0, 1, 2], [1, 1, 1, 2]], np.uint8)  # a ring, and a bar
IMAGE = np.full((*MASK.shape, 3), 100, np.uint8)
BOXES = {
    "boxes": np.array([[1, 2, 4.5, 8], [0, 0, 2, 2]], np.float32),
    "labels": np.array([1, 0]),
    "scores": np.array([0.9, 0.25], np.float32),
}
QUAD = np.array([[2.4, 1], [8.6, 1], [8.6, 4], [2.4, 4]], np.float32)
# Keys: projected, pixels are areas, EPSG 32633.
KEYS = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)
PLACE = {33550: (12, 3, (2.0, 2.0, 0.0)), 33922: (12, 6, (0.0, 0.0, 0.0, 500000.0, 4000000.0, 0.0))}
TAGS = PLACE | {34735: (3, len(KEYS), KEYS)}


def written(folder, of, formats, image=IMAGE, **parts):
    """Reasons of one prediction, written in some formats."""
    predicted = PredictedImage("sub/a", image.shape[:2], file="sub/a.png", **parts)
    with PredictionFiles(folder, of, formats) as files:
        return files.add(predicted, image)


def read_coco(path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(path)


def test_values_are_those_of_the_data_sets_masks(tmp_path):
    written(tmp_path, subject(), ["values"], mask=MASK)
    with Image.open(tmp_path / "values" / "sub" / "a.png") as read:
        np.testing.assert_array_equal(np.asarray(read), np.array([0, 7, 9])[MASK])


def test_colors_of_a_palette_are_written_as_colors(tmp_path):
    colors = {"background": [0, 0, 0], "cat": [255, 0, 0], "dog": [0, 0, 255]}
    written(tmp_path, subject(palette=colors), ["values"], mask=MASK)
    with Image.open(tmp_path / "values" / "sub" / "a.png") as read:
        assert read.getpixel((0, 0)) == (255, 0, 0)
        assert read.getpixel((3, 2)) == (0, 0, 255)


@pytest.mark.parametrize(("name", "dtype"), [("probabilities", np.float32), ("probabilities_float16", np.float16)])
def test_probabilities_name_their_channels(tmp_path, name, dtype):
    probability = np.random.default_rng(0).random((1, 3, 4), np.float32)
    assert written(tmp_path, subject("binary"), [name], mask=MASK.clip(0, 1), probability=probability) == []
    with np.load(tmp_path / name / "sub" / "a.npz") as read:
        assert read["classes"].tolist() == ["cell"]
        assert read["probability"].dtype == dtype
        np.testing.assert_array_equal(read["probability"], probability.astype(dtype))
    (reason,) = written(tmp_path, subject(), [name], mask=MASK)
    assert reason.startswith(f"{name}: there are no probabilities of this image.")


@pytest.mark.parametrize("name", ["coco", "coco_polygons"])
def test_coco_instances_give_the_mask_back(tmp_path, name):
    written(tmp_path, subject(), [name], mask=MASK)
    coco = read_coco(tmp_path / f"{name}.json")
    assert [one["name"] for one in coco.loadCats([1, 2])] == ["cat", "dog"]
    assert coco.imgs[1] == {"id": 1, "file_name": "sub/a.png", "height": 3, "width": 4}
    ring, bar = coco.loadAnns([1, 2])
    assert (ring["area"], ring["bbox"], bar["bbox"]) == (8, [0, 0, 3, 3], [3, 1, 1, 2])
    np.testing.assert_array_equal(coco.annToMask(ring), MASK == 1)
    np.testing.assert_array_equal(coco.annToMask(bar), MASK == 2)


def test_boxes_are_a_table_and_coco_annotations(tmp_path):
    written(tmp_path, subject("multitask"), ["boxes", "coco_boxes"], mask=MASK, **BOXES)
    with (tmp_path / "boxes.csv").open(newline="") as file:
        best, other = csv.DictReader(file)
    assert best == {"image": "sub/a", "class": "dog", "score": "0.900000"} | dict(
        zip(("x1", "y1", "x2", "y2"), ("1.00", "2.00", "4.50", "8.00"), strict=True)
    )
    assert other["class"] == "cat"
    coco = read_coco(tmp_path / "coco_boxes.json")
    found = coco.loadAnns([1])[0]
    assert (found["bbox"], found["area"], found["score"]) == ([1, 2, 3.5, 6], 21, pytest.approx(0.9))
    assert coco.cats[found["category_id"]]["name"] == "dog"


def test_text_is_written_as_polygons_and_as_icdar_has_it(tmp_path):
    parts = {"polygons": [QUAD, QUAD[::-1] + 20], "scores": np.array([0.75, 0.5], np.float32)}
    written(tmp_path, subject("text"), ["text", "icdar"], **parts)
    (image,) = json.loads((tmp_path / "text.json").read_text())["images"]
    first = image["texts"][0]
    assert shapely.Polygon(first["points"]).equals_exact(shapely.Polygon(QUAD), 0.01)
    assert (image["name"], image["height"], image["width"], first["score"]) == ("sub/a", 3, 4, 0.75)
    lines = (tmp_path / "icdar" / "sub" / "res_a.txt").read_bytes().decode().split("\r\n")
    assert lines[0] == "2,1,9,1,9,4,2,4"
    assert lines[2:] == [""]


def test_a_geotiff_keeps_the_place_of_its_image(tmp_path):
    written(tmp_path, subject(), ["geotiff"], mask=MASK, tags=TAGS)
    path = tmp_path / "geotiff" / "sub" / "a.tif"
    np.testing.assert_array_equal(tifffile.imread(path), np.array([0, 7, 9])[MASK])
    assert geo_tags(path) == TAGS


def test_geojson_has_the_coordinates_of_the_reference_system(tmp_path):
    assert written(tmp_path, subject(), ["geojson"], mask=MASK, tags=TAGS) == []
    content = json.loads((tmp_path / "geojson" / "sub" / "a.geojson").read_text())
    assert content["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32633"
    ring, bar = content["features"]
    assert ring["properties"] == {"class": "cat", "score": None, "pixels": 8}
    east, north = 500000, 4000000
    drawn = shapely.geometry.shape(ring["geometry"])
    hole = shapely.box(east + 2, north - 4, east + 4, north - 2)
    assert drawn.equals(shapely.box(east, north - 6, east + 6, north) - hole)
    assert drawn.exterior.is_ccw
    assert shapely.geometry.shape(bar["geometry"]).equals(shapely.box(east + 6, north - 6, east + 8, north - 2))


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({}, "the image has no GeoTIFF tags"),
        (PLACE, "its GeoTIFF tags name no coordinate reference system"),
        ({34735: TAGS[34735]}, "its GeoTIFF tags hold neither a transformation nor a scale"),
    ],
)
def test_an_image_without_a_place_is_skipped_with_a_reason(tmp_path, tags, reason):
    (found,) = written(tmp_path, subject(), ["geojson"], mask=MASK, tags=tags)
    assert found.startswith(f"geojson: {reason}")
    assert found.endswith("Choose the format coco_polygons for it.")
    assert not (tmp_path / "geojson").exists()


def test_a_geographic_transformation_of_pixel_centers():
    keys = (1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 2, 2048, 0, 1, 4326)
    matrix = (0.5, 0, 0, 10.25, 0, -0.5, 0, 49.75, 0, 0, 0, 0, 0, 0, 0, 1)
    place = georeference({34264: (12, 16, matrix), 34735: (3, 16, keys)})
    assert place.epsg == 4326
    np.testing.assert_allclose(place(np.array([[0, 0], [2, 4.0]])), [[10, 50], [11, 48]])


def test_overlays_show_the_classes_in_the_colors_of_the_legend(tmp_path):
    big = np.kron(MASK, np.ones((200, 200), np.uint8))
    image = np.full((*big.shape, 3), 100, np.uint8)
    written(tmp_path, subject(), ["overlay"], image=image, mask=big)
    with Image.open(tmp_path / "overlay" / "sub" / "a.jpg") as read:
        pixels = np.asarray(read).astype(int)
    assert pixels.shape == image.shape
    assert np.abs(pixels[300, 300] - 100).max() <= 3  # background
    legend = np.asarray(Image.open(tmp_path / "overlay.png"))
    for row, place in ((0, (100, 100)), (1, (500, 700))):
        color = legend[13 + 26 * row + 8, 13 + 8].astype(int)
        assert np.abs(pixels[place] - (0.4 * 100 + 0.6 * color)).max() <= 4


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "multitask", "text"])
def test_what_is_usual_can_be_written_of_images_of_any_kind(tmp_path, task):
    of = subject(task)
    parts = {"polygons": [QUAD], "scores": np.array([0.5])} if task == "text" else {"mask": MASK.clip(0, 1)}
    parts |= BOXES if task == "multitask" else {}
    for image in (np.zeros((3, 4, 1), np.uint16), np.random.default_rng(0).random((3, 4, 5), np.float32)):
        assert written(tmp_path, of, (), image=image, **parts) == []
    with Image.open(tmp_path / "overlay" / "sub" / "a.jpg") as read:
        assert read.size == (512, 384)
    assert "overlay" in usual_formats(task)
