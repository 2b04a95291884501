"""What of a planned study its budget allows: which runs are left out from the start, and which train first."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from segsweep.config.budget import Budget
from segsweep.formatting import plural
from segsweep.planning.budget_ledger import RUNS, BudgetFile, Ledger, LeftOut, Length, like
from segsweep.planning.plan_file import RANKED_ROLES, SegmentPlan
from segsweep.planning.resources import MOST_READ, measurements, resource_profile
from segsweep.planning.runs import Plan, Run
from segsweep.store.lock import held_since
from segsweep.store.segment_store import SegmentStore

ROLES = {"confirm": 1, "ensemble": 2, "retrain": 3}  # what comes after all else


def in_order(runs: Iterable[Run]) -> list[Run]:
    """Runs in the order in which a budget lets them train: all first ones of their cells, then all second ones, …

    Runs of a cell come seed by seed, so each cell gets its first seed, on all folds, before any gets a second. What
    decisions ask for follows: first confirmations, then members of an ensemble, then what trains again for the test.
    """
    seen: dict[tuple[str, str], int] = {}
    ranked = []
    for number, run in enumerate(runs):
        place = (run.cell.cell, run.role)
        ranked.append((ROLES.get(run.role, 0), seen.get(place, 0), number, run))
        seen[place] = seen.get(place, 0) + 1
    return [run for *_, run in sorted(ranked, key=lambda one: one[:3])]


def name_of(run: Run) -> str:
    """What decisions and budgets call a run: a trial has one name at all of its rungs."""
    return run.key or run.run


class BudgetPlan:
    """The budget of a study, and what it leaves out, as its planner sees it.

    What is left out when it is first planned stays so in this start: a decision waits for all else.

    Attributes:
        left_out: segments that are planned and not trained.
        ledger: what the study has spent when this process planned it last.

    Args:
        budget: of the study.
        folder: results/<study>.
        on_gpu: learn run times only from trainings on a GPU, or only from those without; None: from all.
        set_aside: runs that are kept for what follows a grid or a search.
        clock: now, seconds since the epoch.
    """

    def __init__(
        self,
        budget: Budget,
        folder: Path,
        on_gpu: bool | None,
        *,
        set_aside: int = 0,
        clock: Callable[[], float] = time.time,
    ):
        self.budget, self.folder, self.on_gpu, self.set_aside, self.clock = budget, folder, on_gpu, set_aside, clock
        self.left_out: dict[str, LeftOut] = {}
        self.ledger: Ledger | None = None
        self._known = BudgetFile.read(folder) or BudgetFile(budget)
        self._measured: dict[str, float] | None = None
        self._admitted: set[str] = set()
        self._refused: dict[str, LeftOut] = {}  # runs over the number, by name
        self._seen: set[str] = set()  # segments that were planned before in this start
        self._too_long: dict[str, LeftOut] = {}  # segments that cannot end in time
        self._decided: dict[str, LeftOut] = {}  # runs that decisions were made without, by name

    def take_as_decided(self, runs: Mapping[str, LeftOut]) -> None:
        """Leave out runs, by name, that decisions were made without because of this budget."""
        self._decided |= runs

    def classify(self, plan: Plan, plans: dict[str, SegmentPlan], store: SegmentStore) -> None:
        """Find what of a plan is left out.

        Args:
            plan: its runs and segments.
            plans: of its segments.
            store: of all segments.
        """
        missing = {name: one for name, one in plans.items() if name not in store.complete}
        # What is trained again for its weights, or since it ran out of memory, was begun before.
        again = {name for name in missing if store.has(name)}
        self._learn(missing, plans, store)
        self._admit(plan, missing.keys() - again)
        for name in missing:
            if name not in self._seen and name not in again and not self._is_trained_now(name, store):
                refused = self.ledger.refusal(self.ledger.expected_s(name))
                if refused is not None:
                    self._too_long[name] = refused
        self._seen |= plans.keys()
        self.left_out = self._left_out(plan, missing.keys() - again)

    def leaves_nothing(self, plans: dict[str, SegmentPlan]) -> str:
        """What is wrong where all of a plan's segments are left out: there would be nothing to report. Else empty."""
        if not plans or not plans.keys() <= self.left_out.keys():
            return ""
        why = next(iter(self.left_out.values())).why
        return f"nothing is trained yet, and all of it is left out ({why}). Raise the budget, or take it out."

    def file(self) -> BudgetFile:
        """What jobs read."""
        return replace(self.ledger.file, left_out=self.left_out)

    def _learn(self, missing: dict[str, SegmentPlan], plans: dict[str, SegmentPlan], store: SegmentStore) -> None:
        if self._measured is None:
            found = measurements(store.readable_records(MOST_READ), self.on_gpu)
            wanted = {resource_profile(one): like(one) for one in plans.values()}
            self._measured = {wanted[name]: seconds for name, (seconds, _) in found.items() if name in wanted}
        seconds = {name: one for name, one in self._known.seconds.items() if name in plans and name not in missing}
        lengths = {name: Length.of(one) for name, one in missing.items()}
        measured = self._measured | {
            name: max(epoch_s, self._measured.get(name, 0.0)) for name, epoch_s in self._known.measured.items()
        }
        self._known = BudgetFile(self.budget, self.budget.ends, seconds, measured, lengths)
        self.ledger = Ledger(self._known, store, self.clock)
        self.ledger.take_in(name for name in plans if name not in missing and name not in seconds)

    def _admit(self, plan: Plan, missing: Iterable[str]) -> None:
        """Let in as many runs as the budget has; those that are trained count first."""
        if self.budget.runs is None:
            return
        missing = set(missing)
        new = [run for run in plan.runs if name_of(run) not in self._admitted and name_of(run) not in self._refused]
        trained = [run for run in new if missing.isdisjoint(run.segments)]
        self._admitted |= {name_of(run) for run in trained}
        for run in in_order(new):
            name = name_of(run)
            if name in self._admitted or name in self._decided:
                continue
            limit = self.budget.runs - (self.set_aside if run.role in RANKED_ROLES else 0)
            if len(self._admitted) < limit:
                self._admitted.add(name)
            else:
                self._refused[name] = LeftOut(RUNS, f"the budget is {plural(self.budget.runs, 'run')}", self.clock())

    def _is_trained_now(self, segment: str, store: SegmentStore) -> bool:
        return segment in store.locked and held_since(store.lock(segment)) is not None

    def _left_out(self, plan: Plan, missing: Iterable[str]) -> dict[str, LeftOut]:
        """The segments that no admitted run needs, those that cannot end in time, and all that continue such."""
        refused = {name: self._decided.get(name) or self._refused.get(name) for name in map(name_of, plan.runs)}
        needed = {one for run in plan.runs if refused[name_of(run)] is None for one in run.segments}
        found: dict[str, LeftOut] = {}
        over = {one: refused[name_of(run)] for run in plan.runs for one in run.segments}
        for name, segment in plan.segments.items():  # parents first
            if name not in missing:
                continue
            why = over[name] if name not in needed else self._too_long.get(name)
            parent = found.get(segment.parent) if segment.parent else None
            if parent is not None and why is None:
                why = replace(parent, why=f"{parent.why}; it continues one that is left out")
            if why is not None:
                found[name] = why
        return found
