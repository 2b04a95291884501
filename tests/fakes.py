"""A tiny task and tiny data by the loop's contract, so that the loop can be tested in milliseconds."""

from dataclasses import dataclass, field
from math import ceil

import torch
from torch import nn
from torch.nn import functional as F

from segsweep.config.train import Train
from segsweep.data.void import VOID
from segsweep.planning.plan_file import SegmentPlan
from segsweep.tasks.confusion import MaskCounter
from segsweep.trainers import builtin
from segsweep.training.dataloaders import DataLoaders

CLASSES, SIDE = 3, 8


class Tiny(nn.Module):
    """Two convolutions with a norm and dropout between them."""

    def __init__(self, norm: str = "batch", dropout: float = 0.2):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8) if norm == "batch" else nn.GroupNorm(2, 8)
        self.dropout = nn.Dropout2d(dropout)
        self.last = nn.Conv2d(8, CLASSES, 1)

    def forward(self, image):
        return self.last(self.dropout(F.relu(self.norm(self.first(image)))))


class Criterion(nn.Module):
    """Cross entropy, or Dice over the whole batch; a weight of its own, as uncertainty weighing has."""

    def __init__(self, kind: str = "cross_entropy"):
        super().__init__()
        self.kind = kind
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, outputs, batch):
        mask = batch["mask"]
        if self.kind == "cross_entropy":
            valid = (mask != VOID).sum()
            loss = F.cross_entropy(outputs, mask, ignore_index=VOID, reduction="sum") / valid
        else:
            ground_truth = F.one_hot(mask.clamp(max=CLASSES), CLASSES + 1)[..., :CLASSES].movedim(-1, 1)
            share = outputs.softmax(1) * (mask != VOID)[:, None]
            loss = 1 - 2 * (share * ground_truth).sum() / (share + ground_truth).sum()
        return {"loss": loss * self.weight, "plain": loss}


@dataclass
class FakeTask:
    """A network, a loss and counts; nothing that a data set would have to say."""

    norm: str = "batch"
    dropout: float = 0.2
    loss: str = "cross_entropy"

    def model(self):
        return Tiny(self.norm, self.dropout)

    def criterion(self):
        return Criterion(self.loss)

    def before_backward(self, losses, model):
        pass

    def counter(self):
        return MaskCounter(CLASSES)


class WithEncoder(nn.Module):
    """An encoder with a norm and dropout, and a convolution."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Dropout2d(0.2))
        self.last = nn.Conv2d(8, CLASSES, 1)

    def forward(self, image):
        return self.last(F.relu(self.encoder(image)))


class EncoderTask(FakeTask):
    """Its network has an encoder."""

    def model(self):
        return WithEncoder()


@dataclass
class FakeBatches:
    """Noise with a rule in it; the draws depend on (seed, epoch, index) alone."""

    count: int
    batch_size: int
    seed: int = 0
    training: bool = True
    pixels: torch.Tensor = field(init=False)

    def __post_init__(self):
        generator = torch.Generator().manual_seed(self.count)
        self.pixels = torch.randint(0, 256, (self.count, 3, SIDE, SIDE), generator=generator, dtype=torch.uint8)
        self.masks = (self.pixels.long().sum(1) * CLASSES // 766).clamp(max=CLASSES - 1)
        self.masks[:, 0, : SIDE // 2] = VOID
        self.masks[0, :4] = VOID  # images differ in their valid pixels

    def __len__(self):
        return ceil(self.count / self.batch_size)

    def epoch(self, number, start=0):
        generator = torch.Generator().manual_seed(1000 * self.seed + number)
        order = torch.randperm(self.count, generator=generator) if self.training else torch.arange(self.count)
        for index in order.split(self.batch_size)[start:]:
            names = [f"image{i}" for i in index.tolist()]
            yield {"image": self.pixels[index], "mask": self.masks[index], "index": index.tolist(), "name": names}


class Floats(nn.Module):
    """uint8 to -1..1."""

    def forward(self, image):
        return image.float() / 127.5 - 1


def fake_loaders(task: FakeTask | None = None, images: int = 10, val_batch_size: int = 4, kind: str = "multiclass"):
    """A stand-in for `open_dataloaders`."""

    def open_loaders(segment, train, device):
        batches = FakeBatches(images, train.batch_size, segment.seed)
        val = FakeBatches(6, val_batch_size, training=False)
        return DataLoaders(task or FakeTask(), kind, ["a", "b", "c"], batches, val, Floats())

    return open_loaders


class FakeTrainer:
    """The built-in trainer on tiny data. See `segsweep.trainers`."""

    describe_device = staticmethod(builtin.describe_device)

    def __init__(self, task: FakeTask | None = None):
        self.open_loaders = fake_loaders(task)

    def train(self, segment, store, **options):
        return builtin.train(segment, store, open_loaders=self.open_loaders, **options)


class Greedy(Tiny):
    """Out of memory with more than `most` images at once."""

    def __init__(self, most: int):
        super().__init__("group", 0.0)
        self.most = most

    def forward(self, image):
        if len(image) > self.most:
            raise torch.OutOfMemoryError("Tried to allocate 20.00 GiB")
        return super().forward(image)


class GreedyTask(FakeTask):
    """Its network is greedy."""

    def __init__(self, most: int = 2):
        super().__init__()
        self.most = most

    def model(self):
        return Greedy(self.most)


def segment_plan(
    train: dict,
    *,
    last: int,
    total: int | None = None,
    parent: str | None = None,
    first: int = 1,
    seed: int = 1,
    **more,
) -> SegmentPlan:
    """A segment as the plan describes it."""
    loss = {"main": {"cross_entropy": 1.0}}
    values = {
        "id": f"{seed:016x}-{last:04d}",
        "label": f"tiny seed={seed}",
        "train": Train.model_validate({"loss": loss, "batch_size": 4} | train).model_dump(mode="json"),
        "seed": seed,
        "fold": None,
        "first_epoch": first,
        "last_epoch": last,
        "total_epochs": total or last,
        "parent": parent,
        "dataset": {"name": "tiny", "reader": "folder", "task": "multiclass", "classes": {0: "a", 1: "b", 2: "c"}},
        "data": "nowhere",
        "metric": "val/pixel_accuracy",
        "minimize": False,
    }
    return SegmentPlan(**values | more)
