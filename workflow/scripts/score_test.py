"""Score the chosen models of a study on its test split, and count this look at it."""

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
    parser.add_argument("--ranking", type=Path, required=True, help="ranking.csv of the study")
    parser.add_argument("--output", type=Path, required=True, help="folder for test.json, its tables and the ledger")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="threads of the computations on a CPU")
    options = parser.parse_args(argv)

    from segsweep.inference.chosen_models import models_to_test
    from segsweep.inference.test_looks import read_looks, record_look
    from segsweep.inference.test_scores import score, write
    from segsweep.planning.plan_file import open_plan
    from segsweep.store.segment_store import SegmentStore

    plan, store = open_plan(options.plan), SegmentStore(options.store)
    chosen = models_to_test(plan, store, options.ranking)
    found = score(plan, store, chosen, device=options.device, threads=options.threads)
    looks = record_look(options.output, found.look) if found.look else len(read_looks(options.output))
    write(found, options.output)
    note_tables(options.output, "score_test")
    metric = found.about["metric"]
    print("\n".join(f"{row['run']}: {metric} {row['scores'][metric]:.4f}" for row in found.rows))
    print("\n".join([f"different looks at the test split so far: {looks}", *found.about["notes"]]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
