"""Augmentation: masks, boxes and polygons move together, and draws follow from their numbers alone."""

from inspect import signature
from types import SimpleNamespace

import albumentations as A
import cv2
import numpy as np
import pytest
import shapely
import yaml

from segsweep.config.albumentations_transforms import REFUSED, REVISIONS, WITHOUT_POINTS
from segsweep.config.augmentations import find_augmentation, read_augmentation
from segsweep.config.train import Data
from segsweep.data.augmentation import albumentations_exact, load_augmentation
from segsweep.data.augmentation.albumentations_backend import Augmentation
from segsweep.data.image_arrays import FILL
from segsweep.data.sample import Sample, cut_boxes, cut_polygons, signed_area, window
from segsweep.errors import InputError
from segsweep.planning.study_context import context_of

KNOWN = ("none", "basic", "heavy", "street", "text")


def box_of(seen):
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def rectangle(height=60, width=80, box=(20, 10, 50, 25)):
    """A bright rectangle with its mask, its box and the polygon of its corners."""
    x1, y1, x2, y2 = box
    image, mask = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
    image[y1:y2, x1:x2], mask[y1:y2, x1:x2] = 255, 1
    polygon = np.float32([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
    return Sample(image, mask, np.float32([box]), np.zeros(1, np.int64), [polygon], np.zeros(1, bool))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("HorizontalFlip", {"p": 1.0}),
        ("VerticalFlip", {"p": 1.0}),
        ("Transpose", {"p": 1.0}),
        ("RandomRotate90", {"p": 1.0}),
    ],
)
def test_the_carried_box_is_the_box_of_the_mask(name, arguments):
    pipeline = Augmentation([(name, arguments)], "test")
    for number in range(4):
        found = pipeline(rectangle(), (number,))
        assert found.boxes[0].tolist() == box_of(found.mask == 1)
        assert found.polygons[0].min(0).tolist() + found.polygons[0].max(0).tolist() == box_of(found.mask == 1)


@pytest.mark.parametrize("name", KNOWN[1:])
def test_the_shipped_pipelines_carry_boxes_within_a_pixel(name):
    pipeline = load_augmentation(name)
    for number in range(8):
        found = pipeline(rectangle(120, 160, (60, 40, 100, 80)), (number,))
        height, width = found.mask.shape
        (polygon,), _ = cut_polygons(found.polygons, height, width, share=0)
        shown = np.concatenate([polygon.min(0), polygon.max(0)])
        assert abs(shown - box_of(found.mask == 1)).max() <= 1.5
        assert set(np.unique(found.mask)) <= {0, 1, 255}
        (box,), _ = cut_boxes(found.boxes, height, width, share=0)
        assert abs(box - shown).max() <= 1e-3  # the box around the turned corners is the polygon's


RADIUS = 18
CENTRES = [(60, 50), (150, 60), (100, 120), (60, 150), (170, 140)]


def discs():
    """Smooth discs in an image of 201 x 240 pixels, with their masks 1 to 5, boxes and polygons."""
    rows, columns = np.indices((201, 240)) + 0.5
    image, mask, boxes, polygons = np.zeros((201, 240)), np.zeros((201, 240), np.uint8), [], []
    angles = np.linspace(0, 2 * np.pi, 33)[:-1]
    for number, (x, y) in enumerate(CENTRES, 1):
        distance = np.hypot(columns - x, rows - y)
        image = np.maximum(image, np.clip(RADIUS + 0.5 - distance, 0, 1))
        mask[distance < RADIUS] = number
        boxes.append([x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS])
        polygons.append(np.float32([x, y] + RADIUS * np.stack([np.cos(angles), np.sin(angles)], axis=1)))
    pixels = np.repeat(np.uint8(np.round(image * 255))[..., None], 3, axis=2)
    return Sample(pixels, mask, np.float32(boxes), np.arange(5), polygons, np.zeros(5, bool))


def offsets(transform, draws):
    """Centroids of each disc's polygon, and of its mask, less that of its image: two arrays (n, 2) in pixels.

    Discs that touch an edge or what lies beyond the image are left out.
    """
    pipeline, found = Augmentation([transform], "test"), []
    for number in range(draws):
        seen = pipeline(discs(), (number,))
        rows, columns = np.indices(seen.mask.shape) + 0.5
        for label, polygon in enumerate(seen.polygons, 1):
            near = cv2.dilate(np.uint8(seen.mask == label), np.ones((9, 9)))
            framed = near[1:-1, 1:-1].sum() == near.sum() > 200
            if not framed or (seen.mask[near > 0] == 255).any():
                continue
            centroids = []
            for weights in (seen.image[..., 0] * (near > 0), seen.mask == label):
                centroids.append([(axis * weights).sum() / weights.sum() for axis in (columns, rows)])
            centroids.append(shapely.Polygon(polygon).centroid.coords[0])
            found.append(centroids)
    image, mask, polygon = np.swapaxes(found, 0, 1)
    return polygon - image, mask - image


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *[transform for augmentation in KNOWN for transform in read_augmentation(augmentation)
          if transform[0] in ("Affine", "HorizontalFlip")],
        ("RandomScale", {"scale_limit": [-0.4, 0.9]}),
        ("Resize", {"height": 331, "width": 300}),
        ("LongestMaxSize", {"max_size": 333}),
        ("SmallestMaxSize", {"max_size": 333}),
        ("RandomResizedCrop", {"size": [200, 240], "scale": [0.4, 0.9]}),
        ("RandomSizedCrop", {"min_max_height": [120, 180], "size": [200, 240]}),
        ("CropAndPad", {"percent": [-0.08, 0.08]}),
        ("RandomCrop", {"height": 150, "width": 180}),
        ("ElasticTransform", {"alpha": 60, "sigma": 12}),
        ("GridDistortion", {}),
        ("OpticalDistortion", {}),
        ("Perspective", {}),
        ("SafeRotate", {"limit": [-30, 30]}),
    ],
)  # fmt: skip
def test_polygons_and_masks_stay_where_the_image_shows_them(name, arguments):
    """Polygons by a twentieth of a pixel; masks, which take their nearest pixel, on average by a tenth."""
    polygons, masks = offsets((name, arguments | {"p": 1.0}), draws=12)
    assert len(masks) >= 12
    assert abs(polygons.mean(axis=0)).max() < 0.02
    assert abs(polygons).max() < (0.15 if name == "GridDistortion" else 0.05)  # whose map has edges
    assert abs(masks.mean(axis=0)).max() < 0.1


def test_equal_numbers_give_equal_results_whatever_came_before():
    pipeline, other = load_augmentation("heavy"), load_augmentation("heavy")
    first = pipeline(rectangle(), (0, 3, 7))
    for number in range(5):
        pipeline(rectangle(40, 40), (number,))
    again, elsewhere = pipeline(rectangle(), (0, 3, 7)), other(rectangle(), (0, 3, 7))
    for found in (again, elsewhere):
        assert (found.image == first.image).all()
        assert (found.mask == first.mask).all()
        assert (found.boxes == first.boxes).all()
    images = {pipeline(rectangle(), (0, 3, number)).image.tobytes() for number in range(6)}
    assert len(images) == 6


def test_the_image_is_the_same_with_and_without_boxes():
    pipeline, sample = load_augmentation("heavy"), rectangle()
    bare = Sample(sample.image, sample.mask, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), [], np.zeros(0, bool))
    for number in range(4):
        assert (pipeline(sample, (number,)).image == pipeline(bare, (number,)).image).all()


def test_transforms_of_a_pipeline_draw_on_their_own():
    pipeline = Augmentation([("HorizontalFlip", {"p": 0.5}), ("VerticalFlip", {"p": 0.5})], "test")
    found = {tuple(pipeline(rectangle(), (number,)).boxes[0]) for number in range(40)}
    assert len(found) == 4  # neither, one, the other, both


def test_new_pixels_are_void():
    found = Augmentation([("Affine", {"translate_px": {"x": 10, "y": 0}, "p": 1.0})], "test")(rectangle(), (0,))
    assert (found.mask[:, :10] == 255).all()
    assert found.boxes[0].tolist() == [30, 10, 60, 25]


def test_a_box_is_dropped_when_less_than_a_quarter_is_seen():
    boxes = np.float32([[-30, 0, 10, 10], [-31, 0, 9, 10], [90, 90, 130, 130], [5, 5, 6, 6], [100, 0, 110, 5]])
    found, keep = cut_boxes(boxes, 100, 100)
    assert keep.tolist() == [True, False, False, True, False]
    assert found.tolist() == [[0, 0, 10, 10], [5, 5, 6, 6]]


def test_polygons_are_cut_or_dropped_alike():
    square = np.float32([[0, 0], [4, 0], [4, 4], [0, 4]])
    kept, keep = cut_polygons([square, square - [2, 0], square - [3.5, 0], square + 50], 10, 10)
    assert keep.tolist() == [True, True, False, False]
    assert (kept[0] == square).all()
    assert abs(signed_area(kept[1])) == pytest.approx(8)
    assert signed_area(kept[1]) * signed_area(square) > 0
    assert kept[1].min(0).tolist() == [0, 0]


def test_a_window_beyond_the_image_is_filled_and_moves_boxes():
    found = window(rectangle(), -4, -6, 80, 100, FILL)
    assert found.mask.shape == (80, 100)
    assert (found.mask[:4] == 255).all()
    assert found.boxes[0].tolist() == box_of(found.mask == 1) == [26, 14, 56, 29]
    assert window(rectangle(), 30, 0, 30, 80, FILL).boxes.shape == (0, 4)
    assert window(rectangle(), 30, 0, 30, 80, FILL).ignored.shape == (0,)


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"unknown augmentation 'havy'. Did you mean 'heavy'"):
        find_augmentation("havy")
    path = tmp_path / "mine.yaml"
    path.write_text("transforms:\n  - {HorizontalFlip: {p: 1}, VerticalFlip: {}}\n")
    with pytest.raises(InputError, match=r"mine.yaml:2: found .*`transforms` is a list"):
        read_augmentation(str(path))
    path.write_text("transform: []\n")
    with pytest.raises(InputError, match=r"unknown key 'transform'. Did you mean 'transforms'"):
        read_augmentation(str(path))


@pytest.mark.parametrize("name", KNOWN)
def test_the_shipped_files_are_plain_lists(name):
    assert all(isinstance(transform, str) and isinstance(args, dict) for transform, args in read_augmentation(name))


def augmentation_file(tmp_path, transforms):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"description": "mine", "transforms": transforms}, sort_keys=False))
    return str(path)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ({"Normalize": {"p": 1.0}}, r"Normalize makes other numbers .* `data.preprocessing` does this"),
        ({"OneOf": {"transforms": [{"ToFloat": None}]}}, r"ToFloat makes other numbers .* `data.preprocessing`"),
        ("ToTensorV2", r"ToTensorV2 makes tensors. Leave it out"),
        ({"OneOf": {"p": 1.0}}, r"OneOf is a group without transforms. Give it some"),
        ({"SomeOf": {"transforms": ["D4"], "number": 1}}, r"SomeOf has no argument 'number'.*Allowed: n, p, replace"),
        (
            {"ReplayCompose": {"transforms": ["D4"]}},
            r"ReplayCompose is no group that can be used here. Choose one of OneOf",
        ),
        (
            {"BBoxSafeRandomCrop": {}},
            r"BBoxSafeRandomCrop follows boxes that albumentations carries.*Choose RandomCrop",
        ),
        ({"CubicSymmetry": {}}, r"CubicSymmetry is for volumes"),
        ({"Mosaic": {}}, r"Mosaic asks for further images"),
        ({"HorizontalFlip": 0.5}, r"found {'HorizontalFlip': 0.5}; `transforms` is a list"),
        ("HorizontalFlop", r"HorizontalFlop is no transform of albumentations. Did you mean 'HorizontalFlip'"),
        ({"Affine": {"rotation": 3}}, r"Affine has no argument 'rotation'. Did you mean 'rotate'.*Allowed: balanced"),
        ({"Affine": {"mask_interpolation": 1}}, r"Affine sets mask_interpolation. It is fixed"),
        ({"Perspective": {"fill": 255}}, r"Perspective fills the first channel alone .* fill: \[255, ...\]"),
    ],
)
def test_transforms_that_cannot_be_used_are_refused_with_their_line(tmp_path, transform, message):
    with pytest.raises(InputError, match=r"mine.yaml:\d+: " + message):
        read_augmentation(augmentation_file(tmp_path, ["D4", transform]))


@pytest.mark.parametrize("task", ["multitask", "text"])
@pytest.mark.parametrize("name", ["RandomGridShuffle", "PiecewiseAffine", "ThinPlateSpline"])
def test_transforms_that_points_do_not_follow_are_refused_with_points(tmp_path, name, task):
    path = augmentation_file(tmp_path, [{"OneOf": {"transforms": [name]}}])
    with pytest.raises(InputError, match=rf"mine.yaml:\d+: {name} takes boxes .* the task {task} .* GridDistortion"):
        read_augmentation(path, task)
    assert read_augmentation(path, "binary")
    context = context_of(None, SimpleNamespace(task=task), None, str, str)
    with pytest.raises(InputError, match=rf"mine.yaml:\d+: {name} takes boxes"):
        context.sections.of("data", Data(augmentation=path))


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_refused_by_name_is_there(name):
    assert isinstance(getattr(A, name), type)


def usable():
    """Transforms of albumentations that need no argument and are not refused."""
    for name in dir(A):
        cls = getattr(A, name)
        if isinstance(cls, type) and issubclass(cls, A.BasicTransform) and "Transform" not in name[-11:]:
            needed = [p for p in signature(cls).parameters.values() if p.default is p.empty and p.kind != p.VAR_KEYWORD]
            if name not in (*REFUSED, *WITHOUT_POINTS, *BASES, *NEED) and not needed:
                yield name


BASES = ("BasicTransform", "DualTransform", "ImageOnlyTransform", "Transform3D")
NEED = ("Crop", "CropAndPad", "LongestMaxSize", "SmallestMaxSize")  # arguments, without which they do not fit


@pytest.mark.parametrize("name", sorted(usable()))
def test_every_other_transform_makes_an_image_of_bytes_and_keeps_all_corners(name):
    found = Augmentation([(name, {"p": 1.0})], "test")(rectangle(96, 128, (30, 20, 90, 60)), (0,))
    assert found.image.dtype == found.mask.dtype == np.uint8
    assert found.image.shape == (*found.mask.shape, 3)
    assert found.boxes.shape == (1, 4)
    assert found.polygons[0].shape == (4, 2)


@pytest.mark.parametrize("name", ["OneOf", "SomeOf", "RandomOrder", "Sequential"])
def test_groups_hold_transforms(name):
    pipeline = Augmentation([(name, {"transforms": [("HorizontalFlip", {"p": 1.0})], "p": 1.0})], "test")
    assert pipeline(rectangle(), (0,)).boxes[0].tolist() == [30, 10, 60, 25]


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (("Normalize", {"p": 1.0}), r"file \(Normalize\): a transform makes float32.*uint8.*`data.preprocessing`"),
        (
            ("ToGray", {"num_output_channels": 1, "p": 1.0}),
            r"makes uint8, \(60, 80\) of an image of uint8, \(60, 80, 3\)",
        ),
        (("RandomCrop", {"height": 90, "width": 90}), r"\(RandomCrop\): .* cannot be applied .* 60 x 80 pixels: "),
    ],
)
def test_what_a_transform_makes_is_checked_as_it_runs(transform, message):
    with pytest.raises(InputError, match=message):
        Augmentation([transform], "file")(rectangle(), (0,))


def test_dropped_objects_are_gray_and_void():
    found = Augmentation([("MaskDropout", {"p": 1.0})], "test")(rectangle(), (0,))
    assert np.unique(found.image[10:25, 20:50]).tolist() == [round(sum(FILL) / 3)]
    assert (found.mask[10:25, 20:50] == 255).all()


def test_the_transforms_that_are_put_right_are_those_of_another_revision():
    classes = [one for one in vars(albumentations_exact).values() if isinstance(one, type)]
    assert sorted(REVISIONS) == sorted(one.__name__ for one in classes if issubclass(one, A.BasicTransform))
