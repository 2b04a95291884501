"""Names of hyperparameters and metrics as a person writes them."""

from collections.abc import Sequence

from segsweep import registry
from segsweep.analysis.measures import MEASURES

LOSSES = {"loss": "loss", "loss_seg": "segmentation loss", "loss_det": "detection loss"}
SPLITS = {"train": "training", "val": "validation", "test": "test"}
LABELS = {column.name: column.label for column in MEASURES}
AXES = {
    "optimizer.lr": "learning rate",
    "optimizer.weight_decay": "weight decay",
    "optimizer.name": "optimizer",
    "batch_size": "batch size",
    "accumulate": "accumulated batches",
    "model.arch": "architecture",
    "model.encoder": "encoder",
    "model.seg_head": "segmentation head",
    "model.det_head": "detection head",
    "model.activation": "activation",
    "model.init.scheme": "initialisation",
    "model.dropout": "dropout",
    "data.preprocessing": "preprocessing",
    "data.augmentation": "augmentation",
    "data.crop": "crop size",
    "data.image_size": "image size",
    "loss.main": "main loss",
    "loss.aux": "auxiliary loss",
    "loss.seg": "segmentation loss",
    "loss.det.box": "box loss",
    "loss.aux_weight": "weight of the auxiliary heads",
    "loss.class_weights": "class weights",
    "loss.task_weights": "task weights",
    "loss.phases": "phases of the loss",
    "scheduler.name": "schedule",
    "scheduler.t_max": "length of the cosine decay",
    "scheduler.eta_min": "final learning rate",
    "scheduler.warmup.iterations": "warm-up iterations",
    "precision": "arithmetic precision",
    "epochs": "epochs",
}
LAST_PARTS = {"bce_weight": "BCE weight", "dice_smooth": "Dice smoothing", "pos_weight": "weight of the foreground"}


def metric(name: str) -> str:
    """A column of runs.csv in words, with its split: `val/miou` is `validation mIoU`, `val/iou/car` that of a class."""
    if name in LABELS:
        return LABELS[name]
    split, _, score = name.partition("/")
    if not score:
        return name.replace("_", " ")
    head, _, of = score.partition("/")
    known = registry.classes("metric").get(head)
    words = known.title if known else LOSSES.get(head, head.replace("_", " "))
    return f"{SPLITS.get(split, split)} {words}" + (f" of {of.replace('_', ' ')}" if of else "")


def axis(name: str, among: Sequence[str] = ()) -> str:
    """A dotted key in words: `optimizer.lr` is `learning rate`. With its key if another of `among` reads so."""
    words = _axis(name)
    return words if sum(_axis(other) == words for other in among) < 2 else f"{words} ({name})"


def _axis(name: str) -> str:
    last = name.rsplit(".", 1)[-1]
    return AXES.get(name) or LAST_PARTS.get(last) or last.replace("_", " ")
