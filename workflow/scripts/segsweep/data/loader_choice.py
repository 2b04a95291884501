"""Whether batches are made by processes, by threads or where they are asked for: what is fastest here."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import torch

SECONDS = 0.5  # that each of the two measurements may take
MOST_WORKERS = 4
# What it takes until processes work, each of which imports the libraries: they have to save more than that.
START_SECONDS = 20.0
GAIN = 1.1  # by which threads must be faster, to be worth it


def chosen(
    make: Callable[[Any], Any], work: list, epochs: int, *, movable: bool, processors: int | None = None
) -> tuple[str, int]:
    """What makes batches, "nothing", "threads" or "processes", and how many of them.

    Args:
        make: makes the batch of a piece of work.
        work: of an epoch, in the order in which it is asked for; some of it is done for the measurement.
        epochs: to come.
        movable: whether processes can make the same.
        processors: that this process may use; by default what the system says.
    """
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(MOST_WORKERS, (processors or available) - torch.get_num_threads())
    if workers < 1 or len(work) < 2:
        return "nothing", 0
    make(work[0])  # what is made once is made now
    alone = seconds_each(map(make, work))
    with ThreadPoolExecutor(workers) as pool:
        threaded = seconds_each(pool.map(make, work[: max(2, int(SECONDS / alone) * workers)]))
    movable = movable and hasattr(os, "memfd_create")
    how = decided(alone, threaded, workers, len(work) * epochs, movable=movable)
    return how, 0 if how == "nothing" else workers


def seconds_each(made: Iterable[Any]) -> float:
    """Seconds a batch, of as many as come in `SECONDS`."""
    began = perf_counter()
    count = spent = 0
    for _ in made:
        count, spent = count + 1, perf_counter() - began
        if spent > SECONDS:
            break
    return spent / count


def decided(alone: float, threaded: float, workers: int, batches: int, *, movable: bool) -> str:
    """What is best by seconds a batch, made alone and by threads.

    Processes wait for nobody: `workers` of them take a batch's time by their number. They win if that saves more over
    all batches than they take to start.
    """
    if movable and (min(alone, threaded) - alone / workers) * batches > START_SECONDS:
        return "processes"
    return "threads" if threaded * GAIN < alone else "nothing"
