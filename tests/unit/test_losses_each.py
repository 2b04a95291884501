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


@pytest.mark.parametrize("pos_weight", [1.0, 5.0])
def test_smoothed_bce_is_keras_and_smps_with_half_the_factor(pos_weight):
    """Keras draws the labels to y (1 - a) + a / 2; smp's factor f draws them to f and 1 - f."""
    logits, target = draw(1)
    flat, labels = (t.float().flatten() for t in valid_only(logits, target))
    p = torch.sigmoid(flat)
    drawn = labels * 0.9 + 0.05
    expected = -(pos_weight * drawn * p.log() + (1 - drawn) * (1 - p).log()).mean()
    ours = loss_of("bce", 1, label_smoothing=0.1, pos_weight=pos_weight)(logits, target)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-5)
    theirs = smp.SoftBCEWithLogitsLoss(smooth_factor=0.05, pos_weight=torch.tensor(pos_weight))
    assert ours.item() == pytest.approx(theirs(flat, labels).item(), rel=1e-5)


def test_smoothed_cross_entropy_of_a_binary_output_is_smoothed_bce():
    logits, target = draw(1)
    ours = loss_of("cross_entropy", 1, label_smoothing=0.1)(logits, target)
    assert ours.item() == pytest.approx(loss_of("bce", 1, label_smoothing=0.1)(logits, target).item(), rel=1e-5)


def test_weighted_smoothed_cross_entropy_by_its_formula():
    """-(1 - a) w_y log p_y - a / C * sum of w_c log p_c over the classes, over the sum of w_y."""
    logits, target = draw(4)
    weights, a = [0.5, 2.0, 1.0, 3.0], 0.2
    losses, total = 0.0, 0.0
    for scores, label in zip(logits.movedim(1, -1).flatten(0, 2), target.flatten().tolist(), strict=True):
        if label != VOID:
            logs = torch.log_softmax(scores, 0).tolist()
            spread = sum(w * one for w, one in zip(weights, logs, strict=True))
            losses -= (1 - a) * weights[label] * logs[label] + a / 4 * spread
            total += weights[label]
    ours = loss_of("cross_entropy", 4, torch.tensor(weights), label_smoothing=a)(logits, target)
    assert ours.item() == pytest.approx(losses / total, rel=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_smoothed_ohem_is_torchs_smoothed_cross_entropy_of_the_hard_pixels(weighted):
    logits, target = draw(4)
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0]) if weighted else None
    settings = {"thresh": 0.2, "min_kept": 0.3}
    true_class = torch.softmax(logits, 1).gather(1, target.masked_fill(target == VOID, 0)[:, None])[:, 0]
    least = true_class[target != VOID].sort().values[ceil(0.3 * int((target != VOID).sum())) - 1]
    hard = target.masked_fill(true_class > max(least, 0.2), VOID)
    assert 0 < int((hard != VOID).sum()) < int((target != VOID).sum())
    expected = F.cross_entropy(logits, hard, weights, ignore_index=VOID, label_smoothing=0.1)
    ours = loss_of("ohem_cross_entropy", 4, weights, label_smoothing=0.1, **settings)(logits, target)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-5)


def test_smoothing_in_bce_dice_is_that_of_bce():
    logits, target = draw(1)
    bce, dice = loss_of("bce", 1, label_smoothing=0.1)(logits, target), loss_of("dice", 1, smooth=1)(logits, target)
    mixed = loss_of("bce_dice", 1, bce_weight=0.3, dice_smooth=1, label_smoothing=0.1)(logits, target)
    assert mixed.item() == pytest.approx((0.3 * bce + 0.7 * dice).item(), rel=1e-6)


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
    for name, theirs in {
        "dice": smp.DiceLoss(mode, ignore_index=VOID),
        "jaccard": smp.JaccardLoss(mode, ignore_index=VOID),
        "tversky": smp.TverskyLoss(mode, alpha=0.7, beta=0.3, ignore_index=VOID),
    }.items():
        settings = {"alpha": 0.7, "beta": 0.3} if name == "tversky" else {}
        ours = loss_of(name, classes, **settings)(logits, target)
        assert ours.item() == pytest.approx(theirs(logits, target).item(), rel=1e-4), name


SMP = {"dice": smp.DiceLoss, "jaccard": smp.JaccardLoss, "tversky": smp.TverskyLoss}


@pytest.mark.parametrize("classes", [1, 4])
@pytest.mark.parametrize(("name", "ours_of_theirs"), [("dice", 2), ("jaccard", 1), ("tversky", 1)])
def test_smoothing_against_smps(name, ours_of_theirs, classes):
    """Where all classes occur; smp's Dice is (TP + s) / (TP + FP / 2 + FN / 2 + s), so that its s is half of ours."""
    logits, target = draw(classes, void=0)
    parameters = {"alpha": 0.7, "beta": 0.3} if name == "tversky" else {}
    theirs = SMP[name]("binary" if classes == 1 else "multiclass", smooth=3.0, **parameters)(logits, target)
    ours = loss_of(name, classes, smooth=3.0 * ours_of_theirs, **parameters)(logits, target)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


@pytest.mark.parametrize("smooth", [0.0, 1.0])
@pytest.mark.parametrize("name", SMP)
def test_absent_classes_against_smps(name, smooth):
    """smp sets the loss of a class without ground truth to 0, whatever its smooth, and divides by all classes."""
    logits, target = draw(4, void=0)
    target = target.clamp(max=1)  # two of four classes
    theirs = SMP[name]("multiclass", smooth=smooth)(logits, target)
    ours = loss_of(name, 4, smooth=smooth * (2 if name == "dice" else 1), absent="skip")(logits, target)
    assert ours.item() == pytest.approx(theirs.item() * 4 / 2, rel=1e-5)
    logits, target = draw(1, void=0)[0], torch.zeros(3, 9, 7, dtype=torch.int64)
    assert SMP[name]("binary", smooth=smooth)(logits, target).item() == 0
    assert loss_of(name, 1, smooth=smooth)(logits, target).item() == pytest.approx(0 if smooth == 0 else 1, abs=0.1)


def test_focal_tversky_of_classes_is_not_smps():
    """smp raises the mean over the classes to the power, here and in the paper each class's loss is."""
    logits, target = draw(4, void=0)
    each = [
        loss_of("tversky", 1)((2 * torch.softmax(logits, 1)[:, [c]] - 1).atanh() * 2, (target == c).long()).item()
        for c in range(4)
    ]
    theirs = smp.TverskyLoss("multiclass", gamma=2.0)(logits, target)
    assert theirs.item() == pytest.approx((sum(each) / 4) ** 2, rel=1e-4)
    ours = loss_of("tversky", 4, gamma=2.0)(logits, target)
    assert ours.item() == pytest.approx(sum(one**2 for one in each) / 4, rel=1e-4)


@pytest.mark.parametrize("absent", [False, True])
@pytest.mark.parametrize("classes", [1, 4])
def test_smoothed_overlap_losses_are_monais_over_the_batch(classes, absent):
    """MONAI with batch=True: 1 - (2 TP + s) / (2 (TP + FP / 2 + FN / 2) + s), the halves left out for Jaccard, mean
    over all classes; of Tversky 1 - (TP + s) / (TP + alpha FP + beta FN + s). Written down from its 1.6."""
    logits, target = draw(classes, void=0)
    if absent:
        target = target.clamp(max=1) if classes > 1 else torch.zeros_like(target)
    p = torch.sigmoid(logits) if classes == 1 else torch.softmax(logits, 1)
    t = target[:, None].float() if classes == 1 else F.one_hot(target, classes).movedim(-1, 1).float()
    tp = (p * t).sum((0, 2, 3))
    fp, fn = p.sum((0, 2, 3)) - tp, t.sum((0, 2, 3)) - tp
    dice = 1 - (2 * tp + 1.0) / (2 * (tp + fp * 0.5 + fn * 0.5) + 1.0)
    jaccard = 1 - (2 * tp + 1.0) / (2 * (tp + fp + fn) + 1.0)
    tversky = 1 - (tp + 1.0) / (tp + 0.7 * fp + 0.3 * fn + 1.0)
    ours = lambda name, **settings: loss_of(name, classes, **settings)(logits, target).item()  # noqa: E731
    assert ours("dice", smooth=1.0) == pytest.approx(dice.mean().item(), rel=1e-5)
    assert ours("jaccard", smooth=0.5) == pytest.approx(jaccard.mean().item(), rel=1e-5)
    assert ours("tversky", smooth=1.0, alpha=0.7, beta=0.3) == pytest.approx(tversky.mean().item(), rel=1e-5)


def test_smoothed_dice_is_the_form_common_with_keras():
    """(2 * sum(y * p) + 1) / (sum(y) + sum(p) + 1) over the flattened batch."""
    for logits, target in (draw(1, void=0), (draw(1)[0], torch.zeros(3, 9, 7, dtype=torch.int64))):
        p, y = torch.sigmoid(logits).flatten(), target.flatten().float()
        expected = 1 - (2 * (y * p).sum() + 1) / (y.sum() + p.sum() + 1)
        assert loss_of("dice", 1, smooth=1)(logits, target).item() == pytest.approx(expected.item(), rel=1e-6)


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
