"""Predict images that are part of no data set, with a study's best run, its ensemble, or a run by name."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from segsweep.exits import CRASHED, DONE, program
from segsweep.formatting import plural

SHOWN = 10


@program
def main(argv: list[str] | None = None) -> int:
    """Predict; returns the exit status: that of a crash where no image could be predicted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the study")
    parser.add_argument("--store", type=Path, default=Path("results/segments"), help="folder of trained segments")
    parser.add_argument("--ranking", type=Path, help="ranking.csv of the study; the one beside its plan if not given")
    parser.add_argument("--images", type=Path, required=True, help="folder of images, or one image")
    parser.add_argument("--output", type=Path, required=True, help="folder for the predictions")
    parser.add_argument("--of", default="best", help="best, ensemble, or the name of a run in runs.csv")
    parser.add_argument("--formats", nargs="*", default=[], help="of files: those that suit the task if not given")
    parser.add_argument("--window", type=int, help="look through windows of so many pixels, a multiple of 32")
    parser.add_argument("--overlap", type=float, default=0.5, help="share of a window that the next one covers again")
    parser.add_argument("--flips", default="none", help="none, horizontal or all: merge what mirrored images say")
    parser.add_argument("--smooth", action="store_true", help="interpolate probabilities where images are enlarged")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="threads of the computations on a CPU")
    options = parser.parse_args(argv)

    from segsweep.inference.predict_images import PREDICTED, SKIPPED, predict_images
    from segsweep.inference.prediction_options import PredictionOptions
    from segsweep.planning.plan_file import open_plan
    from segsweep.store.segment_store import SegmentStore

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("predict", total=None)
        rows = predict_images(
            open_plan(options.plan), SegmentStore(options.store),
            options.ranking or options.plan.with_name("ranking.csv"), options.images, options.output,
            of=options.of,
            options=PredictionOptions(options.window, options.overlap, options.flips, options.smooth),
            formats=options.formats,
            device=options.device, threads=options.threads,
            say=print,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    counts = Counter(row.status for row in rows)
    done = ", ".join(f"{counts[status]:,} {status}" for status in (PREDICTED, SKIPPED) if counts[status])
    print(f"{options.output}: {plural(len(rows), 'file')}, {done}")
    noted = [row for row in rows if row.reason]
    print("".join(f"  {row.image}: {row.reason}\n" for row in noted[:SHOWN]), end="")
    if len(noted) > SHOWN:
        print(f"  and {len(noted) - SHOWN:,} more in {options.output}/predictions.csv")
    return DONE if counts[PREDICTED] else CRASHED


if __name__ == "__main__":
    sys.exit(main())
