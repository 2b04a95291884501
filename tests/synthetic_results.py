"""Tables of studies that were never trained, drawn with a known truth."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import product
from typing import Any

import numpy as np

from segsweep.config.train import Train
from segsweep.formatting import label, short_names

GRID = {
    "optimizer.lr": [1e-4, 5e-4, 1e-3, 5e-3],
    "batch_size": [8, 16, 32],
    "model.arch": ["unet", "attention_unet", "attention_resunet"],
}
EFFECTS = {"optimizer.lr": [-0.06, 0.0, 0.02, -0.04], "model.arch": [0.0, 0.01, 0.015]}

DATASET = {
    "name": "demo", "reader": "folder", "task": "binary", "classes": {0: "background", 1: "cell"}, "foreground": "cell",
}  # fmt: skip


@dataclass
class Truth:
    """What was drawn: plan, and the true mean score of each cell."""

    plan: dict[str, Any]
    cells: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    means: dict[str, float]
    images: list[dict[str, Any]] = field(default_factory=list)


def draw_study(
    *,
    name: str = "synthetic",
    axes: dict[str, list] | None = None,
    effects: dict[str, list[float]] | None = None,
    interaction: tuple[str, str, list[list[float]]] | None = None,
    settings: list[dict[str, Any]] | None = None,
    expects: dict[int, dict] | None = None,
    seeds: tuple[int, ...] = (0, 1, 2),
    folds: int | None = None,
    noise: float = 0.01,
    tails: str = "normal",
    base: float = 0.75,
    metric: str = "val/jaccard",
    minimize: bool = False,
    epochs: int = 30,
    kind: str = "grid",
    trials: int = 24,
    sampler: str = "random",
    pruned: float = 0.0,
    missing_cells: int = 0,
    missing_runs: int = 0,
    diverged: int = 0,
    oom: int = 0,
    reference: dict[str, Any] | None = None,
    confirm: dict[str, Any] | None = None,
    claims: list[dict] | None = None,
    images: int = 0,
    draw: int = 0,
    **study_keys,
) -> Truth:
    """A study of kind `grid`, `runs` (listed, `settings` given or one factor at a time) or `sweep`.

    `effects` adds a number for each level of an axis to the score, `interaction` a matrix for two axes. `noise` is the
    standard deviation between seeds; `tails` is `normal` or `heavy` (Student t with 2 degrees). `pruned` is the share
    of trials ended early, `diverged`, `oom`, `missing_cells`, `missing_runs` are counts. `images` is the number of
    validation images with scores of their own. The same arguments draw the same tables.
    """
    rng = np.random.default_rng(draw)
    axes = GRID if axes is None else axes
    effects = (EFFECTS if axes is GRID else {}) if effects is None else effects
    names = short_names(list(axes))
    cells = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    if kind == "runs":
        cells = settings or _one_at_a_time(axes)
    elif kind == "sweep":
        proposed = {str(values): values for values in (_propose(axes, rng) for _ in range(trials))}
        cells = list(proposed.values())
    elif settings is not None:
        cells = settings
    if missing_cells:
        keep = np.sort(rng.choice(len(cells), len(cells) - missing_cells, replace=False))
        cells = [cells[i] for i in keep]
    role = {"runs": "run", "sweep": "trial"}.get(kind, "grid")
    plan_cells = [
        _cell(values, names, role, str(i + 1) if kind == "runs" else None, (expects or {}).get(i + 1))
        for i, values in enumerate(cells)
    ]
    if reference:
        open_axes = {axis: levels for axis, levels in axes.items() if axis not in reference}
        plan_cells += [
            _cell(
                dict(
                    zip(
                        axes, [({**reference, **dict(zip(open_axes, rest, strict=True))})[a] for a in axes], strict=True
                    )
                ),
                names,
                "reference",
            )
            for rest in product(*open_axes.values())
        ]
    means = {cell["cell"]: base + _effect(cell["settings"], axes, effects, interaction) for cell in plan_cells}

    study = {
        "name": name, "title": f"A drawn study: {name}", "note": "", "dataset": "demo", "metric": metric,
        "minimize": minimize, "seeds": list(seeds), "claims": claims or [], "confirm": confirm,
        "sweep": {"sampler": {"name": sampler}, "trials": trials, "space": {}} if kind == "sweep" else None,
        "compare": [], "report": {"sections": "standard"}, "folds": {"k": folds, "seed": 0} if folds else None,
        "reference": reference, **study_keys,
    }  # fmt: skip
    replicates = [(seed, fold) for seed in seeds for fold in (range(folds) if folds else [None])]
    plan_runs, rows = [], []
    for cell in plan_cells:
        for seed, fold in replicates:
            run = _run(cell, seed, fold, cell["role"], epochs)
            plan_runs.append(run)
            rows.append(_row(run, cell, means[cell["cell"]], rng, noise, tails, metric, minimize))
    for index in rng.permutation(len(rows))[: diverged + oom]:
        rows[index]["status"] = "diverged" if diverged > 0 else "oom"
        diverged -= 1
        rows[index][metric] = rows[index][metric] * 0.2 if rows[index]["status"] == "diverged" else None
        rows[index] |= {
            "epochs": min(3, epochs),
            "best_epoch": min(2, epochs),
            "convergence/epochs_to_best": min(2, epochs),
        }
    if pruned:
        order, third = np.argsort([row[metric] for row in rows]), max(epochs // 3, 1)
        for index in order[: int(pruned * len(rows))]:
            rows[index] |= {
                "status": "pruned",
                "epochs": third,
                "best_epoch": third,
                "convergence/epochs_to_best": third,
            }
            rows[index][metric] -= 0.05
    if confirm:
        sign = -1 if minimize else 1
        best = sorted((row for row in rows if row["status"] == "finished"), key=lambda row: -sign * row[metric])
        for row in best[: confirm.get("top", 1)]:
            cell = next(cell for cell in plan_cells if cell["cell"] == row["cell"])
            for seed in confirm["seeds"]:
                run = _run(cell, seed, None, "confirm", epochs)
                plan_runs.append(run)
                rows.append(_row(run, cell, means[cell["cell"]], rng, noise, tails, metric, minimize))
    gone = set(rng.choice(len(rows), missing_runs, replace=False)) if missing_runs else set()
    rows = [row for index, row in enumerate(rows) if index not in gone]
    plan = {
        "study": study, "name": name, "smoke": False, "dataset": DATASET, "data": ["results/data/demo"],
        "axes": list(axes), "cells": plan_cells, "runs": plan_runs, "segments": {},
    }  # fmt: skip
    return Truth(plan, plan_cells, rows, means, _images(rows, metric, images, rng) if images else [])


def _one_at_a_time(axes: dict[str, list]) -> list[dict[str, Any]]:
    first = {axis: levels[0] for axis, levels in axes.items()}
    return [first] + [first | {axis: value} for axis, levels in axes.items() for value in levels[1:]]


def _propose(axes: dict[str, list], rng: np.random.Generator) -> dict[str, Any]:
    """Two floats are a range on a logarithmic scale, anything else a list of choices."""
    values = {}
    for axis, levels in axes.items():
        if len(levels) == 2 and all(isinstance(level, float) for level in levels):
            values[axis] = float(f"{np.exp(rng.uniform(*np.log(levels))):.6g}")
        else:
            values[axis] = levels[rng.integers(len(levels))]
    return values


def _cell(settings, names, role, key=None, expect=None) -> dict[str, Any]:
    train = Train().model_dump(mode="json")
    for axis, value in settings.items():
        *path, last = axis.split(".")
        section = train
        for part in path:
            section = section.setdefault(part, {})
        section[last] = value
    key = key or sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
    return {
        "cell": key, "label": label(settings, names), "role": role, "round": "", "note": "", "expect": expect,
        "settings": settings, "train": train,
    }  # fmt: skip


def _effect(settings, axes, effects, interaction) -> float:
    total = 0.0
    for axis, offsets in effects.items():
        if settings[axis] in axes[axis]:
            total += offsets[axes[axis].index(settings[axis])]
        elif isinstance(settings[axis], float):  # a drawn value, or a reference outside of the grid
            total += float(np.interp(np.log(settings[axis]), np.log(axes[axis]), offsets))
    if interaction:
        a, b, matrix = interaction
        total += matrix[axes[a].index(settings[a])][axes[b].index(settings[b])]
    return total


def _run(cell, seed, fold, role, epochs) -> dict[str, Any]:
    name = f"{cell['cell']}-s{seed}" + ("" if fold is None else f"-f{fold}")
    return {
        "run": name, "cell": cell["cell"], "seed": seed, "fold": fold, "round": cell["round"], "role": role,
        "epochs": epochs, "segments": [],
    }  # fmt: skip


def _row(run, cell, mean, rng, noise, tails, metric, minimize) -> dict[str, Any]:
    best = int(rng.integers(max(1, run["epochs"] // 2), run["epochs"] + 1))
    error = rng.standard_t(2) if tails == "heavy" else rng.normal()
    epochs = run["epochs"]
    batch = cell["settings"].get("batch_size", 8)
    batch = batch if isinstance(batch, int) else 8
    seconds = epochs * (2 + 8 / batch)
    return {
        "cell": run["cell"], "run": run["run"], "seed": run["seed"], "fold": run["fold"], "round": run["round"],
        "role": run["role"], "status": "finished", "best_epoch": best,
        "epochs": epochs, metric: round(float(mean + noise * error), 8),
        "val/loss": round(0.2 + 0.02 * rng.random(), 6),
        "stability/val_loss_std": round(float(0.02 * np.exp(rng.normal(0, 0.2)) * (8 / batch) ** 0.5), 8),
        "convergence/epochs_to_best": best, "overfit/gap": round(float(0.05 + 0.01 * rng.normal()), 6),
        "cost/train_seconds": round(seconds, 3), "cost/seconds_per_epoch": round(seconds / epochs, 4),
        "cost/peak_memory_mb": 500 + 60 * batch, "cost/parameters": 14_000_000, "cost/checkpoint_mb": 56.1,
        "segments": "", "detail": "", "minimize": minimize,
    }  # fmt: skip


def _images(rows, metric, count, rng) -> list[dict[str, Any]]:
    """Scores of single images: hard and easy ones are so for every run, and their mean is the run's score."""
    ease = rng.normal(0, 0.08, count)
    lines = []
    for row in rows:
        if row[metric] is None:
            continue
        own = ease + rng.normal(0, 0.02, count)
        own += row[metric] - own.mean()
        lines += [
            {
                "run": row["run"],
                "cell": row["cell"],
                "image": f"image_{i:03d}",
                metric.split("/")[-1]: round(float(v), 6),
            }
            for i, v in enumerate(own)
        ]
    return lines
