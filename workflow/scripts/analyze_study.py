"""Analyse a study's tables: ranking, factors, ANOVA, importance, claims, and all else that a report states."""

import argparse
import sys
from pathlib import Path

from segsweep.analysis.analyze import Analysis, others_of
from segsweep.analysis.study_results import open_results
from segsweep.exits import program
from segsweep.formatting import plural
from segsweep.table_sums import check_tables, note_tables


@program
def main(argv: list[str] | None = None) -> int:
    """Analyse; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder with plan.json, cells.csv and runs.csv")
    parser.add_argument("--compare", nargs="*", default=[], help="further studies or earlier reports to compare with")
    arguments = parser.parse_args(argv)
    check_tables(arguments.results)
    results = open_results(arguments.results)
    others, problems = others_of(results, arguments.results, arguments.compare)
    for text in problems:
        print(text, file=sys.stderr)
    analysis = Analysis(results, others, problems=problems)
    analysis.write(arguments.results)
    note_tables(arguments.results, "analyze_study")
    best = analysis.best
    what = f"best {best['label']}, {results.metric} {best['mean']:.4g}" if best else "no usable run"
    print(f"{arguments.results}: {plural(len(results.runs), 'run')} analysed; {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
