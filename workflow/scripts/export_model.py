"""Export a study's model: weights, TorchScript, ONNX and a model card in one folder."""

import argparse
import sys
from pathlib import Path

from segsweep.exits import program


@program
def main(argv: list[str] | None = None) -> int:
    """Parse, export, say what could not be made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the study")
    parser.add_argument("--store", type=Path, default=Path("results/segments"), help="folder of trained segments")
    parser.add_argument("--results", type=Path, required=True, help="folder of the study's tables")
    parser.add_argument("--output", type=Path, required=True, help="folder: new, empty, or of an earlier export")
    parser.add_argument("--of", default="best", help="best, top 3, ensemble, or the name of a run")
    parser.add_argument(
        "--values", choices=("normalized", "stored"), default="normalized",
        help="what TorchScript and ONNX take: normalized values, or those of image files, which they normalize",
    )  # fmt: skip
    parser.add_argument("--licence", default="unknown", help="of the model, as the hub names it: mit, cc-by-4.0, ...")
    options = parser.parse_args(argv)

    from segsweep.model_export.export_model import export_model
    from segsweep.planning.plan_file import open_plan
    from segsweep.store.segment_store import SegmentStore

    problems = export_model(
        open_plan(options.plan), SegmentStore(options.store), options.results, options.output,
        of=options.of, values=options.values, licence=options.licence,
    )  # fmt: skip
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(list(options.output.rglob('*')))} files in {options.output}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
