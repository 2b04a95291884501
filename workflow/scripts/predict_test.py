"""Predict the test split with a study's ensemble, or with its best run, as a file to submit."""

import argparse
import sys
from pathlib import Path

from segsweep.exits import program


@program
def main(argv: list[str] | None = None) -> int:
    """Predict; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the study")
    parser.add_argument("--store", type=Path, default=Path("results/segments"), help="folder of trained segments")
    parser.add_argument("--ranking", type=Path, required=True, help="ranking.csv of the study")
    parser.add_argument("--output", type=Path, required=True, help="the zip file; a .json beside it says what is in it")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="threads of the computations on a CPU")
    options = parser.parse_args(argv)

    from segsweep.inference.split_predictions import predict_test
    from segsweep.inference.test_looks import record_predictions
    from segsweep.planning.plan_file import open_plan
    from segsweep.store.segment_store import SegmentStore

    plan = open_plan(options.plan)
    about = predict_test(
        plan, SegmentStore(options.store), options.ranking, options.output,
        device=options.device, threads=options.threads,
    )  # fmt: skip
    record_predictions(options.plan.parent, plan, about)
    print("\n".join([f"{options.output}: {about['images']} images of the split {about['split']}", *about["notes"]]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
