"""How far a study is: cells and runs done, running, failed, the best so far, the time to go."""

import csv
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segsweep.store.segment_store import Store, selection_key

# A training reports at least once an epoch; after this it no longer counts as running unless it holds its lock.
RECENT = 900.0


@dataclass(frozen=True)
class Status:
    """Where a study stands. `best` is (score, label of the run), `seconds_to_go` None while nothing is known."""

    cells: int
    cells_done: int
    runs: int
    runs_done: int
    epochs: int
    epochs_done: int
    running: list[str]
    failed: list[str]
    ended: dict[str, int]
    best: list[tuple[float, str]]
    seconds_to_go: float | None


def status_of(plan: dict[str, Any], store: Store, logs: Path, *, now: float | None = None) -> Status:
    """Read the status of a study from its plan and the store.

    Args:
        plan: content of plan.json.
        store: the store of segments.
        logs: folder with the logs of trainings.
        now: seconds since the epoch; the clock's if not given.
    """
    now = time.time() if now is None else now
    segments = plan["segments"]
    ways = {name: segments[name]["train"]["on_oom"] for name in store.complete & set(segments)}
    store.leave_out(name for name, on_oom in ways.items() if store.to_repeat([name], on_oom))
    done = [run for run in plan["runs"] if run["segments"][-1] in store.complete]
    open_cells = {run["cell"] for run in plan["runs"] if run["segments"][-1] not in store.complete}
    cells = {run["cell"] for run in plan["runs"]}
    running, failed, partly = [], [], 0
    for segment in sorted(store.started & set(segments)):
        folder = store.root / f"{segment}.part"
        partly += max(0, _epochs_in(folder) - segments[segment]["first_epoch"] + 1)
        (running if now - _last_sign(folder) < RECENT else failed).append(segments[segment]["label"])
    for segment in sorted(set(segments) - store.complete - store.started):
        if (logs / f"{segment}.log").is_file():
            failed.append(segments[segment]["label"])
    lengths = {name: one["last_epoch"] - one["first_epoch"] + 1 for name, one in segments.items()}
    complete = [name for name in segments if name in store.complete]
    seconds = sum(store.record(name)["train_seconds"] for name in complete)
    epochs_done = sum(lengths[name] for name in complete)
    left = sum(lengths.values()) - epochs_done - partly
    ended: dict[str, int] = {}
    scores = []
    for run in done:
        record = store.record(run["segments"][-1])
        ended[record["status"]] = ended.get(record["status"], 0) + 1
        best = (record["best"] or {}).get(selection_key(plan["study"]["metric"], plan["study"]["minimize"]))
        if best:
            scores.append((best["value"], record["label"]))
    sign = 1 if plan["study"]["minimize"] else -1
    return Status(
        len(cells), len(cells - open_cells), len(plan["runs"]), len(done), sum(lengths.values()), epochs_done + partly,
        running, failed, ended, sorted(scores, key=lambda pair: sign * pair[0]),
        seconds / epochs_done * left / max(1, len(running)) if epochs_done else None,
    )  # fmt: skip


def _epochs_in(folder: Path) -> int:
    """Last epoch that an unfinished training has written."""
    path = folder / "epochs.csv"
    if not path.is_file():
        return 0
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return int(rows[-1]["epoch"]) if rows else 0


def _last_sign(folder: Path) -> float:
    return max((path.stat().st_mtime for path in folder.iterdir()), default=folder.stat().st_mtime)
