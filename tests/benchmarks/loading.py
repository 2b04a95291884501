"""Images a second of one core: prepared arrays against decoding the files in each epoch."""

import tempfile
from pathlib import Path

import workload
from measuring import Row, compared, interleaved, timed

PART = "loading"
AUGMENTATIONS = ("none", "basic", "street")


def measure(quick: bool) -> list[Row]:
    """Batches as each side hands them to its network, with and without augmentation."""
    images, rounds = (4, 1) if quick else (64, 3)
    with tempfile.TemporaryDirectory() as scratch:
        folder = workload.with_images(Path(scratch), images, 2)
        rows = []
        for size, shown in (((256, 256), "480x360 to 256x256"), (None, "480x360")):
            works = {}
            for name in AUGMENTATIONS:
                batches = ours(folder, size, name)
                works[f"segsweep, {name}"] = lambda batches=batches: seconds(batches.epoch(2), images)
                loader = stock(folder, size, name)
                works[f"files, {name}"] = lambda loader=loader: seconds(loader, images)
            last = ours(folder, size, "basic")
            works["segsweep, basic, floats on the processor"] = lambda last=last: normalised(last, images)
            found = interleaved(works, rounds)
            for name in AUGMENTATIONS:
                note = {
                    "none": "reading alone",
                    "basic": "flip, brightness",
                    "street": "random scale, flip, colours: albumentations' own time on both sides",
                }[name]
                wanted = {"none": ">= 6", "basic": ">= 6"}.get(name, "")
                row = compared(
                    PART, found, (f"files, {name}", f"segsweep, {name}"), unit="s/image", wanted=wanted, note=note
                )
                row.what += f" ({shown})"
                rows.append(row)
            row = compared(
                PART, found, ("files, basic", "segsweep, basic, floats on the processor"), unit="s/image",
                note="with float conversion and normalisation on this core, which belong to the device",
            )  # fmt: skip
            row.what += f" ({shown})"
            rows.append(row)
    return rows


def seconds(batches, images: int) -> float:
    """Seconds an image of an epoch."""
    return timed(lambda: [None for _ in batches]) / images


def normalised(batches, images: int) -> float:
    """Seconds an image of an epoch, its masks made int64 and its images floats here."""
    import torch

    from segsweep.inference.forward import to_device

    ready = (batches.normalize(to_device(batch, torch.device("cpu"))["image"]) for batch in batches.epoch(2))
    return seconds(ready, images)


def ours(folder: Path, size: tuple | None, augmentation: str):
    """Our batches of the training images."""
    from segsweep.config.train import Data
    from segsweep.data.loading import Batches, Normalize
    from segsweep.data.prepared import Prepared

    train = workload.TRAIN | {"data": {"image_size": list(size) if size else None}}
    name = f"loading{size[0] if size else ''}"
    workload.study(folder, name, train, {"optimizer.lr": [1e-3]})
    prepared = Prepared.open(folder / workload.prepare(folder, workload.plan(folder, name)))
    items = [("train", i) for i in range(len(prepared.splits["train"]))]
    # Scaled images are cut to one size, as the rival's: they would make no batch there.
    crop = (size or (360, 480)) if augmentation == "street" else None
    batches = Batches(items, Data(augmentation=augmentation, crop=crop), prepared, 8, seed=0, training=True)
    batches.normalize = Normalize("standardize", prepared)
    return batches


def stock(folder: Path, size: tuple | None, augmentation: str):
    """The rival's loader, with the same augmentation and no process beside."""
    import albumentations as A
    import cv2
    import yaml
    from albumentations.pytorch import ToTensorV2
    from stock_script import Images
    from torch.utils.data import DataLoader

    cv2.setNumThreads(1)
    steps = [A.Resize(*size, interpolation=cv2.INTER_AREA)] if size else []
    if augmentation != "none":
        described = yaml.safe_load((folder / "config" / "augmentations" / f"{augmentation}.yaml").read_text())
        for entry in described["transforms"]:
            ((name, arguments),) = entry.items()
            steps.append(getattr(A, name)(**arguments))
    if augmentation == "street":
        steps += [A.PadIfNeeded(360, 480), A.RandomCrop(*(size or (360, 480)))]  # scaled images make no batch
    transform = A.Compose([*steps, A.Normalize(), ToTensorV2()])
    return DataLoader(Images(folder / "data" / "drawn", "train", transform), batch_size=8, shuffle=True)
