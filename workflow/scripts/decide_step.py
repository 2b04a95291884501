"""Take one decision of a study's adaptive part: from the step before and its results to the next step's file."""

import argparse
import sys
from pathlib import Path

from segsweep.component_checks.own_component import own_component
from segsweep.component_checks.sampler import check_sampler
from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.exits import program
from segsweep.io import read_json
from segsweep.planning.plan_file import open_plan
from segsweep.search.decisions import decide
from segsweep.search.narrow import earlier_trials
from segsweep.search.results import gather, scored_cells
from segsweep.search.step_files import write_step
from segsweep.store.segment_store import SegmentStore


@program
def main(argv: list[str] | None = None) -> int:
    """Parse, decide, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="plan.json of the study")
    parser.add_argument("--previous", required=True, help="file of the step before, or none")
    parser.add_argument("--results", type=Path, help="JSON file of results by key")
    parser.add_argument("--store", type=Path, help="folder of segments to read the results from")
    parser.add_argument("--candidates", type=Path, help="JSON file of a grid's cells: cell, set, score (first step)")
    parser.add_argument("--earlier", type=Path, help="earlier study's sweep folder or trials.csv (narrow, first step)")
    parser.add_argument("--output", type=Path, required=True, help="file of the step")
    options = parser.parse_args(argv)
    write_step(options.output, _next(options))
    return 0


def _next(options: argparse.Namespace) -> dict:
    plan = open_plan(options.plan)
    study = Study.model_validate(plan.study, by_alias=True, by_name=True)
    if options.previous.lower() == "none":
        if study.sweep is not None and study.sweep.sampler.own:
            check_sampler(own_component("sweep.sampler", study.sweep.sampler))
        candidates = None
        if study.sweep is None:
            candidates = (
                read_json(options.candidates) if options.candidates else scored_cells(plan, SegmentStore(options.store))
            )
        earlier = earlier_trials(options.earlier) if options.earlier else None
        return decide(study, None, {}, candidates=candidates, earlier=earlier)
    previous = read_json(Path(options.previous))
    if options.results:
        results = read_json(options.results)
    elif options.store:
        results = gather(plan, SegmentStore(options.store), previous["requested"])
    else:
        raise InputError("neither --results nor --store was given. One of them holds the results of the step before.")
    return decide(study, previous, results)


if __name__ == "__main__":
    sys.exit(main())
