"""Runs of one setting whose curves are equal in all columns: a seed, or a fold, that changed nothing.

Two such runs are one result. Columns that measure the machine and not the training (seconds, memory) are left out, as
are those that only say which run it is, or what every run is given (learning rate, steps). Scores of few digits may be
equal by chance: a curve has to have `DIGITS` of them.
"""

import re
from collections.abc import Iterable, Sequence

# Words of names of columns that differ between two runs of the very same training, that name the run, or that are equal
# in different ones.
NOT_COMPARED = {
    "time", "times", "timestamp", "date", "s", "sec", "secs", "second", "seconds", "ms", "elapsed", "duration", "eta",
    "wall", "clock", "speed", "throughput", "fps", "ips", "memory", "mem", "ram", "vram", "mb", "gb", "gpu", "cpu",
    "utilization", "temperature", "seed", "fold", "run", "id", "lr", "rate", "step", "steps", "iteration", "iterations",
}  # fmt: skip
# Significant digits of all different numbers of a curve together, as of the rows of imported tables.
DIGITS = 8
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def compared_columns(header: Iterable[str]) -> list[str]:
    """The columns of a curve that are the same in two runs only where their trainings are."""
    return [name for name in header if not NOT_COMPARED & {word.lower() for word in WORD.findall(name)}]


def curve_key(header: Sequence[str], rows: Iterable[Sequence[str]]) -> int | None:
    """What equal curves share, and other ones as good as never; None of a curve of too few digits to tell.

    Args:
        header: names of the columns.
        rows: the fields of each epoch, as texts.
    """
    compared = compared_columns(header)
    columns = [i for i, name in enumerate(header) if name in compared]
    epochs = [tuple(row[i] for i in columns) for row in rows]
    varying = [i for i, name in enumerate(compared) if name != "epoch"]
    numbers = {epoch[i] for epoch in epochs for i in varying}
    return hash((tuple(compared), tuple(epochs))) if sum(map(_digits, numbers)) >= DIGITS else None


def repeated_runs(curves: Iterable[tuple[str, str, int | None]]) -> dict[str, str]:
    """Runs whose curve an earlier run of the same cell has too: name of the run, name of that earlier one.

    Args:
        curves: cell, name and `curve_key` of each run.
    """
    first: dict[tuple[str, int], str] = {}
    found = {}
    for cell, run, key in curves:
        if key is not None and first.setdefault((cell, key), run) != run:
            found[run] = first[cell, key]
    return found


def _digits(number: str) -> int:
    """Significant digits of a number as it is written: 2 of `0.0120`."""
    return len(re.sub(r"\D", "", number.lower().partition("e")[0]).strip("0"))
