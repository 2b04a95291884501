"""Write metrics.json: the scores of a study's chosen setting, in the form that `dvc metrics show` reads.

python workflow/scripts/write_metrics.py --results results/STUDY
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from segsweep.analysis.measures import is_measured
from segsweep.exits import program
from segsweep.io import read_csv, read_json, write_json
from segsweep.table_sums import check_tables


@program
def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=Path, required=True, help="folder of a study, with its analysis")
    folder = parser.parse_args(argv).results
    check_tables(folder)
    rows = {row["cell"]: row for row in read_csv(folder / "ranking.csv")}
    write_json(folder / "metrics.json", metrics(read_json(folder / "analysis.json"), rows))
    return 0


def metrics(analysis: dict[str, Any], ranking: dict[str, dict[str, str]]) -> dict[str, Any]:
    """What stands in metrics.json: sizes of the study, and of the chosen setting all that was measured.

    Args:
        analysis: content of analysis.json.
        ranking: rows of ranking.csv by cell.
    """
    found: dict[str, Any] = {"cells": analysis["n_cells"], "runs": analysis["n_runs"], "usable": analysis["n_usable"]}
    best = analysis.get("best")
    if best:
        found["best"] = {"cell": best["cell"], "label": best["label"], "runs": best["n"]}
        row = ranking.get(best["cell"], {})
        found["best"] |= {name: float(value) for name, value in row.items() if is_measured(name) and value}
        found["best"][analysis["metric"]] = best["mean"]
        found["best"] |= {f"{analysis['metric']} {end}": best[end] for end in ("low", "high") if best[end] is not None}
    return found


if __name__ == "__main__":
    sys.exit(main())
