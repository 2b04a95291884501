"""What a model costs to use: operations for an image, and time. Measured once for each model, by one way.

Operations: `torch.utils.flop_counter` of the forward pass for one image, in evaluation; a multiplication with its
addition counts as two. The network is put on torch's meta device, which computes nothing, or on the CPU if it asks for
values. Time: the median over batches of the study's batch size, in evaluation, in the precision and the order in memory
of the setting, after warming up, divided by the images of a batch. Loading of images, and what is made of the outputs
afterwards, are no part of either.

Images are those of the validation split, of the size that most of them have there, as evaluation sees them.
"""

import copy
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from segsweep import tasks
from segsweep.config.split_keys import VAL
from segsweep.config.train import Train
from segsweep.data.classes import task_and_classes
from segsweep.data.loading import Batches, Normalize
from segsweep.data.prepared import Prepared
from segsweep.data.prepared_checks import open_checked
from segsweep.errors import InputError
from segsweep.execution.arithmetic import AUTO, of_device, of_processor_name
from segsweep.execution.cuda import torch_device
from segsweep.inference.forward import Forward, memory_format, to_device
from segsweep.inference.trained_model import without_foreign_files
from segsweep.planning.plan_file import StudyPlan
from segsweep.trainers.builtin import set_tf32
from segsweep.training.seeding import set_determinism

WARM_UP, WARM_UP_S = 3, 0.5  # batches, and seconds, at least
FEWEST, MOST, MOST_S = 10, 200, 5.0  # batches; from the fewest on, seconds at most
ASKS_FOR_VALUES = (NotImplementedError, RuntimeError)  # what torch raises on its meta device then


def measure(plan: StudyPlan, address: str, *, device: str = "auto", threads: int = 1) -> dict[str, Any]:
    """The costs of a model that a plan names.

    Args:
        plan: of the study.
        address: of the model, a value of `plan.model_costs`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        threads: of computations on a CPU.

    Returns:
        The columns `cost/...`, and how they were measured: device, precision, images in a batch, its height and width
        in pixels, batches, the range of the middle half of their times by the median, threads, and what the operations
        were counted on.

    Raises:
        InputError: the plan has no such model, or its prepared images are not there.
    """
    cell = next((cell for cell, known in plan.model_costs.items() if known == address), None)
    run = next((run for run in plan.runs if run.cell == cell), None)
    if run is None:
        raise InputError(f"{plan.name}: no run has the model {address}. If the study changed since, plan it again.")
    segment = plan.segments[run.segments[0]]
    _, classes = task_and_classes(plan.dataset)
    prepared = open_checked(Path(segment.data), classes)
    torch.set_num_threads(threads)
    return measure_setting(Train.model_validate(segment.train), prepared, torch_device(device)) | {"threads": threads}


def measure_setting(train: Train, prepared: Prepared, device: torch.device) -> dict[str, Any]:
    """As `measure`, of a training setting; without the threads."""
    set_tf32()
    set_determinism(train.deterministic)
    if train.precision == AUTO:
        train = train.model_copy(update={"precision": of_device(device).best})
    batch = usual_batch(train, prepared)
    task = tasks.build(without_foreign_files(train), prepared)
    with torch.random.fork_rng(devices=[]):
        model = task.model().eval()
    normalize = Normalize(train.data.preprocessing, prepared)
    gflops, counted_on = gflops_of(model, normalize, batch["image"][:1])
    model.to(device, memory_format=memory_format(train))
    forward = Forward(model, normalize.to(device), train, device)
    images = to_device(batch, device, memory_format(train))["image"]
    times = timed(lambda: forward(images), device)
    low, seconds, high = statistics.quantiles(times, n=4)
    height, width = images.shape[-2:]
    return {
        "cost/gflops_per_image": gflops,
        "cost/seconds_per_image": seconds / len(images),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else of_processor_name(),
        "precision": train.precision, "images": len(images), "height": height, "width": width,
        "batches": len(times), "spread": (high - low) / seconds, "counted_on": counted_on,
    }  # fmt: skip


def usual_batch(train: Train, prepared: Prepared) -> dict[str, Any]:
    """A batch of as many images as the setting says, of the size that most of the validation split have.

    Of too few images of that size some stand in it several times.
    """
    name = VAL if VAL in prepared.splits else next(iter(prepared.splits))
    sizes = [tuple(size) for size in prepared.splits[name].sizes.tolist()]
    usual, _ = max(Counter(sizes).items(), key=lambda item: (item[1], item[0]))
    alike = [(name, i) for i, size in enumerate(sizes) if size == usual]
    refs = [alike[i % len(alike)] for i in range(train.batch_size)]
    return next(Batches(refs, train.data, prepared, train.batch_size, seed=0, training=False).epoch(1))


def gflops_of(model: nn.Module, normalize: nn.Module, image: torch.Tensor) -> tuple[float, str]:
    """Thousand millions of operations of a forward pass, and what they were counted on.

    Args:
        model: in evaluation, on the CPU; it stays as it is.
        normalize: in front of it.
        image: (1, C, H, W) as stored.
    """
    try:
        return _counted(*(copy.deepcopy(one).to("meta") for one in (model, normalize)), image.to("meta")), "meta"
    except ASKS_FOR_VALUES as error:
        said = " ".join(str(error).split())[:200]
    return _counted(model, normalize, image), f"cpu, as on the meta device: {said}"


def _counted(model: nn.Module, normalize: nn.Module, image: torch.Tensor) -> float:
    # Attention is counted as the two products that it consists of: the counter knows no fused one of a CPU.
    kernels = torch.nn.attention
    with torch.no_grad(), kernels.sdpa_kernel(kernels.SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(normalize(image))
    return counter.get_total_flops() / 1e9


def timed(step: Callable[[], Any], device: torch.device, clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Seconds that a step took, each time, after warming up.

    Args:
        step: what is measured.
        device: waited for at the end of each step.
        clock: seconds.
    """

    def once() -> float:
        start = clock()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return clock() - start

    with torch.inference_mode():
        begin, done = clock(), 0
        while done < WARM_UP or clock() - begin < WARM_UP_S:
            once()
            done += 1
        begin, found = clock(), []
        while len(found) < FEWEST or (len(found) < MOST and clock() - begin < MOST_S):
            found.append(once())
    return found
