"""Put the metrics of a study's runs into tables: cells.csv, runs.csv, epochs.csv, images.csv, missing.csv, …"""

import argparse
import sys
from datetime import datetime
from pathlib import Path

from segsweep.analysis.budget_tables import budget_cell_rows, budget_rows
from segsweep.analysis.collect import collect, write
from segsweep.exits import program
from segsweep.formatting import plural
from segsweep.planning.budget_ledger import left_out_of, read_left_out
from segsweep.planning.plan_file import open_plan
from segsweep.search.step_files import read_steps
from segsweep.store.segment_store import STORE, SegmentStore
from segsweep.table_sums import note_tables


@program
def main(argv: list[str] | None = None) -> int:
    """Collect; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the study")
    parser.add_argument("--store", type=Path, default=STORE, help="folder of trained segments")
    parser.add_argument("--output", type=Path, required=True, help="folder for the tables")
    parser.add_argument("--partial", action="store_true", help="accept that runs are missing, and list them")
    arguments = parser.parse_args(argv)
    plan, store, folder = open_plan(arguments.plan), SegmentStore(arguments.store), arguments.plan.parent
    left_out = read_left_out(folder, store)
    collected = collect(plan, store, partial=arguments.partial, left_out=left_out)
    runs = {run.run: one for run in plan.runs if (one := left_out_of(run, left_out))}
    trained = sum(row["run"] not in runs for row in collected.runs)
    states = read_steps(folder / "sweep")
    collected.budget = budget_rows(plan, store, folder, runs, states, trained, datetime.now())
    collected.budget_cells = budget_cell_rows(plan, runs)
    write(collected, arguments.output)
    note_tables(arguments.output, "collect_results")
    lacking = f", {plural(len(collected.missing), 'run')} missing" if collected.missing else ""
    print(
        f"{arguments.output}: {plural(len(collected.runs), 'run')} of {plural(len(collected.cells), 'cell')}{lacking}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
