#!/usr/bin/env python
"""Train several segments of a plan in one job, some at a time.

Each has a process of its own. On a GPU the processes stay, and each trains one segment after the other.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import train_segment

from segsweep.execution.gpus import list_gpus
from segsweep.execution.mps import MultiProcessService
from segsweep.execution.pack import run_pack
from segsweep.execution.preloading import preload
from segsweep.execution.requeue import requeue_job
from segsweep.exits import INTERRUPTED, program
from segsweep.io import write_text


@program
def main(argv: list[str] | None = None) -> int:
    """Exit status: 0 all complete; 1 some crashed; 2 wrong input; 75 interrupted, to be started again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="results/STUDY/plan.json")
    parser.add_argument("--segments", nargs="+", required=True, help="ids of the segments in the plan")
    parser.add_argument("--store", type=Path, required=True, help="folder of all segments: results/segments")
    parser.add_argument("--at-once", type=int, default=1, help="segments trained at the same time")
    parser.add_argument("--marker", help="file to touch when a segment is complete; {segment} is its id")
    parser.add_argument("--log", help="file for a segment's output; {segment} is its id")
    parser.add_argument("--threads", type=int, default=1, help="threads on the processor, shared by those at once")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument(
        "--record-failures", action="store_true", help="failures are written into the markers, with status 0"
    )
    parser.add_argument(
        "--mps", action="store_true", help="those at once share a GPU by NVIDIA's MPS, where it can be started"
    )
    parser.add_argument("--requeue", action="store_true", help="when interrupted, requeue the Slurm job around it")
    options = parser.parse_args(argv)
    asked = []
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, lambda number, _: asked.append(number))

    from segsweep.planning.plan_file import read_segment

    plans = [read_segment(options.plan, segment) for segment in options.segments]
    parents = {plan.id: plan.parent for plan in plans}
    if any(plan.program is None for plan in plans):
        preload()

    def log(segment: str) -> Path | None:
        return Path(options.log.format(segment=segment)) if options.log else None

    def train(segment: str) -> int:
        return train_segment.train(
            argparse.Namespace(
                plan=options.plan,
                segment=segment,
                store=options.store,
                marker=Path(options.marker.format(segment=segment)) if options.marker else None,
                threads=max(1, options.threads // options.at_once),
                device=options.device,
                log=None,  # the process writes there already
                shown_log=log(segment),
                record_failures=options.record_failures,
            )
        )

    on_gpu = has_gpu(options.device)
    kept = {"may_stay": staying({plan.id: plan.trainer for plan in plans}, options.marker)} if on_gpu else {}
    mps = MultiProcessService()
    if options.mps and on_gpu and options.at_once > 1:
        mps.start()
    try:
        status = run_pack(parents, train, log, at_once=options.at_once, should_stop=lambda: bool(asked), **kept)
    finally:
        mps.stop()
    if options.record_failures and not asked:
        status = status_with_markers(parents, options.marker)
    if status == INTERRUPTED and options.requeue:
        requeue_job(os.environ)
    return status


def has_gpu(device: str) -> bool:
    """Whether trainings here may take a GPU; the driver is asked, as this process must not touch a GPU before it forks.

    Args:
        device: as in the settings: auto, cpu, cuda or cuda:N.
    """
    return device != "cpu" and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1") and bool(list_gpus())


def staying(trainers: dict[str, str], marker: str | None) -> Callable[[str], bool]:
    """What says, in the process of a segment that ended well, whether another one may follow there.

    Of a segment that failed the marker says so, and of a program the process is another one.

    Args:
        trainers: segment: the trainer that its plan names.
        marker: path of a segment's marker; {segment} is its id.
    """
    from segsweep.execution.process_state import ProcessState

    before = ProcessState()  # as forked processes get it

    def may_stay(segment: str) -> bool:
        failed = marker and Path(marker.format(segment=segment)).stat().st_size
        return trainers[segment] == "builtin" and not failed and before.restore()

    return may_stay


def status_with_markers(parents: dict[str, str | None], marker: str) -> int:
    """Exit status of a pack that says in each segment's marker how it went; 75 if one was killed.

    Args:
        parents: segment: its parent, parents first.
        marker: path of a segment's marker; {segment} is its id.
    """
    status = 0
    for segment, parent in parents.items():
        mine = Path(marker.format(segment=segment))
        if not mine.exists() and parent in parents:
            theirs = Path(marker.format(segment=parent))
            if theirs.exists() and theirs.stat().st_size:
                write_text(mine, f"Segment {segment} was left out: {parent}, which it needs, failed.\n")
        if not mine.exists():
            status = INTERRUPTED
    return status


if __name__ == "__main__":
    sys.exit(main())
