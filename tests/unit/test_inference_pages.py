"""Scores of pages that are cut into patches are those of the stitched page, computed here by a few lines of numpy."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from segsweep import metrics
from segsweep.analysis.data_tables import class_rows, split_rows
from segsweep.config.dataset import parse_dataset
from segsweep.config.train import Data, Train
from segsweep.data.loading import Batches
from segsweep.data.preparation import prepare
from segsweep.data.prepared import Prepared
from segsweep.data.splits import images_of_run
from segsweep.inference.evaluation import evaluate
from segsweep.inference.pages import PageStitcher
from segsweep.tasks.confusion import confusion
from segsweep.tasks.segmentation import Segmentation

SIZE, EDGE = 32, 6  # of a patch, and of its rim in which the simulated predictor is wrong
DATASET = {
    "name": "pages", "reader": "folder", "images": "{name}.png", "masks": "{name}_mask.png", "task": "multiclass",
    "classes": {0: "paper", 1: "ink", 2: "stamp"}, "void": [9],
}  # fmt: skip
SIDES = {"train": [(70, 50), (33, 90)], "val": [(40, 75), (64, 64), (20, 30), (97, 41)]}


@pytest.fixture
def root(tmp_path):
    """Pages whose red values name the class of each pixel."""
    root, rng = tmp_path / "files", np.random.default_rng(0)
    root.mkdir()
    for split, sides in SIDES.items():
        names = [f"{split}_{i}" for i in range(len(sides))]
        (root / f"{split}.txt").write_text("\n".join(names))
        for name, (height, width) in zip(names, sides, strict=True):
            mask = rng.choice(3, (height, width), p=[0.7, 0.2, 0.1]).astype(np.uint8)
            image = np.stack([mask * 100, *rng.integers(0, 256, (2, height, width), np.uint8)], axis=2)
            mask[:3] = 9
            Image.fromarray(image).save(root / f"{name}.png")
            Image.fromarray(mask).save(root / f"{name}_mask.png")
    return root


def cut(root, overlap, **changes):
    """The pages, cut."""
    output, dataset = root.parent / f"cut-{overlap}", parse_dataset(DATASET | changes)
    data = Data(patches={"page_size": None, "size": SIZE, "overlap": overlap})
    prepare(dataset, root, data, output, "f00d")
    return Prepared.open(output, list(dataset.classes.values())), data


class Simulated:
    """A forward pass that is right at each pixel, but for the rim of a patch, where it takes the next class."""

    model, device = nn.Identity(), torch.device("cpu")

    def __init__(self, edge):
        self.edge = edge

    def __call__(self, images):
        classes = (images[:, 0].float() / 100).round().long()
        inside = torch.zeros(images.shape[-2:], dtype=torch.bool)
        inside[self.edge : SIZE - self.edge, self.edge : SIZE - self.edge] = True
        classes = torch.where(inside, classes, (classes + 1) % 3)
        # No two pixels and no two patches are equally sure.
        noise = images[:, 1:2].float() / 256 + images[:, :1, :1, :1].float() / 1024
        return nn.functional.one_hot(classes, 3).permute(0, 3, 1, 2) * (1 + noise)


def counted(prepared, data, network, batch_size=4, micro_batch=4):
    """The counter of the validation split."""
    train = Train.model_validate({"data": data.model_dump(), "loss": {"main": {"cross_entropy": 1.0}}})
    refs = images_of_run(prepared, data, None)[1]
    loader = Batches(refs, data, prepared, batch_size, seed=0, training=False)
    return evaluate(Segmentation(train, prepared), None, loader.epoch(1), network, micro_batch=micro_batch)[1]


def pages_by_numpy(root, overlap, network):
    """Decisions for the stitched pages of the validation split and their masks, from the files themselves."""
    weight = np.minimum(np.arange(SIZE) + 1, SIZE - np.arange(SIZE))
    weight = weight[:, None] * weight[None]
    for i, (height, width) in enumerate(SIDES["val"]):
        image = np.asarray(Image.open(root / f"val_{i}.png"))
        padded = np.full((height + SIZE, width + SIZE, 3), (124, 116, 104), np.uint8)
        padded[:height, :width] = image
        total, weights = np.zeros((3, *padded.shape[:2])), np.zeros(padded.shape[:2])
        for y in range(0, max(height - overlap, 1), SIZE - overlap):
            for x in range(0, max(width - overlap, 1), SIZE - overlap):
                patch = torch.from_numpy(padded[y : y + SIZE, x : x + SIZE].transpose(2, 0, 1).copy())
                total[:, y : y + SIZE, x : x + SIZE] += weight * network(patch[None])[0].double().numpy()
                weights[y : y + SIZE, x : x + SIZE] += weight
        mask = np.asarray(Image.open(root / f"val_{i}_mask.png"))
        yield total[:, :height, :width].argmax(0), mask


def confusions_by_numpy(root, overlap, network):
    """(N, C, C) of the pages."""
    return np.array(
        [
            [[((mask == true) & (said == guess)).sum() for guess in range(3)] for true in range(3)]
            for said, mask in pages_by_numpy(root, overlap, network)
        ]
    )


@pytest.mark.parametrize("overlap", [0, 8, 16, 25])
def test_a_predictor_that_is_right_has_the_score_of_whole_pages(root, overlap):
    images = counted(*cut(root, overlap), Simulated(edge=0)).images()
    assert images["names"].tolist() == [f"val_{i}" for i in range(4)]
    for found, (height, width) in zip(images["confusion"], SIDES["val"], strict=True):
        assert np.trace(found) == found.sum() == (height - 3) * width  # the void rows count nowhere


@pytest.mark.parametrize("overlap", [0, 8, 16, 25])
def test_scores_are_those_of_the_stitched_page(root, overlap):
    network = Simulated(EDGE)
    expected = confusions_by_numpy(root, overlap, network)
    counter = counted(*cut(root, overlap), network)
    assert np.array_equal(counter.images()["confusion"], expected)
    assert np.array_equal(counter.totals()["confusion"], expected.sum(0))
    miou = metrics.score(counter.totals(), "multiclass", ["a", "b", "c"])["miou"]
    diagonal = np.diag(expected.sum(0))
    assert miou == pytest.approx((diagonal / (expected.sum(0).sum(0) + expected.sum(0).sum(1) - diagonal)).mean())
    if overlap == SIZE // 2:  # each rim lies well inside of another patch, but at the page's own edge
        assert (
            miou > 1.3 * metrics.score(counted(*cut(root, 0), network).totals(), "multiclass", ["a", "b", "c"])["miou"]
        )


def test_scores_do_not_depend_on_batches(root):
    prepared, data = cut(root, 16)
    found = [
        counted(prepared, data, Simulated(EDGE), batch_size, micro_batch).images()["confusion"]
        for batch_size, micro_batch in ((1, 1), (5, 2), (64, 64), (64, 7))
    ]
    assert all(np.array_equal(one, found[0]) for one in found)


def test_without_overlap_counts_are_the_sums_over_patches(root):
    prepared, data = cut(root, 0)
    refs = images_of_run(prepared, data, None)[1]
    summed = np.zeros((3, 3), int)
    for batch in Batches(refs, data, prepared, 4, seed=0, training=False).epoch(1):
        summed += confusion(Simulated(EDGE)(batch["image"]).argmax(1), batch["mask"].long(), 3).sum(0).numpy()
    assert np.array_equal(counted(prepared, data, Simulated(EDGE)).totals()["confusion"], summed)


def test_what_one_patch_alone_shows_is_left_as_it_is():
    place = {"page": "p", "height": 4, "width": 12}
    logits = torch.randn(2, 3, 4, 8, generator=torch.Generator().manual_seed(0)) * 1e-3
    batch = {"page": [place | {"y": 0, "x": 0}, place | {"y": 0, "x": 4}], "size": [(4, 8), (4, 8)]}
    ((whole,), page) = next(PageStitcher().add([logits], batch))
    assert page == {"name": ["p"], "size": [(4, 12)]}
    assert torch.equal(whole[0, ..., :4], logits[0, ..., :4])
    assert torch.equal(whole[0, ..., 8:], logits[1, ..., 4:])
    share = torch.tensor([1, 2, 3, 4]) / 5  # of the second patch, beside 4, 3, 2, 1
    assert torch.allclose(whole[0, ..., 4:8], logits[0, ..., 4:] * (1 - share) + logits[1, ..., :4] * share)


def test_pages_that_are_not_whole_are_refused():
    place = {"page": "p", "y": 0, "x": 0, "height": 8, "width": 8}
    patch = torch.zeros(1, 1, 4, 4)
    stitcher = PageStitcher()
    assert list(stitcher.add([patch], {"page": [place], "size": [(4, 4)]})) == []
    with pytest.raises(ValueError, match="of the page p are missing"):
        stitcher.close()
    with pytest.raises(ValueError, match="page q stands among those of p"):
        list(stitcher.add([patch], {"page": [place | {"page": "q"}], "size": [(4, 4)]}))
    with pytest.raises(ValueError, match="of the page p are missing"):
        list(PageStitcher().add([patch], {"page": [place | {"y": 4, "x": 4}], "size": [(4, 4)]}))


def test_images_pass_as_they_are():
    outputs, batch = object(), {"name": ["a"]}
    assert list(PageStitcher().add([outputs], batch)) == [([outputs], batch)]


@pytest.mark.parametrize("overlap", [8, 16, 25])
def test_each_pixel_of_a_page_counts_once(root, overlap):
    plain, _ = cut(root, 0)
    overlapped, _ = cut(root, overlap)
    masks = [np.asarray(Image.open(root / f"train_{i}_mask.png")) for i in range(2)]
    expected = np.bincount(np.concatenate([mask.ravel() for mask in masks]), minlength=10)[:3]
    for one in (plain, overlapped):
        assert one.pixel_counts.tolist() == expected.tolist()
        assert one.mean == pytest.approx(plain.mean, abs=1e-12)
        assert one.std == pytest.approx(plain.std, abs=1e-12)
    rows, before = ([row | {"data": ""} for row in class_rows([one])] for one in (overlapped, plain))
    assert rows == before
    assert [row["images"] for row in rows] == [2, 2, 2, 4, 4, 4]
    train, val = split_rows([overlapped])
    assert (train["images"], val["images"]) == (2, 4)
    assert train["patches"] > split_rows([plain])[0]["patches"]
    assert train["void"] == pytest.approx(3 * (50 + 90) / (70 * 50 + 33 * 90))  # the padding beyond pages is no part


@pytest.mark.parametrize("overlap", [0, 16])
def test_validation_subsets_are_pages(root, overlap):
    prepared, data = cut(root, overlap)
    split = prepared.splits["val"]
    training, validation = images_of_run(prepared, data.model_copy(update={"val_subset": 2, "train_subset": 3}), None)
    assert len(training) == 3
    pages = {split.page(i)["page"] for _, i in validation}
    assert pages == {"val_0", "val_2"}  # the same pages, whatever the overlap
    assert [i for _, i in validation] == [i for i in range(len(split)) if split.page(i)["page"] in pages]


@pytest.mark.parametrize("within", ["train", "train+val"])
def test_folds_are_scored_on_whole_pages(root, within):
    prepared, data = cut(root, 16)
    data = data.model_copy(update={"train_subset": 5, "val_subset": 1})
    for index in range(2):
        fold = {"index": index, "k": 2, "seed": 0, "within": within}
        training, validation = images_of_run(prepared, data, fold)
        pages = [
            {(split, prepared.splits[split].page(i)["page"]) for split, i in part} for part in (training, validation)
        ]
        assert pages[1]
        assert not pages[0] & pages[1]
        for split, page in pages[1]:
            there = prepared.splits[split]
            members = [i for i in range(len(there)) if there.page(i)["page"] == page]
            assert {(split, i) for i in members} <= set(validation)


def test_enlarged_pages_are_said(root):
    data = Data(patches={"page_size": 90, "size": 32})
    folder = root.parent / "enlarged"
    warnings = prepare(parse_dataset(DATASET), root, data, folder, "f00d")["warnings"]
    assert warnings == [
        "patches.page_size 90 enlarges 4 pages, up to 3.0 times; with `page_size: null` each page keeps its own scale"
    ]
    train, val = split_rows([Prepared.open(folder)])
    assert (train["enlarged"], train["enlarged_most"]) == (1, pytest.approx(90 / 70))
    assert (val["enlarged"], val["enlarged_most"]) == (3, 3.0)
    (own, _) = split_rows([cut(root, 0)[0]])
    assert (own["enlarged"], own["enlarged_most"], own["images"]) == (0, None, 2)
