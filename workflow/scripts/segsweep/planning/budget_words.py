"""What a budget allows of a planned study, and what is left of it, in sentences."""

from collections.abc import Iterator

from segsweep.config.budget import Budget
from segsweep.formatting import duration, plural
from segsweep.planning.budget_ledger import HOUR_S, Ledger
from segsweep.planning.planner import Planner
from segsweep.search.allowance import set_aside


def about_budget(study: Planner) -> Iterator[str]:
    """What the budget of a study allows of what is planned so far, in runs and hours; nothing without one."""
    if study.budget is None:
        return
    budget, ledger, cut = study.study.budget, study.budget.ledger, study.cut
    yield from left_of(budget, ledger, _trained(study))
    left_out = study.left_out_by_budget
    runs = {run.key or run.run for run in cut.runs}
    without = {run.key or run.run for run in cut.runs if not left_out.keys().isdisjoint(run.segments)}
    missing = study.missing()
    expected = [ledger.expected_s(one) for one in missing]
    known = [seconds for seconds in expected if seconds is not None]
    takes = f"the {plural(len(missing), 'segment')} to train take about {duration(sum(known))} of training"
    if len(known) < len(expected):
        takes = f"how long the {plural(len(missing), 'segment')} to train take is known of {len(known) or 'none'}"
    if without:
        yield f"  Of {plural(len(runs), 'planned run')} the budget leaves out {len(without)}" + (
            f"; {takes}." if missing else "."
        )
    elif missing:
        yield f"  It allows all {plural(len(runs), 'run')} planned so far; {takes}."
        if budget.gpu_hours is not None and sum(known) > max(0.0, ledger.left_s):
            yield "  That is more than is left: the last ones will be left out."
    cells = len({run.cell.cell for run in cut.runs})
    bare = cells - len({run.cell.cell for run in cut.runs if (run.key or run.run) not in without})
    if bare:
        yield f"  {bare:,} of {plural(cells, 'cell')} {'has' if bare == 1 else 'have'} no run at all."
    if budget.runs is None:
        return
    if aside := set_aside(study.study):
        yield f"  Of {plural(budget.runs, 'run')} {aside} are kept for what follows the search or the grid."


def _trained(study: Planner) -> int:
    """How many of the runs planned so far are trained to their end."""
    runs = {run.key or run.run: run for run in sorted(study.cut.runs, key=lambda run: run.epochs)}
    return sum(run.segments[-1] in study.store.complete for run in runs.values())


def left_of(budget: Budget, ledger: Ledger, trained: int) -> Iterator[str]:
    """A sentence for each limit of a budget: what is used of it, and what is left.

    Args:
        budget: of a study.
        ledger: what it has spent.
        trained: runs of it that are trained to their end.
    """
    if budget.runs is not None:
        left = max(0, budget.runs - trained)
        yield (
            f"Budget: {plural(budget.runs, 'run')}; of those planned so far {trained:,} are trained, {left:,} are left."
        )
    if budget.gpu_hours is not None:
        limit, left = HOUR_S * budget.gpu_hours, max(0.0, ledger.left_s)
        yield f"Budget: {duration(limit)} of training, {duration(ledger.spent_s)} are spent, {duration(left)} are left."
    if budget.until is not None:
        left = budget.ends - ledger.clock()
        when = f"in {duration(left)}" if left > 0 else f"that was {duration(-left)} ago: nothing more trains"
        yield f"Budget: trainings end {budget.until}, {when}."
