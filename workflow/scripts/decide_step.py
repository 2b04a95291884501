"""Take one decision of a study's adaptive part: from the step before and its results to the next step's file."""

import argparse
import sys
from collections.abc import Container
from pathlib import Path

from segsweep.component_checks.own_component import own_component
from segsweep.component_checks.pruner import check_pruner
from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.exits import program
from segsweep.io import read_json
from segsweep.planning.budget_ledger import read_left_out
from segsweep.planning.plan_file import StudyPlan, open_plan
from segsweep.search.allowance import allowance_of
from segsweep.search.decision_inputs import basis_of
from segsweep.search.decisions import decide
from segsweep.search.narrow import earlier_trials
from segsweep.search.results import cells_with_scores, gather, scored_cells
from segsweep.search.retraining import Finalist, finalists, retrains
from segsweep.search.step_files import Candidate, State, Trial, awaited, states_up_to, write_step
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
    states = [] if options.previous.lower() == "none" else states_up_to(Path(options.previous))
    before = states[-1] if states else None
    state = _next(options, before)
    write_step(options.output, state, before)
    if options.store and state["trials"]:
        _tell_optuna(options, [*states, state])
    return 0


def _next(options: argparse.Namespace, before: State | None) -> State:
    plan = open_plan(options.plan)
    study = Study.model_validate(plan.study, by_alias=True, by_name=True)
    allowance, left_out = None, {}
    if options.store and study.budget is not None:
        folder, store = options.plan.parent, SegmentStore(options.store)
        left_out = read_left_out(folder, store)
        phase = before["phase"] if before else "search"
        allowance = allowance_of(study, plan, store, folder, phase, left_out)
    if before is None:
        if study.sweep is not None and study.sweep.sampler.own:
            from segsweep.component_checks.sampler import check_sampler  # here: it imports optuna

            check_sampler(own_component("sweep.sampler", study.sweep.sampler))
        if study.sweep is not None and study.sweep.pruner.own:
            check_pruner(own_component("sweep.pruner", study.sweep.pruner))
        candidates = None
        if study.sweep is None:
            candidates = read_json(options.candidates) if options.candidates else _cells(study, plan, options, left_out)
        earlier = earlier_trials(options.earlier) if options.earlier else None
        basis = basis_of(run.segments[-1] for run in plan.runs if not run.key) if study.sweep is None else None
        found = _finalists(study, plan, options, [], left_out)
        given = {"finalists": found, "basis": basis, "allowance": allowance}
        return decide(study, None, {}, candidates=candidates, earlier=earlier, **given)
    if options.results:
        results = read_json(options.results)
    elif options.store:
        results = gather(plan, SegmentStore(options.store), awaited(before), left_out)
    else:
        raise InputError("neither --results nor --store was given. One of them holds the results of the step before.")
    found = _finalists(study, plan, options, before["trials"], left_out)
    return decide(study, before, results, finalists=found, allowance=allowance)


def _cells(study: Study, plan: StudyPlan, options: argparse.Namespace, left_out: Container[str]) -> list[Candidate]:
    scored = scored_cells if study.race is None else cells_with_scores
    return scored(plan, SegmentStore(options.store), left_out)


def _tell_optuna(options: argparse.Namespace, states: list[State]) -> None:
    """Add the decision to Optuna's storage beside the step files, for who watches the search."""
    # Needs optuna, which takes a second to import; a grid has no trials.
    from segsweep.search.optuna_journal import write_journal

    write_journal(states, open_plan(options.plan), SegmentStore(options.store), options.output.parent)


def _finalists(
    study: Study, plan: StudyPlan, options: argparse.Namespace, trials: list[Trial], left_out: Container[str]
) -> list[Finalist]:
    """Needed by the step that ends all others; before it, runs are not trained to their ends."""
    if not options.store or not retrains(study):
        return []
    return finalists(study, plan, SegmentStore(options.store), trials, left_out)


if __name__ == "__main__":
    sys.exit(main())
