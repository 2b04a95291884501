"""What a study's budget lets a decision start.

A decision asks before it requests runs that nobody needs to have: further trials, further seeds. What it must have to
end the study (confirmations of the best, members of an ensemble) it requests all the same, and the budget lets of them
train what it can; for these a part of the budget is set aside while the search goes on, at most half of it.
"""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from segsweep.config.budget import Budget
from segsweep.config.racing import first_seeds
from segsweep.config.study import Study
from segsweep.formatting import duration, plural
from segsweep.planning.budget_ledger import (
    GPU_HOURS,
    HOUR_S,
    RUNS,
    UNTIL,
    Ledger,
    LeftOut,
    shown,
)
from segsweep.planning.plan_file import StudyPlan
from segsweep.search.requests import replicates
from segsweep.search.retraining import chosen_count, retrains
from segsweep.search.step_files import State
from segsweep.store.segment_store import SegmentStore

PHASES = ("search", "race", "confirm", "ensemble", "retrain")


def later_runs(study: Study, phase: str = "search") -> list[tuple[int, int]]:
    """What follows a phase: so many runs of so many epochs, for each later phase that the study has.

    Args:
        study: after `smoke`.
        phase: `search`, `race` of seeds, `confirm`, `ensemble` or `retrain`.
    """
    epochs, found = study.total_epochs, {}
    if study.confirm is not None:
        runs = study.confirm.top * len(replicates(study, first_seeds(study.confirm.seeds)))
        found["confirm"] = (runs, study.confirm.epochs or epochs)
    if study.ensemble is not None:
        found["ensemble"] = (study.ensemble.folds, epochs)
    if retrains(study):
        found["retrain"] = (chosen_count(study), epochs)
    return [found[name] for name in PHASES[PHASES.index(phase) + 1 :] if name in found]


def set_aside(study: Study, phase: str = "search") -> int:
    """How many runs of the budget are kept for what follows a phase; at most half of them."""
    return min(sum(runs for runs, _ in later_runs(study, phase)), study.budget.runs // 2)


@dataclass
class Allowance:
    """What the budget lets one decision start, and what it was asked.

    Attributes:
        budget: of the study.
        runs_left: runs that may still be requested; None without such a limit.
        left_s: seconds of training that are left, without those that are requested already; None without a limit.
        to_end_s: seconds until trainings end; None where they do not.
        epoch_s: seconds of an epoch, as far as they are known.
        spent_s: seconds of training so far.
        at: when it was found, seconds since the epoch.
        kept: whether a part is kept for what follows the phase: it counts as spent in `runs_left` and `left_s`.
        left_out: runs that the budget has left out, by name: those that the decision looks at, and cannot.
        refused: what was asked for and cannot be, if anything was.
    """

    budget: Budget
    runs_left: int | None = None
    left_s: float | None = None
    to_end_s: float | None = None
    epoch_s: float | None = None
    spent_s: float = 0.0
    at: float = 0.0
    kept: bool = False
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    refused: LeftOut | None = None

    def grants(self, runs: int, epochs: int) -> bool:
        """Whether so many more runs of so many epochs each may be started. If so, they count from now on.

        What is refused stays so, and the state of the decision says why (`end_by_budget`).
        """
        self.refused = self.refused or self._refusal(runs, epochs)
        if self.refused:
            return False
        if self.runs_left is not None:
            self.runs_left -= runs
        if self.left_s is not None and self.epoch_s is not None:
            self.left_s -= runs * epochs * self.epoch_s
        return True

    def _refusal(self, runs: int, epochs: int) -> LeftOut | None:
        each_s = None if self.epoch_s is None else epochs * self.epoch_s
        beside = " beside what is kept for what follows" if self.kept else ""
        if self.runs_left is not None and runs > self.runs_left:
            left = f"{max(0, self.runs_left):,} of {plural(self.budget.runs, 'run')} are left{beside}"
            return LeftOut(RUNS, f"{left}, and {runs:,} more would be needed", self.at)
        if self.to_end_s is not None and (self.to_end_s <= 0 or (each_s or 0.0) > self.to_end_s):
            takes = f": a run takes about {duration(each_s)}" if each_s and self.to_end_s > 0 else ""
            return LeftOut(UNTIL, f"trainings end {self.budget.until}{takes}", self.at)
        if self.left_s is not None and (self.left_s <= 0 or runs * (each_s or 0.0) > self.left_s):
            limit = duration(HOUR_S * self.budget.gpu_hours)
            takes = f", and more would take about {duration(runs * each_s)}" if each_s else ""
            left = f"about {duration(max(0.0, self.left_s))} of {limit} are left{beside}"
            return LeftOut(GPU_HOURS, f"{left}{takes}", self.at)
        return None


def allowance_of(
    study: Study, plan: StudyPlan, store: SegmentStore, folder: Path, phase: str, left_out: dict[str, LeftOut]
) -> Allowance | None:
    """What the budget lets a decision start at this moment; None where the study has none.

    Args:
        study: after `smoke`.
        plan: with all runs that were requested so far.
        store: of all segments.
        folder: results/<study>.
        phase: what the requested runs are for.
        left_out: segments that the budget has left out.
    """
    ledger = Ledger.of(folder, store)
    if study.budget is None or ledger is None:
        return None
    names = {run.key or run.run: [left_out[one] for one in run.segments if one in left_out] for run in plan.runs}
    wanted = [one for one in ledger.file.missing if one not in ledger.file.seconds and one not in left_out]
    found = Allowance(study.budget, epoch_s=ledger.mean_epoch_s, spent_s=ledger.spent_s, at=time.time())
    found.kept = bool(later_runs(study, phase))
    found.left_out = {name: ones[0] for name, ones in names.items() if ones}
    if study.budget.runs is not None:
        used = len(names) - len(found.left_out)
        found.runs_left = study.budget.runs - used - set_aside(study, phase)
    if ledger.left_s is not None:
        later = sum(runs * epochs for runs, epochs in later_runs(study, phase)) * (ledger.mean_epoch_s or 0.0)
        found.left_s = ledger.left_s - sum(filter(None, map(ledger.expected_s, wanted)))
        found.left_s -= min(later, HOUR_S * study.budget.gpu_hours / 2)
    if ledger.file.ends is not None:
        found.to_end_s = ledger.file.ends - found.at
    return found


def end_by_budget(state: State, allowance: Allowance, without: dict[str, LeftOut]) -> None:
    """Write into a state that the budget has a say in it: it holds only as long as the budget is the same.

    Args:
        state: is changed.
        allowance: what the decision was given.
        without: runs, by name, that it was made without.
    """
    state["budget"] = shown(allowance.budget)
    state["log"].append(
        {
            "kind": "budget",
            "budget": shown(allowance.budget),
            "at": round(allowance.at),
            "spent_s": round(allowance.spent_s, 3),
            "epoch_s": allowance.epoch_s,
            "refused": allowance.refused and asdict(allowance.refused),
            "left_out": {name: asdict(one) for name, one in without.items()},
        }
    )


def decided_without(state: State) -> dict[str, LeftOut]:
    """The runs, by name, that a decision was made without because of the budget."""
    records: list[dict[str, Any]] = [record for record in state["log"] if record["kind"] == "budget"]
    return {name: LeftOut(**one) for record in records for name, one in record["left_out"].items()}
