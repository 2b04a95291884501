"""What the benchmarks train: drawn images as files, a workspace around them, and studies of short cells."""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import yaml
from measuring import ROOT, SCRIPTS, run, timed

sys.path.insert(0, str(SCRIPTS))

CLASSES = {0: "background", 1: "disc", 2: "square", 3: "triangle", 4: "ring"}
HEIGHT, WIDTH = 360, 480  # as CamVid's
DATASET = {
    "name": "drawn",
    "reader": "folder",
    "task": "multiclass",
    "root": "drawn",
    "images": "images/{name}.jpg",
    "masks": "masks/{name}.png",
    "splits": {"train": "train.txt", "val": "val.txt"},
    "classes": CLASSES,
}
TRAIN = {
    "model": {"arch": "unet", "encoder": "resnet18"},
    "data": {"image_size": [64, 64], "preprocessing": "standardize", "augmentation": "basic"},
    "optimizer": {"name": "adam", "lr": 1e-3},
    "loss": {"main": {"cross_entropy": 1.0}},
    "batch_size": 8,
    "epochs": 4,
}
GRID = {
    "optimizer.lr": [3e-4, 1e-3, 3e-3],
    "loss.main": [{"cross_entropy": 1.0}, {"cross_entropy": 1.0, "dice": 1.0}],
    "batch_size": [8, 16],
}
RECOMMENDED = {"precision": "auto", "channels_last": True}


def recommended_in_words() -> str:
    """What the recommendation sets."""
    return ", ".join(f"{key}: {json.dumps(value)}".replace('"', "") for key, value in RECOMMENDED.items())


def draw(folder: Path, train: int, val: int) -> None:
    """Images (JPEG, 480x360) and masks (PNG) of textured shapes, drawn large so that they survive resizing."""
    import cv2
    import numpy as np

    from segsweep.data.readers.demo import Demo
    from segsweep.data.synthetic.shapes import draw_one

    demo = Demo(kind="shapes", train=train, val=val, size=(HEIGHT, WIDTH), classes=len(CLASSES) - 1, noise=0.1)

    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for split, first, count in (("train", 0, train), ("val", train, val)):
        names = [f"{number:04d}" for number in range(first, first + count)]
        (folder / f"{split}.txt").write_text("\n".join(names) + "\n")
        for number, name in enumerate(names):
            item = draw_one(demo, split, number)
            image = np.ascontiguousarray(item.image[..., ::-1])
            cv2.imwrite(str(folder / "images" / f"{name}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 90])
            cv2.imwrite(str(folder / "masks" / f"{name}.png"), item.mask)


def workspace(folder: Path) -> Path:
    """A folder with the Snakefile, workflow and config of the project."""
    for name in ("workflow", "config", "profiles", "envs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "data").mkdir()
    return folder


def write_yaml(path: Path, values: dict) -> None:
    """A YAML file."""
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def study(folder: Path, name: str, train: dict, grid: dict, **keys) -> None:
    """A study on the drawn images."""
    values = {"name": name, "dataset": "drawn", "metric": "val/miou", "train": train, "grid": grid, "seeds": [0]}
    write_yaml(folder / "config" / "studies" / f"{name}.yaml", values | keys)


def with_images(folder: Path, train: int, val: int) -> Path:
    """A workspace with drawn images and their data set file.

    Its code is compiled and has been read for addresses, as by any earlier start; the libraries of all rivals are
    compiled as well.
    """
    workspace(folder)
    draw(folder / "data" / "drawn", train, val)
    write_yaml(folder / "config" / "datasets" / "drawn.yaml", DATASET)
    run([sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--config", "study=demo"], folder)
    run([sys.executable, "-m", "compileall", "-q", "workflow/scripts"], folder)
    return folder


def plan(folder: Path, name: str, **config):
    """The planned study, the working directory being the workspace; what jobs read is written down."""
    os.chdir(folder)
    from segsweep.planning.plan_writer import PlanWriter
    from segsweep.planning.planner import open_study

    study = open_study({"study": name} | config, plans=True)
    PlanWriter(study).start()
    return study


def train_study(folder: Path, name: str, cores: int) -> float:
    """Seconds of a whole study, from its command to the metrics of its runs: nothing is there before."""
    shutil.rmtree(folder / "results", ignore_errors=True)
    # A folder for temporary files of its own: so its warm process is a new one.
    with tempfile.TemporaryDirectory() as own:
        command = [sys.executable, "-m", "snakemake", "--cores", str(cores), f"results/{name}/runs.csv"]
        return timed(lambda: run([*command, "--config", f"study={name}"], folder, TMPDIR=own))


def prepare(folder: Path, study) -> str:
    """Prepare the data of a study that `plan` planned, one folder, if it is not there; returns the folder."""
    (data,) = study.plan.data
    if not (folder / data / "manifest.json").exists():
        of_plan = ["--plan", str(study.plan_file), "--output", data]
        run([sys.executable, str(SCRIPTS / "prepare_data.py"), *of_plan], folder)
    return data
