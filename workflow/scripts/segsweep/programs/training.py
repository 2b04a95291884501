"""A segment that a program trains: started, watched, and judged by what it wrote."""

import os
import time
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from segsweep.config.program import ProgramResults
from segsweep.config.yaml_documents import nearest
from segsweep.errors import InputError
from segsweep.io import read_csv, read_json_or_none, write_csv, write_json
from segsweep.metrics import improves
from segsweep.planning.plan_file import SegmentPlan
from segsweep.programs import failures
from segsweep.programs.called import CONFIG_FILES, called_with, placeholders
from segsweep.programs.columns import missing_columns
from segsweep.programs.epoch_rows import SECONDS, EpochRows
from segsweep.programs.kept_files import begin_with, files_in, keep_only
from segsweep.programs.output import Output
from segsweep.programs.process import Program, end_left_behind
from segsweep.programs.results_files import MalformedFile
from segsweep.programs.results_reader import ResultsReader, cut_half_lines
from segsweep.store.best_epoch import best_of_run
from segsweep.store.segment_store import PROGRAM_FILES, SegmentStore, selection_key

ROWS, STATE = "epochs.csv", "program.json"
POLL_S = 0.2
MEMORY_S = 5.0
# A file that is being written may be read by half for a moment.
MALFORMED_S = 10.0
# A program may write its checkpoint after the row of an epoch.
SETTLE_S, SETTLE_MOST_S = 1.0, 60.0
SHOWN_LINES = 8


class End(Enum):
    """Why watching a program came to an end."""

    BY_ITSELF = "it ended"
    ASKED = "the job is to stop"
    ENOUGH = "the last epoch of the segment is there"
    TOO_MANY = "there are more epochs than planned"
    DIVERGED = "a loss is not finite"
    UNREADABLE = "its metrics cannot be read"


class ProgramTraining:
    """What is known of a segment while a program trains it."""

    def __init__(
        self,
        segment: SegmentPlan,
        store: SegmentStore,
        *,
        device: str,
        threads: int,
        should_stop: Callable[[], bool],
        report: Callable[[dict[str, Any], dict[str, Any] | None], None],
        note: Callable[[str], None],
        environ: Mapping[str, str] = os.environ,
    ):
        """The arguments are those of `train` in `segsweep.trainers`; `environ` is the environment of the job."""
        self.segment, self.store, self.device, self.threads = segment, store, device, threads
        self.should_stop, self.report, self.note, self.environ = should_stop, report, note, environ
        self.part = store.part(segment.id)
        self.out = self.part / PROGRAM_FILES
        self.results = ProgramResults.model_validate(segment.program["results"])
        self.folder = Path(segment.program["folder"])
        self.state: dict[str, Any] = read_json_or_none(self.part / STATE) or {}
        self.parent = store.record(segment.parent) if segment.parent else None
        self.output = Output(self.part / "output.log")
        left = placeholders(segment.program)
        self.can_resume = "resume" in left
        # A program that is told the last epoch of the segment, or of the run, ends by itself.
        self.is_stopped = "until" not in left and segment.last_epoch < segment.total_epochs
        self.rows: EpochRows
        self.reader: ResultsReader
        self.peak_memory_mb = 0.0
        self._best_before = self._best_of_chain()
        self._reported: set[int] = set()

    @property
    def ended(self) -> bool:
        """Whether an earlier start of the program came to its end, and only reading what it wrote failed."""
        return bool(self.state.get("ended"))

    def end_left_behind(self) -> None:
        """End what an earlier start has left running."""
        if "group" in self.state:
            end_left_behind(self.state["group"], self.segment.id, self.note)

    def forget(self) -> None:
        """Let the next start begin the segment again."""
        (self.part / ROWS).unlink(missing_ok=True)

    def read_again(self) -> dict[str, Any]:
        """The outcome of a program that has ended before."""
        self._begin_reading(from_nothing=True)
        self._update(whole=True)
        return self._outcome_of_ended()

    def run(self) -> dict[str, Any] | None:
        """Start the program and see it through.

        Returns:
            The outcome, see `segsweep.trainers`; None if it had resumed what an earlier start left, and failed before
            any new epoch.

        Raises:
            InputError: it failed, or its metrics are not what the study says.
        """
        kept = self._prepare()
        resume = self.can_resume and (kept or self.parent is not None)
        command, environ = called_with(
            self.segment,
            self.part,
            resume=resume,
            device=self.device,
            threads=self.threads,
            environ=self.environ,
        )
        self._begin_reading()
        kills = failures.kernel_kills()
        self.output.begin()
        with Program(command, folder=self.folder, environ=environ, output=self.output.path) as program:
            self._remember(group=program.group)
            end = self._watch(program)
            if end is not End.BY_ITSELF:
                program.stop()
            status = program.status()
        self.output.pass_on()
        self._update(whole=True)
        if self.rows.bad_loss():
            return self._diverged()
        if end is End.BY_ITSELF and status != 0:
            if why := failures.memory_ran_out(self.output.said(), status, kills):
                return self._out_of_memory(why)
            if kept and not self.rows.fresh:
                return None
            raise self._failure(command, status)
        if end is End.ASKED:
            last = max(self.rows.by_epoch, default=self.segment.first_epoch - 1)
            return self._outcome("interrupted", f"stopped after epoch {last}")
        self._remember(ended=end is not End.UNREADABLE or status == 0)
        return self._outcome_of_ended()

    # Before the program.

    def _prepare(self) -> bool:
        """Make the program's folder ready; whether it holds what an earlier start trained."""
        if self.out.exists() and self.can_resume and self._kept_rows():
            cut_half_lines(self.out, self.results)
            return True
        begin_with(self.out, self.store.program_files(self.parent.id) if self.parent else None)
        self.forget()
        return False

    def _kept_rows(self) -> list[dict[str, str]]:
        return read_csv(self.part / ROWS) if (self.part / ROWS).is_file() else []

    def _begin_reading(self, from_nothing: bool = False) -> None:
        parent = self.parent.program["results"]["first_epoch"] if self.parent else None
        self.reader = ResultsReader(self.out, self.results, from_nothing=from_nothing)
        self.rows = EpochRows(
            self.results,
            self.reader.epoch_column,
            self.segment.first_epoch,
            self._kept_rows(),
            self.state.get("first_epoch", parent),
        )
        self._since = time.monotonic()

    def _remember(self, **changed: Any) -> None:
        """What the next start must know, should this one be killed."""
        seen = {"first_epoch": self.rows.first_epoch} if self.results.first_epoch is None else {}
        self.state |= seen | changed
        write_json(self.part / STATE, self.state)

    # While it runs.

    def _watch(self, program: Program) -> End:
        malformed_since = None
        measured = -MEMORY_S
        while program.status() is None:
            if self.should_stop():
                return End.ASKED
            began = time.monotonic()
            if began - measured >= MEMORY_S:
                measured = began
                self.peak_memory_mb = max(self.peak_memory_mb, program.memory_mb())
            self.output.pass_on()
            try:
                if malformed_since or self.reader.changed():
                    self._update(whole=False)
                    malformed_since = None
                    if (end := self._end_by_rows()) is not None:
                        if end is End.ENOUGH:
                            self._settle(program)
                        return end
            except MalformedFile:
                malformed_since = malformed_since or began
                if began - malformed_since > MALFORMED_S:
                    return End.UNREADABLE
            time.sleep(max(POLL_S, 5 * (time.monotonic() - began)))  # long files are read seldom
        return End.BY_ITSELF

    def _end_by_rows(self) -> End | None:
        """Why the program has to end, by what it has written so far."""
        last, trained = self.segment.last_epoch, max(self.rows.fresh, default=0)
        if self.rows.bad_loss():
            return End.DIVERGED
        if trained > last:
            return End.ENOUGH if self.is_stopped else End.TOO_MANY
        if self.is_stopped and trained == last and self.segment.metric in self.rows.here(last):
            return End.ENOUGH
        if self.reader.format.complete_header and self.rows.columns and self._missing():
            return End.UNREADABLE
        return None

    def _settle(self, program: Program) -> None:
        """Wait until the program writes nothing for a moment: its checkpoint may follow the row of the epoch."""
        until = time.monotonic() + SETTLE_MOST_S
        before, quiet_since = None, time.monotonic()
        while time.monotonic() < until and program.status() is None and not self.should_stop():
            now = files_in(self.out)
            if now != before:
                before, quiet_since = now, time.monotonic()
            elif time.monotonic() - quiet_since >= SETTLE_S:
                return
            time.sleep(POLL_S)

    def _update(self, whole: bool) -> None:
        """Take over what the program has written, keep it in epochs.csv, and report its epochs."""
        try:
            raw = self.reader.rows(whole)
            changed = self.rows.update(raw, time.monotonic() - self._since)
        except MalformedFile as error:
            if not whole:
                raise
            raise InputError(
                f"{self.segment.label}: {error} Have the program write each epoch's row as a whole, or correct "
                "`results` in the study."
            ) from error
        if not changed:
            return
        if changed[-1] not in self._reported:
            self._since = time.monotonic()
        self._remember()
        self._write_rows()
        for epoch in changed:
            row = self._numbers(epoch)
            if epoch not in self._reported and (self.segment.metric in row or epoch < changed[-1] or whole):
                self._reported.add(epoch)
                self.report({"epoch": epoch} | row, self._best())

    # After it.

    def _outcome_of_ended(self) -> dict[str, Any]:
        """The outcome of a program that came to its end, after all epochs or before."""
        last = self.segment.last_epoch
        if problems := self._problems():
            raise InputError(*problems)
        if self.is_stopped:
            self.rows.by_epoch = {epoch: row for epoch, row in self.rows.by_epoch.items() if epoch <= last}
        trained = max(self.rows.by_epoch)
        if trained < last:
            return self._outcome("early_stopped", f"the program ended after {trained} of {last} epochs")
        return self._outcome("finished", "")

    def _problems(self) -> list[str]:
        """What is wrong with the metrics of a program that has ended."""
        label, last = self.segment.label, self.segment.last_epoch
        again = f"What it trained is kept and read again; for another training remove {self.part}." * self.ended
        trained = max(self.rows.by_epoch, default=0)
        if trained > last and not self.is_stopped:
            return [
                f"{label}: the program wrote epoch {trained}, but only {last} are planned (`epochs`). Does it count "
                f"from {1 - (self.rows.first_epoch or 0)}? Then say so in `results.first_epoch`; else have it train "
                f"`{{until}}` epochs. {again}".rstrip()
            ]
        if not self.reader.files():
            there = sorted(str(path.relative_to(self.out)) for path in files_in(self.out))
            return [
                f"{label}: the program ended, but there is no file {self.results.file} in {self.out}. There "
                f"{'is' if len(there) == 1 else 'are'} {', '.join(there[:20]) or 'no files'}. Correct `results.file`, "
                f"or have the program write into `{{out}}`. {again}".rstrip()
            ]
        problems = [f"{label}: {one} {again}".rstrip() for one in self._missing()]
        if not problems and not self.rows.by_epoch:
            names = ", ".join(path.name for path in self.reader.files())
            problems = [
                f"{label}: the program ended, but {names} has no row of epochs {self.segment.first_epoch} to {last}. "
                f"Have it write one for each epoch. {again}".rstrip()
            ]
        return problems

    def _missing(self) -> list[str]:
        """Columns that the study needs and the program has not written."""
        header = dict.fromkeys([*self.rows.columns, *(name for row in self.rows.by_epoch.values() for name in row)])
        header.pop(SECONDS, None)
        number = self.reader.epoch_column
        if self.rows.columns and number not in header:
            near = nearest(number, list(header))
            return [f"results.columns: no column {number!r} for epoch. {near} Write `columns: {{epoch: COLUMN}}`."]
        return missing_columns(list(header), self.results, [self.segment.metric])

    def _diverged(self) -> dict[str, Any]:
        epoch, name, value = self.rows.bad_loss()
        self.rows.by_epoch = {one: row for one, row in self.rows.by_epoch.items() if one <= epoch}
        return self._outcome("diverged", f"{name} is {value} in epoch {epoch}")

    def _out_of_memory(self, why: str) -> dict[str, Any]:
        if self.segment.train["on_oom"] == "fail":
            raise InputError(f"{self.segment.label}: the program ran out of memory: {why}. `on_oom` is `fail`.")
        return self._outcome("oom", why)

    def _failure(self, command: str, status: int) -> InputError:
        said = self.output.said()
        place = failures.failing_line(said, self.folder)
        return InputError(
            f"{place or self.segment.label}: the program ended with {failures.status_in_words(status)}: {command}",
            failures.last_lines(said, SHOWN_LINES) or "It said nothing.",
            "Correct it and start again: only what failed runs.",
        )

    def _outcome(self, status: str, detail: str) -> dict[str, Any]:
        """See `segsweep.trainers`; of a segment that is complete, removes what was needed to train it alone."""
        checkpoint = self.segment.program["checkpoint"]
        file = self.out / checkpoint if checkpoint else None
        if status != "interrupted":
            self._write_rows()
            (self.part / STATE).unlink(missing_ok=True)
            for name in CONFIG_FILES.values():
                (self.part / name).unlink(missing_ok=True)
            self.output.shorten()
            if status != "finished" or not self.segment.can_be_extended:
                keep_only(self.out, [*self.segment.program["keep"], self.results.file, *([checkpoint] * bool(file))])
        first = 1 if self.rows.first_epoch is None else self.rows.first_epoch
        seconds = [float(self.rows.here(epoch).get(SECONDS) or 0) for epoch in self.rows.by_epoch]
        return {
            "status": status,
            "detail": detail,
            "epochs": max(self.rows.by_epoch, default=self.segment.first_epoch - 1),
            "best": {selection_key(self.segment.metric, self.segment.minimize): self._best()},
            "parameters": None,
            "checkpoint_mb": round(file.stat().st_size / 2**20, 3) if file and file.is_file() else None,
            "train_seconds": round(sum(seconds), 3),
            "peak_memory_mb": round(self.peak_memory_mb, 1) or None if self.device == "cpu" else None,
            "effective_batch": None,
            "micro_batch": None,
            "program": self.segment.program
            | {"results": self.results.model_dump(mode="json") | {"first_epoch": first}},
        }

    # Epochs.

    def _write_rows(self) -> None:
        names = dict.fromkeys(name for row in self.rows.by_epoch.values() for name in row)
        names.pop(SECONDS, None)
        write_csv(self.part / ROWS, self.rows.by_epoch.values(), [*names, SECONDS])

    def _numbers(self, epoch: int) -> dict[str, float]:
        """The row of an epoch under the names that its columns have here, as numbers."""
        return {name: float(value) for name, value in self.rows.here(epoch).items() if value and name != "epoch"}

    def _best(self) -> dict[str, Any] | None:
        """The run's best epoch so far."""
        best, minimize = self._best_before, self.segment.minimize
        for epoch in self.rows.by_epoch:
            value = self._numbers(epoch).get(self.segment.metric)
            if value is not None and improves(value, best and best["value"], minimize):
                best = {"epoch": epoch, "value": value, "segment": self.segment.id}
        return best

    def _best_of_chain(self) -> dict[str, Any] | None:
        """The best epoch of the segments that this one continues."""
        chain: list[str] = []
        parent = self.segment.parent
        while parent:
            chain.insert(0, parent)
            parent = self.store.record(parent).parent
        metric, minimize = self.segment.metric, self.segment.minimize
        return best_of_run(self.store, chain, metric, minimize, "", (), self.results)
