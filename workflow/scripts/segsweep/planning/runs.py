"""From cells to runs and segments with content addresses.

A *phase* is consecutive epochs of a run over which no setting changes. Its hash covers all that can change its
outcome, and a segment is `<hash of the phase>-<last epoch>`: where a phase is cut changes no address, so that a fork,
a rung or an extended study leaves alone what is trained already.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from segsweep.planning.code_fingerprint import Code, Symbol
from segsweep.planning.grid import Cell
from segsweep.planning.program_fingerprint import ProgramCode
from segsweep.store.segment_record import split_id
from segsweep.store.segment_store import SegmentStore


@dataclass(frozen=True, slots=True)
class Phase:
    """Epochs `first` to `last` of a run, with one loss in force.

    Attributes:
        hash: of all that can change its outcome.
        loss: dump of the loss; empty where a program of its own trains.
        setting: what its settings add to the address, by section.
        roots: where the code begins that it executes.
        code: fingerprint of that code.
    """

    hash: str
    first: int
    last: int
    loss: dict[str, Any]
    setting: dict[str, Any]
    roots: frozenset[Symbol]
    code: str


@dataclass(slots=True)
class Run:
    """A cell trained with one seed, on one fold, for `epochs` of the `total_epochs` that its schedule knows.

    Attributes:
        data: address of what it sees of the data set.
        depends_on_end: whether an early epoch depends on how many epochs there will be.
    """

    run: str
    cell: Cell
    seed: int
    fold: dict[str, Any] | None
    epochs: int
    total_epochs: int
    key: str = ""
    role: str = ""
    data: str = ""
    depends_on_end: bool = False
    phases: list[Phase] = field(default_factory=list)
    segments: list[str] = field(default_factory=list)

    def can_be_extended(self, epoch: int) -> bool:
        """Whether any training may continue after an epoch: not after the end that a schedule looked at."""
        return epoch < self.total_epochs or not self.depends_on_end


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive epochs that one job trains."""

    id: str
    first_epoch: int
    last_epoch: int
    parent: str | None
    run: Run
    phase: Phase
    others: int = 0


class Context(Protocol):
    """What the runs of a study share, and what their addresses depend on besides their settings.

    Attributes:
        code: whose fingerprints the phases hold.
    """

    code: Code | ProgramCode

    def data_of(self, cell: Cell, fold: dict[str, Any] | None) -> str:
        """The address of what a run sees of the data."""

    def depends_on_end(self, cell: Cell) -> bool:
        """Whether an early epoch of a run depends on how many epochs there will be."""

    def phases(self, run: Run) -> list[Phase]:
        """The phases of a run of which all else is filled in."""

    def forget(self) -> None:
        """Free what was found so far."""


@dataclass
class Plan:
    """The runs of a study and the segments they consist of."""

    runs: list[Run]
    segments: dict[str, Segment]

    @property
    def epochs(self) -> int:
        """Epochs of all segments: what is trained with shared prefixes."""
        return sum(segment.last_epoch - segment.first_epoch + 1 for segment in self.segments.values())

    @property
    def epochs_run_by_run(self) -> int:
        """Epochs that training each run by itself would take."""
        return sum(run.epochs for run in self.runs)


def make_run(
    cell: Cell, seed: int, context: Context, *, fold=None, epochs=None, total_epochs=None, key="", role=""
) -> Run:
    """A run with the hashes of its phases.

    Args:
        cell: its setting.
        seed: its seed.
        context: what its study shares.
        fold: `{"index", "k", "seed", "within"}` or None; an index of None leaves no image out.
        epochs: epochs to train; all if not given.
        total_epochs: what the schedule takes for the end; the setting's epochs if not given.
        key: what a decision calls it.
        role: what it is for; its cell's if not given.
    """
    total = total_epochs or cell.resolved.sections["epochs"].value
    run = Run(
        run=f"{cell.cell}-s{seed}{_ending(fold, role)}",
        cell=cell,
        seed=seed,
        fold=fold,
        epochs=epochs or total,
        total_epochs=total,
        key=key,
        role=role or cell.role,
        data=context.data_of(cell, fold),
        depends_on_end=context.depends_on_end(cell),
    )
    run.phases = context.phases(run)
    return run


def _ending(fold: dict[str, Any] | None, role: str) -> str:
    """What of a run's name says what it is trained on.

    A member of an ensemble and a run of the study's own folds are two things, though both have a fold.
    """
    if fold is None:
        return ""
    return "-all" if fold["index"] is None else f"-{'m' if role == 'ensemble' else 'f'}{fold['index']}"


def cut(runs: Iterable[Run], store: SegmentStore) -> Plan:
    """Cut the phases of all runs into segments: where a run forks or ends, and where the store has a checkpoint."""
    runs = list(runs)
    ends: dict[str, set[int]] = {}
    for run in runs:
        for phase in run.phases:
            ends.setdefault(phase.hash, set()).add(phase.last)
    segments: dict[str, Segment] = {}
    users: dict[str, int] = {}
    for run in runs:
        run.segments, parent = [], None
        for phase in run.phases:
            for segment in _chain(phase, ends[phase.hash], store):
                if segment not in segments:
                    first = phase.first if parent is None else split_id(parent)[1] + 1
                    segments[segment] = Segment(segment, first, split_id(segment)[1], parent, run, phase)
                users[segment] = users.get(segment, 0) + 1
                run.segments.append(segment)
                parent = segment
    shared = {name: replace(one, others=users[name] - 1) for name, one in segments.items() if users[name] > 1}
    return Plan(runs, segments | shared)


def to_repeat(run: Run, store: SegmentStore) -> set[str]:
    """Complete segments of a run that ended out of memory, and are to be tried again."""
    ids = (f"{phase.hash}-{end:04d}" for phase in run.phases for end in store.ends.get(phase.hash, ()))
    return store.to_repeat(ids, run.cell.resolved.sections["on_oom"].dump)


def not_continuable(plan: Plan, store: SegmentStore) -> dict[str, str]:
    """Complete segments that one which is to be trained continues, but whose state is gone: why they train again."""
    parents = {one.parent for one in plan.segments.values() if one.id not in store.complete}
    return {
        parent: "more epochs follow, and its complete state was not kept"
        for parent in parents & store.complete.keys()
        if not store.can_be_continued(parent)
    }


def _chain(phase: Phase, ends: set[int], store: SegmentStore) -> list[str]:
    """Ids of the segments that make up a phase up to its last epoch."""
    stored = [end for end in store.ends.get(phase.hash, ()) if end <= phase.last]
    chain = store.chain(f"{phase.hash}-{stored[-1]:04d}") if stored else []
    begun = stored[-1] if stored else phase.first - 1
    return chain + [f"{phase.hash}-{end:04d}" for end in sorted(ends) if begun < end <= phase.last]
