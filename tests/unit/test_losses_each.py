"""Each loss against torch, segmentation_models_pytorch, torchvision and hand computations."""

from math import ceil, exp, log

import pytest
import torch
from segmentation_models_pytorch import losses as smp
from segmentation_models_pytorch.losses._functional import softmax_focal_loss_with_logits
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from segsweep.errors import InputError
from segsweep.losses.lovasz import gradient
from tests.loss_cases import VOID, draw, jaccard_of_wrong, loss_of, valid_only


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_is_torchs(smoothing, weighted):
    logits, target = draw(4)
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0]) if weighted else None
    loss = loss_of("cross_entropy", 4, weights, label_smoothing=smoothing)
    expected = F.cross_entropy(logits, target, weights, ignore_index=VOID, label_smoothing=smoothing)
    assert loss(logits, target).item() == pytest.approx(expected.item(), rel=1e-5)


def test_cross_entropy_of_a_binary_output_is_bce():
    logits, target = draw(1)
    expected = F.binary_cross_entropy_with_logits(*(t.float().flatten() for t in valid_only(logits, target)))
    assert loss_of("cross_entropy", 1)(logits, target).item() == pytest.approx(expected.item(), rel=1e-5)
    assert loss_of("bce", 1)(logits, target).item() == pytest.approx(expected.item(), rel=1e-5)


def test_bce_with_pos_weight_is_torchs():
    logits, target = draw(1)
    expected = F.binary_cross_entropy_with_logits(
        *(t.float().flatten() for t in valid_only(logits, target)), pos_weight=torch.tensor(5.0)
    )
    assert loss_of("bce", 1, pos_weight=5)(logits, target).item() == pytest.approx(expected.item(), rel=1e-5)


def test_focal_by_hand():
    """p = 0.8 of the true class: (1 - 0.8)^2 * -log 0.8."""
    logits = torch.tensor([log(0.8), log(0.15), log(0.05)]).view(1, 3, 1, 1)
    value = loss_of("focal", 3, gamma=2)(logits, torch.zeros(1, 1, 1, dtype=torch.int64))
    assert value.item() == pytest.approx(0.04 * -log(0.8), rel=1e-5)


@pytest.mark.parametrize("alpha", [None, 0.25])
def test_focal_of_a_binary_output_is_torchvisions(alpha):
    logits, target = draw(1)
    flat, ground_truth = (t.float().flatten() for t in valid_only(logits, target))
    expected = sigmoid_focal_loss(flat, ground_truth, alpha=-1 if alpha is None else alpha, gamma=1.5, reduction="mean")
    value = loss_of("focal", 1, gamma=1.5, alpha=alpha)(logits, target)
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)


def test_focal_of_classes_is_smps_and_with_gamma_0_cross_entropy():
    logits, target = draw(4)
    # The function; smp's class takes each class for a problem of its own.
    expected = softmax_focal_loss_with_logits(*valid_only(logits, target), gamma=2.0)
    assert loss_of("focal", 4, gamma=2)(logits, target).item() == pytest.approx(expected.item(), rel=1e-4)
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0])
    assert loss_of("focal", 4, weights, gamma=0)(logits, target).item() == pytest.approx(
        loss_of("cross_entropy", 4, weights)(logits, target).item(), rel=1e-6
    )


def test_focal_alpha_needs_a_binary_output():
    with pytest.raises(InputError, match=r"focal\.alpha.*class_weights"):
        loss_of("focal", 3, alpha=0.25)


def test_ohem_by_hand():
    """True classes' probabilities 0.9, 0.8, 0.6, 0.3 and a void pixel."""
    probability = torch.tensor([0.9, 0.8, 0.6, 0.3, 0.01])
    logits = torch.stack([probability.log(), (1 - probability).log()]).view(1, 2, 1, 5)
    target = torch.tensor([0, 0, 0, 0, VOID]).view(1, 1, 5)
    of = lambda *kept: -sum(map(log, kept)) / len(kept)  # noqa: E731
    by_thresh = loss_of("ohem_cross_entropy", 2, thresh=0.7, min_kept=0.25)(logits, target)
    assert by_thresh.item() == pytest.approx(of(0.6, 0.3), rel=1e-5)
    by_share = loss_of("ohem_cross_entropy", 2, thresh=0.2, min_kept=0.7)(logits, target)  # 2.8 of 4 pixels: 3
    assert by_share.item() == pytest.approx(of(0.8, 0.6, 0.3), rel=1e-5)


def test_ohem_against_a_loop_over_pixels_with_class_weights():
    logits, target = draw(4, size=(2, 11, 13))
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0])
    rows = sorted(
        (exp(-loss), weights[label].item(), loss)
        for scores, label in zip(logits.movedim(1, -1).flatten(0, 2), target.flatten().tolist(), strict=True)
        if label != VOID
        for loss in [-torch.log_softmax(scores, 0)[label].item()]
    )
    least = ceil(0.4 * len(rows))
    kept = [row for i, row in enumerate(rows) if i < least or row[0] <= 0.1]
    expected = sum(w * loss for _, w, loss in kept) / sum(w for _, w, _ in kept)
    value = loss_of("ohem_cross_entropy", 4, weights, thresh=0.1, min_kept=0.4)(logits, target)
    assert value.item() == pytest.approx(expected, rel=1e-5)


def test_overlap_losses_by_hand():
    """Probabilities 0.5 and 0.5 on a foreground and a background pixel: TP 0.5, FP 0.5, FN 0.5."""
    logits, target = torch.zeros(1, 1, 1, 2), torch.tensor([[[1, 0]]])
    assert loss_of("dice", 1)(logits, target).item() == pytest.approx(1 - 1 / 2)
    assert loss_of("dice", 1, smooth=1)(logits, target).item() == pytest.approx(1 - 2 / 3)
    assert loss_of("jaccard", 1)(logits, target).item() == pytest.approx(1 - 0.5 / 1.5)
    assert loss_of("jaccard", 1, smooth=1)(logits, target).item() == pytest.approx(1 - 1.5 / 2.5)
    tversky = 0.5 / (0.5 + 0.7 * 0.5 + 0.2 * 0.5)
    assert loss_of("tversky", 1, alpha=0.7, beta=0.2)(logits, target).item() == pytest.approx(1 - tversky)
    focal = loss_of("tversky", 1, alpha=0.7, beta=0.2, gamma=0.75)(logits, target)
    assert focal.item() == pytest.approx((1 - tversky) ** 0.75, rel=1e-5)
    mixed = loss_of("bce_dice", 1, bce_weight=0.3, dice_smooth=0, pos_weight=3)(logits, target)
    assert mixed.item() == pytest.approx(0.3 * 2 * log(2) + 0.7 * 0.5, rel=1e-5)  # BCE: (3 + 1) log 2 / 2


@pytest.mark.parametrize("classes", [1, 4])
def test_overlap_losses_are_smps(classes):
    logits, target = draw(classes)
    mode = "binary" if classes == 1 else "multiclass"
    logits, target = valid_only(logits, target)  # smp counts void pixels of a binary output as predicted
    for name, theirs in {
        "dice": smp.DiceLoss(mode),
        "jaccard": smp.JaccardLoss(mode),
        "tversky": smp.TverskyLoss(mode, alpha=0.7, beta=0.3),
    }.items():
        settings = {"alpha": 0.7, "beta": 0.3} if name == "tversky" else {}
        ours = loss_of(name, classes, **settings)(logits, target)
        assert ours.item() == pytest.approx(theirs(logits, target).item(), rel=1e-4), name


@pytest.mark.parametrize("per_image", [False, True])
@pytest.mark.parametrize("classes", [1, 4])
def test_lovasz_and_its_gradients_are_smps(classes, per_image):
    logits, target = draw(classes, size=(3, 16, 16))
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    value = loss_of("lovasz", classes, per_image=per_image)(ours, target)
    mode = "binary" if classes == 1 else "multiclass"
    expected = smp.LovaszLoss(mode, per_image=per_image, ignore_index=VOID)(theirs, target)
    assert value.item() == pytest.approx(expected.item(), rel=1e-4)
    value.backward()
    expected.backward()
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-5)


def test_lovasz_without_foreground_is_the_worst_pixels_hinge():
    logits = torch.tensor([[[[-3.0, 0.5, -0.5]]]])
    assert loss_of("lovasz", 1)(logits, torch.zeros(1, 1, 3, dtype=torch.int64)).item() == pytest.approx(1.5)


def test_lovasz_gradient_is_the_growth_of_the_jaccard_loss():
    ground_truth = torch.tensor([1, 0, 1, 1, 0, 0, 1], dtype=torch.bool)
    sets = torch.tensor([jaccard_of_wrong(ground_truth.float(), k) for k in range(8)])
    assert torch.allclose(gradient(ground_truth), sets.diff(), atol=1e-6)


def test_lovasz_is_exact_on_many_pixels():
    """Growths of a million pixels add up to the whole, which differences of float32 numbers near 1 would not."""
    ground_truth = torch.arange(1_000_000) % 3 == 0
    double = gradient(ground_truth).double()
    assert double.sum().item() == pytest.approx(1, abs=1e-6)
    union = 333_334 + 666_666
    assert double[999_998].item() == pytest.approx(1 / (union * (union - 1)), abs=1e-12)  # I = 1 left
    assert double[999_999].item() == pytest.approx(1 / union, rel=1e-6)
