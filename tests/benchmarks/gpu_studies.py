"""Whole studies through Snakemake at reduced epochs: the ten BiSeNet runs at CamVid's size, and the grid of U-Nets."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean
from threading import Event, Thread

import workload
import yaml
from gpu_training import Bench
from measuring import ROOT, Row, environment_of_commands, run, single

PART = "gpu studies"
UTILIZATION = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
SHORTEST_S = 30.0  # a study that has begun may take this long


def studies(bench: Bench) -> Iterator[Row]:
    """Each study one cell at a time, then in packs whose cells share the GPU."""
    bench = replace(bench, folder=workload.workspace(bench.folder / "studies"))
    packs = ["pack=8", "pack_at_once=4"]
    ways = {"packs of 8, 4 at once": packs}
    if bench.on_gpu:
        ways["packs of 8, 4 at once, MPS"] = [*packs, "mps=true"]
    if not bench.toy:
        ways["one at a time"] = []
    for way, words in ways.items():
        for name, write_study in (("bisenet_runs", bisenet), ("unet_grid", unet_grid)):
            what = f"{name}, {way}"
            if bench.has_time(what):
                with bench.attempt(what):
                    write_study(bench)
                    yield whole(bench, name, what, words)


def whole(bench: Bench, name: str, what: str, words: list[str]) -> Row:
    """The seconds of a study, from the command to its report; data are prepared before. A smoke test only trains."""
    shutil.rmtree(bench.folder / "results", ignore_errors=True)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--nocolor"]
    until = ["--until", "check_outcome"] if bench.toy else []
    config = [f"study={name}", "smoke=true", f"device={bench.device.type}", "check_components=false", *words]
    if bench.data:
        config.append(f"data_root={bench.data}")
    if not bench.toy:
        run([*command, "--until", "prepare_data", "--config", *config], bench.folder)
    began = time.perf_counter()
    with Utilization(bench.on_gpu) as gpu:
        run_within(bench, [*command, *until, "--config", *config])
    seconds = time.perf_counter() - began
    epochs = [epoch for path in bench.folder.glob("results/segments/*/epochs.csv") for epoch in rows_of(path)]
    training = sum(float(epoch["seconds"]) for epoch in epochs)
    busy = f", GPU busy {mean(gpu.seen):.0f} %" if gpu.seen else ""
    note = f"{len(epochs)} epochs, {training:.0f} s in them summed over cells{busy}"
    return single(PART, what, [seconds], note=note)


def run_within(bench: Bench, command: list[str]) -> None:
    """Run a command, in the time that is left.

    Raises:
        TimeoutError: it is ended, with all that it started.
        RuntimeError: it failed.
    """
    with (bench.folder / "output.log").open("w+") as log:
        process = subprocess.Popen(
            command, cwd=bench.folder, env=environment_of_commands(), stdout=log, stderr=log, start_new_session=True
        )
        try:
            process.wait(max(SHORTEST_S, bench.left))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(SHORTEST_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
            raise TimeoutError("the part's time is over before the end of the study") from None
        if process.returncode:
            raise RuntimeError((bench.folder / "output.log").read_text()[-500:])


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def bisenet(bench: Bench) -> None:
    """The ten BiSeNet runs at CamVid's size."""
    sizes = bench.sizes
    dataset = "camvid" if has(bench, "camvid") else drawn(bench, "like_camvid", "multiclass", sizes.study_size)
    train, val = sizes.study_images
    smoke = {
        "epochs": 4,  # so that the phases of the ten have one each
        "data": {"crop": list(sizes.study_size), "train_subset": train, "val_subset": val},
        "scheduler": {"warmup": {"iterations": 4}},
        "rescale_epochs": True,
    }
    study = read("bisenet_runs") | {"dataset": dataset, "smoke": smoke}
    if bench.toy:
        study["runs"] = study["runs"][: sizes.cells_of_studies]
    workload.write_yaml(bench.folder / "config" / "studies" / "bisenet_runs.yaml", study)


def unet_grid(bench: Bench) -> None:
    """The grid of 36 U-Nets, one seed each."""
    sizes = bench.sizes
    side = sizes.grid_size
    dataset = "em_membrane" if has(bench, "em_membrane") else drawn(bench, "like_em_membrane", "binary", (side, side))
    smoke = {"epochs": sizes.grid_epochs, "data": {"image_size": [side, side]}, "seeds": [0]}
    study = read("unet_grid") | {"dataset": dataset, "smoke": smoke}
    if bench.toy:
        study["grid"] = {"optimizer.lr": [1e-4, 1e-3][: sizes.cells_of_studies]}
        study = {key: value for key, value in study.items() if key not in ("reference", "claims", "names")}
        study["train"] = study["train"] | {"batch_size": 2, "model": {"arch": "unet", "encoder": sizes.encoder}}
    workload.write_yaml(bench.folder / "config" / "studies" / "unet_grid.yaml", study)


def has(bench: Bench, name: str) -> bool:
    """Whether the folder of data sets has one."""
    return bench.data is not None and (bench.data / name).is_dir()


def read(name: str) -> dict:
    """A study of the project."""
    return yaml.safe_load((ROOT / "config" / "studies" / f"{name}.yaml").read_text(encoding="utf-8"))


def drawn(bench: Bench, name: str, task: str, size: tuple[int, int]) -> str:
    """A data set of drawn images; returns its name."""
    train, val = bench.sizes.study_images
    classes = workload.CLASSES if task == "multiclass" else {0: "background", 1: "shape"}
    demo = {"kind": "shapes", "train": train, "val": val, "size": list(size), "classes": len(classes) - 1, "noise": 0.1}
    values = {"name": name, "reader": "demo", "task": task, "classes": classes, "demo": demo}
    values |= {"foreground": "shape"} if task == "binary" else {}
    workload.write_yaml(bench.folder / "config" / "datasets" / f"{name}.yaml", values)
    return name


class Utilization:
    """How busy the driver says the GPU is, in percent, once a second while something runs."""

    def __init__(self, wanted: bool):
        self.seen: list[float] = []
        self._end = Event()
        self._thread = Thread(target=self._look, daemon=True) if wanted and shutil.which(UTILIZATION[0]) else None

    def __enter__(self) -> "Utilization":
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, *error) -> None:
        self._end.set()
        if self._thread:
            self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(1.0):
            answer = subprocess.run(UTILIZATION, capture_output=True, text=True, check=False).stdout.split()
            if answer and answer[0].isdigit():
                self.seen.append(float(answer[0]))
