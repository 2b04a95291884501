#!/usr/bin/env python
"""Train one segment of a plan, or find that it is complete."""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from segsweep import lean_imports
from segsweep.execution.requeue import requeue_job
from segsweep.execution.warm_client import run_warm
from segsweep.exits import CRASHED, INTERRUPTED, WRONG, WRONG_INPUT, note_killed
from segsweep.io import write_text


def main(argv: list[str] | None = None, job: Callable[..., int] | None = None) -> int:
    """Exit status: 0 complete; 1 crashed; 2 wrong input; 75 interrupted, to be started again.

    `job`: does the work, in place of `segment_job.run_job`.
    """
    argv = sys.argv[1:] if argv is None else argv
    options = parser().parse_args(argv)
    if options.warm:
        status = run_warm("train_segment", [word for word in argv if word != "--warm"])
        if status is not None:
            if options.log:
                note_killed(options.log, min(0, 128 - status))
            return status
    status = train(options, job)
    if status == INTERRUPTED and options.requeue:
        requeue_job(os.environ)
    return status


def stays(argv: list[str]) -> Callable[[], bool]:
    """What says, when a training has ended well, whether another one may follow in this process."""
    from segsweep.execution.process_state import ProcessState

    before, marker = ProcessState(), parser().parse_args(argv).marker
    return lambda: not (marker and marker.stat().st_size) and before.restore()  # of one that failed the marker says so


def parser() -> argparse.ArgumentParser:
    """Of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="results/STUDY/plan.json")
    parser.add_argument("--segment", required=True, help="id of the segment in the plan")
    parser.add_argument("--store", type=Path, required=True, help="folder of all segments: results/segments")
    parser.add_argument("--marker", type=Path, help="file to touch at the end")
    parser.add_argument("--threads", type=int, default=1, help="threads on the processor")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--log", type=Path, help="write all output there instead; the terminal gets a crash's end")
    parser.add_argument("--warm", action="store_true", help="in a process that has the libraries imported already")
    parser.add_argument(
        "--record-failures", action="store_true", help="a failure is written into the marker, with status 0"
    )
    parser.add_argument("--requeue", action="store_true", help="when interrupted, requeue the Slurm job around it")
    parser.set_defaults(shown_log=None)
    return parser


def train(options: argparse.Namespace, job: Callable[..., int] | None = None) -> int:
    """Train in this process; says on the terminal what went wrong."""
    lean_imports.install()
    terminal = sys.stderr
    # cuBLAS needs it for deterministic sums, and reads it when the GPU is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    asked = []
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, lambda number, _: asked.append(number))

    from segsweep.disk_errors import refusal_of_disk
    from segsweep.errors import InputError

    try:
        if options.log:
            options.log.parent.mkdir(parents=True, exist_ok=True)
            sys.stdout = sys.stderr = options.log.open("a", buffering=1)
        if job is None:
            with lean_imports.uncollected():
                from segsweep.execution.segment_job import run_job as job

        status = job(
            options.plan,
            options.segment,
            options.store,
            device=options.device,
            threads=options.threads,
            should_stop=lambda: bool(asked),
        )
        if status == 0 and options.marker:
            write_text(options.marker, "")
    except InputError as error:
        status, said = WRONG_INPUT, f"{WRONG}{error}"
    except Exception as error:
        refusal = refusal_of_disk(error)
        status, said = CRASHED, f"{WRONG}{refusal}" if refusal else traceback.format_exc()
    if status in (WRONG_INPUT, CRASHED):
        with suppress(OSError):  # a full disk takes no words either; the terminal does
            print(said.rstrip(), file=sys.stderr)
        end = "\n".join(said.rstrip().splitlines()[-12:])
        failure = f"{end}\nSegment {options.segment} failed. All of it: less {options.log or options.shown_log}"
        if terminal is not sys.stderr:
            print(failure, file=terminal)
        if options.record_failures:
            # Trying again cannot help: for the batch system the job is done, and the marker tells of the failure.
            write_text(options.marker, f"{failure}\n")
            return 0
    return status


if __name__ == "__main__":
    sys.exit(main())
