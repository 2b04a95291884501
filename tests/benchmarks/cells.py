"""A whole cell and a whole grid of short cells, from the command to the metrics, against the stock script."""

import csv
import json
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from statistics import mean, stdev

import workload
from measuring import SCRIPTS, Row, compared, interleaved, run, timed

PART = "cells"
IMAGES = (48, 16)
RECOMMENDED = workload.recommended_in_words()


def measure(quick: bool, cores: int = 1) -> list[Row]:
    """One cell, twelve cells; the stock script, ours in fp32, ours as recommended."""
    rounds = 1
    grid = {"optimizer.lr": [3e-4, 1e-3]} if quick else workload.GRID
    with tempfile.TemporaryDirectory() as scratch:
        folder = workload.with_images(Path(scratch), *((8, 4) if quick else IMAGES))
        train = workload.TRAIN | ({"epochs": 1} if quick else {})
        workload.study(folder, "grid", train, grid)
        workload.study(folder, "recommended", train | workload.RECOMMENDED, grid)
        rows, scores = whole_cell(folder, 1 if quick else 2), {}

        def stock() -> float:
            shutil.rmtree(folder / "stock", ignore_errors=True)
            with ThreadPoolExecutor(cores) as pool:
                return timed(
                    lambda: list(pool.map(lambda cell: run(stock_command(*cell), folder), stock_cells(train, grid)))
                )

        def ours(name: str) -> float:
            seconds = workload.train_study(folder, name, cores)
            scores[name] = scores_of(folder / "results" / name / "runs.csv")
            return seconds

        found = interleaved(
            {"stock script": stock, "segsweep": lambda: ours("grid"), "recommended": lambda: ours("recommended")},
            rounds,
        )
        scores["stock"] = [
            json.loads(path.read_text())["best_miou"] for path in sorted((folder / "stock").glob("*.json"))
        ]
    cells = len(scores["stock"])
    equal = "; ".join(f"{name} {in_words(values)}" for name, values in scores.items())
    note = f"{cells} cells, {cores} at once, data prepared from the files within; mean best val/miou: {equal}"
    rows.append(compared(PART, found, ("stock script", "segsweep"), wanted=">= 1.3", note=f"fp32; {note}"))
    rows.append(compared(PART, found, ("stock script", "recommended"), wanted=">= 2", note=RECOMMENDED))
    for row in rows[-2:]:
        row.what += f", grid of {cells}"
    return rows


def whole_cell(folder: Path, rounds: int) -> list[Row]:
    """One cell from its command to its metrics, the data being prepared and the warm process there."""
    names = {}
    for study in ("grid", "recommended"):
        planned = workload.plan(folder, study)
        names[study] = next(iter(planned.plan.segments))
        workload.prepare(folder, planned)
        first = planned.plan.segments[names[study]].train
    common = ["--store", "results/segments"]

    def ours(study: str, *options: str) -> float:
        shutil.rmtree(folder / "results/segments", ignore_errors=True)
        command = [sys.executable, str(SCRIPTS / "train_segment.py"), "--plan", f"results/{study}/plan.json", *common]
        return timed(lambda: run([*command, "--segment", names[study], *options], folder, TMPDIR=str(folder)))

    ours("grid", "--warm")
    command = stock_command("one", first["epochs"], first["optimizer"]["lr"], 0.0, first["batch_size"])
    found = interleaved(
        {
            "stock script": lambda: timed(lambda: run(command, folder)),
            "segsweep, cold": lambda: ours("grid"),
            "segsweep": lambda: ours("grid", "--warm"),
            "recommended": lambda: ours("recommended", "--warm"),
        },
        rounds,
    )
    rows = [
        compared(PART, found, ("stock script", "segsweep, cold"), note="fp32, a process with its own imports"),
        compared(PART, found, ("stock script", "segsweep"), wanted=">= 1.3", note="fp32, warm process"),
        compared(PART, found, ("stock script", "recommended"), wanted=">= 2", note=f"{RECOMMENDED}; warm process"),
    ]
    for row in rows:
        row.what += ", one cell"
    return rows


def stock_cells(train: dict, grid: dict) -> list[tuple]:
    """Arguments of `stock_command` for each cell of the grid."""
    cells = []
    for number, values in enumerate(product(*grid.values())):
        cell = dict(zip(grid, values, strict=True))
        cells.append(
            (
                f"{number:02d}", train["epochs"], cell["optimizer.lr"],
                cell.get("loss.main", {}).get("dice", 0.0), cell.get("batch_size", train["batch_size"]),
            )
        )  # fmt: skip
    return cells


def stock_command(name: str, epochs: int, lr: float, dice: float, batch_size: int) -> list[str]:
    """The rival's command line for a cell."""
    options = {"epochs": epochs, "lr": lr, "dice": dice, "batch-size": batch_size}
    size = [str(side) for side in workload.TRAIN["data"]["image_size"]]
    command = [sys.executable, str(Path(__file__).with_name("stock_script.py")), "--images", "data/drawn"]
    command += ["--output", f"stock/{name}.json", "--size", *size, "--classes", str(len(workload.CLASSES))]
    return command + [text for key, value in options.items() for text in (f"--{key}", str(value))]


def scores_of(path: Path) -> list[float]:
    """val/miou of each run."""
    with path.open() as file:
        return [float(row["val/miou"]) for row in csv.DictReader(file)]


def in_words(values: list[float]) -> str:
    """Mean and its standard error."""
    error = stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return f"{mean(values):.3f} ± {error:.3f}"
