"""Write metrics.json: the scores of a study's chosen setting, in the form that `dvc metrics show` reads.

python workflow/scripts/write_metrics.py --results results/STUDY
"""

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

MEASURED = ("val/", "cost/", "stability/", "convergence/", "overfit/")


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=Path, required=True, help="folder of a study, with its analysis")
    folder = parser.parse_args(argv).results
    analysis = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    with (folder / "ranking.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["cell"]: row for row in csv.DictReader(file)}
    text = json.dumps(metrics(analysis, rows), indent=1)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
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
        found["best"] |= {name: float(value) for name, value in _measured(ranking.get(best["cell"], {}))}
        found["best"][analysis["metric"]] = best["mean"]
        found["best"] |= {f"{analysis['metric']} {end}": best[end] for end in ("low", "high") if best[end] is not None}
    return found


def _measured(row: dict[str, str]):
    return [(name, value) for name, value in row.items() if name.startswith(MEASURED) and value]


if __name__ == "__main__":
    sys.exit(main())
