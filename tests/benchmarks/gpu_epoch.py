"""Epochs as trainings run them: against the bare step and a rival in one process, what they lose, where they wait."""

import io
import tempfile
import time
import warnings
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
import workload
from gpu_step import FAST
from gpu_training import Bench, bare, changed, loaders_of, speed, wait
from measuring import ROOT, Row, compared, interleaved, single

PART = "gpu epoch"
TASKS = ("demo", "demo_multilabel", "demo_multitask", "demo_text")
SHOWN = 4


def trained(bench: Bench, description: dict, epochs: int) -> dict[str, float]:
    """Train a segment by the real loop, all of it, for some epochs.

    Returns:
        Seconds of all epochs but the first, by what they went to: `training` (with loading), `evaluation` and
        `finishing` (choosing, writing); `all`; and `images`, the number of training images.
    """
    from segsweep.planning.plan_file import SegmentPlan
    from segsweep.store.segment_store import SegmentStore
    from segsweep.training import loop

    plan = SegmentPlan.from_json(changed(description, epochs=epochs) | {"last_epoch": epochs, "total_epochs": epochs})
    spent: dict[str, list[float]] = {}
    ends: list[float] = []

    def timed(name: str, function: Callable) -> Callable:
        def wrapped(*arguments, **options):
            wait(bench.device)
            began = time.perf_counter()
            found = function(*arguments, **options)
            wait(bench.device)
            spent.setdefault(name, []).append(time.perf_counter() - began)
            return found

        return wrapped

    def opened(segment, train, device):
        return loaders_of(description, train, device)

    stages = {"training": "train_epoch", "evaluation": "evaluate_epoch", "finishing": "finish_epoch"}
    wrapped = {function: timed(name, getattr(loop, function)) for name, function in stages.items()}
    with tempfile.TemporaryDirectory() as store, patch.multiple(loop, **wrapped):
        loop.train_segment(
            plan,
            SegmentStore(Path(store)),
            device=str(bench.device),
            threads=1,
            report=lambda row, best: ends.append(time.perf_counter()),
            open_loaders=opened,
        )
        whole = time.perf_counter() - ends[0]  # with what is written at the end
    images = bench.sizes.batch * bench.sizes.batches * (epochs - 1)
    return {name: sum(seconds[1:]) for name, seconds in spent.items()} | {"all": whole, "images": images}


def epochs(bench: Bench) -> Iterator[Row]:
    """Images a second end to end against the bare step and the rival, and the shares of what is lost."""
    last: dict[str, dict[str, float]] = {}

    def whole(name: str, description: dict, **settings) -> Callable[[], float]:
        def work() -> float:
            last[name] = trained(bench, changed(description, **settings), bench.sizes.epochs)
            return last[name]["all"] / last[name]["images"]

        return work

    works = {
        "bare step": bare(bench, **FAST),
        "end to end": whole("end to end", bench.description, **FAST),
        "end to end, no augmentation": whole("plain", without_augmentation(bench.description), **FAST),
        "bare step fp32": bare(bench),
        "end to end fp32": whole("fp32", bench.description),
    }
    with bench.attempt("the rival in one process"):
        works["rival"] = rival(bench)
    found = interleaved(works, 1 if bench.left < 60 else bench.sizes.rounds)
    workers = bench.description["train"]["workers"]
    row = single(PART, "end to end, bf16 channels_last", found["end to end"], unit="s/image")
    row.note = f"{speed(found['end to end'])}; {workers} loader threads; evaluation, checkpoints and all"
    yield row
    for pair, wanted, note in (
        (("bare step", "end to end"), ">= 0.9", "resident on the device / loaded, augmented, evaluated, written"),
        (("bare step fp32", "end to end fp32"), ">= 0.9", speed(found["end to end fp32"])),
        (("end to end, no augmentation", "end to end"), "", "what augmentation takes"),
        (("end to end fp32", "end to end"), "", "what bf16 with channels_last brings"),
        (("rival", "end to end fp32"), ">= 1", "one process, images in memory, no resume, fp32"),
        (("rival", "end to end"), ">= 1.3", "the rival in fp32, ours as recommended"),
    ):
        if pair[0] in found:
            yield compared(PART, found, pair, unit="s/image", wanted=wanted, note=note)
    for name, step in (("end to end", "bare step"), ("fp32", "bare step fp32")):
        yield from shares(name, last[name], min(found[step]))


def without_augmentation(description: dict) -> dict:
    """The same, images as they are."""
    return changed(description, data=description["train"]["data"] | {"augmentation": "none"})


def shares(name: str, spent: dict[str, float], step: float) -> Iterator[Row]:
    """What parts of a training's time go to, in percent of all of it."""
    whole = spent["all"]
    stages = {
        "loading and the loop": max(0.0, spent["training"] - step * spent["images"]),
        "evaluation": spent["evaluation"],
        "choosing and writing": whole - spent["training"] - spent["evaluation"],
    }
    for stage, seconds in stages.items():
        wanted = "<= 2" if stage == "choosing and writing" else ""
        note = f"of {whole:.2f} s, in which {spent['images']:.0f} images were trained on"
        yield single(PART, f"{name}: share of {stage}", [100 * seconds / whole], unit="%", wanted=wanted, note=note)


class LineTimes(io.StringIO):
    """Takes what is printed, and notes when each line came."""

    def __init__(self):
        super().__init__()
        self.times: list[float] = []

    def write(self, text: str) -> int:
        """As of any stream."""
        self.times += [time.perf_counter()] * text.count("\n")
        return len(text)


def rival(bench: Bench) -> Callable[[], float]:
    """`train(config)` of the rival in one process, on the same images and as many epochs, as seconds an image.

    As of our own training, the first epoch does not count; it prints a line at the end of each.
    """
    import inprocess_rival

    from segsweep.config.train import Train

    description = without_augmentation(bench.description)
    loaders = loaders_of(description, Train.model_validate(description["train"]), torch.device("cpu"))
    data = {}
    for split in ("train", "val"):
        batches = list(getattr(loaders, split).epoch(1))
        images = torch.cat([batch["image"] for batch in batches]).permute(0, 2, 3, 1).contiguous().numpy()
        data[split] = images, torch.cat([batch["mask"] for batch in batches]).numpy().astype(np.uint8)
    options = Namespace(
        encoder=bench.sizes.encoder,
        classes=len(workload.CLASSES),
        epochs=bench.sizes.epochs,
        seed=0,
        device=str(bench.device),
    )
    config = inprocess_rival.BASE | {"batch_size": bench.sizes.batch}
    images = len(data["train"][0]) * (bench.sizes.epochs - 1)

    def work() -> float:
        lines = LineTimes()
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(lines):
            inprocess_rival.train(config, data, options, Path(folder, "weights.pt"))
            return (time.perf_counter() - lines.times[0]) / images

    return work


def syncs(bench: Bench) -> Iterator[Row]:
    """How often an epoch waits for the GPU, by task, and where."""
    if not bench.on_gpu:
        bench.skip("host syncs", "no GPU to wait for")
        return
    for name in TASKS:
        if bench.has_time(f"host syncs, {name}"):
            with bench.attempt(f"host syncs, {name}"):
                yield syncs_of(bench, name)


def syncs_of(bench: Bench, name: str) -> Row:
    """The host syncs of the second epoch of a demo study, training and evaluation."""
    import yaml

    from segsweep.store.segment_store import SegmentStore
    from segsweep.training import loop

    count = bench.sizes.synced_images
    study = yaml.safe_load((ROOT / "config" / "studies" / f"{name}.yaml").read_text())
    dataset = yaml.safe_load((ROOT / "config" / "datasets" / f"{study['dataset']}.yaml").read_text())
    train = study["train"] | {"epochs": 2}
    train["data"] = train.get("data", {}) | {"train_subset": count, "val_subset": count // 2}
    dataset["demo"] |= {"train": count, "val": count // 2}
    workload.write_yaml(bench.folder / "config" / "datasets" / f"{study['dataset']}.yaml", dataset)
    keys = {key: study[key] for key in ("metric", "minimize") if key in study}
    workload.study(bench.folder, f"syncs_{name}", train, {"optimizer.lr": [1e-3]}, dataset=study["dataset"], **keys)
    planned = workload.plan(bench.folder, f"syncs_{name}")
    workload.prepare(bench.folder, planned)
    (segment,) = planned.plan.segments.values()
    places: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as store, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")

        def after(row: dict, best: dict | None) -> None:
            places.update(f"{Path(one.filename).name}:{one.lineno}" for one in caught if "synchron" in str(one.message))
            caught.clear()
            if row["epoch"] == 1:
                places.clear()
                torch.cuda.set_sync_debug_mode("warn")

        try:
            loop.train_segment(segment, SegmentStore(Path(store)), device=str(bench.device), report=after)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    where = ", ".join(f"{place} {times}" for place, times in places.most_common(SHOWN))
    batches = -(-count // segment.train["batch_size"])
    note = f"{count} + {count // 2} images, {batches} steps; {where or 'nowhere'}"
    return single(PART, f"host syncs of an epoch, {name}", [places.total()], unit="syncs", note=note)
