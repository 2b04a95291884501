"""Each kind of component may lie in a person's own file."""

from pathlib import Path

import numpy as np
import optuna
import pytest
import torch

from segsweep import metrics, registry
from segsweep.config.augmentations import read_augmentation
from segsweep.config.dataset import parse_dataset
from segsweep.config.load import read_study
from segsweep.config.search import Sweep
from segsweep.config.train import Data, Train
from segsweep.config.yaml_documents import parse
from segsweep.data.augmentation import load_augmentation
from segsweep.data.readers import files, read
from segsweep.data.sample import Sample
from segsweep.errors import InputError
from segsweep.optimizers import build_optimizer
from segsweep.planning.code_fingerprint import Code
from segsweep.planning.data_address import meaning_of
from segsweep.planning.study_context import metric_roots, preparation_roots
from segsweep.schedules import Progress, learning_rate

KINDS = """
import albumentations
import numpy as np
import optuna
import torch
from typing import ClassVar

from segsweep.config.components import Metric, Schedule
from segsweep.config.settings import key


class Signs(torch.optim.SGD):
    def __init__(self, params, lr=1e-2, weight_decay=0.0, scale=1.0):
        super().__init__(params, lr=lr * scale, weight_decay=weight_decay)


def falling(base, progress, power=0.5):
    return base / (1 + progress.finished_epochs) ** power


class Halved(Schedule):
    monitors: ClassVar[bool] = True
    monitor: str | None = key(None, "Column.")


def halved(settings: Halved, base, progress):
    return base / 2**progress.reductions


def after_epoch(settings, state, value, minimize):
    return state | {"reductions": state["reductions"] + 1}


def by_pixels(pixels, present, floor=0.1):
    return np.maximum(pixels[:, 0] / pixels.sum(1), floor)


def random_only(seed):
    return optuna.samplers.RandomSampler(seed=seed)


def gdice(counts, classes):
    confusion = counts["confusion"]
    return confusion.trace(axis1=-2, axis2=-1) / confusion.sum((-2, -1))


def flips():
    return albumentations.HorizontalFlip(p=0.5)


def darker(pixels):
    def transform(image, mask, rng):
        return (image * rng.random()).astype(pixels.dtype), mask

    return transform


def number(pixels):
    return 3


def lacking(pixels, strength):
    return None
"""

ERROR = """
from typing import ClassVar

from segsweep.config.components import Metric


class Error(Metric):
    direction: ClassVar[str] = "minimize"
    tasks: ClassVar[tuple] = ("text",)
    title: ClassVar[str] = "error rate"


def rate(counts, classes):
    return {"rate": 1.0}
"""


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my").mkdir()
    Path("my/kinds.py").write_text(KINDS, encoding="utf-8")
    yield
    metrics.use_own([])


def test_an_optimizer():
    train = Train(optimizer={"name": "my/kinds.py:Signs", "scale": 2.0, "momentum": 0.9})
    assert train.optimizer.lr == 1e-2
    layer = torch.nn.Linear(2, 1)
    optimizer = build_optimizer(train.optimizer, layer, torch.nn.Identity())
    assert optimizer.param_groups[0]["lr"] == 2e-2
    assert optimizer.param_groups[0]["params"] == list(layer.parameters())


def test_schedules():
    progress = Progress(step=6, batches_per_epoch=2, total_epochs=9, reductions=1)
    falling = Train(scheduler={"name": "my/kinds.py:falling", "power": 1}).scheduler
    assert learning_rate(falling, 8.0, progress) == 2.0
    halved = Train(scheduler={"name": "my/kinds.py:halved", "monitor": "val/loss"}).scheduler
    assert learning_rate(halved, 8.0, progress) == 4.0
    assert halved.monitors
    assert registry.load(halved).after_epoch(halved, {"reductions": 1}, 0.5, True) == {"reductions": 2}


def test_a_sampling_of_images():
    sampling = Data(image_sampling={"name": "my/kinds.py:by_pixels", "floor": 0.25}).image_sampling
    pixels = np.array([[1, 9], [5, 5]])
    assert registry.load(sampling).weights(sampling, pixels, pixels > 0).tolist() == [0.25, 0.5]


def test_a_sampler_of_trials():
    sweep = Sweep(sampler="my/kinds.py:random_only", trials=2, space={"optimizer.lr": {"low": 1, "high": 2}})
    assert sweep.sampler.title == "kinds.py:random_only"
    assert Sweep.model_validate(sweep.model_dump(mode="json", by_alias=True)) == sweep
    made = registry.load(sweep.sampler).build(sweep.sampler, 3, 1)
    assert isinstance(made, optuna.samplers.RandomSampler)


def sample(mask=True):
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    labels = np.arange(16, dtype=np.uint8).reshape(4, 4) if mask else None
    return Sample(image, labels, np.zeros((1, 4), np.float32), np.zeros(1, np.int64), [], np.zeros(1, bool))


def test_augmentations():
    data = Data(augmentation="my/kinds.py:flips", augmentation_backend="torchvision", augmentation_device="device")
    assert (data.augmentation_backend, data.augmentation_device) == ("own", "loader")
    flips = load_augmentation("my/kinds.py:flips", "own")
    found = [flips(sample(), (seed,)) for seed in range(8)]
    flipped = [np.array_equal(one.mask, sample().mask[:, ::-1]) for one in found]
    assert {True, False} == set(flipped)
    assert [np.array_equal(one.image, sample().image[:, ::-1]) for one in found] == flipped
    darker = load_augmentation("my/kinds.py:darker", "own")
    one, again, other = (darker(sample(), (seed,)) for seed in (1, 1, 2))
    assert np.array_equal(one.image, again.image)
    assert not np.array_equal(one.image, other.image)
    assert len(one.boxes) == 0
    with pytest.raises(InputError, match="Let the function give a transform of albumentations"):
        darker(sample(mask=False), (1,))
    with pytest.raises(InputError, match=r"my/kinds\.py:number gives int"):
        load_augmentation("my/kinds.py:number", "own")


def test_augmentations_that_cannot_be_called():
    with pytest.raises(InputError, match=r"lacking needs strength, and is given nothing but `pixels`"):
        read_augmentation("my/kinds.py:lacking")
    with pytest.raises(InputError, match=r"my/kinds.py: it defines no function .* Did you mean 'flips'"):
        read_augmentation("my/kinds.py:flip")
    with pytest.raises(InputError, match="augmentation none is no function of your own"):
        parse(Data, {"augmentation_backend": "own"}, lambda keys: "study.yaml:1")


def test_a_metric_is_found_by_its_column():
    counts = {"confusion": np.array([[3, 1], [0, 4]])}
    assert metrics.metric_of("val/gdice") is None
    metrics.use_own(["my/kinds.py:gdice"])
    assert metrics.score(counts, "multiclass", ["a", "b"], only=["gdice"]) == {"gdice": 0.875}
    assert metrics.check([("metric", "val/gdice")], "multiclass", ["a", "b"]) == []
    assert not metrics.is_minimized("val/gdice")
    assert "my/kinds.py:gdice" in Code().hashes(metric_roots("val/gdice"))
    metrics.use_own([])
    assert metrics.metric_of("val/gdice") is None
    assert "gdice" not in metrics.names("multiclass", ["a", "b"])


def test_facts_of_a_metric_are_those_of_its_class():
    Path("my/error.py").write_text(ERROR, encoding="utf-8")
    metrics.use_own(["my/error.py:rate"])
    assert metrics.is_minimized("val/rate")
    assert registry.classes("metric")["rate"].title == "error rate"
    assert "rate" in metrics.names("text", [])
    assert "rate" not in metrics.names("multiclass", [])


def test_metrics_of_one_name_are_refused():
    Path("my/miou.py").write_text("def miou(counts, classes):\n    return 1.0\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"my/miou.py:miou: the built-in metric has the same name, 'miou'"):
        metrics.use_own(["my/miou.py:miou"])
    Path("other.py").write_text(KINDS, encoding="utf-8")
    with pytest.raises(InputError, match=r"other\.py:gdice: the my/kinds.py:gdice has the same name"):
        metrics.use_own(["my/kinds.py:gdice", "other.py:gdice"])


READER = """
from segsweep.config.mask_dataset import MaskDataset
from segsweep.config.settings import key
from segsweep.data.raw_item import Item


def read(root, ending="_mask.png"):
    masks = sorted(root.glob(f"*{ending}"))
    images = [root / one.name.replace(ending, ".png") for one in masks]
    return {"train": [Item(m.stem, i, m, boxes=[(1, 2, 3, 4)]) for i, m in zip(images, masks)]}


def called(root):
    return {"train": [Item("a", lambda: None)]}


def broken(root):
    return {}[0]


class Listed(MaskDataset):
    table: str = key("items.csv", "A table.")


def listed(dataset: Listed, root):
    return {"train": [Item("a", root / dataset.table)]}


def files(dataset, root):
    return {"train": [("a", [root / dataset.table])]}
"""
MINE = {"name": "mine", "task": "multiclass", "classes": {0: "none", 1: "one"}}


def test_readers(tmp_path):
    Path("my/reader.py").write_text(READER, encoding="utf-8")
    for name in ("b_mask.png", "a_mask.png", "a.png", "b.png"):
        Path(name).touch()
    dataset = parse_dataset(MINE | {"reader": "my/reader.py:read"})
    assert dataset.palette is None
    assert [one.image for one in read(dataset, tmp_path)["train"]] == [tmp_path / "a.png", tmp_path / "b.png"]
    (name, (image, mask, written)), _ = files(dataset, tmp_path)["train"]
    assert (name, image, mask) == ("a_mask", tmp_path / "a.png", tmp_path / "a_mask.png")
    assert "boxes" in written
    assert parse_dataset(dataset.model_dump(mode="json")) == dataset
    assert meaning_of(dataset)["reader"] == "reader.py:read"
    code = Code().hashes(preparation_roots(dataset))
    assert "my/reader.py:read" in code
    assert "my/reader.py:listed" not in code
    listed = parse_dataset(MINE | {"reader": "my/reader.py:listed", "table": "other.csv"})
    assert files(listed, tmp_path) == {"train": [("a", [tmp_path / "other.csv"])]}


def test_problems_of_readers(tmp_path):
    Path("my/reader.py").write_text(READER, encoding="utf-8")
    with pytest.raises(InputError, match=r"unknown key 'endnig'. Did you mean 'ending'"):
        parse_dataset(MINE | {"reader": "my/reader.py:read", "endnig": ".png"})
    with pytest.raises(InputError, match=r"^data set: reader: my/reader.py: it defines no function .* 'red'"):
        parse_dataset(MINE | {"reader": "my/reader.py:red"})
    with pytest.raises(InputError, match=r"^data set: reader is 'flder'. Did you mean 'folder'"):
        parse_dataset(MINE | {"reader": "flder"})
    with pytest.raises(InputError, match=r"^my/reader.py:18: reader my/reader.py:broken: KeyError: 0"):
        files(parse_dataset(MINE | {"reader": "my/reader.py:broken"}), tmp_path)
    with pytest.raises(InputError, match="a: the image or mask is called for"):
        files(parse_dataset(MINE | {"reader": "my/reader.py:called"}), tmp_path)


def test_some_kinds_are_never_of_a_persons_own():
    with pytest.raises(InputError, match="a tracker cannot be of your own"):
        registry.find("tracker", "my/kinds.py:gdice")


def test_own_metrics_of_a_study_file():
    Path("studies").mkdir()
    text = """
name: own
metric: val/../my/kinds.py:gdice
also_report: [val/miou, val/my/other.py:kappa]
names: {val/../my/kinds.py:gdice: Generalized Dice}
train: {early_stopping: {monitor: val/../my/kinds.py:gdice}, model: {arch: val/net.py:build}}
grid: {loss.main.../my/loss.py:f.gamma: [1, 2]}
"""
    Path("studies/own.yaml").write_text(text, encoding="utf-8")
    document = read_study(Path("studies/own.yaml"))
    assert document.values == {
        "name": "own",
        "metric": "val/gdice",
        "also_report": ["val/miou", "val/kappa"],
        "names": {"val/gdice": "Generalized Dice"},
        "train": {"early_stopping": {"monitor": "val/gdice"}, "model": {"arch": "studies/val/net.py:build"}},
        "grid": {"loss.main.my/loss.py:f.gamma": [1, 2]},
        "metrics": ["my/kinds.py:gdice", "studies/my/other.py:kappa"],
    }
    assert document.location(("grid", "loss.main.my/loss.py:f.gamma")) == "studies/own.yaml:7"
    Path("studies/own.yaml").write_text("command: x {a}\nparameters: {a: my/net.py:f}\nsweep: {sampler: my/s.py:f}")
    values = read_study(Path("studies/own.yaml")).values
    assert (values["parameters"]["a"], values["sweep"]["sampler"]) == ("my/net.py:f", "studies/my/s.py:f")
    Path("studies/own.yaml").write_text("grid: {model.arch: [v1/net.py:f, v2/net.py:f]}")
    with pytest.raises(InputError, match=r"studies/v1/net.py:f and studies/v2/net.py:f would be one name in labels"):
        read_study(Path("studies/own.yaml"))
