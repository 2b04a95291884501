"""Everything about one GPU in a single call of less than ten minutes.

    python tests/benchmarks/gpu.py [--out results/benchmarks] [--seconds 540]
    python tests/benchmarks/gpu.py --smoke      a smoke test on the processor; says what it skips

U-Net with ResNet-18, 256x256, batch 64, bf16: images a second end to end, the share of the bare step, data resident
on the device against loaded, several small cells sharing the GPU, torch.compile and CUDA graphs with their break-even,
the cost of determinism. Uses what the machine has installed and draws its images itself.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
# cuBLAS needs it for deterministic sums, and reads it when the GPU is first used.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import measuring
import torch
import workload
from measuring import Row, compared, interleaved, single

PART = "gpu"
GRAPH_WARMUP = 3


@dataclass
class Sizes:
    """How large everything is."""

    side: int = 256
    batch: int = 64
    batches: int = 8
    steps: int = 30
    rounds: int = 3
    cells: tuple[int, ...] = (1, 2, 4, 8)
    small_batch: int = 8
    cell_seconds: float = 15.0
    encoder: str = "resnet18"


SMOKE = Sizes(32, 4, 2, 2, 1, (1, 2), 2, 0.5)


def main() -> int:
    """Run all parts until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=measuring.RESULTS)
    parser.add_argument("--seconds", type=float, default=540.0, help="no part starts later than this")
    parser.add_argument(
        "--smoke", action="store_true", help="a smoke test in small sizes, on the processor where there is no GPU"
    )
    parser.add_argument("--cell", type=Path, help=argparse.SUPPRESS)  # one of several cells that share the GPU
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu" and not options.smoke:
        print("There is no GPU here; --smoke runs everything as a smoke test on the processor.", file=sys.stderr)
        return 2
    sizes = SMOKE if options.smoke else Sizes()
    if options.cell:
        return share(options.cell, sizes, device)
    began = time.perf_counter()
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {measuring.machine()}", flush=True)
    rows, skipped = [], []
    if device.type == "cpu":
        skipped.append("everything on a GPU: there is none")
    options.out = options.out.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        description = prepared(Path(scratch), sizes)
        for part in (steps, end_to_end, compilation, determinism, sharing):
            if time.perf_counter() - began > options.seconds:
                skipped.append(f"{part.__name__}: out of time")
                continue
            try:
                rows += part(description, sizes, device, skipped)
            except Exception as error:  # the other parts are worth having
                skipped.append(f"{part.__name__}: {type(error).__name__}: {error}")
            print(f"{time.perf_counter() - began:5.0f} s  {part.__name__}", flush=True)
            if not options.smoke:
                measuring.write(rows, options.out / "gpu.csv")
    print(measuring.table(rows))
    print("Skipped: " + ("; ".join(skipped) or "nothing"))
    return 0


def prepared(folder: Path, sizes: Sizes) -> dict:
    """The description of a segment on drawn images, and its data."""
    count = sizes.batch * sizes.batches
    workload.workspace(folder)
    demo = {"kind": "shapes", "train": min(count, 128), "val": 8, "size": [sizes.side] * 2, "classes": 4, "noise": 0.1}
    dataset = {"name": "drawn", "reader": "demo", "task": "multiclass", "classes": workload.CLASSES, "demo": demo}
    workload.write_yaml(folder / "config/datasets/drawn.yaml", dataset)
    train = workload.TRAIN | {"batch_size": sizes.batch, "workers": min(8, os.cpu_count() or 1)}
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
    to_device: Callable
    settings: object


def make(description: dict, sizes: Sizes, device: torch.device, **settings) -> Made:
    """Data, model and optimizer of a setting, as a training makes them."""
    from segsweep.config.train import Train
    from segsweep.inference.forward import to_device
    from segsweep.optimizers import build_optimizer
    from segsweep.planning.plan_file import SegmentPlan
    from segsweep.training.dataloaders import open_dataloaders
    from segsweep.training.seeding import reseed

    one = deepcopy(description)
    one["train"] |= settings
    train = Train.model_validate(one["train"])
    loaders = open_dataloaders(SegmentPlan.from_json(one), train, device)
    loaders.train.items *= one["times"]
    reseed(0, 0)
    model = loaders.task.model().to(device)
    if train.channels_last:
        model = model.to(memory_format=torch.channels_last)
    criterion = loaders.task.criterion().to(device)
    optimizer = build_optimizer(train.optimizer, model, criterion)
    loaders.normalize.to(device)
    order = torch.channels_last if train.channels_last else torch.contiguous_format

    def move(batch: dict) -> dict:
        return to_device(batch, device, order)

    return Made(loaders, criterion, model.train(), optimizer, move, train)


def loss_of(made: Made, batch: dict, device: torch.device, model: Callable | None = None) -> torch.Tensor:
    """The loss of a batch that lies on the device."""
    with torch.autocast(device.type, torch.bfloat16, enabled=made.settings.precision == "bf16"):
        outputs = (made.model if model is None else model)(made.loaders.normalize(batch["image"]))
    return made.criterion(outputs.float(), batch)["loss"]


def step(made: Made, batch: dict, device: torch.device, model: Callable | None = None) -> torch.Tensor:
    """Forward, backward, step."""
    made.optimizer.zero_grad(set_to_none=True)
    loss = loss_of(made, batch, device, model)
    loss.backward()
    made.optimizer.step()
    return loss


def wait(device: torch.device) -> None:
    """Wait until the device has nothing left to do."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds_an_image(work: Callable[[], int], device: torch.device) -> float:
    """Seconds an image of work that returns how many images it trained on."""
    wait(device)
    began = time.perf_counter()
    images = work()
    wait(device)
    return (time.perf_counter() - began) / images


def resident(made: Made, sizes: Sizes) -> list[dict]:
    """Batches that lie on the device."""
    batches = []
    for batch in made.loaders.train.epoch(1):
        if len(batch["image"]) == sizes.batch:
            batches.append(made.to_device(batch))
        if len(batches) == sizes.batches:
            break
    return batches


def bare_works(description: dict, sizes: Sizes, device: torch.device, **settings) -> Callable[[], float]:
    """A bare training on resident batches, as seconds an image."""
    made = make(description, sizes, device, **settings)
    batches = resident(made, sizes)

    def work() -> int:
        for i in range(sizes.steps):
            step(made, batches[i % len(batches)], device)
        return sizes.steps * sizes.batch

    work()  # algorithms are chosen, memory is taken
    return lambda: seconds_an_image(work, device)


def steps(description: dict, sizes: Sizes, device: torch.device, skipped: list[str]) -> list[Row]:
    """The bare step in fp32, TF32 aside, in bf16, and with channels_last."""
    works = {
        "fp32": bare_works(description, sizes, device),
        "fp32 channels_last": bare_works(description, sizes, device, channels_last=True),
        "bf16": bare_works(description, sizes, device, precision="bf16"),
        "bf16 channels_last": bare_works(description, sizes, device, precision="bf16", channels_last=True),
    }
    found = interleaved(works, sizes.rounds)
    rows = [compared(PART, found, ("fp32", name), unit="s/image", note=speed(found[name])) for name in list(works)[1:]]
    return rows


def speed(values: list[float]) -> str:
    """Images a second of the best round."""
    return f"{1 / min(values):,.0f} images/s"


def loop(description: dict, sizes: Sizes, device: torch.device, **settings) -> Callable[[], float]:
    """Training epochs as `train_segment` runs them: loaded, moved, losses checked now and then."""
    from segsweep.training.dataloaders import prefetch

    made = make(description, sizes, device, **settings)
    depth = 4 if device.type == "cuda" else 0
    epoch = iter(range(1, 1 << 30))

    def work() -> int:
        images = 0
        max_abs_loss = torch.zeros((), device=device)
        for i, loaded in enumerate(prefetch(made.loaders.train.epoch(next(epoch)), depth)):
            batch = made.to_device(loaded)
            max_abs_loss = torch.maximum(max_abs_loss, step(made, batch, device).detach().abs())
            if i % 25 == 0:
                float(max_abs_loss)
            images += len(batch["image"])
        return images

    work()
    return lambda: seconds_an_image(work, device)


def end_to_end(description: dict, sizes: Sizes, device: torch.device, skipped: list[str]) -> list[Row]:
    """The loop with its data, against the bare step and against data that is on the device already."""
    fast = {"precision": "bf16", "channels_last": True}
    works = {
        "bare step": bare_works(description, sizes, device, **fast),
        "end to end": loop(description, sizes, device, **fast),
        "end to end, no augmentation": loop(without_augmentation(description), sizes, device, **fast),
        "end to end fp32": loop(description, sizes, device),
    }
    found = interleaved(works, sizes.rounds)
    shown = speed(found["end to end"])
    workers = description["train"]["workers"]
    rows = [
        single(PART, "end to end, bf16 channels_last", found["end to end"], unit="s/image"),
        compared(PART, found, ("bare step", "end to end"), unit="s/image", wanted=">= 0.95"),
        compared(PART, found, ("bare step", "end to end, no augmentation"), unit="s/image"),
        compared(PART, found, ("end to end fp32", "end to end"), unit="s/image"),
    ]
    rows[0].note = f"{shown}, {workers} loader threads; aim 4,000"
    rows[1].note = "batches resident on the device / loaded and augmented"
    rows[2].note = "resident / loaded, not augmented"
    rows[3].note = f"fp32: {speed(found['end to end fp32'])}"
    return rows


def without_augmentation(description: dict) -> dict:
    """The same, images as they are."""
    one = deepcopy(description)
    one["train"]["data"]["augmentation"] = "none"
    return one


def compilation(description: dict, sizes: Sizes, device: torch.device, skipped: list[str]) -> list[Row]:
    """torch.compile and CUDA graphs against eager, at a large and a small batch, with what they cost first."""
    rows = []
    for batch in (sizes.batch, sizes.small_batch):
        one = deepcopy(description)
        one["train"] |= {"batch_size": batch}
        small = Sizes(**{**sizes.__dict__, "batch": batch})
        fast = {"precision": "bf16", "channels_last": True}
        works, starts = {"eager": bare_works(one, small, device, **fast)}, {}
        for name, start in (("torch.compile", compiled), ("CUDA graph", graphed)):
            if name == "CUDA graph" and device.type != "cuda":
                skipped.append("CUDA graph: no GPU")
                continue
            try:
                began = time.perf_counter()
                works[name] = start(one, small, device, fast)
                starts[name] = time.perf_counter() - began
            except Exception as error:
                skipped.append(f"{name}, batch {batch}: {type(error).__name__}: {str(error)[:200]}")
        found = interleaved(works, sizes.rounds)
        for name, cost in starts.items():
            gain = (min(found["eager"]) - min(found[name])) * batch
            even = f"{cost / gain:,.0f} steps" if gain > 0 else "never"
            note = f"{speed(found[name])}; ready after {cost:.1f} s; breaks even after {even}"
            rows.append(compared(PART, found, ("eager", name), unit="s/image", note=note))
            rows[-1].what += f", batch {batch}"
    return rows


def compiled(description: dict, sizes: Sizes, device: torch.device, fast: dict) -> Callable[[], float]:
    """A bare training of a compiled network."""
    made = make(description, sizes, device, **fast)
    batches = resident(made, sizes)
    # Without a GPU only that it runs is of interest, not what a compiler makes of it.
    model = torch.compile(made.model, backend="inductor" if device.type == "cuda" else "eager")

    def work() -> int:
        for i in range(sizes.steps):
            step(made, batches[i % len(batches)], device, model)
        return sizes.steps * sizes.batch

    step(made, batches[0], device, model)
    step(made, batches[0], device, model)
    wait(device)
    return lambda: seconds_an_image(work, device)


def graphed(description: dict, sizes: Sizes, device: torch.device, fast: dict) -> Callable[[], float]:
    """A training whose forward, backward and step are recorded once and replayed."""
    made = make(description, sizes, device, **fast)
    for group in made.optimizer.param_groups:
        group["capturable"] = True
    batches = resident(made, sizes)
    still = {name: value.clone() if torch.is_tensor(value) else value for name, value in batches[0].items()}
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(GRAPH_WARMUP):
            step(made, still, device)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    made.optimizer.zero_grad(set_to_none=True)
    with torch.cuda.graph(graph):
        loss_of(made, still, device).backward()
        made.optimizer.step()

    def work() -> int:
        for i in range(sizes.steps):
            batch = batches[i % len(batches)]
            for name in ("image", "mask"):
                still[name].copy_(batch[name])
            graph.replay()
        return sizes.steps * sizes.batch

    work()
    return lambda: seconds_an_image(work, device)


def determinism(description: dict, sizes: Sizes, device: torch.device, skipped: list[str]) -> list[Row]:
    """What it costs that results are the same to the bit."""
    from segsweep.training.seeding import set_determinism

    fast = {"precision": "bf16", "channels_last": True}
    works = {}
    for name, wanted in (("any algorithm", False), ("deterministic", True)):
        set_determinism(wanted)
        timed = bare_works(description, sizes, device, **fast)

        def work(timed=timed, wanted=wanted) -> float:
            set_determinism(wanted)
            return timed()

        works[name] = work
    found = interleaved(works, sizes.rounds)
    set_determinism(False)
    return [compared(PART, found, ("deterministic", "any algorithm"), unit="s/image", note="1 is free")]


def sharing(description: dict, sizes: Sizes, device: torch.device, skipped: list[str]) -> list[Row]:
    """Several small cells on one GPU, each in a process of its own: images a second together."""
    rows = []
    one = deepcopy(description)
    one["train"] |= {"batch_size": sizes.small_batch, "workers": 0, "precision": "bf16", "channels_last": True}
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "cell.json")
        file.write_text(json.dumps(one))
        alone = None
        for count in sizes.cells:
            together = 1 / sum(images_a_second(file, count, sizes is SMOKE))
            alone = alone or together
            found = {"one cell": [alone], f"{count} cells": [together]}
            wanted = ">= 3" if count == 8 else ""
            if count > 1:
                rows.append(compared(PART, found, ("one cell", f"{count} cells"), unit="s/image", wanted=wanted))
                rows[-1].note = f"{1 / together:,.0f} images/s together at batch {sizes.small_batch}"
    return rows


def images_a_second(file: Path, count: int, smoke: bool) -> list[float]:
    """Of each of several cells that train at the same time."""
    barrier = file.with_name(f"go-{count}")
    command = [sys.executable, __file__, "--cell", str(file), *(["--smoke"] if smoke else [])]
    environ = os.environ | {"SEGSWEEP_BARRIER": str(barrier), "SEGSWEEP_CELLS": str(count)}
    cells = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    outputs = [cell.communicate()[0] for cell in cells]
    if any(cell.returncode for cell in cells):
        raise RuntimeError(f"of {count} cells some failed")
    return [float(output.split()[-1]) for output in outputs]


def share(file: Path, sizes: Sizes, device: torch.device) -> int:
    """One of several cells: trains for a while when all are ready; prints its images a second."""
    description = json.loads(file.read_text())
    small = Sizes(**{**sizes.__dict__, "batch": sizes.small_batch})
    torch.set_num_threads(1)
    made = make(description, small, device)
    epoch = iter(range(1, 1 << 30))
    for batch in made.loaders.train.epoch(0):
        step(made, made.to_device(batch), device)
    wait(device)
    barrier = Path(os.environ["SEGSWEEP_BARRIER"])
    barrier.with_name(f"{barrier.name}.{os.getpid()}").touch()
    until = time.monotonic() + 120
    while len(list(barrier.parent.glob(f"{barrier.name}.*"))) < int(os.environ["SEGSWEEP_CELLS"]):
        time.sleep(0.01)
        if time.monotonic() > until:
            return 1
    began, images = time.perf_counter(), 0
    while time.perf_counter() - began < sizes.cell_seconds:
        for batch in made.loaders.train.epoch(next(epoch)):
            step(made, made.to_device(batch), device)
            images += len(batch["image"])
            if time.perf_counter() - began >= sizes.cell_seconds:
                break
        wait(device)
    print(images / (time.perf_counter() - began))
    return 0


if __name__ == "__main__":
    sys.exit(main())
