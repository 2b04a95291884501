"""Members that decide together: masks, boxes and text, by hand; counting of predictions; files to submit."""

import io
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from segsweep.config.dataset import parse_dataset
from segsweep.config.train import Train
from segsweep.data.classes import ClassTable, class_table
from segsweep.data.image_files import geo_tags
from segsweep.inference import submission
from segsweep.inference.ensemble import Ensemble
from segsweep.inference.ensemble_scores import write
from segsweep.inference.voting import fuse_boxes, mean_masks, vote_on_masks
from segsweep.tasks.segmentation import Segmentation
from segsweep.text.postprocess import Detections
from segsweep.text.protocol import WordCounter


def one_hot(members, classes):
    """Probabilities (M, C, H, W) of sure members."""
    return np.moveaxis(np.eye(classes, dtype=np.float32)[np.asarray(members)], -1, 1)


def test_pixels_go_to_the_majority():
    said = np.array([[[0, 1, 2]], [[0, 1, 1]], [[1, 2, 2]]], np.uint8)
    mask, probability = vote_on_masks(said, one_hot(said, 3), 2)
    assert mask.tolist() == [[0, 1, 2]]
    assert probability[:, 0, 0] == pytest.approx([2 / 3, 1 / 3, 0])


def test_without_enough_votes_or_at_a_tie_the_mean_decides():
    said = np.array([[[0]], [[1]], [[2]]], np.uint8)
    sure = np.array([0.5, 0.6, 0.9])
    probabilities = one_hot(said, 3) * sure[:, None, None, None]
    assert vote_on_masks(said, probabilities, 2)[0].tolist() == [[2]]
    tie = np.array([[[0]], [[1]]], np.uint8)
    assert vote_on_masks(tie, np.array([[[[0.6]], [[0.4]]], [[[0.1]], [[0.9]]]]), 1)[0].tolist() == [[1]]


@pytest.mark.parametrize(("votes", "expected"), [(1, [1, 1, 1, 0]), (2, [1, 1, 0, 0]), (3, [1, 0, 0, 0])])
def test_foreground_needs_its_votes(votes, expected):
    said = np.array([[[1, 1, 1, 0]], [[1, 1, 0, 0]], [[1, 0, 0, 0]]], np.uint8)
    assert vote_on_masks(said, said[:, None].astype(np.float32), votes)[0].tolist() == [expected]


def test_the_mean_may_overrule_the_majority():
    probabilities = np.array([[[[0.6]]], [[[0.6]]], [[[0.1]]]])  # two of three see foreground, barely
    said = (probabilities[:, 0] > 0.5).astype(np.uint8)
    assert vote_on_masks(said, probabilities, 2)[0].tolist() == [[1]]
    assert mean_masks(probabilities)[0].tolist() == [[0]]


def test_votes_out_of_range():
    with pytest.raises(ValueError, match=r"within 1\.\.2"):
        vote_on_masks(np.zeros((2, 1, 1), np.uint8), np.zeros((2, 1, 1, 1)), 3)
    with pytest.raises(ValueError, match=r"within 1\.\.1"):
        fuse_boxes([found()], 2)


def found(*rows):
    """Rows of (x1, y1, x2, y2, score, label)."""
    rows = np.array(rows, np.float64).reshape(-1, 6)
    return {"boxes": rows[:, :4], "scores": rows[:, 4], "labels": rows[:, 5].astype(int)}


def test_fused_boxes_by_hand():
    first, second = found((0, 0, 10, 10, 0.9, 0)), found((0, 0, 10, 12, 0.3, 0), (50, 50, 60, 60, 0.8, 0))
    fused = fuse_boxes([first, second])
    assert fused["boxes"] == pytest.approx(np.array([[0, 0, 10, 10.5], [50, 50, 60, 60]]))
    assert fused["scores"] == pytest.approx([0.6, 0.4])
    assert fuse_boxes([first, second], 2)["boxes"] == pytest.approx(np.array([[0, 0, 10, 10.5]]))


def test_classes_are_not_mixed_and_a_member_has_one_vote():
    first, second = found((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 9, 0.8, 0)), found((0, 0, 10, 10, 0.7, 1))
    assert fuse_boxes([first, second])["labels"].tolist() == [0, 1]
    assert len(fuse_boxes([first, second], 2)["boxes"]) == 0


@pytest.mark.parametrize("count", [1, 3])
def test_members_that_agree_leave_boxes_as_they_are(count):
    rng = np.random.default_rng(0)
    corner, size = rng.uniform(0, 500, (12, 2)), rng.uniform(5, 20, (12, 2))
    rows = np.column_stack([corner, corner + size, np.sort(rng.uniform(size=12))[::-1], rng.integers(0, 3, 12)])
    one = found(*rows[:, :6])
    fused = fuse_boxes([one] * count, count)
    for name in ("boxes", "scores", "labels"):
        assert fused[name] == pytest.approx(one[name], rel=1e-5)


def test_nothing_found_by_anyone():
    fused = fuse_boxes([found(), found()])
    assert (fused["boxes"].shape, fused["scores"].shape, fused["labels"].dtype) == ((0, 4), (0,), np.int64)


def test_order_of_members_does_not_matter():
    rng = np.random.default_rng(1)
    members = [
        found(*[(*c, *(c + 12), s, 0) for c, s in zip(rng.uniform(0, 40, (6, 2)), rng.uniform(size=6), strict=True)])
        for _ in range(3)
    ]
    one, other = fuse_boxes(members, 2), fuse_boxes(members[::-1], 2)
    assert one["boxes"] == pytest.approx(other["boxes"])
    assert one["scores"] == pytest.approx(other["scores"])


def segmentation(kind):
    names = ["paper", "ink"] if kind == "binary" else ["a", "b", "c"]
    train = Train.model_validate({"loss": {"main": {"bce" if kind == "binary" else "cross_entropy": 1.0}}})
    prepared = SimpleNamespace(task=kind, classes=names, pixel_counts=np.ones(len(names)))
    return Segmentation(train, prepared), 1 if kind == "binary" else 3


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("method", ["vote", "mean"])
def test_one_member_scores_as_the_model_alone(kind, method):
    task, channels = segmentation(kind)
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(2, channels, 8, 8, generator=generator)
    ground_truth = torch.randint(0, 2 if kind == "binary" else 3, (2, 8, 8), generator=generator)
    ground_truth[0, 0, :3] = 255
    batch = {"mask": ground_truth, "name": ["x", "y"]}
    alone = task.counter()
    alone.update(outputs, batch)
    for members in (1, 3):  # as do three that agree
        together = task.counter()
        together.add(Ensemble(task, kind, members, method).decide([outputs] * members, batch), batch)
        assert together.totals()["confusion"].tolist() == alone.totals()["confusion"].tolist()
        assert together.images()["names"].tolist() == ["x", "y"]


class TextTask:
    """Says of a map where it is above one half: one square."""

    def predict(self, outputs, batch):
        return [
            Detections(
                [np.array([[0, 0], [8, 0], [8, 8], [0, 8]], np.float32)] * int(one.max() > 0.5),
                np.ones(1)[: int(one.max() > 0.5)],
            )
            for one in outputs["probability"]
        ]


def test_text_votes_or_averages():
    sure, unsure = torch.full((1, 1, 4, 4), 0.9), torch.full((1, 1, 4, 4), 0.2)
    square = [np.array([[0, 0], [8, 0], [8, 8], [0, 8]], np.float32)]
    batch = {"name": ["x"], "polygons": [square], "ignored": [np.zeros(1, bool)]}
    members = [{"probability": one} for one in (sure, sure, unsure)]
    for method, others, words in (
        ("vote", members, 1),
        ("mean", members, 1),
        ("vote", members[1:], 0),
        ("mean", members[1:], 1),
    ):
        decided = Ensemble(TextTask(), "text", len(others), method).decide(others, batch)
        assert len(decided[0].polygons) == words
        counter = WordCounter()
        counter.add(decided, batch)
        assert counter.totals()["words"].tolist() == [words, 1, words]


def test_votes_are_capped_by_the_members_that_are_left():
    assert Ensemble(None, "text", 2, "vote", 3).votes == 2
    assert [Ensemble(None, "text", members, "vote").votes for members in (1, 2, 3, 4, 5)] == [1, 2, 2, 3, 3]


def test_tables(tmp_path):
    scores = {"val/miou": 0.5, "val/iou/c": float("nan")}
    row = {
        "run": "ensemble",
        "method": "vote",
        "members": 2,
        "own": None,
        "scores": scores,
        "images": [{"image": "x", "miou": 0.5}],
    }
    write({"metric": "val/miou", "cell": "c1", "rows": [row], "notes": []}, tmp_path)
    assert (
        tmp_path / "ensemble.csv"
    ).read_text() == "cell,run,method,members,fold,own,val/miou,val/iou/c\nc1,ensemble,vote,2,,,0.5,\n"
    assert (tmp_path / "ensemble_images.csv").read_text() == "run,cell,image,miou\nensemble,c1,x,0.5\n"
    write({"metric": "val/miou", "rows": [], "notes": []}, tmp_path)
    assert (tmp_path / "ensemble.csv").read_text().count("\n") == 1


def entries(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_masks_have_the_data_sets_own_values_and_sizes(tmp_path):
    index = [-1] * 256
    index[0], index[255], index[7] = 1, 0, 255  # paper 255 is class 0, ink 0 is class 1, 7 is void
    values = submission.values_of(ClassTable(["paper", "ink"], index, True, ""))
    assert values.tolist() == [255, 0]
    mask = np.array([[0, 1]], np.uint8)
    submission.write_masks(tmp_path / "s.zip", {"page": mask}, {"page": ((1, 2), (2, 4))}, values)
    made = entries(tmp_path / "s.zip")
    assert np.asarray(Image.open(io.BytesIO(made["page.png"]))).tolist() == [[255, 255, 0, 0]] * 2
    before = (tmp_path / "s.zip").read_bytes()
    submission.write_masks(tmp_path / "s.zip", {"page": mask}, {"page": ((1, 2), (2, 4))}, values)
    assert (tmp_path / "s.zip").read_bytes() == before


@pytest.mark.parametrize("values", [np.array([7, 300], np.uint16), np.array([[1, 2, 3], [4, 5, 6]], np.uint8)])
def test_masks_lie_where_their_images_lie_on_the_earth(tmp_path, values):
    """The tags are read back by tifffile's own reader of GeoTIFF."""
    tags = [
        (33550, 12, 3, (10.0, 10.0, 0.0), True),
        (33922, 12, 6, (0.0, 0.0, 0.0, 399960.0, 5300040.0, 0.0), True),
        (34735, 3, 16, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32632), True),
        (34737, 2, 12, "WGS 84 / UTM", True),
    ]
    bands = np.zeros((2, 4, 5), np.uint16)
    tifffile.imwrite(tmp_path / "tile.tif", bands, photometric="minisblack", planarconfig="contig", extratags=tags)
    masks = {name: np.array([[0, 1]], np.uint8) for name in ("tile", "plain")}
    shapes = dict.fromkeys(masks, ((1, 2), (2, 4)))
    submission.write_masks(tmp_path / "s.zip", masks, shapes, values, {"tile": geo_tags(tmp_path / "tile.tif")})
    made = entries(tmp_path / "s.zip")
    assert sorted(made) == ["plain.png", "tile.tif"]
    with tifffile.TiffFile(io.BytesIO(made["tile.tif"])) as written, tifffile.TiffFile(tmp_path / "tile.tif") as own:
        assert (written.asarray() == values[[[0, 0, 1, 1]] * 2]).all()
        assert written.geotiff_metadata == own.geotiff_metadata
        assert written.geotiff_metadata["ProjectedCSTypeGeoKey"] == 32632
    assert (np.asarray(Image.open(io.BytesIO(made["plain.png"]))) == values[[[0, 0, 1, 1]] * 2]).all()
    before = (tmp_path / "s.zip").read_bytes()
    submission.write_masks(tmp_path / "s.zip", masks, shapes, values, {"tile": geo_tags(tmp_path / "tile.tif")})
    assert (tmp_path / "s.zip").read_bytes() == before


@pytest.mark.parametrize(
    ("palette", "expected"),
    [
        ({"sky": [[9, 8, 7], [0, 0, 1]], "road": [1, 2, 3], "void": 0}, [[[9, 8, 7]] * 2 + [[1, 2, 3]] * 2] * 2),
        ({"sky": "700, 2", "road": "300-400"}, [[700, 700, 300, 300]] * 2),
        ({"sky": "0-127", "road": "128-255"}, [[0, 0, 128, 128]] * 2),
        ({"sky": "-3", "road": "3"}, [[0, 0, 1, 1]] * 2),
    ],
)
def test_masks_are_written_as_the_palette_has_them(tmp_path, palette, expected):
    table = class_table(parse_dataset({"name": "d", "reader": "folder", "palette": palette}))
    masks, shapes = {"page": np.array([[0, 1]], np.uint8)}, {"page": ((1, 2), (2, 4))}
    submission.write_masks(tmp_path / "s.zip", masks, shapes, submission.values_of(table))
    written = np.asarray(Image.open(io.BytesIO(entries(tmp_path / "s.zip")["page.png"])))
    assert written.tolist() == expected


def test_boxes_as_voc_counts_them(tmp_path):
    one = {
        "mask": np.array([[0, 1]], np.uint8),
        "boxes": np.array([[0, 0, 1, 1]]),
        "scores": np.array([0.5]),
        "labels": np.array([1]),
    }
    shapes = {"2007_000042": ((1, 2), (10, 20))}
    submission.write_voc(
        tmp_path / "s.zip",
        {"2007_000042": one},
        shapes,
        np.array([0, 1, 2], np.uint8),
        ["background", "cat", "dog"],
        "test",
    )
    made = entries(tmp_path / "s.zip")
    assert made["results/VOC2012/Main/comp4_det_test_dog.txt"] == b"2007_000042 0.500000 1.00 1.00 10.00 10.00\n"
    assert made["results/VOC2012/Main/comp4_det_test_cat.txt"] == b""
    image = Image.open(io.BytesIO(made["results/VOC2012/Segmentation/comp6_test_cls/2007_000042.png"]))
    assert (image.size, image.mode) == ((20, 10), "L")


def test_text_in_the_original_images_pixels(tmp_path):
    square = np.array([[1, 1], [3, 1], [3, 2], [1, 2]], np.float32)
    found = {"img_1": Detections([square], np.ones(1)), "img_2": Detections([], np.ones(0))}
    submission.write_text(tmp_path / "s.zip", found, {"img_1": ((10, 10), (20, 30)), "img_2": ((10, 10), (10, 10))})
    assert entries(tmp_path / "s.zip") == {"res_img_1.txt": b"3,2,9,2,9,4,3,4\r\n", "res_img_2.txt": b""}
