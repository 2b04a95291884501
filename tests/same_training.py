"""Whether the working tree trains what a revision of it trained, bit for bit: `python -m tests.same_training REVISION`.

Whoever edits what trainings execute, and means to change no result, shows it with this program before declaring it
(`python -m tests.addresses --same-results`). Each of `STUDIES` is planned, prepared and trained by the package of both
revisions, each in processes of its own, on images that the package draws itself. What the revision wrote is compared
with what is written now: losses and learning rates of each epoch, counts of the validation split, weights that are
kept, and the state that a run resumes from. What is written besides now is not compared. A study that one of the two
refuses, as it does not know a key yet, says so, and counts as a difference.

Takes some minutes on one core. The exit status is 1 if anything differs.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml

ROOT = Path(__file__).parents[1]
EPOCHS = 3
# Columns of epochs.csv that a clock or the machine fills in; so does the state hold them.
MEASURED = {"seconds", "images_per_second", "peak_memory_mb"}

ENCODER = {"encoder": "tu-lcnet_035", "options": {"decoder_channels": [16, 16, 8, 8, 8]}}
SHAPES = {"kind": "shapes", "train": 10, "val": 4, "size": [64, 64], "classes": 2, "noise": 0.1, "seed": 0}
DATASETS = {
    "one": {
        "task": "binary",
        "classes": {0: "background", 1: "disc"},
        "foreground": "disc",
        "demo": SHAPES | {"classes": 1},
    },
    "two": {"task": "multiclass", "classes": {0: "background", 1: "disc", 2: "square"}, "demo": SHAPES},
    "boxes": {"task": "multitask", "classes": {0: "background", 1: "disc", 2: "square"}, "demo": SHAPES},
    "labels": {
        "task": "multilabel",
        "classes": {0: "disc", 1: "square"},
        "demo": SHAPES | {"kind": "overlaps", "train": 6, "val": 2},
    },
    "words": {"task": "text", "demo": {"kind": "words", "train": 6, "val": 2, "size": [64, 64], "seed": 0}},
}
# A data set, the study's metric and a setting each: together they go through all of the training loop.
STUDIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "binary unet, dice and bce": (
        "one",
        "val/jaccard",
        {"model": ENCODER, "loss": {"main": {"bce": 1.0, "dice": 1.0}}, "optimizer": {"name": "adam", "lr": 1e-3}},
    ),
    "bisenet, aux heads, two phases": (
        "two",
        "val/miou",
        {
            "model": {"arch": "bisenet", "encoder": "resnet18"},
            "loss": {
                "main": {"cross_entropy": 1.0},
                "aux": {"cross_entropy": 1.0},
                "aux_weight": 0.4,
                "class_weights": "inverse_log_frequency",
                "phases": [{"until_epoch": 2}, {"main": {"lovasz": 1.0}}],
            },
            "optimizer": {"name": "sgd", "lr": 0.01, "weight_decay": 1e-4},
            "scheduler": {"name": "poly", "warmup": {"iterations": 3}},
        },
    ),
    "accumulate, ohem, clipped": (
        "two",
        "val/miou",
        {
            "model": ENCODER,
            "accumulate": 2,
            "clip_norm": 0.5,
            "loss": {"main": {"ohem_cross_entropy": 1.0, "focal": 0.5}},
            "optimizer": {"name": "adamw", "lr": 1e-3, "weight_decay": 1e-2},
            "scheduler": {"name": "cosine"},
        },
    ),
    "plateau and early stopping": (
        "two",
        "val/dice",
        {
            "model": ENCODER,
            "loss": {"main": {"cross_entropy": 1.0}},
            "optimizer": {"name": "adam", "lr": 1e-2},
            "scheduler": {"name": "plateau", "monitor": "val/loss", "patience": 1, "factor": 0.5},
            "early_stopping": {"monitor": "val/loss", "patience": 2},
        },
    ),
    "text, db": (
        "words",
        "val/hmean",
        {
            "model": {"arch": "dbnet", "encoder": "resnet18", "options": {"channels": 16}},
            "loss": {"db": {}},
            "optimizer": {"name": "adamw", "lr": 1e-3},
            "data": {"augmentation": "text"},
        },
    ),
    "multitask, gradnorm": (
        "boxes",
        "val/miou",
        {
            "model": {"arch": "multitask", "encoder": "resnet18"},
            "loss": {"seg": {"cross_entropy": 1.0}, "det": {}, "task_weights": "gradnorm"},
            "optimizer": {"name": "adam", "lr": 1e-4},
        },
    ),
    "multitask, uncertainty, accumulate": (
        "boxes",
        "val/map50",
        {
            "model": {"arch": "multitask", "encoder": "resnet18"},
            "accumulate": 2,
            "loss": {"seg": {"cross_entropy": 1.0}, "det": {}, "task_weights": "uncertainty"},
            "optimizer": {"name": "adam", "lr": 1e-4},
        },
    ),
    "patches": (
        "one",
        "val/recall",
        {
            "model": ENCODER,
            "data": {"patches": {"page_size": 64, "size": 32}, "preprocessing": "normalize"},
            "loss": {"main": {"bce": 0.5, "dice": 0.5}},
        },
    ),
    "augmentation, crop, bf16": (
        "two",
        "val/miou",
        {
            "model": ENCODER | {"norm": "group", "dropout": 0.1, "init": {"scheme": "kaiming"}},
            "data": {"augmentation": "street", "crop": [48, 48]},
            "precision": "bf16",
            "channels_last": True,
            "loss": {"main": {"tversky": 1.0, "jaccard": 1.0}},
        },
    ),
    "fp16, averaged weights, frozen encoder": (
        "two",
        "val/miou",
        {
            "model": {"arch": "pspnet", "encoder": "tu-lcnet_035"},
            "precision": "fp16",
            "ema": {"decay": 0.9, "warmup": True},
            "clip": {"norm": 1.0, "per": "parameter"},
            "optimizer": {"name": "adamw", "weight_decay_on": "weights", "freeze": {"until_epoch": 1}},
            "loss": {"main": {"cross_entropy": 1.0, "dice": 0.5}},
        },
    ),
    "several labels, overlapping patches, lr_factor, class_balanced": (
        "labels",
        "val/miou",
        {
            "model": ENCODER,
            "data": {
                "patches": {"page_size": 64, "size": 48, "overlap": 16},
                "image_sampling": {"name": "class_balanced", "per": "pixel"},
            },
            "optimizer": {"name": "timm.lamb", "lr": 5e-3, "lr_factor": {"encoder": 0.1}},
            "loss": {"main": {"bce_dice": 1.0, "lovasz": 0.5}, "class_weights": "median_frequency"},
        },
    ),
    "overlapping patches, torch's optimizer, repeat_factor": (
        "two",
        "val/miou",
        {
            "model": ENCODER,
            "data": {
                "patches": {"page_size": 64, "size": 48, "overlap": 16},
                "image_sampling": {"name": "repeat_factor", "threshold": 1.0},
            },
            "optimizer": {"name": "torch.RMSprop", "lr": 1e-3, "lr_factor": {"decoder": 3.0}},
            "loss": {"main": {"jaccard": 1.0, "cross_entropy": 1.0}, "class_weights": "inverse_frequency"},
        },
    ),
}


def lay_out(folder: Path) -> None:
    """Write the studies into a copy of the project."""
    for name, dataset in DATASETS.items():
        _write(folder / "config" / "datasets" / f"{name}.yaml", {"name": name, "reader": "demo"} | dataset)
    for number, (dataset, metric, train) in enumerate(STUDIES.values()):
        whole = {"batch_size": 2, "epochs": EPOCHS} | train
        study = {"name": f"same_{number}", "dataset": dataset, "metric": metric, "train": whole}
        _write(folder / "config" / "studies" / f"same_{number}.yaml", study | {"grid": {"epochs": [EPOCHS]}})


def _write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def check_out(revision: str, folder: Path) -> None:
    """The workflow and config of a revision."""
    archive = subprocess.run(
        ["git", "archive", revision, "workflow", "config"], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")


def copy_working_tree(folder: Path) -> None:
    """The workflow and config as they lie here."""
    for name in ("workflow", "config"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def start(folder: Path, number: int) -> subprocess.Popen[str]:
    """Train a study by the package of a copy of the project, in a process of its own."""
    scripts = folder / "workflow" / "scripts"
    environ = os.environ | {"PYTHONPATH": str(scripts), "OMP_NUM_THREADS": "1", "NO_ALBUMENTATIONS_UPDATE": "1"}
    command = [sys.executable, str(Path(__file__).resolve()), "--train", f"same_{number}"]
    return subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def train(study: str) -> None:
    """Plan, prepare and train a study of the project in the working folder, by the package that Python finds."""
    import prepare_data
    import train_segment

    from segsweep.planning.plan_writer import PlanWriter
    from segsweep.planning.planner import open_study

    planned = open_study({"study": study}, plans=True)
    PlanWriter(planned).start()
    for folder in planned.plan.prepared:
        assert prepare_data.main(["--plan", str(planned.plan_file), "--output", str(folder)]) == 0
    (run,) = planned.plan.runs
    for segment in run.segments:
        options = {"--plan": planned.plan_file, "--segment": segment, "--store": "results/segments", "--device": "cpu"}
        assert train_segment.main([str(word) for pair in options.items() for word in pair]) == 0
    Path(f"{study}.json").write_text(json.dumps(run.segments))


def written(folder: Path, number: int) -> dict[str, Any]:
    """What the segments of a study hold, one after the other, by file."""
    import torch

    found: dict[str, Any] = {}
    for place, segment in enumerate(json.loads((folder / f"same_{number}.json").read_text()), start=1):
        part = folder / "results" / "segments" / segment
        header, *rows = (line.split(",") for line in (part / "epochs.csv").read_text().splitlines())
        epochs = [dict(zip(header, row, strict=True)) for row in rows]
        found[f"segment {place}"] = {
            "epochs.csv": {f"epoch {row['epoch']}": {k: row[k] for k in row if k not in MEASURED} for row in epochs},
            **{path.name: dict(np.load(path)) for path in sorted(part.glob("*.npz"))},
            **{path.name: torch.load(path, weights_only=True) for path in sorted(part.glob("weights-*.pt"))},
        }
        if (part / "last.pt").exists():
            state = torch.load(part / "last.pt", weights_only=True)
            if "model" not in state:  # they are those that are kept of its epoch
                state["model"] = found[f"segment {place}"][f"weights-{state['epoch']:04d}.pt"]["model"]
            names = ("model", "criterion", "optimizer", "plateau", "stopping", "scaler", "ema")
            found[f"segment {place}"]["last.pt"] = {name: state[name] for name in names if name in state}
    return found


def differences(before: Any, now: Any, where: str = "") -> Iterator[str]:
    """Where two nested values differ, in what the first one has; arrays and tensors are equal to the bit or not."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name, value in before.items():
            if name not in now:
                yield f"{where}{name}: gone"
            else:
                yield from differences(value, now[name], f"{where}{name}, ")
    elif isinstance(before, list | tuple) and isinstance(now, list | tuple) and len(before) == len(now):
        for number, pair in enumerate(zip(before, now, strict=True)):
            yield from differences(*pair, f"{where}{number}, ")
    elif hasattr(before, "shape") and hasattr(now, "shape"):
        a, b = np.asarray(before), np.asarray(now)
        if a.shape != b.shape or a.dtype != b.dtype:
            yield f"{where}{a.dtype} {a.shape} before, {b.dtype} {b.shape} now"
        elif a.tobytes() != b.tobytes():
            changed = np.frombuffer(a.tobytes(), f"V{a.itemsize}") != np.frombuffer(b.tobytes(), f"V{a.itemsize}")
            yield f"{where}{int(changed.sum())} of {a.size} numbers differ"
    elif before != now:
        yield f"{where}{before} before, {now} now"


def compare(number: int, before: Path, now: Path) -> list[str]:
    """Train a study by both packages; what differs."""
    processes = {"before": start(before, number), "now": start(now, number)}
    failed = []
    for when, process in processes.items():
        said, _ = process.communicate()
        if process.returncode:
            failed.append(f"{when}: {said.strip().splitlines()[-1]}")
    return failed or list(differences(written(before, number), written(now, number)))


def main(argv: list[str] | None = None) -> int:
    """Prints a line for each study; 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revision", nargs="?", default="HEAD", help="of git; the working tree is compared with it")
    parser.add_argument("--only", metavar="WORD", default="", help="studies whose name contains it")
    parser.add_argument("--train", metavar="STUDY", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.train:
        train(options.train)
        return 0
    width, same = max(map(len, STUDIES)), True
    with TemporaryDirectory() as folder:
        before, now = Path(folder, "before"), Path(folder, "now")
        check_out(options.revision, before)
        copy_working_tree(now)
        for project in (before, now):
            lay_out(project)
        for number, name in ((i, one) for i, one in enumerate(STUDIES) if options.only in one):
            found = compare(number, before, now)
            same &= not found
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            print(f"{name:{width}}  {found[0] + more if found else 'same'}", flush=True)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
