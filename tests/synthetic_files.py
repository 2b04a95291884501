"""Studies that were never trained, as the files that training and collecting would have left."""

import csv
import json
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.analysis.measures import NAMES
from segsweep.formatting import value_in_words
from segsweep.store.segment_record import selection_key
from tests.synthetic_results import Truth, draw_study


def write_study(folder: Path, *, curves: bool = True, **options) -> Truth:
    """Draws a study and writes its plan.json and tables (images.csv if it has `images`) into `folder`."""
    truth = draw_study(**options)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps(truth.plan), encoding="utf-8")
    axes = truth.plan["axes"]
    texts = {
        cell["cell"]: {axis: value_in_words(value) for axis, value in cell["settings"].items()} for cell in truth.cells
    }
    write_rows(
        folder / "cells.csv",
        ["cell", "label", "role", "round", "note", *axes],
        ({**cell, **texts[cell["cell"]]} for cell in truth.cells),
    )
    rows = [{**row, **texts[row["cell"]]} for row in truth.runs]
    write_rows(folder / "runs.csv", run_columns(truth.plan), rows)
    there = {row["run"] for row in rows}
    write_rows(
        folder / "missing.csv",
        ["cell", "run", "seed", "fold", "role", "have", "want", "detail", "left_out"],
        (
            {**run, "have": 0, "want": 1, "detail": "not trained yet"}
            for run in truth.plan["runs"]
            if run["run"] not in there
        ),
    )
    metric = truth.plan["study"]["metric"]
    header = [
        "run",
        "cell",
        "epoch",
        "lr",
        "train/loss",
        "val/loss",
        metric,
        "seconds",
        "images_per_second",
        "peak_memory_mb",
    ]
    write_rows(
        folder / "epochs.csv", header, (line for row in truth.runs for line in curve(row, metric)) if curves else []
    )
    if truth.images:
        write_rows(folder / "images.csv", ["run", "cell", "image", metric.split("/")[-1]], truth.images)
    return truth


def run_columns(plan: dict[str, Any]) -> list[str]:
    """Columns of runs.csv."""
    front = ["cell", "run", "seed", "fold", "round", "role", "status", "best_epoch", "epochs", *plan["axes"]]
    return [*front, plan["study"]["metric"], "val/loss", *NAMES, "segments", "same_as", "detail"]


def write_store(store: Path, truth: Truth, cut: int | None = None) -> None:
    """Writes what training would have left for the drawn runs, and enters their segments into the plan.

    Runs are cut after `cut` epochs if given, so that curves have to be put together again.
    """
    metric = truth.plan["study"]["metric"]
    by_run = {run["run"]: run for run in truth.plan["runs"]}
    for row in truth.runs:
        lines = curve(row, metric)
        bounds = [0, cut, len(lines)] if cut and cut < len(lines) else [0, len(lines)]
        run, parent = by_run[row["run"]], None
        run["segments"] = []
        for first, last in pairwise(bounds):
            key = sha256(f"{row['run']}".encode()).hexdigest()[:16] + f"-{last:04d}"
            run["segments"].append(key)
            truth.plan["segments"][key] = {
                "id": key, "label": row["run"], "train": {}, "seed": row["seed"], "fold": None, "data": "",
                "first_epoch": first + 1, "last_epoch": last, "total_epochs": run["epochs"], "parent": parent,
                "dataset": truth.plan["dataset"], "metric": metric, "minimize": bool(row["minimize"]),
            }  # fmt: skip
            folder = store / key
            folder.mkdir(parents=True)
            header = list(lines[0])[2:]
            with (folder / "epochs.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(header)
                writer.writerows([line[name] for name in header] for line in lines[first:last])
            done = last == len(lines)
            status = row["status"] if done and row["status"] != "pruned" else "finished"
            (folder / "segment.json").write_text(
                json.dumps(
                    {
                        "id": key, "status": status, "detail": "", "first_epoch": first + 1, "last_epoch": last,
                        "epochs": last, "train": {"on_oom": "fail"},
                        "best": {
                            selection_key(metric, bool(row["minimize"])): {
                                "epoch": row["best_epoch"], "value": row[metric], "segment": key,
                            }
                        },
                        "parent": parent, "metric": metric, "parameters": row["cost/parameters"],
                        "checkpoint_mb": row["cost/checkpoint_mb"], "train_seconds": 2.0 * (last - first),
                        "peak_memory_mb": row["cost/peak_memory_mb"], "versions": {"torch": "2"}, "history": [],
                    }
                )
            )  # fmt: skip
            parent = key


def write_prepared(
    folder: Path,
    pages: list[dict[str, Any] | None] | None = None,
    enlarged: list[float] | None = None,
    warnings: list[str] | None = None,
    groups: list[str] | None = None,
) -> None:
    """What preparing would have left of three training images and one of validation, the images themselves aside.

    Of the three classes, the last is nowhere in the latter. `pages` are those of the training images, `enlarged` the
    factors by which some of them were enlarged, `groups` those of the training images.
    """
    folder.mkdir(parents=True)
    counts = {"train": [[10, 2, 0], [8, 0, 4], [12, 0, 0]], "val": [[6, 6, 0]]}
    sizes = {"train": [[3, 4], [3, 4], [3, 5]], "val": [[3, 4]]}
    for split in counts:
        np.savez(
            folder / f"{split}.index.npz", sizes=np.array(sizes[split]), class_counts=np.array(counts[split])
        )  # fmt: skip
    splits = {
        "train": {"names": ["a", "b", "c"], "pages": pages, "objects": 5},
        "val": {"names": ["d"], "pages": None, "objects": 1},
    }
    if enlarged is not None:
        splits["train"]["enlarged"] = enlarged
    if groups is not None:
        splits["train"]["groups"] = groups
    statistics = {"mean": [0] * 3, "std": [1] * 3, "pixel_counts": [30, 2, 4]}
    manifest = {
        "format": 2, "dataset": "tiny", "task": "multiclass", "num_classes": 3, "files": {}, "splits": splits,
        "statistics": statistics, "fingerprint": "x", "warnings": warnings or [],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))


def curve(row: dict[str, Any], metric: str) -> list[dict[str, Any]]:
    """A learning curve whose best epoch and score are the row's."""
    rng = np.random.default_rng(int(sha256(row["run"].encode()).hexdigest()[:8], 16))
    total = max(int(row["epochs"]), 1)
    epoch = np.arange(1, total + 1)
    best = row["best_epoch"] or total
    score = row[metric] if row[metric] is not None else 0.0
    rise = 1 - 0.6 * np.exp(-4 * epoch / total)
    values = score * rise / rise[best - 1] - 0.002 - 0.004 * rng.random(total)
    values = np.maximum(np.minimum(values, score - 1e-6), min(score, 0.0))  # of a failed run as well a share
    if row.get("minimize"):
        values = 2 * score - values
    values[best - 1] = score
    train = 0.9 * np.exp(-3 * epoch / total) + 0.05
    val = train + 0.08 + rng.normal(0, row["stability/val_loss_std"] or 0.01, total)
    return [
        {
            "run": row["run"], "cell": row["cell"], "epoch": int(e), "lr": 1e-3, "train/loss": round(float(t), 6),
            "val/loss": round(float(v), 6), metric: round(float(s), 6), "seconds": 2.0, "images_per_second": 40.0,
            "peak_memory_mb": row["cost/peak_memory_mb"],
        }
        for e, t, v, s in zip(epoch, train, val, values, strict=True)
    ]  # fmt: skip


def write_rows(path: Path, header: list[str], rows) -> None:
    """A CSV file; missing keys and None are empty fields."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow(["" if row.get(name) is None else row[name] for name in header])
