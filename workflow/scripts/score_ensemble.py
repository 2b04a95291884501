"""Score the models of an ensemble, each by itself and together, on images that none of them was trained on."""

import argparse
import sys
from pathlib import Path

from segsweep.exits import program
from segsweep.table_sums import note_tables


@program
def main(argv: list[str] | None = None) -> int:
    """Score; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the study")
    parser.add_argument("--store", type=Path, default=Path("results/segments"), help="folder of trained segments")
    parser.add_argument("--output", type=Path, required=True, help="folder for ensemble.json and its tables")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="threads of the computations on a CPU")
    options = parser.parse_args(argv)

    from segsweep.inference.ensemble_scores import score, write
    from segsweep.inference.test_looks import record_ensemble
    from segsweep.planning.plan_file import open_plan
    from segsweep.store.segment_store import SegmentStore

    plan = open_plan(options.plan)
    found = score(plan, SegmentStore(options.store), device=options.device, threads=options.threads)
    record_ensemble(options.plan.parent, plan, found)
    write(found, options.output)
    note_tables(options.output, "score_ensemble")
    for row in found["rows"]:
        print(f"{row['method']}: {found['metric']} {row['scores'][found['metric']]:.4f}")
    print("\n".join(found["notes"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
