"""The losses of the detection head."""

from math import atan, log, pi

import pytest
import torch
from torchvision.ops import complete_box_iou_loss, generalized_box_iou_loss

from segsweep.detection.answers import answers
from segsweep.detection.boxes import decode, encode
from segsweep.detection.locations import locations
from segsweep.losses.detection import DetectionLoss, DetectionSettings

NO_BOXES, NO_LABELS = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)


def outputs(images=1, classes=1, levels=((2, 2, 8),)):
    cells = sum(height * width for height, width, _ in levels)
    return {
        "logits": torch.zeros(images, cells, classes, requires_grad=True),
        "distances": torch.ones(images, cells, 4, requires_grad=True),
        "centerness": torch.zeros(images, cells, requires_grad=True),
        "levels": list(levels),
    }


def ground_truth_of(boxes, labels, ignored=None, levels=((2, 2, 8),)):
    """What locations answer for boxes; none of these is ignored unless it is said."""
    aside = [torch.zeros(len(box), dtype=torch.bool) for box in boxes] if ignored is None else ignored
    return answers(list(levels), boxes, labels, aside)


BOX = ground_truth_of([torch.tensor([[0.0, 0, 8, 8]])], [torch.tensor([0])])


def test_by_hand():
    # One of four locations, (4, 4), answers for the box, half a stride from each side; one stride was predicted.
    losses = DetectionLoss(DetectionSettings())(outputs(), BOX)
    focal = (0.25 * 0.25 + 3 * 0.75 * 0.25) * log(2)
    assert losses["det_cls"].item() == pytest.approx(focal)
    assert losses["det_box"].item() == pytest.approx(4 * 0.5 * 0.5**2)
    assert losses["det_center"].item() == pytest.approx(log(2))
    assert losses["det"].item() == pytest.approx(focal + 0.5 + log(2))


def test_is_normalised_by_the_positives_of_the_batch():
    box, label = torch.tensor([[0.0, 0, 8, 8]]), torch.tensor([0])
    one = DetectionLoss(DetectionSettings())(outputs(), ground_truth_of([box], [label]))
    two = DetectionLoss(DetectionSettings())(outputs(images=2), ground_truth_of([box, box], [label, label]))
    torch.testing.assert_close(two, one)


def test_box_weight():
    found = DetectionLoss(DetectionSettings(box_weight=3.0))(outputs(), BOX)
    assert found["det_box"].item() == pytest.approx(1.5)


def test_ciou_by_hand():
    # Predicted (0, 0, 4, 2), true (0, 0, 2, 2), seen from (1, 1) with a stride of 2.
    point, stride, ground_truth = torch.tensor([[1.0, 1]]), torch.tensor([2.0]), torch.tensor([[0.0, 0, 2, 2]])
    distances = torch.tensor([[1.0, 1, 3, 1]]) / 2
    v = 4 / pi**2 * (atan(1) - atan(2)) ** 2
    wanted = 1 - 4 / 8 + 1 / (4**2 + 2**2) + v * v / (1 - 4 / 8 + v)
    found = DetectionLoss(DetectionSettings(box="ciou")).box_loss(distances, ground_truth, point, stride)
    assert found.item() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(("box", "wanted"), [("ciou", complete_box_iou_loss), ("giou", generalized_box_iou_loss)])
def test_overlap_losses_are_torchvisions_on_pixels(box, wanted):
    points, strides = locations([(4, 4, 16)])
    generator = torch.Generator().manual_seed(0)
    predicted, ground_truth = (
        torch.cat([points - low, points + high], dim=1)
        for low, high in (torch.rand(2, 16, 2, generator=generator) * 30 + 1 for _ in range(2))
    )
    ground_truth[:4] += 40  # these do not meet
    distances, again = (encode(points, predicted, strides).requires_grad_() for _ in range(2))
    found = DetectionLoss(DetectionSettings(box=box)).box_loss(distances, ground_truth, points, strides)
    same = wanted(decode(points, again, strides), ground_truth, reduction="sum")
    assert torch.equal(found, same)
    found.backward()
    same.backward()
    assert torch.equal(distances.grad, again.grad)
    assert (distances.grad != 0).any()


@pytest.mark.parametrize("box", ["smooth_l1", "giou", "ciou"])
def test_a_perfect_box_costs_nothing(box):
    points, strides = locations([(2, 2, 8)])
    ground_truth = torch.cat([points - 5, points + 7], dim=1)
    loss = DetectionLoss(DetectionSettings(box=box)).box_loss(
        encode(points, ground_truth, strides), ground_truth, points, strides
    )
    assert loss.item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("box", ["smooth_l1", "giou", "ciou"])
def test_images_without_boxes_teach_the_background(box):
    made = outputs(images=2, classes=3)
    losses = DetectionLoss(DetectionSettings(box=box))(made, ground_truth_of([NO_BOXES] * 2, [NO_LABELS] * 2))
    assert losses["det_cls"].item() == pytest.approx(2 * 4 * 3 * 0.75 * 0.25 * log(2))
    assert losses["det_box"].item() == losses["det_center"].item() == 0
    losses["det"].backward()
    assert (made["logits"].grad > 0).all()
    assert (made["distances"].grad == 0).all()


def test_an_ignored_box_counts_nowhere():
    ground_truth = [torch.tensor([[0.0, 0, 8, 8]])], [torch.tensor([0])]
    made = outputs()
    losses = DetectionLoss(DetectionSettings())(made, ground_truth_of(*ground_truth, [torch.tensor([True])]))
    assert losses["det_cls"].item() == pytest.approx(3 * 0.75 * 0.25 * log(2))
    losses["det"].backward()
    assert (made["logits"].grad[0, :, 0] > 0).tolist() == [False, True, True, True]
    torch.testing.assert_close(
        DetectionLoss(DetectionSettings())(outputs(), ground_truth_of(*ground_truth, [torch.tensor([False])])),
        DetectionLoss(DetectionSettings())(outputs(), BOX),
    )


def test_half_precision_is_computed_in_full():
    made = {
        name: value.detach().bfloat16() if torch.is_tensor(value) else value for name, value in outputs().items()
    }  # fmt: skip
    losses = DetectionLoss(DetectionSettings(box="ciou"))(made, BOX)
    assert losses["det"].dtype == torch.float32
    assert losses["det"].isfinite()
