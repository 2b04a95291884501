"""From the outputs of a detection head to boxes."""

import torch

from segsweep.config.train import Postprocess
from segsweep.detection.assignment import assign
from segsweep.detection.boxes import encode
from segsweep.detection.decoding import candidates, in_main_memory, suppressed
from segsweep.detection.locations import locations

CERTAIN = 20.0  # a logit of probability 1


def outputs(levels, boxes, probabilities, centers=None):
    """Outputs of one image: a box (n, 4) and probabilities (n, K) for each location."""
    points, strides = locations(levels)
    boxes = torch.tensor(boxes, dtype=torch.float32)
    return {
        "logits": torch.logit(torch.tensor(probabilities, dtype=torch.float32))[None],
        "distances": encode(points, boxes, strides)[None],
        "centerness": torch.tensor(centers or [CERTAIN] * len(boxes))[None],
        "levels": levels,
    }


def found(*arguments, size=(8, 32), **settings):
    settings = Postprocess(**settings)
    (image,) = in_main_memory(candidates(outputs(*arguments), [size], settings))
    return suppressed(image, settings)


ROW = [(1, 4, 8)]
SAME, OTHER = (0, 0, 16, 8), (16, 0, 32, 8)


def test_threshold_and_scores_by_hand():
    image = found(
        ROW, [SAME, OTHER, OTHER, OTHER], [[0.64], [0.02], [0.0025], [0.001]], [CERTAIN, 0.0, CERTAIN, CERTAIN]
    )
    # sqrt(0.64 * 1), sqrt(0.02 * 0.5), and sqrt(0.0025) which does not exceed the threshold of 0.05
    torch.testing.assert_close(image["scores"], torch.tensor([0.8, 0.1]))
    torch.testing.assert_close(image["boxes"], torch.tensor([SAME, OTHER], dtype=torch.float32))
    assert image["labels"].tolist() == [0, 0]


def test_overlapping_boxes_of_a_class_are_one():
    near = (2, 0, 16, 8)  # overlaps SAME by 14 / 16
    probabilities = [[0.5, 0.0], [0.9, 0.0], [0.0, 0.3], [0.0, 0.0]]
    image = found(ROW, [SAME, near, SAME, OTHER], probabilities)
    assert image["labels"].tolist() == [0, 1]
    assert image["boxes"].round().tolist() == [list(near), list(SAME)]
    assert len(found(ROW, [SAME, near, SAME, OTHER], probabilities, nms_iou=0.9)["boxes"]) == 3


def test_top_k_keeps_the_best():
    image = found(ROW, [SAME, SAME, OTHER, OTHER], [[0.1, 0.0], [0.0, 0.5], [0.9, 0.0], [0.0, 0.2]], top_k=2)
    torch.testing.assert_close(image["scores"] ** 2, torch.tensor([0.9, 0.5]))
    assert image["labels"].tolist() == [0, 1]


def test_boxes_end_at_the_image_and_padding_finds_nothing():
    probabilities = [[0.9], [0.8], [0.7], [0.6]]
    boxes = [(-4, -4, 6, 6), (8, 0, 28, 12), (16, 0, 24, 8), (24, 0, 32, 8)]
    image = found(ROW, boxes, probabilities, size=(7, 18))
    assert image["boxes"].round().tolist() == [[0, 0, 6, 6], [8, 0, 18, 7]]


def test_nothing_found():
    image = found(ROW, [SAME] * 4, [[0.0]] * 4)
    assert image["boxes"].shape == (0, 4)
    assert image["scores"].shape == image["labels"].shape == (0,)


def test_targets_decode_to_the_boxes_that_they_were_made_of():
    levels = [(8, 8, 8), (4, 4, 16), (2, 2, 32)]
    ground_truth = torch.tensor([[3.0, 5, 30, 28], [8, 34, 60, 62], [40, 2, 58, 22]])
    labels = torch.tensor([2, 0, 1])
    points, strides = locations(levels)
    answer = assign(points, strides, ground_truth)
    assert set(answer.tolist()) == {-1, 0, 1, 2}
    probability = torch.full((len(points), 3), 1e-6)
    probability[answer >= 0, labels[answer[answer >= 0]]] = 0.99
    image = found(levels, ground_truth[answer.clamp(min=0)].tolist(), probability.tolist(), size=(64, 64))
    order = image["labels"].argsort()
    torch.testing.assert_close(image["boxes"][order], ground_truth[labels.argsort()])
    assert image["labels"][order].tolist() == [0, 1, 2]
