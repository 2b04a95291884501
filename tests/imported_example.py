"""config/studies/imported_example.csv, drawn from a model that is known: `python -m tests.imported_example` writes it.

A table as W&B exports it: 3 learning rates x 2 losses x 3 augmentations x 3 seeds. True mean IoU: 0.70 at a learning
rate of 1e-3, 0.04 less at 1e-4, 0.03 less at 1e-2; 0.02 more with Dice; the augmentation changes nothing; seeds spread
with a standard deviation of 0.006. One run crashed, and one of the highest learning rate has a loss that is not finite.
"""

import csv
import datetime
import itertools
from io import StringIO
from pathlib import Path

import numpy as np

FILE = Path(__file__).parents[1] / "config" / "studies" / "imported_example.csv"
LR = {"0.0001": -0.04, "0.001": 0.0, "0.01": -0.03}
LOSS = {"ce": 0.0, "ce+dice": 0.02}
AUGMENTATION = ("none", "flip", "street")
NOISE = 0.006
CRASHED, NOT_FINITE = ("0.0001", "ce", "street", 2), ("0.01", "ce", "none", 1)


def text() -> str:
    """The file's content."""
    rng = np.random.default_rng(14)
    created = datetime.datetime(2026, 5, 4, 9, 0, tzinfo=datetime.UTC)
    file = StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(
        ["Name", "State", "Created", "Runtime", "lr", "loss", "augmentation", "seed", "val_loss", "val_miou"]
    )
    for i, setting in enumerate(itertools.product(LR, LOSS, AUGMENTATION, range(3)), 1):
        lr, loss = setting[:2]
        miou = 0.70 + LR[lr] + LOSS[loss] + NOISE * rng.standard_normal()
        seconds = 1800 + 60 * rng.standard_normal()
        state, scores = "finished", [f"{1.2 - miou + 0.01 * rng.standard_normal():.5f}", f"{miou:.5f}"]
        if setting == CRASHED:
            state, scores, seconds = "crashed", ["", ""], 41.0
        elif setting == NOT_FINITE:
            scores = ["NaN", "NaN"]
        when = created + datetime.timedelta(minutes=35 * i)
        writer.writerow([f"run-{i}", state, f"{when:%Y-%m-%dT%H:%M:%S}.000Z", f"{seconds:.0f}", *setting, *scores])
    return file.getvalue()


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
