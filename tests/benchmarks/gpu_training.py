"""What the parts of the GPU benchmark share: sizes, the time that is left, and trainings on drawn images."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import torch
import workload

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    side: int = 256
    batch: int = 64
    batches: int = 40  # of an epoch
    resident: int = 8  # batches on the device
    steps: int = 30
    rounds: int = 3
    epochs: int = 3
    val: int = 256
    cells: tuple[int, ...] = (1, 2, 4, 8)
    small_batch: int = 8
    cell_seconds: float = 6.0
    encoder: str = "resnet18"
    fused_steps: int = 20
    synced_images: int = 96
    grid_epochs: int = 2
    study_images: tuple[int, int] = (120, 40)  # a part of CamVid's
    study_size: tuple[int, int] = (360, 480)
    grid_size: int = 256
    cells_of_studies: int | None = None


TOY = Sizes(
    side=32, batch=4, batches=2, resident=2, steps=1, rounds=1, epochs=2, val=4, cells=(1, 2), small_batch=4,
    cell_seconds=0.3, fused_steps=1, synced_images=4, grid_epochs=1, study_images=(4, 2), study_size=(64, 96),
    grid_size=32, cells_of_studies=2,
)  # fmt: skip


@dataclass
class Bench:
    """What a part works with.

    Attributes:
        sizes: how large everything is.
        device: that is measured.
        folder: a workspace of the project on drawn images.
        description: of a segment on them, as in a plan.
        data: folder with the data sets of the studies; None draws images of their sizes.
        toy: whether it is a smoke test.
        until: when the part should be at its end (`time.perf_counter`).
        skipped: what was not measured, with the reason.
    """

    sizes: Sizes
    device: torch.device
    folder: Path
    description: dict
    data: Path | None = None
    toy: bool = False
    until: float = float("inf")
    skipped: list[str] = field(default_factory=list)

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU is measured."""
        return self.device.type == "cuda"

    @property
    def left(self) -> float:
        """Seconds that the part has left."""
        return self.until - time.perf_counter()

    def skip(self, what: str, why: object) -> None:
        """Note what is not measured."""
        reason = f"{type(why).__name__}: {why}" if isinstance(why, Exception) else str(why)
        self.skipped.append(f"{what}: {' '.join(reason.split())[:300]}")

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """What fails within is skipped, and what follows it goes on."""
        try:
            yield
        except (Exception, SystemExit) as error:  # the latter of a command that failed
            self.skip(what, error)

    def has_time(self, what: str) -> bool:
        """Whether there is time left for something; it is skipped if not."""
        if self.left > 0:
            return True
        self.skip(what, "the part's time is over")
        return False


def prepared(folder: Path, sizes: Sizes) -> dict:
    """The description of a segment on drawn images; a workspace with their data is made in the folder."""
    count = sizes.batch * sizes.batches
    workload.workspace(folder)
    demo = {"kind": "shapes", "train": min(count, 256), "val": sizes.val, "size": [sizes.side] * 2, "classes": 4}
    dataset = {"name": "drawn", "reader": "demo", "task": "multiclass", "classes": workload.CLASSES}
    workload.write_yaml(folder / "config/datasets/drawn.yaml", dataset | {"demo": demo | {"noise": 0.1}})
    train = workload.TRAIN | {"batch_size": sizes.batch, "workers": min(8, os.cpu_count() or 1), "precision": "fp32"}
    train |= {"data": {"augmentation": "basic"}, "model": {"arch": "unet", "encoder": sizes.encoder}}
    workload.study(folder, "gpu", train, {"optimizer.lr": [1e-3]})
    planned = workload.plan(folder, "gpu")
    data = workload.prepare(folder, planned)
    (segment,) = planned.plan.segments.values()
    # Few images are drawn, and each is seen several times in an epoch.
    return segment.to_json() | {"data": str(folder / data), "times": -(-count // demo["train"])}


@dataclass
class Made:
    """What a training needs."""

    loaders: object
    criterion: torch.nn.Module
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    to_device: Callable
    settings: object


def changed(description: dict, **settings) -> dict:
    """The description with other settings of its training."""
    one = deepcopy(description)
    one["train"] |= settings
    return one


def loaders_of(description: dict, train, device: torch.device):
    """The batches of a description, each image as often as it says."""
    from segsweep.planning.plan_file import SegmentPlan
    from segsweep.training.dataloaders import open_dataloaders

    loaders = open_dataloaders(SegmentPlan.from_json(description), train, device)
    loaders.train.items *= description["times"]
    return loaders


def make(description: dict, device: torch.device, **settings) -> Made:
    """Data, model and optimizer of a setting, as a training makes them."""
    from segsweep.config.train import Train
    from segsweep.inference.forward import to_device
    from segsweep.optimizers import build_optimizer
    from segsweep.training.seeding import reseed

    one = changed(description, **settings)
    train = Train.model_validate(one["train"])
    loaders = loaders_of(one, train, device)
    reseed(one["seed"], 0)
    order = torch.channels_last if train.channels_last else torch.contiguous_format
    model = loaders.task.model().to(device, memory_format=order)
    criterion = loaders.task.criterion().to(device)
    optimizer = build_optimizer(train.optimizer, model, criterion)
    loaders.normalize.to(device)
    scaler = torch.amp.GradScaler(device.type, enabled=train.precision == "fp16")

    def move(batch: dict) -> dict:
        return to_device(batch, device, order)

    return Made(loaders, criterion, model.train(), optimizer, scaler, move, train)


def loss_of(made: Made, batch: dict, device: torch.device, model: Callable | None = None) -> torch.Tensor:
    """The loss of a batch that lies on the device."""
    dtype = DTYPES.get(made.settings.precision)
    with torch.autocast(device.type, dtype, enabled=dtype is not None):
        outputs = (made.model if model is None else model)(made.loaders.normalize(batch["image"]))
    return made.criterion(outputs.float(), batch)["loss"]


def step(made: Made, batch: dict, device: torch.device, model: Callable | None = None) -> torch.Tensor:
    """Forward, backward, step."""
    made.optimizer.zero_grad(set_to_none=True)
    loss = loss_of(made, batch, device, model)
    made.scaler.scale(loss).backward()
    made.scaler.step(made.optimizer)
    made.scaler.update()
    return loss


def wait(device: torch.device) -> None:
    """Wait until the device has nothing left to do."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds_an_image(work: Callable[[], int], device: torch.device, *, deterministic: bool = True) -> float:
    """Seconds an image of work that returns how many images it trained on."""
    from segsweep.training.seeding import set_determinism

    set_determinism(deterministic)
    wait(device)
    began = time.perf_counter()
    images = work()
    wait(device)
    return (time.perf_counter() - began) / images


def resident(made: Made, count: int) -> list[dict]:
    """Full batches that lie on the device."""
    batches = []
    for batch in made.loaders.train.epoch(1):
        if len(batch["image"]) == made.settings.batch_size:
            batches.append(made.to_device(batch))
        if len(batches) == count:
            break
    return batches


def bare(bench: Bench, description: dict | None = None, **settings) -> Callable[[], float]:
    """A bare training on resident batches, as seconds an image."""
    sizes, device = bench.sizes, bench.device
    made = make(description or bench.description, device, **settings)
    batches = resident(made, sizes.resident)

    def work() -> int:
        for i in range(sizes.steps):
            step(made, batches[i % len(batches)], device)
        return sizes.steps * made.settings.batch_size

    def timed() -> float:
        return seconds_an_image(work, device, deterministic=made.settings.deterministic)

    timed()  # algorithms are chosen, memory is taken
    return timed


def speed(values: list[float]) -> str:
    """Images a second of the best round."""
    return f"{1 / min(values):,.0f} images/s"


def small(sizes: Sizes, description: dict) -> dict:
    """The description with the small batch, loaded without threads."""
    return changed(description, batch_size=sizes.small_batch, workers=0)
