"""A study whose runs a program of its own trained, as its plan and its store would be, without any program."""

import csv
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segsweep.config.study import Study
from segsweep.formatting import label, short_names
from segsweep.hashing import short_hash
from segsweep.planning.plan_file import PlannedCell, PlannedRun, SegmentPlan, StudyPlan
from tests.segments import write_segment

COMMAND = "python my/train.py --lr {optimizer.lr} --batch {batch_size} --seed {seed} --epochs {epochs} --out {out}"
RESULTS = {
    "file": "metrics.csv",
    "columns": {"val/miou": {"column": "val_iou", "unit": "percent"}, "train/loss": "loss", "val/loss": "val_loss"},
}
GRID = {"optimizer.lr": [1e-3, 1e-2], "batch_size": [4, 8]}
EPOCHS = 3

Row = dict[str, Any]  # an epoch, by the program's own names


def score(settings: dict[str, Any], seed: int) -> float:
    """What a run reaches in the end, a share: better with the higher rate, a bit different for each seed."""
    return (
        0.6 + 0.1 * (settings["optimizer.lr"] == 1e-2) + 0.01 * (settings["batch_size"] == 8) + 0.003 * math.sin(seed)
    )


def usual_rows(settings: dict[str, Any], seed: int) -> list[Row]:
    """The epochs of a run that gets better in each."""
    end = score(settings, seed)
    return [
        {
            "epoch": epoch, "loss": 1 / epoch + 0.1 * end, "val_loss": 1 / epoch + 0.2 * end,
            "val_iou": 100 * end * epoch / EPOCHS, "grad_norm": epoch + end, "seconds": 2.0 + 0.1 * seed + 0.01 * epoch,
        }
        for epoch in range(1, EPOCHS + 1)
    ]  # fmt: skip


def program_study(
    folder: Path,
    *,
    rows: Callable[[dict[str, Any], int], list[Row]] = usual_rows,
    statuses: dict[tuple[int, int], str] | None = None,
    seeds: tuple[int, ...] = (0, 1),
    **study,
) -> StudyPlan:
    """Writes plan.json and the store (`segments`) of a 2 x 2 grid into a folder.

    Args:
        folder: for both.
        rows: the epochs that the program wrote, of settings and a seed.
        statuses: by (number of the cell, seed), where it is not `finished`.
        seeds: of the study.
        study: further keys of the study file, laid over the usual ones.
    """
    keys = {
        "name": "own", "command": COMMAND, "parameters": {"optimizer": {"lr": 1e-3}, "batch_size": 4, "width": 16},
        "code": ["my/"], "inputs": ["data/mine"], "results": RESULTS, "epochs": EPOCHS, "grid": GRID,
        "seeds": list(seeds), "metric": "val/miou",
    }  # fmt: skip
    content = Study.model_validate(keys | study).model_dump(mode="json", by_alias=True)
    axes, names = list(GRID), short_names(list(GRID))
    cells, runs, segments = [], [], {}
    for number, values in enumerate(itertools.product(*GRID.values())):
        settings = dict(zip(axes, values, strict=True))
        train = {
            "optimizer": {"lr": settings["optimizer.lr"]}, "batch_size": settings["batch_size"], "width": 16,
            "epochs": EPOCHS, "on_oom": "skip",
        }  # fmt: skip
        key = short_hash(repr(settings), 8)
        cells.append(PlannedCell(key, label(settings, names), "grid", "", "", None, settings, train))
        for seed in seeds:
            segment = f"{short_hash(f'{key} {seed}', 16)}-{EPOCHS:04d}"
            run = PlannedRun(f"{key}-s{seed}", key, seed, "", None, "", "grid", EPOCHS, False, [segment])
            runs.append(run)
            program = {"command": COMMAND, "config": train, "folder": "", "results": content["results"]}
            segments[segment] = SegmentPlan(
                id=segment, label=f"{cells[-1].label} seed={seed}", train=train, seed=seed, fold=None, first_epoch=1,
                last_epoch=EPOCHS, total_epochs=EPOCHS, parent=None, data="", dataset={}, metric=content["metric"],
                minimize=content["minimize"], trainer="command", program=program,
            )  # fmt: skip
            own = rows(settings, seed)
            written = write_segment(
                folder / "segments", segment, label=segments[segment].label, train=train, trainer="command", seed=seed,
                status=(statuses or {}).get((number, seed), "finished"), epochs=len(own), program=program,
                code_fingerprint="c0de", data_fingerprint="da7a", versions={"python": "3.11"},
            )  # fmt: skip
            write_rows(written / "epochs.csv", own)
            (written / "out").mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)
    plan = StudyPlan(
        content,
        "own",
        axes,
        cells,
        runs,
        segments,
        study_file="config/studies/own.yaml",
        names=names,
        code_files=[f"my/{name}.py" for name in "abcdefghij"],
    )
    (folder / "plan.json").write_text(plan.text(), encoding="utf-8")
    return plan


def write_rows(path: Path, rows: list[Row]) -> None:
    """An epochs.csv as the trainer writes it: numbers with all digits, `nan` where the program had that."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
