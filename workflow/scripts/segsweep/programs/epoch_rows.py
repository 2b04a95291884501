"""The rows of epochs.csv of a segment that a program trains."""

import math
from collections.abc import Iterable, Mapping

from segsweep.config.program import ProgramResults
from segsweep.programs.columns import renamed, renamed_rows
from segsweep.programs.results_files import MalformedFile, Row

SECONDS = "seconds"
# Losses that must be finite.
WATCHED = ("train/loss", "val/loss")


class EpochRows:
    """A row for each epoch, under the program's own names; epochs are counted from 1.

    Attributes:
        by_epoch: the rows.
        first_epoch: how the program numbers its first epoch; None while nothing tells.
        columns: of the program, as seen so far.
        fresh: epochs that this start has written.
        measured: seconds of each of them, by the clock.
        earlier: epochs whose rows were there before this start, and 0.
    """

    def __init__(
        self,
        results: ProgramResults,
        epoch_column: str,
        begins: int,
        kept: Iterable[Mapping[str, str]] = (),
        first_epoch: int | None = None,
        earlier: Iterable[int] = (),
    ):
        """
        Args:
            results: of the study.
            epoch_column: the program's column of epochs.
            begins: first epoch of the segment: rows of earlier ones are passed over.
            kept: rows of epochs.csv that earlier starts have left.
            first_epoch: as earlier starts saw it.
            earlier: epochs before `begins` of which there are rows, as far as they are known.
        """
        self.results, self.epoch_column, self.begins = results, epoch_column, begins
        self.first_epoch = first_epoch if results.first_epoch is None else results.first_epoch
        self.by_epoch: dict[int, Row] = {int(row["epoch"]): {k: v for k, v in row.items() if v} for row in kept}
        self.earlier = {0, *earlier, *self.by_epoch}
        self.columns: dict[str, None] = {}
        self.fresh: dict[int, None] = {}
        self.measured: dict[int, float] = {}

    def update(self, raw: list[Row], elapsed_s: float) -> list[int]:
        """Take over what the program has written in this start so far.

        Args:
            raw: its rows.
            elapsed_s: since the last update: the time of epochs that are new, where the program writes none.

        Returns:
            The epochs that are new, or have other values now.

        Raises:
            MalformedFile: an epoch is no whole number.
        """
        self.columns |= dict.fromkeys(name for row in raw for name in row)
        names = renamed(self.columns, self.results)
        # What says nothing of an epoch by itself, under the names here: a program may call a score `lr` or `seconds`.
        known = {one for one, here in names.items() if here not in ("epoch", "lr", SECONDS)} - {self.epoch_column}
        is_measured = names.get(SECONDS, SECONDS) == SECONDS
        numbered = [(self._number(row[self.epoch_column]), row) for row in raw if self.epoch_column in row]
        if self.first_epoch is None and numbered:
            self.first_epoch = 0 if any(number == 0 for number, _ in numbered) else None
        offset = 1 - (1 if self.first_epoch is None else self.first_epoch)
        found: dict[int, Row] = {}
        for number, row in numbered:
            epoch = number + offset
            if epoch >= self.begins and not known.isdisjoint(row):
                own = {name: value for name, value in row.items() if name not in ("epoch", self.epoch_column)}
                found[epoch] = found.get(epoch, {}) | own
        if not found:
            return []
        before = self.by_epoch
        changed = [epoch for epoch, row in found.items() if not _same(before.get(epoch), row)]
        if changed:  # else the later ones are still what follows
            self.by_epoch = {epoch: row for epoch, row in before.items() if epoch < min(found)}
        new = [epoch for epoch in changed if epoch not in before or epoch not in self.fresh]
        for epoch, row in found.items():
            if epoch in new:
                self.measured[epoch] = elapsed_s / len(new)
            seconds = self.measured[epoch] if epoch in new else float(before[epoch].get(SECONDS, "nan"))
            measured = {SECONDS: f"{seconds:.3f}"} if is_measured and SECONDS not in row else {}
            self.by_epoch[epoch] = {"epoch": str(epoch)} | row | measured
            self.fresh[epoch] = None
        self.by_epoch = dict(sorted(self.by_epoch.items()))
        return sorted(changed)

    def here(self, epoch: int) -> Row:
        """The row of an epoch under the names that its columns have here, percent as a share of 1."""
        return renamed_rows([self.by_epoch[epoch]], self.results)[0]

    def lost(self) -> tuple[int, int] | None:
        """The first and the last of the epochs that lack a row between those that earlier starts have left and what
        follows; None if there are none, or the program leaves out epochs anyway, as it did just before.
        """
        last = max(self.earlier)
        follows = min((epoch for epoch in self.by_epoch if epoch > last), default=last + 1)
        return (last + 1, follows - 1) if follows > last + 1 and last - 1 in self.earlier else None

    def bad_loss(self, last: int) -> tuple[int, str, str] | None:
        """The first epoch, up to a last one, with a loss that is not finite: epoch, name of the loss and its value."""
        for epoch in (one for one in self.by_epoch if one <= last):
            row = self.here(epoch)
            for name in WATCHED:
                if name in row and not math.isfinite(float(row[name])):
                    return epoch, name, row[name]
        return None

    def _number(self, text: str) -> int:
        value = float(text)
        if not value.is_integer():
            raise MalformedFile(
                f"the column {self.epoch_column!r} holds {text}; the number of an epoch is a whole one. If it is "
                "a part of an epoch, have the program write a row when an epoch ends; if it is something else, name "
                "the column of epochs in `results.columns.epoch`."
            )
        return int(value)


def _same(kept: Row | None, row: Row) -> bool:
    """Whether a row of epochs.csv is what the program has written, but for what was measured."""
    return kept is not None and {**kept, "epoch": "", SECONDS: ""} == {**row, "epoch": "", SECONDS: ""}
