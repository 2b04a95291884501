"""The metrics that a program writes for a segment: read, kept in epochs.csv, reported, and held against the study."""

import time
from collections.abc import Callable
from typing import Any

from segsweep.config.program import ProgramResults
from segsweep.config.yaml_documents import nearest
from segsweep.io import read_csv, write_csv
from segsweep.metrics import improves
from segsweep.planning.plan_file import SegmentPlan
from segsweep.programs.columns import missing_columns
from segsweep.programs.epoch_rows import SECONDS, EpochRows
from segsweep.programs.kept_files import files_in
from segsweep.programs.results_files import MalformedFile
from segsweep.programs.results_reader import ResultsReader
from segsweep.store.best_epoch import best_of_run
from segsweep.store.segment_store import PROGRAM_FILES, SegmentStore

ROWS = "epochs.csv"
SHOWN_FILES = 20


class SegmentMetrics:
    """What one start of a program writes, on top of what earlier starts have left.

    Attributes:
        malformed: why its files could not be read when last looked at, which may be so for a moment only; else empty.
    """

    def __init__(
        self,
        segment: SegmentPlan,
        store: SegmentStore,
        report: Callable[[dict[str, Any], dict[str, Any] | None], None],
        *,
        first_epoch: int | None,
        from_nothing: bool = False,
    ):
        """
        Args:
            segment: which is trained in `store.part(segment.id)`.
            store: of all segments.
            report: see `segsweep.trainers`.
            first_epoch: how the program numbers its first epoch, as an earlier start saw it.
            from_nothing: all that lies in the program's folder counts, not only what is written from now on.
        """
        self.segment, self.report = segment, report
        self.part = store.part(segment.id)
        self.out = self.part / PROGRAM_FILES
        self.results = ProgramResults.model_validate(segment.program["results"])
        self.reader = ResultsReader(self.out, self.results, from_nothing=from_nothing)
        kept = read_csv(self.part / ROWS) if (self.part / ROWS).is_file() else []
        earlier = [int(row["epoch"]) for row in store.read_rows(segment.parent)] if segment.parent else []
        begins = segment.first_epoch
        self.rows = EpochRows(self.results, self.reader.epoch_column, begins, kept, first_epoch, earlier)
        self._best_before = _best_of_chain(segment, store, self.results)
        self.malformed = ""
        self._reported: set[int] = set()
        self._since = time.monotonic()

    @property
    def trained(self) -> int:
        """The last epoch there is; the one before the segment if there is none."""
        return max(self.rows.by_epoch, default=self.segment.first_epoch - 1)

    @property
    def trained_now(self) -> int:
        """The last epoch that this start has written; 0 if there is none."""
        return max(self.rows.fresh, default=0)

    @property
    def seconds(self) -> float:
        """Of all epochs of the segment: as the program says, else by the clock."""
        measured = self.rows.measured
        return sum(float(self.rows.here(one).get(SECONDS) or measured.get(one, 0)) for one in self.rows.by_epoch)

    @property
    def first_epoch(self) -> int:
        """How the program numbers its first epoch, as far as its files tell."""
        return 1 if self.rows.first_epoch is None else self.rows.first_epoch

    def update(self, whole: bool) -> None:
        """Take over what the program has written.

        Args:
            whole: whether it has ended by itself: its last line then needs no line feed.
        """
        self.malformed = ""
        try:
            changed = self.rows.update(self.reader.rows(whole), time.monotonic() - self._since)
        except MalformedFile as error:
            self.malformed = str(error)
            return
        if not changed:
            return
        if changed[-1] not in self._reported:
            self._since = time.monotonic()
        self.write()
        for epoch in changed:
            row = self._numbers(epoch)
            # Validation may write its part of the row later.
            if epoch not in self._reported and (self.segment.metric in row or epoch < changed[-1] or whole):
                self._reported.add(epoch)
                self.report({"epoch": epoch} | row, self.best(epoch))

    def bad_loss(self) -> tuple[int, str, str] | None:
        """See `EpochRows`, of the epochs of the segment."""
        return self.rows.bad_loss(self.segment.last_epoch)

    def cut(self, last: int) -> None:
        """Forget the epochs after one."""
        self.rows.by_epoch = {epoch: row for epoch, row in self.rows.by_epoch.items() if epoch <= last}

    def write(self) -> None:
        """Write epochs.csv."""
        names = dict.fromkeys(name for row in self.rows.by_epoch.values() for name in row)
        names.pop(SECONDS, None)
        write_csv(self.part / ROWS, self.rows.by_epoch.values(), [*names, SECONDS])

    def has_metric(self, epoch: int) -> bool:
        """Whether an epoch has a value of the study's metric."""
        return epoch in self.rows.by_epoch and self.segment.metric in self._numbers(epoch)

    def best(self, last: int) -> dict[str, Any] | None:
        """The run's best epoch up to one: {"epoch", "value", "segment"}."""
        best = self._best_before
        for epoch in (one for one in self.rows.by_epoch if one <= last):
            value = self._numbers(epoch).get(self.segment.metric)
            if value is not None and improves(value, best and best["value"], self.segment.minimize):
                best = {"epoch": epoch, "value": value, "segment": self.segment.id}
        return best

    def missing(self) -> list[str]:
        """What there is to say of columns that the study needs and the program has not written."""
        header = dict.fromkeys([*self.rows.columns, *(name for row in self.rows.by_epoch.values() for name in row)])
        if SECONDS not in self.rows.columns:
            header.pop(SECONDS, None)  # it was measured here
        number = self.reader.epoch_column
        if self.rows.columns and number not in header:
            near = nearest(number, list(header))
            return [f"results.columns: no column {number!r} for epoch. {near} Write `columns: {{epoch: COLUMN}}`."]
        return missing_columns(list(header), self.results, [self.segment.metric])

    def problems(self) -> list[str]:
        """What is wrong with the metrics of a program that has ended, a text each."""
        segment = self.segment
        if self.malformed:
            return [
                f"{self.malformed} Have the program write the row of an epoch as a whole, or correct `results` in the "
                "study."
            ]
        if self.trained > segment.last_epoch:
            return [
                f"the program wrote epoch {self.trained}, but only {segment.last_epoch} are planned (`epochs`). Does "
                f"it count from {1 - self.first_epoch}? Then say so in `results.first_epoch`; else have it train "
                "`{until}` epochs."
            ]
        if not self.reader.files():
            there = sorted(str(path.relative_to(self.out)) for path in files_in(self.out))
            return [
                f"the program ended, but there is no file {self.results.file} in {self.out}. There "
                f"{'is' if len(there) == 1 else 'are'} {', '.join(there[:SHOWN_FILES]) or 'no files'}. Correct "
                "`results.file`, or have the program write into `{out}`."
            ]
        seen = bool(self.rows.columns or self.rows.by_epoch)  # else a file without rows has no columns to speak of
        if seen and (missing := self.missing()):
            return missing
        if not self.rows.by_epoch:
            names = ", ".join(path.name for path in self.reader.files())
            return [
                f"the program ended, but {names} has no row of epochs {segment.first_epoch} to {segment.last_epoch}. "
                "Have it write one for each epoch."
            ]
        return []

    def _numbers(self, epoch: int) -> dict[str, float]:
        """The row of an epoch under the names that its columns have here."""
        return {name: float(value) for name, value in self.rows.here(epoch).items() if value and name != "epoch"}


def _best_of_chain(segment: SegmentPlan, store: SegmentStore, results: ProgramResults) -> dict[str, Any] | None:
    """The best epoch of the segments that one continues."""
    chain: list[str] = []
    parent = segment.parent
    while parent:
        chain.insert(0, parent)
        parent = store.record(parent).parent
    return best_of_run(store, chain, segment.metric, segment.minimize, "", (), results)
