"""Several labels a pixel: files, storage, losses, counts, votes and images, by hand and against independent ones."""

import io
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import torch
from PIL import Image
from torch.nn import functional as F

from segsweep import metrics, tasks
from segsweep.config.dataset import parse_dataset
from segsweep.config.dataset_keys import MOST_LABELS
from segsweep.config.losses import Loss, unsuited
from segsweep.config.train import Train
from segsweep.data.augmentation import load_augmentation
from segsweep.data.classes import class_names, class_table
from segsweep.data.decoding import decode
from segsweep.data.label_masks import of_labels, pack, unpack
from segsweep.data.preparation import prepare
from segsweep.data.raw_item import Item
from segsweep.data.readers import files, read
from segsweep.data.sample import Sample
from segsweep.data.void import VOID
from segsweep.errors import InputError
from segsweep.inference.submission import write_labels
from segsweep.inference.voting import mean_labels, vote_on_labels
from segsweep.metrics import boundary_distances
from segsweep.report.images.drawing import striped
from segsweep.tasks.multilabel import labels_of

NAMES = ["crack", "spalling", "rust"]


def channels(seed=0, count=3, shape=(20, 26), void=True):
    """uint8 (C, H, W) of 0 and 1 in blocks that overlap, 255 at some places in all channels."""
    rng = np.random.default_rng(seed)
    found = np.kron(rng.random((count, shape[0] // 4 + 1, shape[1] // 4 + 1)) > 0.5, np.ones((1, 4, 4)))
    found = found[:, : shape[0], : shape[1]].astype(np.uint8)
    if void:
        found[:, rng.random(shape) < 0.1] = VOID
    return found


def prepared(**changes):
    facts = {
        "task": "multilabel",
        "channels": 3,
        "classes": NAMES,
        "pixel_counts": np.array([30, 10, 20]),
        "image_class_counts": np.array([[30, 0, 20], [0, 10, 0]]),
        "image_scored_pixels": np.array([40, 60]),
    }
    return SimpleNamespace(**(facts | changes))


def made(loss, **changes):
    train = Train.model_validate({"model": {"arch": "unet", "encoder": "tu-lcnet_035"}, "loss": loss})
    return tasks.build(train, prepared(**changes))


def case(seed=0, void=True, batch=2):
    """Logits (B, 3, H, W), and the masks as the loader gives them and as (B, 3, H, W) of 0, 1, 255."""
    labels = np.stack([channels(seed + i, void=void) for i in range(batch)])
    logits = torch.randn(labels.shape, generator=torch.Generator().manual_seed(seed))
    mask = torch.from_numpy(np.stack([pack(one) for one in labels])).long()
    return logits, {"mask": mask, "name": [f"i{i}" for i in range(batch)]}, torch.from_numpy(labels).long()


def test_labels_are_bits_and_back():
    labels = [np.array([[1, 0, 1, 0]]), np.array([[0, 1, 1, 0]]), np.array([[1, 0, 0, VOID]])]
    mask = pack([one.astype(np.uint8) for one in labels])
    assert mask.tolist() == [[1 + 4, 2, 1 + 2, VOID]]
    assert unpack(mask, 3).tolist() == [[[1, 0, 1, VOID]], [[0, 1, 1, VOID]], [[1, 0, 0, VOID]]]
    every = channels(count=MOST_LABELS)
    assert np.array_equal(unpack(pack(every), MOST_LABELS), every)
    counts = of_labels(np.bincount(pack(every).ravel(), minlength=256), MOST_LABELS)
    assert counts.tolist() == (every == 1).sum((1, 2)).tolist()
    both = torch.from_numpy(np.stack([pack(every)])).long()
    assert np.array_equal(labels_of(both, MOST_LABELS)[0].numpy(), every)


def dataset(**changes):
    masks = {name: f"{name}/{{name}}.png" for name in NAMES}
    settings = {"name": "wall", "reader": "folder", "task": "multilabel", "masks": masks, "images": "{name}.png"}
    return parse_dataset(settings | changes)


def write_wall(folder, labels, value=255, void=128):
    """An image a and the mask of each label, as files."""
    Image.fromarray(np.zeros((*labels.shape[1:], 3), np.uint8)).save(folder / "a.png")
    for name, channel in zip(NAMES, labels, strict=True):
        (folder / name).mkdir(exist_ok=True)
        Image.fromarray(np.select([channel == 1, channel == VOID], [value, void]).astype(np.uint8)).save(
            folder / name / "a.png"
        )
    for split in ("train", "val"):
        (folder / f"{split}.txt").write_text("a\n" if split == "train" else "")


@pytest.mark.parametrize("value", [1, 255])
def test_a_file_for_each_label(tmp_path, value):
    labels = channels()
    write_wall(tmp_path, labels, value)
    wall = dataset(void=[128])
    assert class_names(wall) == NAMES  # the classes are the labels that have files
    (item,) = read(wall, tmp_path)["train"]
    assert files(wall, tmp_path)["train"] == [("a", [tmp_path / "a.png", *item.mask])]
    sample, problems = decode(item, class_table(wall), True)
    assert problems == []
    assert np.array_equal(unpack(sample.mask, 3), labels)


def test_one_file_of_channels(tmp_path):
    labels = channels(void=False)
    write_wall(tmp_path, labels)
    wall = dataset(masks="{name}.npy", classes=dict(enumerate(NAMES)))
    np.save(tmp_path / "a.npy", np.moveaxis(labels, 0, -1).astype(bool))
    (item,) = read(wall, tmp_path)["train"]
    sample, problems = decode(item, class_table(wall), True)
    assert problems == []
    assert np.array_equal(unpack(sample.mask, 3), labels)
    for wrong, said in (
        (np.moveaxis(labels[:2], 0, -1), "an array of the shape (20, 26, 2); of 3 labels it is (height, width, 3)"),
        (np.moveaxis(labels, 0, -1) * np.float32(1), "type float32: a mask holds whole numbers"),
        (np.moveaxis(labels * 7, 0, -1), "(crack): value 7 at row"),
    ):
        np.save(tmp_path / "a.npy", wrong)
        sample, problems = decode(item, class_table(wall), True)
        assert sample is None
        assert said in problems[0]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((6, 8), None),
        ((6, 8, 1), None),
        ((48,), "an array of the shape (48,); a mask is (height, width)"),
        ((6, 8, 2), "an array of the shape (6, 8, 2); a mask is (height, width)"),
        ((8, 6, 1), "6x8 pixels, its image has 8x6"),
    ],
)
def test_an_array_as_the_mask_of_classes(tmp_path, shape, said):
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", np.arange(np.prod(shape)).reshape(shape) % 2)
    classes = dataset(masks="{name}.npy", task="multiclass", classes={0: "wall", 1: "crack"})
    sample, problems = decode(Item("a", tmp_path / "a.png", tmp_path / "a.npy"), class_table(classes), True)
    if said:
        assert said in problems[0]
    else:
        assert problems == []
        assert np.array_equal(sample.mask, np.arange(48).reshape(6, 8) % 2)


def test_a_label_that_never_occurs_is_refused_with_a_remedy(tmp_path):
    labels = channels(void=False)
    labels[1] = 0
    write_wall(tmp_path, labels)
    (tmp_path / "val.txt").write_text("b\n")
    Image.fromarray(np.zeros((*labels.shape[1:], 3), np.uint8)).save(tmp_path / "b.png")
    for name in NAMES:
        (tmp_path / name / "b.png").write_bytes((tmp_path / name / "a.png").read_bytes())
    with pytest.raises(InputError) as caught:
        prepare(dataset(), tmp_path, None, tmp_path / "out", "f00d")
    (problem,) = caught.value.problems
    assert "the label 'spalling' never occurs in the training split (1 images). Take it out of `masks`" in problem
    assert "void" not in problem


def test_a_wrong_value_names_the_file_of_the_label(tmp_path):
    write_wall(tmp_path, channels())
    (item,) = read(dataset(), tmp_path)["train"]
    sample, problems = decode(item, class_table(dataset()), True)
    assert sample is None
    assert [str(tmp_path / name / "a.png") in problem for name, problem in zip(NAMES, problems, strict=True)] == [
        True
    ] * 3
    assert "value 128 at row" in problems[0]
    assert "allowed: 0 (without the label), 1 or 255 (with it); void none" in problems[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"classes": {0: "crack", 1: "rust"}}, "masks names the labels ['crack', 'spalling', 'rust']"),
        ({"masks": {str(i): "{name}.png" for i in range(8)}}, "a multilabel task has 1 to 7 labels"),
        ({"masks": "{name}.png", "classes": {0: "a", 1: "b"}}, "masks of several labels a pixel are .npy files"),
        ({"masks": "{name}.npy", "classes": {1: "a", 2: "b"}}, "Number them from 0"),
        ({"masks": {"crack": "crack.png"}}, "a pattern holds {name}"),
    ],
)
def test_settings_that_do_not_fit(changes, said):
    with pytest.raises(InputError) as caught:
        dataset(**changes)
    assert said in str(caught.value)


def test_void_that_leaves_no_value_for_a_label():
    with pytest.raises(InputError, match="not both 1 and 255"):
        class_table(dataset(void=[1, 255]))


def test_augmentation_moves_all_labels_alike():
    """Masks of bits take their nearest pixel: what comes out of all labels together comes out of each alone."""
    labels = channels(shape=(64, 64), void=False)
    image, nothing = np.zeros((64, 64, 3), np.uint8), np.zeros((0, 4), np.float32)

    def augmented(mask):
        sample = Sample(image, mask, nothing, np.zeros(0, np.int64), [], np.zeros(0, bool))
        return load_augmentation("heavy")(sample, (1, 2, 3)).mask

    together = unpack(augmented(pack(labels)), 3)
    alone = np.stack([augmented(one) for one in labels])
    assert np.array_equal(together, alone)
    assert not np.array_equal(together, labels)


def test_bce_is_the_mean_over_pixels_and_labels():
    logits, batch, labels = case(void=False)
    loss = made({"main": {"bce": 1.0}}).criterion()(logits, batch)["loss"]
    assert loss.item() == pytest.approx(F.binary_cross_entropy_with_logits(logits, labels.float()).item())
    logits, batch, labels = case()
    valid = labels != VOID
    loss = made({"main": {"bce": {"pos_weight": 3.0}}}).criterion()(logits, batch)["loss"]
    each = F.binary_cross_entropy_with_logits(
        logits, (labels == 1).float(), pos_weight=torch.tensor(3.0), reduction="none"
    )
    assert loss.item() == pytest.approx(each[valid].mean().item())


@pytest.mark.parametrize(
    ("term", "theirs"),
    [
        ({"dice": {"smooth": 0.0}}, smp.losses.DiceLoss("multilabel", smooth=0.0)),
        (
            {"dice": {"smooth": 2.0, "absent": "skip"}},
            smp.losses.DiceLoss("multilabel", smooth=1.0),
        ),  # see docs/losses.md
        ({"jaccard": {"smooth": 0.0}}, smp.losses.JaccardLoss("multilabel", smooth=0.0)),
        (
            {"tversky": {"alpha": 0.3, "beta": 0.7}},
            smp.losses.TverskyLoss("multilabel", smooth=0.0, alpha=0.3, beta=0.7),
        ),
        ({"focal": {"gamma": 2.0, "alpha": 0.25}}, smp.losses.FocalLoss("multilabel", alpha=0.25, gamma=2.0)),
    ],
)
@pytest.mark.parametrize("absent", [False, True])
def test_losses_against_smp(term, theirs, absent):
    logits, batch, labels = case(void=False)
    if absent:
        labels[:, 1] = 0  # no pixel of the batch carries it
        batch["mask"] &= ~2
    loss = made({"main": term}).criterion()(logits, batch)["loss"]
    assert loss.item() == pytest.approx(theirs(logits, labels.float()).item(), rel=1e-5)


def test_void_pixels_and_padding_have_no_gradient():
    logits, batch, labels = case()
    logits.requires_grad_()
    losses = made({"main": {"bce": 1.0, "dice": 0.5, "lovasz": 0.5, "bce_dice": 0.1}}).criterion()(logits, batch)
    losses["loss"].backward()
    assert (logits.grad[labels == VOID] == 0).all()
    assert (logits.grad[labels == 1] < 0).any()
    parts = sum(weight * losses[f"loss_{name}"] for name, weight in {"bce": 1.0, "dice": 0.5}.items())
    parts = parts + 0.5 * losses["loss_lovasz"] + 0.1 * losses["loss_bce_dice"]
    assert losses["loss"].item() == pytest.approx(parts.item())


def test_auxiliary_heads_are_trained_with_each_label_as_well():
    logits, batch, _ = case()
    criterion = made({"main": {"bce": 1.0}, "aux_weight": 0.5}).criterion()
    alone = criterion(logits, batch)["loss"]
    with_heads = criterion({"main": logits, "aux": [logits, logits]}, batch)["loss"]
    assert with_heads.item() == pytest.approx(2 * alone.item())  # 1 + 0.5 * (1 + 1)


def test_class_weights_weigh_labels():
    logits, batch, labels = case()
    each = [
        F.binary_cross_entropy_with_logits(logits[:, i], (labels[:, i] == 1).float(), reduction="none")[
            labels[:, i] != VOID
        ].mean()
        for i in range(3)
    ]
    listed = made({"main": {"bce": 1.0}, "class_weights": [1.0, 0.0, 3.0]}).criterion()(logits, batch)["loss"]
    assert listed.item() == pytest.approx(((each[0] + 3 * each[2]) / 4).item())
    # In the ratio of 1 / 30, 1 / 10 and 1 / 20, which is that of 2/3, 2 and 1.
    counted = made({"main": {"bce": 1.0}, "class_weights": "inverse_frequency"}).criterion()(logits, batch)["loss"]
    assert counted.item() == pytest.approx(((2 / 3 * each[0] + 2 * each[1] + each[2]) / (11 / 3)).item())


def test_losses_of_classes_that_exclude_each_other_are_refused():
    loss = Loss.model_validate({"main": {"cross_entropy": 1.0, "dice": 1.0}, "aux": {"ohem_cross_entropy": 1.0}})
    problems = unsuited(loss, "multilabel")
    assert ["loss.main.cross_entropy" in problems[0], "loss.aux.ohem_cross_entropy" in problems[1]] == [True, True]
    assert "this one's is multilabel. Take bce or" in problems[0]
    assert unsuited(loss, "multiclass") == []
    assert "loss.main.bce" in unsuited(Loss.model_validate({"main": {"bce": 1.0}}), "multiclass")[0]
    with pytest.raises(InputError, match=r"loss\.main\.cross_entropy"):
        made({"main": {"cross_entropy": 1.0}})
    with pytest.raises(InputError, match=r"train\.loss\.main is not set"):
        made({})


def test_labels_are_counted_each_by_itself():
    # crack: 3 pixels there, 2 of them found, 1 found in excess; spalling: there, not found; rust: neither.
    ground_truth = np.array([[[1, 1, 1, 0, VOID]], [[0, 1, 0, 0, VOID]], [[0, 0, 0, 0, VOID]]], np.uint8)
    found = np.array([[[1, 1, 0, 1, 1]], [[0, 0, 0, 0, 1]], [[0, 0, 0, 0, 0]]], np.uint8)
    batch = {"mask": torch.from_numpy(pack(ground_truth)[None]).long(), "name": ["a"]}
    task = made({"main": {"bce": 1.0}})
    logits = torch.from_numpy(found[None] * 2.0 - 1)
    by_outputs, by_predictions = task.counter(), task.counter()
    by_outputs.update(logits, batch)
    by_predictions.add(task.predict(logits, batch), batch)
    expected = [[[0, 1], [1, 2]], [[3, 0], [1, 0]], [[4, 0], [0, 0]]]
    for counter in (by_outputs, by_predictions):
        assert counter.totals()["labels"].tolist() == expected
        assert counter.images()["labels"].tolist() == [expected]
    scores = metrics.score(by_outputs.totals(), "multilabel", NAMES)
    assert scores["iou/crack"] == 0.5
    assert scores["iou/spalling"] == 0
    assert np.isnan(scores["iou/rust"])
    assert scores["miou"] == 0.25  # over the labels that occur
    assert scores["dice"] == pytest.approx((4 / 6 + 0) / 2)
    assert scores["precision"] == pytest.approx((2 / 3 + 0) / 2)
    assert scores["recall"] == pytest.approx((2 / 3 + 0) / 2)
    assert metrics.usual("multilabel") == "miou"
    assert set(scores) == set(metrics.names("multilabel", NAMES))


def test_boundaries_are_those_of_each_label():
    ground_truth = np.zeros((2, 30, 40), np.uint8)
    ground_truth[0, 5:15, 5:15] = 1
    ground_truth[1, 10:20, 10:20] = 1  # overlaps the first
    found = ground_truth.copy()
    found[1] = np.roll(ground_truth[1], 3, axis=1)
    prediction = {"mask": pack(found), "probability": found.astype(np.float32)}
    batch = {"mask": torch.from_numpy(pack(ground_truth)[None]).long(), "by_label": True}
    counts = boundary_distances.count([prediction], batch)["hd95"][0]
    assert counts.tolist() == [[0.0, 1.0], [3.0, 1.0]]


def test_ensembles_decide_on_each_label():
    probabilities = np.zeros((3, 2, 1, 2), np.float32)  # members, labels, height, width
    probabilities[:, 0, 0, 0] = [0.9, 0.9, 0.1]  # two of three, mean .63
    probabilities[:, 1, 0, 0] = [0.95, 0.45, 0.45]  # one of three, mean .62
    probabilities[:, 1, 0, 1] = [0.6, 0.6, 0.1]  # two of three, mean .43
    masks = np.stack([pack((one > 0.5).astype(np.uint8)) for one in probabilities])
    assert vote_on_labels(masks, probabilities, 2)[0].tolist() == [[1, 2]]
    mask, mean = mean_labels(probabilities)
    assert mask.tolist() == [[1 + 2, 0]]
    assert np.allclose(mean, probabilities.mean(0))


def test_submission_has_a_file_for_each_label(tmp_path):
    labels = channels(void=False)
    write_labels(tmp_path / "s.zip", {"a": pack(labels)}, {"a": ((20, 26), (40, 52))}, NAMES)
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        assert sorted(archive.namelist()) == [f"{name}/a.png" for name in sorted(NAMES)]
        for name, channel in zip(NAMES, labels, strict=True):
            handed_in = np.asarray(Image.open(io.BytesIO(archive.read(f"{name}/a.png"))))
            assert np.array_equal(handed_in, channel.repeat(2, 0).repeat(2, 1) * 255)


def test_several_labels_are_drawn_in_stripes():
    labels = np.zeros((3, 12, 12), np.uint8)
    labels[0, :, :6], labels[2, :6] = 1, 1
    mask = pack(labels)
    mask[11, 11] = VOID
    shown = striped(mask, 3)
    assert set(shown[:6, :6].ravel()) == {1, 3}  # both take turns
    assert set(shown[6:, :6].ravel()) == {1}
    assert set(shown[:6, 6:].ravel()) == {3}
    assert set(shown[6:, 6:].ravel()) == {0, VOID}


def test_a_data_set_of_labels_has_no_foreground():
    values = {"name": "n", "reader": "folder", "task": "multilabel", "masks": "{name}.npy", "classes": {0: "a", 1: "b"}}
    with pytest.raises(InputError, match=r"foreground names one; leave it out"):
        parse_dataset(values | {"foreground": "a"})
    assert parse_dataset(values).foreground is None
