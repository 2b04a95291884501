#!/usr/bin/env python
"""Evaluate a trained run on a split, with another post-processing, or for metrics that need its predictions."""

import argparse
import sys
from pathlib import Path

import yaml

from segsweep.exits import program


@program
def main(argv: list[str] | None = None) -> int:
    """Evaluate; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the study")
    parser.add_argument("--run", required=True, help="name of the run in runs.csv")
    parser.add_argument("--split", default="val", help="val, test, or another split of the data set")
    parser.add_argument("--store", type=Path, default=Path("results/segments"), help="folder of trained segments")
    parser.add_argument("--output", type=Path, required=True, help="JSON file of scores; a .npz of counts beside it")
    parser.add_argument(
        "--postprocess", nargs="*", default=[], metavar="KEY=VALUE", help="keys of train.postprocess to change"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="threads of the computations on a CPU")
    options = parser.parse_args(argv)

    from segsweep.inference.evaluate_run import evaluate_run, write
    from segsweep.inference.test_looks import record_evaluation
    from segsweep.planning.plan_file import open_plan
    from segsweep.store.segment_store import SegmentStore

    changed = {word.partition("=")[0]: yaml.safe_load(word.partition("=")[2]) for word in options.postprocess}
    plan = open_plan(options.plan)
    evaluation = evaluate_run(
        plan, options.run, SegmentStore(options.store), options.split,
        postprocess=changed, device=options.device, threads=options.threads,
    )  # fmt: skip
    record_evaluation(options.plan.parent, plan, evaluation.about, changed)
    write(evaluation, options.output)
    for name, value in evaluation.scores.items():
        print(f"{name} {value:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
