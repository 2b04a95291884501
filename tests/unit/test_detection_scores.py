"""Mean average precision, against pycocotools and by hand."""

import contextlib
import io
from math import isnan

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from segsweep import metrics
from segsweep.detection.counts import BoxCounter
from segsweep.metrics.map50 import average_precision

CLASSES = ["cat", "dog", "bird", "cow"]  # no cow is ever there, but some are found


def counted(images, classes=CLASSES):
    """Counts of images (found, boxes, labels) or (found, boxes, labels, ignored), named by their numbers."""
    counter = BoxCounter(len(classes))
    for number, (found, boxes, labels, *aside) in enumerate(images):
        ignored = aside[0] if aside else torch.zeros(len(boxes), dtype=torch.bool)
        counter.add([found], {"name": [str(number)], "boxes": [boxes], "labels": [labels]}, [ignored])
    return counter


def scores_of(images, classes=CLASSES):
    """map, map50 and ap/<class> of all images together."""
    names = ["map", "map50", *(f"ap/{name}" for name in classes)]
    counts = counted(images, classes).totals()
    return {
        name: float(value)
        for name, value in metrics.score(counts, "multitask", ["background", *classes], only=names).items()
    }


def image_scores(*image):
    """map50 and box_f1 of one image."""
    masks = {"confusion": np.zeros((1, 5, 5), np.int64)}
    (row,) = metrics.image_rows(counted([image]).images() | masks, "multitask", ["background", *CLASSES])
    return {name: row[name] for name in ("map50", "box_f1")}


def random_images(seed, count=12):
    """Detections that are shifted ground truths, some with a wrong class, and some out of nowhere."""
    rng = np.random.default_rng(seed)
    images = []
    for i in range(count):
        n = 0 if i == 3 else rng.integers(1, 5)
        corners = rng.uniform(0, 60, (n, 2))
        boxes = np.concatenate([corners, corners + rng.uniform(8, 40, (n, 2))], axis=1)
        labels = rng.integers(0, 3, n)
        chosen = rng.integers(0, n, 2 * n) if n else np.zeros(0, int)
        shifted = boxes[chosen] + rng.normal(0, 2.5, (len(chosen), 4))
        corners = rng.uniform(0, 60, (2, 2))
        nowhere = np.concatenate([corners, corners + 20], axis=1)
        guesses = np.where(rng.random(len(chosen)) < 0.8, labels[chosen], rng.integers(0, 4, len(chosen)))
        found = {
            "boxes": torch.tensor(np.concatenate([shifted, nowhere]), dtype=torch.float32),
            "scores": torch.tensor(rng.random(len(chosen) + 2), dtype=torch.float32),
            "labels": torch.tensor(np.concatenate([guesses, [0, 3]])),
        }
        images.append((found, torch.tensor(boxes, dtype=torch.float32), torch.tensor(labels)))
    return images


def with_pycocotools(images):
    """map, map50 and ap/<class> straight from COCOeval."""

    def entry(box, label, image):
        x, y, right, bottom = map(float, box)
        return {
            "image_id": image,
            "category_id": int(label),
            "bbox": [x, y, right - x, bottom - y],
            "area": (right - x) * (bottom - y),
            "iscrowd": 0,
        }

    truth, found = [], []
    for image, (guess, boxes, labels) in enumerate(images, 1):
        truth += [entry(box, label, image) for box, label in zip(boxes, labels, strict=True)]
        for box, label, score in zip(guess["boxes"], guess["labels"], guess["scores"], strict=True):
            found.append(entry(box, label, image) | {"score": float(score)})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": i} for i in range(1, len(images) + 1)],
            "categories": [{"id": k} for k in range(len(CLASSES))],
            "annotations": [item | {"id": i} for i, item in enumerate(truth, 1)],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), "bbox")
        scores = {}
        for names in (None, *range(len(CLASSES))):
            evaluation.params.catIds = list(range(len(CLASSES))) if names is None else [names]
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            if names is None:
                scores |= {"map": evaluation.stats[0], "map50": evaluation.stats[1]}
            else:
                scores[f"ap/{CLASSES[names]}"] = evaluation.stats[0]
    return scores


@pytest.mark.parametrize("seed", [0, 1])
def test_agrees_with_pycocotools(seed):
    images = random_images(seed)
    found, wanted = scores_of(images), with_pycocotools(images)
    assert wanted["ap/cow"] == -1
    assert isnan(found.pop("ap/cow"))
    del wanted["ap/cow"]
    assert found == pytest.approx(wanted, abs=1e-9)
    assert 0.1 < found["map"] < found["map50"] < 1


def test_no_score_without_truth_or_images():
    nothing = {"boxes": torch.zeros(0, 4), "scores": torch.zeros(0), "labels": torch.zeros(0, dtype=torch.int64)}
    empty = (nothing, torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))
    assert all(map(isnan, scores_of([empty], ["cat"]).values()))
    assert all(map(isnan, scores_of([], ["cat"]).values()))
    missed = (nothing, torch.tensor([[0.0, 0, 9, 9]]), torch.tensor([0]))
    assert scores_of([empty, missed], ["cat"]) == {"map": 0, "map50": 0, "ap/cat": 0}


def test_perfect_boxes_score_one_and_ignored_ones_do_not_count():
    box, label = torch.tensor([[0.0, 0, 9, 9], [20, 20, 30, 40]]), torch.tensor([0, 0])
    one = {"boxes": box[:1], "scores": torch.tensor([0.5]), "labels": label[:1]}
    ignored = torch.tensor([False, True])
    assert scores_of([(one, box, label, ignored)], ["cat"]) == pytest.approx({"map": 1, "map50": 1, "ap/cat": 1})
    assert image_scores(one, box, label, ignored) == {"map50": 1, "box_f1": 1}
    assert image_scores(one, box, label)["box_f1"] == pytest.approx(2 / 3)
    both = {"boxes": box, "scores": torch.tensor([0.5, 0.9]), "labels": label}
    assert image_scores(both, box, label, ignored) == {"map50": 1, "box_f1": 1}


def test_an_image_scores_as_a_split_of_its_own():
    for image in random_images(2):
        alone = scores_of([image])
        assert image_scores(*image)["map50"] == pytest.approx(alone["map50"], nan_ok=True)


def test_images_have_rows_of_their_own_whatever_was_found():
    """The third image has most boxes; the others' rows are filled up."""
    images = random_images(3)[:3]
    counts = counted(images).images()
    assert counts["names"].tolist() == ["0", "1", "2"]
    hits = [row[row >= 0] for row in counts["box_hits"]]
    assert [len(row) for row in hits] == [len(found["scores"]) for found, _, _ in images]
    assert counts["box_ground_truths"].sum(1).tolist() == [len(boxes) for _, boxes, _ in images]


def test_average_precision_by_hand():
    # Hit, miss, hit of 2: precision 1 up to a recall of 0.5 (51 of 101 points), then 2/3.
    assert average_precision(np.array([True, False, True]), 2) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert average_precision(np.array([False]), 1) == 0
    assert average_precision(np.array([], dtype=bool), 1) == 0


def test_box_f1_by_hand():
    boxes, labels = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10]]), torch.tensor([0, 1])
    found = {
        "boxes": torch.tensor([[0.0, 0, 10, 9], [20, 0, 30, 10], [0, 0, 10, 10]]),
        "scores": torch.tensor([0.9, 0.8, 0.7]),
        "labels": torch.tensor([0, 0, 0]),  # the second is of the wrong class, the third finds a box that is taken
    }
    assert image_scores(found, boxes, labels) == {"map50": 0.5, "box_f1": pytest.approx(2 / 3)}
    nothing = {name: value[:0] for name, value in found.items()}
    assert image_scores(nothing, boxes[:0], labels[:0])["box_f1"] == 1
    assert image_scores(found, boxes[:0], labels[:0])["box_f1"] == 0
    assert image_scores(nothing, boxes, labels) == {"map50": 0, "box_f1": 0}


# Boxes to ignore: VOC's rule


def overlap(a, b):
    """IoU of two boxes, from left, top, right and bottom."""
    width, height = (max(min(a[i + 2], b[i + 2]) - max(a[i], b[i]), 0) for i in (0, 1))
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return width * height / (sum(areas) - width * height)


def voc_precision(images, label, threshold):
    """Average precision of a class over 101 points of recall, hits and misses by the definition of VOC's devkit."""
    positives, ranked = 0, []
    for number, (found, _, labels, difficult) in enumerate(images):
        positives += int(((labels == label) & ~difficult).sum())
        ranked += [
            (score, number, box)
            for score, box, of in zip(found["scores"].tolist(), found["boxes"].tolist(), found["labels"], strict=True)
            if of == label
        ]
    taken, hits = set(), []
    for _, number, box in sorted(ranked, key=lambda one: -one[0]):
        _, boxes, labels, difficult = images[number]
        rivals = [(overlap(box, other), i) for i, other in enumerate(boxes.tolist()) if labels[i] == label]
        best, which = max(rivals, default=(0.0, None))
        if best < threshold:
            hits.append(False)
        elif not difficult[which]:
            hits.append((number, which) not in taken)
            taken.add((number, which))
    found = np.cumsum(hits)
    recall, precision = found / positives, found / np.arange(1, len(hits) + 1)
    return np.mean([precision[recall > point - 1e-9].max(initial=0) for point in np.linspace(0, 1, 101)])


def images_with_difficult_boxes(seed, count=30):
    """Boxes apart from each other in a row, each of them difficult or with a difficult one that overlaps it."""
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(count):
        corners = np.array([[60.0 * i, 0.0] for i in range(4)]) + rng.uniform(0, 8, (4, 2))
        apart = np.concatenate([corners, corners + rng.uniform(35, 50, (4, 2))], axis=1)
        beside = apart[rng.random(4) < 0.5] + rng.normal(0, 5, 4)
        boxes = np.concatenate([apart, beside])
        difficult = np.concatenate([rng.random(4) < 0.3, np.ones(len(beside), bool)])
        chosen = rng.integers(0, len(boxes), 14)
        found = {
            "boxes": torch.tensor(boxes[chosen] + rng.normal(0, 3, (14, 4)), dtype=torch.float32),
            "scores": torch.tensor(rng.permutation(14) / 20 + rng.random() / 100, dtype=torch.float32),
            "labels": torch.zeros(14, dtype=torch.int64),
        }
        boxes = torch.tensor(boxes, dtype=torch.float32)
        images.append((found, boxes, torch.zeros(len(boxes), dtype=torch.int64), torch.tensor(difficult)))
    return images


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_difficult_boxes_follow_vocs_definition(seed):
    """Of the split at each overlap, and of each image at 0.5."""
    images = images_with_difficult_boxes(seed)
    precision = counted(images, ["cat"]).totals()["precision"][..., 0].mean(axis=1)
    wanted = [voc_precision(images, 0, threshold) for threshold in np.linspace(0.5, 0.95, 10)]
    assert precision == pytest.approx(wanted, abs=1e-9)
    as_if_none_were = [
        (found, boxes, labels, torch.zeros_like(difficult)) for found, boxes, labels, difficult in images
    ]
    assert abs(counted(as_if_none_were, ["cat"]).totals()["precision"][0].mean() - wanted[0]) > 0.02
    for image in images:
        if not image[3].all():
            assert image_scores(*image)["map50"] == pytest.approx(voc_precision([image], 0, 0.5))


def test_vocs_rule_by_hand():
    """One box and a difficult one of the same class."""
    boxes, labels = torch.tensor([[0.0, 0, 10, 10], [10, 0, 20, 10]]), torch.zeros(2, dtype=torch.int64)
    difficult = torch.tensor([False, True])

    def average(*found):
        guess = {
            "boxes": torch.tensor(found, dtype=torch.float32),
            "scores": torch.linspace(0.9, 0.5, len(found)),
            "labels": torch.zeros(len(found), dtype=torch.int64),
        }
        image = (guess, boxes, labels, difficult)
        split = scores_of([image], ["cat"])["map50"]
        assert image_scores(*image)["map50"] == pytest.approx(split)
        return split

    box, hard = (0, 0, 10, 10), (10, 0, 20, 10)
    assert average(hard, hard, box) == pytest.approx(1)  # both are left out
    # A quarter of the difficult box: all of it lies within, as COCO's rule for crowds asks, but the IoU is 0.25: a miss
    assert average((10, 0, 15, 5), box) == pytest.approx(0.5)
    # IoU 5/6 with the difficult one, 0.5 with the other: it belongs to the former
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 6]])
    assert average((0, 0, 10, 5)) == 0  # left out, so that nothing is found
    assert average((0, 0, 10, 5), box) == pytest.approx(1)
