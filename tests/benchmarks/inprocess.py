"""A whole grid of short cells, from the command to the metrics, against one process with its images in memory."""

import argparse
import csv
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import mean, stdev

import workload
from measuring import Row, compared, run, single, table, timed
from scipy.stats import t as student

PART = "one process with Optuna"
IMAGES = (48, 16)
# Each round of the three trains with a seed of its own: the seconds are of 24 or 12 cells, the scores of 36.
ROUNDS = ((1, 0), (2, 1), (2, 2))  # cores, seed
QUICK = ((1, 0),)
RIVAL, OURS, RECOMMENDED = "one process", "segsweep", "recommended"
# Ours without what the rival cannot do either: no run keeps the state from which it could be trained on.
FINAL, KEEP_NOTHING_MORE = "not to be extended", {"keep": {"state": "none"}}
NOTES = {
    OURS: (">= 1", "fp32; ours can resume, and be extended"),
    FINAL: ("", "fp32, keep: {state: none}; ours can resume"),
    RECOMMENDED: (">= 1.3", f"{workload.recommended_in_words()}; can resume, and be extended"),
}
# A cell: learning rate, weight of dice, batch size.
Scores = dict[tuple[float, float, int], float]


def measure(quick: bool, rounds: Sequence[tuple[int, int]] = ROUNDS) -> list[Row]:
    """The same cells by the rival and by ours, in fp32 and as recommended; on one core and on two; three seeds.

    `rounds`: pairs of cores and seed.
    """
    rounds = QUICK if quick else rounds
    grid = {"optimizer.lr": [3e-4, 1e-3]} if quick else workload.GRID
    train = workload.TRAIN | ({"epochs": 1} if quick else {})
    seconds: dict[int, dict[str, list[float]]] = {}
    scores: dict[str, dict[tuple, float]] = {RIVAL: {}} | {name: {} for name in NOTES}
    with tempfile.TemporaryDirectory() as scratch:
        folder = workload.with_images(Path(scratch), *((8, 4) if quick else IMAGES))
        for number, (cores, seed) in enumerate(rounds):
            workload.study(folder, f"grid{seed}", train, grid, seeds=[seed])
            workload.study(folder, f"final{seed}", train, grid, seeds=[seed], **KEEP_NOTHING_MORE)
            workload.study(folder, f"recommended{seed}", train | workload.RECOMMENDED, grid, seeds=[seed])
            works = {
                RIVAL: partial(rival, folder, train, grid, cores, seed),
                OURS: partial(ours, folder, f"grid{seed}", cores),
                FINAL: partial(ours, folder, f"final{seed}", cores),
                RECOMMENDED: partial(ours, folder, f"recommended{seed}", cores),
            }
            for name in works if number % 2 == 0 else reversed(works):
                took, found = works[name]()
                seconds.setdefault(cores, {}).setdefault(name, []).append(took)
                scores[name] |= {(seed, cell): score for cell, score in found.items()}
    rows = []
    for cores, found in seconds.items():
        where = f"grid of {len(scores[RIVAL]) // len(rounds)} on {cores} core{'s' * (cores > 1)}"
        for name, (wanted, note) in NOTES.items():
            rows.append(compared(PART, found, (RIVAL, name), wanted=wanted, note=note))
            rows[-1].what += f", {where}"
    return [*rows, score_row(scores, OURS), score_row(scores, RECOMMENDED)]


def rival(folder: Path, train: dict, grid: dict, cores: int, seed: int) -> tuple[float, Scores]:
    """Seconds of the rival, from its command to its scores; val/miou of each cell."""
    shutil.rmtree(folder / "rival", ignore_errors=True)
    values = {"lr": grid["optimizer.lr"], "batch_size": grid.get("batch_size", [train["batch_size"]])}
    values["dice"] = [loss.get("dice", 0.0) for loss in grid.get("loss.main", [train["loss"]["main"]])]
    options = {"epochs": train["epochs"], "seed": drawn_by(seed), "cores": cores, "classes": len(workload.CLASSES)}
    command = [sys.executable, str(Path(__file__).with_name("inprocess_rival.py")), "--images", "data/drawn"]
    command += ["--output", "rival", "--grid", json.dumps(values)]
    command += ["--size", *(str(side) for side in train["data"]["image_size"])]
    command += [text for key, value in options.items() for text in (f"--{key}", str(value))]
    seconds = timed(lambda: run(command, folder))
    rows = json.loads((folder / "rival" / "scores.json").read_text())
    cells = {(row["values"]["lr"], row["values"]["dice"], row["values"]["batch_size"]): row["miou"] for row in rows}
    return seconds, cells


def drawn_by(seed: int) -> int:
    """The seed of torch by which ours draws the weights that a run starts from: the rival's are the same then.

    With few seeds, luck with them would make more of a difference than all else.
    """
    import torch

    from segsweep.training.seeding import WEIGHTS, reseed

    reseed(seed, WEIGHTS)
    return torch.initial_seed()


def ours(folder: Path, name: str, cores: int) -> tuple[float, Scores]:
    """Seconds of a study, from its command to the metrics; val/miou of each cell."""
    seconds = workload.train_study(folder, name, cores)
    cells = {}
    with (folder / "results" / name / "runs.csv").open() as file:
        for row in csv.DictReader(file):
            dice = float("dice" in row.get("loss.main", ""))
            batch = int(row.get("batch_size", workload.TRAIN["batch_size"]))
            cells[float(row["optimizer.lr"]), dice, batch] = float(row["val/miou"])
    return seconds, cells


def score_row(scores: dict[str, dict[tuple, float]], name: str) -> Row:
    """Whether ours score as the rival does.

    The noise is half of the 95 % interval of a paired t test: of the differences of all cells and seeds, whose own
    spread is that of two trainings of one setting.
    """
    # Two of the rival's processes may draw the same cell at the same moment; then another one lacks.
    pairs = scores[name].keys() & scores[RIVAL].keys()
    ours, theirs = ([scores[one][pair] for pair in sorted(pairs)] for one in (name, RIVAL))
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    count = len(pairs)
    noise = float(student.ppf(0.975, count - 1)) * stdev(differences) / count**0.5
    return single(
        PART, f"{name} - {RIVAL}, mean best val/miou, absolute", [abs(mean(differences))], unit="of IoU",
        wanted=f"<= {noise:.4f}",
        note=f"{mean(ours):.4f} and {mean(theirs):.4f}, means of {count} pairs of cell and seed; wanted: within the "
        f"noise, half of the 95 % interval of the mean difference, which is {mean(differences):+.4f}",
    )  # fmt: skip


def main() -> None:
    """Measure some rounds and print the table; nothing is written."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test in small sizes")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    print(table(measure(options.quick, [(options.cores, seed) for seed in options.seeds])))


if __name__ == "__main__":
    main()
