"""The tables of a study's budget: how much of it is used, and which cells have fewer runs because of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from segsweep.config.budget import Budget
from segsweep.planning.budget_ledger import GPU_HOURS, HOUR_S, RUNS, UNTIL, Ledger, LeftOut, shown
from segsweep.planning.plan_file import StudyPlan
from segsweep.search.step_files import State
from segsweep.store.segment_store import SegmentStore
from segsweep.tables import Column, Table

TIME = "%Y-%m-%dT%H:%M:%S"


class BudgetUse(Table):
    """A limit of the study's `budget`; none without it."""

    file = "budget.csv"
    rules = ("collect_results",)
    columns = (
        Column("limit", "text", "`gpu_hours`, `runs` or `until`."),
        Column("allowed", "text", "What the study says: hours, runs, a time."),
        Column("used", "text", "Hours that its trainings took, unfinished ones included; runs trained; the "
               "time when these tables were made."),
        Column("left_out", "integer", "Planned runs that are not trained to their end because of this limit."),
        Column("planned", "integer", "Planned runs of the study."),
        Column("trained", "integer", "Those that are trained to their end, or ended by themselves or by the pruner."),
        Column("at", "text", "When the first of them was left out.", empty="none was"),
        Column("ended", "text", "What this limit ended before all was asked for: `search`, `race` (of the study's "
               "seeds) or `confirm` (the race of the confirmation's seeds).", empty="nothing"),
        Column("why", "text", "What was left then.", empty="it ended nothing"),
    )  # fmt: skip


class BudgetCells(Table):
    """A cell of which the study's budget left out runs."""

    file = "budget_cells.csv"
    rules = ("collect_results",)
    columns = (
        Column("cell", "text", "Key of the cell."),
        Column("label", "text", "Its settings in words."),
        Column("role", "text", "What the runs are there for."),
        Column("planned", "integer", "Planned runs."),
        Column("trained", "integer", "Runs that are trained to their end."),
        Column("left_out", "integer", "Runs that the budget left out."),
    )


def budget_rows(
    plan: StudyPlan,
    store: SegmentStore,
    folder: Path,
    left_out: Mapping[str, LeftOut],
    states: Sequence[State],
    trained: int,
    now: datetime,
) -> list[dict[str, Any]]:
    """Rows of budget.csv.

    Args:
        plan: of the study.
        store: of all segments.
        folder: results/<study>.
        left_out: runs that are not trained to their end because of the budget, by name.
        states: after each decision of the study.
        trained: runs that are.
        now: the time.
    """
    ledger = Ledger.of(folder, store)
    if plan.study.get("budget") is None or ledger is None:
        return []
    budget = Budget.model_validate(plan.study["budget"])
    counts = Counter(one.kind for one in left_out.values())
    refused = refusals(states, budget)
    used = {GPU_HOURS: f"{ledger.spent_s / HOUR_S:.6g}", RUNS: trained, UNTIL: now.strftime(TIME)}
    return [
        {"limit": limit, "allowed": allowed, "used": used[limit], "left_out": counts[limit]}
        | {"planned": len(plan.runs), "trained": trained, "at": _first(left_out, limit)}
        | refused.get(limit, {})
        for limit, allowed in budget.model_dump(exclude_none=True).items()
    ]


def refusals(states: Sequence[State], budget: Budget) -> dict[str, dict[str, str]]:
    """What each limit of a budget ended, and why, where a decision asked for more and got nothing (`ended`, `why`)."""
    found: dict[str, dict[str, str]] = {}
    asking = "search" if states and states[0]["trials"] else "race"
    for state in states:
        for record in state["log"]:
            if record["kind"] == "budget" and record["refused"] and record["budget"] == shown(budget):
                found.setdefault(record["refused"]["kind"], {"ended": asking, "why": record["refused"]["why"]})
        asking = state["phase"]
    return found


def _first(left_out: Mapping[str, LeftOut], limit: str) -> str | None:
    times = [one.at for one in left_out.values() if one.kind == limit]
    return datetime.fromtimestamp(min(times)).strftime(TIME) if times else None


def budget_cell_rows(plan: StudyPlan, left_out: Mapping[str, LeftOut]) -> list[dict[str, Any]]:
    """Rows of budget_cells.csv; `left_out` as in `budget_rows`."""
    labels = {cell.cell: cell.label for cell in plan.cells}
    planned = Counter((run.cell, run.role) for run in plan.runs)
    lacking = Counter((run.cell, run.role) for run in plan.runs if run.run in left_out)
    return [
        {"cell": cell, "label": labels[cell], "role": role, "planned": planned[cell, role]}
        | {"trained": planned[cell, role] - count, "left_out": count}
        for (cell, role), count in lacking.items()
    ]
