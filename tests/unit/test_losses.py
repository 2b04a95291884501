"""Losses against torch, segmentation_models_pytorch, torchvision and hand computations."""

from importlib import import_module
from math import ceil, exp, log

import pytest
import torch
from segmentation_models_pytorch import losses as smp
from segmentation_models_pytorch.losses._functional import softmax_focal_loss_with_logits
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from segsweep.losses.class_weights import class_weights
from segsweep.losses.combined import Combined
from segsweep.losses.lovasz import gradient
from segsweep.study.components import COMPONENTS
from segsweep.study.settings.base import InputError
from segsweep.study.settings.losses import Terms

VOID = 255
ONE_LOGIT_ONLY = {"bce", "bce_dice"}
TERMS = list(Terms.model_fields)
CASES = [(name, classes) for name in TERMS for classes in (1, 4) if classes == 1 or name not in ONE_LOGIT_ONLY]


def loss_of(name, classes, weights=None, **settings):
    """A loss as a study would name it."""
    term = getattr(Terms.model_validate({name: settings}), name)
    return import_module(COMPONENTS["loss"][name]).build(term, classes, weights)


def draw(classes, seed=0, void=0.1, size=(3, 9, 7)):
    """Logits and a target with void pixels in which each class occurs."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(size[0], classes, *size[1:], generator=generator)
    target = torch.randint(max(classes, 2), size, generator=generator)
    target[torch.rand(size, generator=generator) < void] = VOID
    return logits, target


def valid_only(logits, target):
    """The same pixels as one row of a picture, without void: (1, C, 1, P) and (1, 1, P)."""
    kept = target != VOID
    return logits.movedim(1, -1)[kept].T[None, :, None], target[kept][None, None]


# What holds for all


@pytest.mark.parametrize(("name", "classes"), CASES)
def test_void_pixels_count_nowhere(name, classes):
    logits, target = draw(classes)
    loss = loss_of(name, classes)
    other = logits.clone()
    other.movedim(1, -1)[target == VOID] = 30.0
    assert torch.equal(loss(logits, target), loss(other, target)) or torch.allclose(
        loss(logits, target), loss(other, target), rtol=1e-5
    )
    assert torch.allclose(loss(logits, target), loss(*valid_only(logits, target)), rtol=1e-5)
    logits.requires_grad_()
    loss(logits, target).backward()
    assert not logits.grad.movedim(1, -1)[target == VOID].any()
    assert logits.grad.any()


@pytest.mark.parametrize(("name", "classes"), CASES)
def test_all_void_is_zero_with_zero_gradients(name, classes):
    logits = draw(classes)[0].requires_grad_()
    loss = loss_of(name, classes)(logits, torch.full((3, 9, 7), VOID))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize(("name", "classes"), CASES)
def test_bf16_logits_are_computed_in_float32(name, classes):
    logits, target = draw(classes)
    logits = logits.bfloat16()
    loss = loss_of(name, classes)
    with torch.autocast("cpu", torch.bfloat16):
        half = loss(logits, target)
    assert half.dtype == torch.float32
    assert torch.equal(half, loss(logits.float(), target))


@pytest.mark.parametrize(("name", "classes"), CASES)
def test_sure_and_right_is_near_zero_sure_and_wrong_is_not(name, classes):
    _, target = draw(classes)
    shown = target.masked_fill(target == VOID, 0)
    right = 200 * ((shown.unsqueeze(1) if classes == 1 else F.one_hot(shown, classes).movedim(-1, 1)).float() - 0.5)
    loss = loss_of(name, classes)
    assert loss(right, target) == pytest.approx(0, abs=1e-6)
    wrong = (-right if classes == 1 else right.roll(1, dims=1)).requires_grad_()
    value = loss(wrong, target)
    value.backward()
    assert value > 0.4
    assert value.isfinite()
    assert wrong.grad.isfinite().all()


@pytest.mark.parametrize("name", ["dice", "jaccard", "tversky", "lovasz"])
def test_an_absent_class_is_left_out_of_the_mean(name):
    """Classes 2 and 3 do not occur: the mean is that of classes 0 and 1."""
    logits, target = draw(4)
    target[(target == 2) | (target == 3)] = VOID
    probability = torch.softmax(valid_only(logits, target)[0], 1)[0, :, 0]  # (4, P)
    truth = valid_only(logits, target)[1].flatten()
    expected = []
    for label in (0, 1):
        p, t = probability[label], (truth == label).float()
        if name == "lovasz":
            errors, order = (t - p).abs().sort(descending=True)
            sets = [jaccard_of_wrong(t[order], k) for k in range(len(t) + 1)]
            expected.append(sum(e * (b - a) for e, a, b in zip(errors, sets[:-1], sets[1:], strict=True)))
        else:
            both, either = (p * t).sum(), p.sum() + t.sum()
            expected.append(1 - (both / (either - both) if name == "jaccard" else 2 * both / either))
    assert loss_of(name, 4)(logits, target).item() == pytest.approx(sum(expected).item() / 2, rel=1e-5)


def jaccard_of_wrong(truth, k):
    """Jaccard loss when the first k pixels of the sorted truth are predicted wrong."""
    inside = truth[k:].sum()
    union = truth.sum() + (1 - truth[:k]).sum()
    return (1 - inside / union).item()


@pytest.mark.parametrize("name", ["dice", "jaccard", "tversky"])
def test_no_foreground_at_all_is_zero(name):
    logits = draw(1)[0].requires_grad_()
    loss = loss_of(name, 1)(logits, torch.zeros(3, 9, 7, dtype=torch.int64))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", sorted(ONE_LOGIT_ONLY))
def test_losses_for_one_logit_say_so(name):
    with pytest.raises(InputError, match=f"{name} is for one logit.*4 classes.*use cross_entropy"):
        loss_of(name, 4)


# Each for itself


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_is_torchs(smoothing, weighted):
    logits, target = draw(4)
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0]) if weighted else None
    loss = loss_of("cross_entropy", 4, weights, label_smoothing=smoothing)
    expected = F.cross_entropy(logits, target, weights, ignore_index=VOID, label_smoothing=smoothing)
    assert loss(logits, target).item() == pytest.approx(expected.item(), rel=1e-5)


def test_cross_entropy_of_one_logit_is_bce():
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
def test_focal_of_one_logit_is_torchvisions(alpha):
    logits, target = draw(1)
    flat, truth = (t.float().flatten() for t in valid_only(logits, target))
    expected = sigmoid_focal_loss(flat, truth, alpha=-1 if alpha is None else alpha, gamma=1.5, reduction="mean")
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


def test_focal_alpha_needs_one_logit():
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
    logits, target = valid_only(logits, target)  # smp counts void pixels of one logit as predicted
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
    truth = torch.tensor([1, 0, 1, 1, 0, 0, 1], dtype=torch.bool)
    sets = torch.tensor([jaccard_of_wrong(truth.float(), k) for k in range(8)])
    assert torch.allclose(gradient(truth), sets.diff(), atol=1e-6)


def test_lovasz_is_exact_on_many_pixels():
    """Growths of a million pixels add up to the whole, which differences of float32 numbers near 1 would not."""
    truth = torch.arange(1_000_000) % 3 == 0
    double = gradient(truth).double()
    assert double.sum().item() == pytest.approx(1, abs=1e-6)
    union = 333_334 + 666_666
    assert double[999_998].item() == pytest.approx(1 / (union * (union - 1)), abs=1e-12)  # I = 1 left
    assert double[999_999].item() == pytest.approx(1 / union, rel=1e-6)


# Class weights


def weights_of(asked, images):
    images = torch.tensor(images)
    return class_weights(asked, images.sum(0), images)


def test_class_weights_by_hand():
    images = [[60, 20, 0], [20, 0, 0]]  # p = 0.8, 0.2, 0
    assert weights_of("inverse_frequency", images).tolist() == pytest.approx([100 / 240, 100 / 60, 0])
    assert weights_of("inverse_log_frequency", images).tolist() == pytest.approx(
        [1 / log(1.82), 1 / log(1.22), 1 / log(1.02)]
    )
    # Shares where they occur: 80 of 100, 20 of 80; the median of 0.8 and 0.25 is 0.525.
    assert weights_of("median_frequency", images).tolist() == pytest.approx([0.525 / 0.8, 0.525 / 0.25, 0])
    assert weights_of([1, 2, 0.5], images).tolist() == [1, 2, 0.5]
    assert weights_of(None, images) is None


@pytest.mark.parametrize("asked", [[1.0, 2.0], [1.0, -1.0, 2.0], [0.0, 0.0, 0.0]])
def test_a_list_that_does_not_fit_is_refused(asked):
    with pytest.raises(InputError, match=r"class_weights.*3 numbers.*one for each class"):
        weights_of(asked, [[1, 1, 1]])


# Sums


def test_main_and_auxiliary_terms_add_up():
    logits, target = draw(4)
    others = [draw(4, seed=1)[0], draw(4, seed=2)[0]]
    main = Terms.model_validate({"cross_entropy": 1.0, "tversky": {"weight": 0.5, "alpha": 0.7, "beta": 0.3}})
    aux = Terms.model_validate({"cross_entropy": 2.0})
    ce, tversky = loss_of("cross_entropy", 4), loss_of("tversky", 4, alpha=0.7, beta=0.3)
    outputs = {"main": logits, "aux": others}
    parts = Combined(main, aux, 0.4, classes=4)(outputs, target)
    expected_aux = sum(2 * ce(one, target) for one in others)
    expected_main = ce(logits, target) + 0.5 * tversky(logits, target)
    assert parts["loss"].item() == pytest.approx((expected_main + 0.4 * expected_aux).item(), rel=1e-6)
    assert parts["loss_aux"].item() == pytest.approx(expected_aux.item(), rel=1e-6)
    assert parts["loss_tversky"].item() == pytest.approx(tversky(logits, target).item(), rel=1e-6)
    as_main = Combined(main, None, 1.0, classes=4)(outputs, target)
    expected = sum(ce(one, target) + 0.5 * tversky(one, target) for one in [logits, *others])
    assert as_main["loss"].item() == pytest.approx(expected.item(), rel=1e-6)
    # In evaluation there is one output, and of one term there are no parts.
    assert set(Combined(aux, classes=4)(logits, target)) == {"loss"}


def test_class_weights_reach_the_terms_that_take_them():
    logits, target = draw(4)
    weights = torch.tensor([0.0, 0.0, 1.0, 0.0])
    terms = Terms.model_validate({"cross_entropy": 1.0})
    value = Combined(terms, classes=4, class_weights=weights)(logits, target)["loss"]
    only = target.masked_fill(target != 2, VOID)
    assert value.item() == pytest.approx(F.cross_entropy(logits, only, ignore_index=VOID).item(), rel=1e-5)
