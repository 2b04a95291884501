"""Our loop against a bare forward-backward-step on tensors in memory, and what precision and memory order bring."""

import tempfile
from dataclasses import replace
from pathlib import Path

import workload
from measuring import Row, compared, interleaved, timed

PART = "training step"
SIDE, BATCH, BATCHES = 128, 8, 4


def loop_and_bare(folder: Path, settings: dict, epochs: int):
    """Two functions that return seconds per training epoch: of our loop (from its own epochs.csv), and of a bare loop.

    The bare one has the batches of one epoch as normalised float tensors in memory: no data is read, nothing is
    counted, checked or saved. Loss, optimizer, threads, precision and memory order are ours.
    """
    import torch

    from segsweep.config.train import Train
    from segsweep.data.prepared import Prepared
    from segsweep.optimizers import build_optimizer
    from segsweep.store.segment_store import SegmentStore
    from segsweep.tasks.segmentation import build
    from segsweep.training.dataloaders import open_dataloaders
    from segsweep.training.loop import train_segment
    from segsweep.training.seeding import reseed

    study = workload.plan(folder, "step")
    (segment,) = study.plan.segments.values()
    setting = segment.train | {"epochs": epochs} | settings
    segment = replace(segment, last_epoch=epochs, total_epochs=epochs, train=setting)
    workload.prepare(folder, study)
    train = Train.model_validate(segment.train)
    loaders = open_dataloaders(segment, train, torch.device("cpu"))
    order = torch.channels_last if train.channels_last else torch.contiguous_format
    batches = [
        (loaders.normalize(batch["image"]).contiguous(memory_format=order), batch["mask"].long())
        for batch in loaders.train.epoch(1)
    ]
    count = sum(len(images) for images, _ in batches)

    def ours() -> float:
        rows = []
        with tempfile.TemporaryDirectory() as store:
            train_segment(segment, SegmentStore(Path(store)), report=lambda row, _: rows.append(row))
        # The first epoch pays for what is allocated and compiled once.
        return min(count / row["images_per_second"] for row in rows[1:])

    def bare() -> float:
        torch.set_num_threads(1)
        task = build(train, Prepared.open(segment.data))
        reseed(0, 0)
        model = task.model().to(memory_format=order).train()
        criterion = torch.nn.CrossEntropyLoss(ignore_index=255)
        optimizer = build_optimizer(train.optimizer, model, criterion)

        def epoch() -> None:
            for images, masks in batches:
                optimizer.zero_grad(set_to_none=True)
                with torch.autocast("cpu", torch.bfloat16, enabled=train.precision == "bf16"):
                    logits = model(images)
                criterion(logits.float(), masks).backward()
                optimizer.step()

        return min([timed(epoch) for _ in range(epochs)][1:])

    return ours, bare


def measure(quick: bool) -> list[Row]:
    """The share of the bare step, and bf16 with channels_last against fp32."""
    side, batch, batches, rounds, epochs = (32, 2, 2, 1, 2) if quick else (SIDE, BATCH, BATCHES, 3, 3)
    with tempfile.TemporaryDirectory() as scratch:
        folder = workload.with_images(Path(scratch), batch * batches, 1)
        train = workload.TRAIN | {"batch_size": batch, "epochs": epochs}
        train["data"] = train["data"] | {"image_size": [side, side]}
        workload.study(folder, "step", train, {"optimizer.lr": [1e-3]})
        works = {}
        works["segsweep fp32"], works["bare fp32"] = loop_and_bare(folder, {}, epochs)
        works["segsweep channels_last"], _ = loop_and_bare(folder, {"channels_last": True}, epochs)
        if has_bf16():
            works["segsweep bf16"], works["bare bf16"] = loop_and_bare(folder, workload.RECOMMENDED, epochs)
        found = interleaved(works, rounds)
    note = f"U-Net/ResNet-18, {batch} images of {side}x{side}; the loop augments, reads and checks each loss"
    rows = [
        compared(PART, found, ("bare fp32", "segsweep fp32"), wanted=">= 0.95", note=note),
        compared(PART, found, ("segsweep fp32", "segsweep channels_last"), note="fp32 in both"),
    ]
    if "segsweep bf16" in found:
        rows.append(compared(PART, found, ("bare bf16", "segsweep bf16"), wanted=">= 0.95", note="both channels_last"))
        rows.append(compared(PART, found, ("segsweep fp32", "segsweep bf16"), note="bf16 with channels_last"))
    return rows


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 by itself."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in text or "amx_bf16" in text
