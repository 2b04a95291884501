"""Losses: what holds for all of them, class weights, sums of several."""

from math import log

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F

from segsweep.config.losses import Terms
from segsweep.errors import InputError
from segsweep.losses.class_weights import class_weights
from segsweep.losses.combined import Combined
from tests.loss_cases import VOID, draw, jaccard_of_wrong, loss_of, valid_only

ONE_LOGIT_ONLY = {"bce", "bce_dice"}
TERMS = list(Terms.model_fields)
CASES = [(name, classes) for name in TERMS for classes in (1, 4) if classes == 1 or name not in ONE_LOGIT_ONLY]


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
    ground_truth = valid_only(logits, target)[1].flatten()
    expected = []
    for label in (0, 1):
        p, t = probability[label], (ground_truth == label).float()
        if name == "lovasz":
            errors, order = (t - p).abs().sort(descending=True)
            sets = [jaccard_of_wrong(t[order], k) for k in range(len(t) + 1)]
            expected.append(sum(e * (b - a) for e, a, b in zip(errors, sets[:-1], sets[1:], strict=True)))
        else:
            both, either = (p * t).sum(), p.sum() + t.sum()
            expected.append(1 - (both / (either - both) if name == "jaccard" else 2 * both / either))
    assert loss_of(name, 4)(logits, target).item() == pytest.approx(sum(expected).item() / 2, rel=1e-5)


OVERLAP = ["dice", "jaccard", "tversky"]
NOTHING = torch.zeros(3, 9, 7, dtype=torch.int64)


@pytest.mark.parametrize("settings", [{}, {"smooth": 1.0, "absent": "skip"}])
@pytest.mark.parametrize("name", OVERLAP)
def test_no_foreground_at_all_is_zero_where_absent_classes_are_skipped(name, settings):
    logits = draw(1)[0].requires_grad_()
    loss = loss_of(name, 1, **settings)(logits, NOTHING)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize(("name", "factor"), [("dice", 1.0), ("jaccard", 1.0), ("tversky", 0.7)])
def test_smoothing_counts_false_positives_where_there_is_no_foreground(name, factor):
    logits = draw(1)[0].requires_grad_()
    loss = loss_of(name, 1, smooth=1.0, **({"alpha": factor} if name == "tversky" else {}))(logits, NOTHING)
    loss.backward()
    false = factor * torch.sigmoid(logits.detach()).sum().item()
    assert loss.item() == pytest.approx(false / (false + 1), rel=1e-6)
    assert (logits.grad > 0).all()  # less foreground is better
    assert loss_of(name, 1, smooth=1.0)(torch.full_like(logits, -200.0), NOTHING).item() == 0


@pytest.mark.parametrize("name", OVERLAP)
def test_an_absent_class_counts_in_the_mean_where_asked(name):
    """Two pixels of class 0, probabilities (0.5, 0.25, 0.25) each: TP 1, FN 1 of class 0, FP 0.5 of the others."""
    logits = torch.tensor([0.5, 0.25, 0.25]).log().view(1, 3, 1, 1).expand(1, 3, 1, 2)
    target = torch.zeros(1, 1, 2, dtype=torch.int64)
    settings = {"alpha": 1.0, "beta": 1.0} if name == "tversky" else {}
    present, absent = (1 - 3 / 4 if name == "dice" else 1 - 2 / 3), 1 - 1 / 1.5
    counted = loss_of(name, 3, smooth=1.0, **settings)(logits, target)
    assert counted.item() == pytest.approx((present + 2 * absent) / 3, rel=1e-6)
    skipped = loss_of(name, 3, smooth=1.0, absent="skip", **settings)(logits, target)
    assert skipped.item() == pytest.approx(present, rel=1e-6)
    with pytest.raises(ValidationError, match="absent: count with smooth 0"):  # 1 - 0 / FP, whatever FP is
        loss_of(name, 3, absent="count", **settings)


@pytest.mark.parametrize(("name", "classes"), [(name, classes) for name in OVERLAP for classes in (1, 4)])
def test_all_void_is_zero_with_smoothing_as_well(name, classes):
    logits = draw(classes)[0].requires_grad_()
    settings = {"smooth": 1.0} | ({"gamma": 0.75} if name == "tversky" else {})
    loss = loss_of(name, classes, **settings)(logits, torch.full((3, 9, 7), VOID))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_bce_dice_of_no_foreground():
    logits = draw(1)[0]
    bce, false = loss_of("bce", 1)(logits, NOTHING).item(), torch.sigmoid(logits).sum().item()
    value = lambda **settings: loss_of("bce_dice", 1, bce_weight=0.4, **settings)(logits, NOTHING).item()  # noqa: E731
    assert value(dice_smooth=1.0) == pytest.approx(0.4 * bce + 0.6 * false / (false + 1), rel=1e-6)
    assert value() == pytest.approx(0.4 * bce + 0.6, rel=1e-6)  # its default smoothing of 1e-6
    assert value(dice_smooth=1.0, dice_absent="skip") == value(dice_smooth=0.0) == pytest.approx(0.4 * bce, rel=1e-6)


# Class weights

SCHEMES = ["inverse_frequency", "inverse_log_frequency", "median_frequency"]


def weights_of(asked, images):
    images = torch.tensor(images)
    return class_weights(asked, images.sum(0), images, images.sum(1))


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


def test_class_weights_of_labels_that_overlap_count_valid_pixels():
    # Two images of 100 and 50 valid pixels; the labels overlap, so that they have 100 label pixels in the first.
    images, valid = torch.tensor([[60, 40, 0], [0, 10, 0]]), torch.tensor([100, 50])
    found = {asked: class_weights(asked, images.sum(0), images, valid).tolist() for asked in SCHEMES}
    assert found["inverse_frequency"] == pytest.approx([150 / 180, 150 / 150, 0])
    assert found["inverse_log_frequency"] == pytest.approx([1 / log(1.02 + 0.4), 1 / log(1.02 + 1 / 3), 1 / log(1.02)])
    # Shares where they occur: 60 of 100, 50 of 150; their median is 7 / 15.
    assert found["median_frequency"] == pytest.approx([7 / 15 / 0.6, 7 / 15 * 3, 0])
    # A single label of 30 in 100 pixels is not everywhere.
    alone = class_weights("inverse_log_frequency", torch.tensor([30]), torch.tensor([[30]]), torch.tensor([100]))
    assert alone.tolist() == pytest.approx([1 / log(1.32)])


@pytest.mark.parametrize("asked", SCHEMES)
def test_counted_weights_need_a_pixel(asked):
    with pytest.raises(InputError, match=rf"class_weights: {asked} has nothing to count.*Correct the masks"):
        weights_of(asked, [[0, 0, 0]])


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
