"""From cells to runs and segments with content addresses.

A *stretch* is a row of epochs of a run over which no setting changes. Its hash covers all that can change
its outcome, and a segment is `<hash of the stretch>-<last epoch>`: where a stretch is cut changes no address,
so that a fork, a rung or a prolonged study leaves alone what is trained already.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from segsweep.planning.code_fingerprint import fingerprint
from segsweep.planning.grid import Cell
from segsweep.planning.overrides import loss_in_force
from segsweep.store.segment_store import Store, split_id


@dataclass(frozen=True)
class Stretch:
    """Epochs `first` to `last` of a run, with one loss in force."""

    hash: str
    first: int
    last: int
    loss: dict[str, Any]
    code: str


@dataclass
class Run:
    """A cell trained with one seed, on one fold, for `epochs` of the `total_epochs` that its schedule knows."""

    run: str
    cell: Cell
    seed: int
    fold: dict[str, Any] | None
    epochs: int
    total_epochs: int
    key: str = ""
    role: str = ""
    stretches: list[Stretch] = field(default_factory=list)
    segments: list[str] = field(default_factory=list)

    def can_be_prolonged(self, epoch: int) -> bool:
        """Whether any training may go on after an epoch: not after the end that a schedule looked at."""
        return epoch < self.total_epochs or not self.cell.resolved.depends_on_end


@dataclass(frozen=True)
class Segment:
    """Consecutive epochs that one job trains."""

    id: str
    first_epoch: int
    last_epoch: int
    parent: str | None
    run: Run
    loss: dict[str, Any]
    code: str
    others: int = 0


@dataclass(frozen=True)
class Context:
    """What all runs of a study share and what their addresses depend on."""

    study: str
    task: str
    metric: str
    minimize: bool
    data: "Any"
    augmentations: "Any"
    weights: "Any"


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
    """A run with the hashes of its stretches.

    Args:
        cell: its setting.
        seed: its seed.
        context: what its study shares.
        fold: `{"index", "k", "seed", "within"}` or None.
        epochs: epochs to train; all if not given.
        total_epochs: what the schedule takes for the end; the setting's epochs if not given.
        key: what a decision calls it.
        role: what it is for; its cell's if not given.
    """
    dump = cell.resolved.dump
    total = total_epochs or dump["epochs"]
    # A member of an ensemble and a run of the study's own folds are two things, though both have a fold.
    letter = "m" if role == "ensemble" else "f"
    name = f"{cell.cell}-s{seed}" + (f"-{letter}{fold['index']}" if fold else "")
    run = Run(name, cell, seed, fold, epochs or total, total, key, role or cell.role)
    shared = "\n".join(
        [
            *cell.resolved.outcome(),
            json.dumps([seed, fold, context.metric, context.minimize]),
            context.data(dump["data"]),
            context.augmentations(dump["data"]["augmentation"]),
            str(total) if cell.resolved.depends_on_end else "",
        ]
    )
    if weights := context.weights(dump["model"]["encoder_weights"]):
        shared += f"\n{weights}"
    before = ""
    for first, last, loss in _phases(dump["loss"], total):
        if first > run.epochs:
            break
        code = fingerprint(dump | {"loss": loss}, context.task)
        text = "\n".join([shared, json.dumps(loss, sort_keys=True), code, before])
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        run.stretches.append(Stretch(digest, first, min(last, run.epochs), loss, code))
        before = f"{digest}-{last}"
    return run


def _phases(loss: dict[str, Any], total: int) -> list[tuple[int, int, dict]]:
    """(first epoch, last epoch, loss in force) of each phase; neighbours with the same loss are one."""
    found: list[tuple[int, int, dict]] = []
    first = 1
    for phase in loss["phases"] or [None]:
        last = min((phase or {}).get("until_epoch") or total, total)
        current = loss_in_force(loss, phase)
        if first > last:
            continue
        if found and found[-1][2] == current:
            first = found.pop()[0]
        found.append((first, last, current))
        first = last + 1
    return found


def cut(runs: Iterable[Run], store: Store) -> Plan:
    """Cut the stretches of all runs into segments: where a run forks or ends, and where the store has a checkpoint."""
    runs = list(runs)
    ends: dict[str, set[int]] = {}
    for run in runs:
        for stretch in run.stretches:
            ends.setdefault(stretch.hash, set()).add(stretch.last)
    segments: dict[str, Segment] = {}
    users: dict[str, int] = {}
    for run in runs:
        run.segments, parent = [], None
        for stretch in run.stretches:
            for segment in _chain(stretch, ends[stretch.hash], store):
                if segment not in segments:
                    last = split_id(segment)[1]
                    first = stretch.first
                    if parent is not None:
                        first = split_id(parent)[1] + 1
                    segments[segment] = Segment(segment, first, last, parent, run, stretch.loss, stretch.code)
                users[segment] = users.get(segment, 0) + 1
                run.segments.append(segment)
                parent = segment
    return Plan(runs, {name: _with_users(segment, users[name]) for name, segment in segments.items()})


def to_repeat(run: Run, store: Store) -> set[str]:
    """Complete segments of a run that ended out of memory, and are to be tried again."""
    ids = (f"{stretch.hash}-{end:04d}" for stretch in run.stretches for end in store.ends.get(stretch.hash, ()))
    return store.to_repeat(ids, run.cell.resolved.sections["on_oom"].dump)


def _with_users(segment: Segment, users: int) -> Segment:
    return segment if users == 1 else Segment(**{**segment.__dict__, "others": users - 1})


def _chain(stretch: Stretch, ends: set[int], store: Store) -> list[str]:
    """Ids of the segments that make up a stretch up to its last epoch."""
    stored = [end for end in store.ends.get(stretch.hash, ()) if end <= stretch.last]
    chain = store.chain(f"{stretch.hash}-{stored[-1]:04d}") if stored else []
    begun = stored[-1] if stored else stretch.first - 1
    return chain + [f"{stretch.hash}-{end:04d}" for end in sorted(ends) if begun < end <= stretch.last]
