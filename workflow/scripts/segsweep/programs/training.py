"""A segment that a program trains: started, watched, and judged by what it wrote."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from segsweep.errors import InputError
from segsweep.execution.gpus import memory_of
from segsweep.io import read_csv, read_json_or_none, write_json
from segsweep.planning.plan_file import SegmentPlan
from segsweep.programs import failures
from segsweep.programs.called import CONFIG_FILES, called_with, placeholders
from segsweep.programs.kept_files import begin_with, files_in, keep_only, make_links_relative
from segsweep.programs.output import Output
from segsweep.programs.process import Program, end_left_behind, resident_mb
from segsweep.programs.results_reader import cut_half_lines
from segsweep.programs.segment_metrics import ROWS, SegmentMetrics
from segsweep.store.segment_record import selection_key
from segsweep.store.segment_store import PROGRAM_FILES, SegmentStore

STATE, OUTPUT = "program.json", "output.log"
POLL_S = 0.2
MEMORY_S, GPU_MEMORY_S = 2.0, 10.0
# A file that is being written may be read by half for a moment.
MALFORMED_S = 10.0
# A program may write its checkpoint after the row of an epoch.
SETTLE_S, SETTLE_MOST_S = 1.0, 60.0
# A batch system sends the signal to end to all processes at once, and the program may be gone before the job knows.
ASKED_S = 0.3
# By these somebody ends a program, which says nothing of its checkpoint.
KILLED_BY = (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
SHOWN_LINES = 8


class End(Enum):
    """Why watching a program came to an end."""

    BY_ITSELF = "it ended"
    ASKED = "the job is to stop"
    ENOUGH = "the last epoch of the segment is there"
    TOO_MANY = "there are more epochs than planned"
    DIVERGED = "a loss is not finite"
    MALFORMED = "its metrics cannot be read"
    INCOMPLETE = "its metrics lack columns"
    LOST = "rows of epochs are lost"


class ProgramTraining:
    """One segment, over one start of its program or more."""

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
        self.folder = Path(segment.program["folder"])
        state = read_json_or_none(self.part / STATE)
        self.state: dict[str, Any] = state if isinstance(state, dict) else {}
        self.parent = store.record(segment.parent) if segment.parent else None
        self.output = Output(self.part / OUTPUT)
        left = placeholders(segment.program)
        self.can_resume = "resume" in left
        # A program that is told the last epoch of the segment, or of the run, ends by itself.
        self.is_stopped = "until" not in left and segment.last_epoch < segment.total_epochs
        self.metrics: SegmentMetrics
        self.peak_memory_mb = 0.0
        self._measure_at_s = 0.0

    @property
    def ended(self) -> bool:
        """Whether an earlier start of the program came to its end, and only what it wrote was not as the study says."""
        return bool(self.state.get("ended"))

    def end_left_behind(self) -> None:
        """End what an earlier start has left running."""
        for number in end_left_behind(str(self.part.resolve())):
            self.note(f"ended process {number}, which an earlier start had left behind")

    def drop_damaged(self) -> None:
        """Begin the segment again where something has spoiled the rows that an earlier start has left."""
        path = self.part / ROWS
        try:
            for row in read_csv(path) if path.is_file() else []:
                int(row["epoch"])
        except (InputError, LookupError, ValueError) as error:
            path.unlink()
            self.note(f"{path} cannot be read ({error}); the segment begins again")

    def read_again(self) -> dict[str, Any]:
        """The outcome of a program that has ended before.

        Raises:
            InputError: its metrics are not what the study says.
        """
        self.metrics = self._begin_metrics(from_nothing=True)
        self.metrics.update(whole=True)
        return self._outcome_of_ended()

    def run(self, *, from_nothing: bool = False) -> dict[str, Any] | None:
        """Start the program and see it through.

        Args:
            from_nothing: begin the run again, and do not resume.

        Returns:
            The outcome, see `segsweep.trainers`; None if it had resumed, but could not, and has to begin again.

        Raises:
            InputError: it failed, or its metrics are not what the study says.
        """
        resume = self._prepare(from_nothing)
        if resume:
            self._take_over_written()
            if self._has_lost_rows():
                return None
        given = {"resume": resume, "device": self.device, "threads": self.threads, "environ": self.environ}
        command, environ = called_with(self.segment, self.part, **given)
        self.metrics = self._begin_metrics()
        if self.metrics.bad_loss():
            return self._diverged()
        if self._is_enough():
            return self._outcome_of_ended()
        self._measure_at_s = 0.0
        kills = failures.kernel_kills()
        self.output.begin()
        with Program(command, folder=self.folder, environ=environ, output=self.output.path) as program:
            end = self._watch(program, resume)
            if end is not End.BY_ITSELF:
                program.stop()
            status = program.status()
        self.output.pass_on()
        if end not in (End.MALFORMED, End.LOST):  # these stand
            # The last line of a program that was ended may be cut anywhere, also within a number.
            self.metrics.update(whole=end is End.BY_ITSELF and status == 0)
        if self.metrics.bad_loss():
            return self._diverged()
        if end in (End.ASKED, End.BY_ITSELF) and self._was_asked(status):
            return self._outcome("interrupted", f"stopped after epoch {self.metrics.trained}")
        if end is End.BY_ITSELF and status != 0 and (why := failures.memory_ran_out(self.output.said(), status, kills)):
            return self._out_of_memory(why)
        if resume and self._could_not_resume(end, status):
            return None
        if end is End.BY_ITSELF and status != 0:
            raise self._failure(command, status)
        self._remember(ended=status == 0 or end not in (End.MALFORMED, End.INCOMPLETE))
        return self._outcome_of_ended()

    # Before the program.

    def _prepare(self, from_nothing: bool) -> bool:
        """Make the program's folder ready; whether it holds what there is to resume."""
        resume = not from_nothing and self.can_resume and self.out.exists() and (self.part / ROWS).is_file()
        if not resume:
            parent = None if from_nothing else self.parent
            (self.part / ROWS).unlink(missing_ok=True)  # first: rows without their files would be resumed
            begin_with(self.out, self.store.program_files(parent.id) if parent else None)
            resume = parent is not None
        if resume:
            cut_half_lines(self.out, self.segment.program["results"]["file"])
        return resume

    def _take_over_written(self) -> None:
        """Take over the rows that lie there already: of a start whose job was killed before it read them, or of epochs
        after those of the parent, before the program was stopped.
        """
        self.metrics = self._begin_metrics(from_nothing=True)
        self.metrics.update(whole=False)
        self._remember()

    def _begin_metrics(self, from_nothing: bool = False) -> SegmentMetrics:
        seen = self.parent.program["results"]["first_epoch"] if self.parent else None
        first_epoch = self.state.get("first_epoch", seen)
        return SegmentMetrics(self.segment, self.store, self.report, first_epoch=first_epoch, from_nothing=from_nothing)

    def _remember(self, **changed: Any) -> None:
        """Write down what the next start must know, should this one be killed."""
        if self.metrics.results.first_epoch is None:
            self.state["first_epoch"] = self.metrics.rows.first_epoch
        self.state |= changed
        write_json(self.part / STATE, self.state)

    # While it runs.

    def _watch(self, program: Program, resumed: bool) -> End:
        started = time.monotonic()
        malformed_since = None
        while program.status() is None:
            if self.should_stop():
                return End.ASKED
            now = time.monotonic()
            self._measure_memory(program, now - started)
            self.output.pass_on()
            if malformed_since or self.metrics.reader.changed():
                self.metrics.update(whole=False)
                self._remember()
                malformed_since = (malformed_since or now) if self.metrics.malformed else None
                if malformed_since and now - malformed_since > MALFORMED_S:
                    return End.MALFORMED
                if resumed and self.metrics.rows.lost():
                    return End.LOST
                if end := self._end_by_metrics():
                    if end is End.ENOUGH:
                        self._settle(program)
                    return end
            self._wait(program, max(POLL_S, 5 * (time.monotonic() - now)))  # long files are read seldom
        return End.BY_ITSELF

    def _wait(self, program: Program, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and program.status() is None and not self.should_stop():
            time.sleep(min(POLL_S, left))

    def _measure_memory(self, program: Program, elapsed_s: float) -> None:
        """Look how much memory the program holds, on a GPU as seldom as asking the driver is slow."""
        if elapsed_s < self._measure_at_s:
            return
        processes = program.processes()
        if self.device == "cpu":
            held = resident_mb(processes)
            self._measure_at_s = 0 if elapsed_s < MEMORY_S else elapsed_s + MEMORY_S
        else:
            held = memory_of(process.pid for process in processes)
            self._measure_at_s = elapsed_s + GPU_MEMORY_S
        self.peak_memory_mb = max(self.peak_memory_mb, held or 0.0)

    def _end_by_metrics(self) -> End | None:
        """Why the program has to end, by what it has written so far."""
        metrics, last = self.metrics, self.segment.last_epoch
        if metrics.bad_loss():
            return End.DIVERGED
        if self._is_enough():
            return End.ENOUGH
        if metrics.trained_now > last:
            return End.TOO_MANY
        if metrics.reader.format.complete_header and metrics.rows.columns and metrics.missing():
            return End.INCOMPLETE
        return None

    def _is_enough(self) -> bool:
        """Whether a program that goes on after the segment has written all of it."""
        trained, last = self.metrics.trained, self.segment.last_epoch
        return self.is_stopped and (trained > last or (trained == last and self.metrics.has_metric(last)))

    def _settle(self, program: Program) -> None:
        """Wait until the program writes nothing for a moment, or has written the next epoch: the checkpoint may follow
        the row of an epoch.
        """
        until = time.monotonic() + SETTLE_MOST_S
        before, quiet_since = None, time.monotonic()
        while self.metrics.trained <= self.segment.last_epoch and time.monotonic() < until:
            now = files_in(self.out)
            if now != before:
                before, quiet_since = now, time.monotonic()
            elif time.monotonic() - quiet_since >= SETTLE_S:
                return
            self._wait(program, POLL_S)
            if program.status() is not None or self.should_stop():
                return
            self.metrics.update(whole=False)

    def _was_asked(self, status: int) -> bool:
        """Whether a program that has not trained to its end was to stop, as the job is."""
        if status == 0 and self.metrics.trained >= self.segment.last_epoch:
            return False
        if not self.should_stop():
            time.sleep(ASKED_S)
        return self.should_stop()

    def _could_not_resume(self, end: End, status: int) -> bool:
        """Whether a program that resumed, and has ended, has to begin again from nothing; says why."""
        early = status != 0 or self.metrics.trained < self.segment.last_epoch
        if end is End.BY_ITSELF and early and not self.metrics.rows.fresh and -status not in KILLED_BY:
            self.note("the program ended right after it resumed, without a new epoch; the run begins again")
            return True
        return self._has_lost_rows()

    def _has_lost_rows(self) -> bool:
        """Whether there are epochs that the program had saved when it was killed, but not written; says which."""
        if lost := self.metrics.rows.lost():
            self.note(
                f"there are no rows of epochs {lost[0]} to {lost[1]}: when the program was killed it had saved its "
                "state after them, but not written them (have it end each row with a line feed, and flush the file); "
                "the run begins again"
            )
        return lost is not None

    # After it.

    def _outcome_of_ended(self) -> dict[str, Any]:
        """The outcome of a program that came to its end, after all epochs or before."""
        last = self.segment.last_epoch
        if self.is_stopped:
            self.metrics.cut(last)
        if problems := self.metrics.problems():
            kept = f" What it trained is kept and read again; to train again remove {self.part}." * self.ended
            raise InputError(*(f"{self.segment.label}: {problem}{kept}" for problem in problems))
        if self.metrics.trained < last:
            ended = f"the program ended after {self.metrics.trained} of {last} epochs"
            return self._outcome("early_stopped", ended)
        return self._outcome("finished", "")

    def _diverged(self) -> dict[str, Any]:
        epoch, name, value = self.metrics.bad_loss()
        self.metrics.cut(epoch)
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
        program, metrics = self.segment.program, self.metrics
        checkpoint = self.out / program["checkpoint"] if program["checkpoint"] else None
        if status != "interrupted":
            metrics.write()
            for name in (STATE, *CONFIG_FILES.values()):
                (self.part / name).unlink(missing_ok=True)
            self.output.shorten()
            make_links_relative(self.out)
            if checkpoint is not None and status == "finished" and not checkpoint.is_file():
                self.note(
                    f"there is no {program['checkpoint']} in the program's folder, which the study calls its "
                    "`checkpoint`; all its files are kept"
                )
            elif status != "finished" or not self.segment.can_be_extended:
                keep_only(self.out, [*program["keep"], metrics.results.file, *filter(None, [program["checkpoint"]])])
        found = checkpoint is not None and checkpoint.is_file()
        return {
            "status": status,
            "detail": detail,
            "epochs": metrics.trained,
            "best": {selection_key(self.segment.metric, self.segment.minimize): metrics.best(metrics.trained)},
            "parameters": None,
            "checkpoint_mb": round(checkpoint.stat().st_size / 2**20, 3) if found else None,
            "train_seconds": round(metrics.seconds, 3),
            "peak_memory_mb": round(self.peak_memory_mb, 1) or None,
            "effective_batch": None,
            "micro_batch": None,
            # As this run's files told, for segments that continue it.
            "program": program | {"results": program["results"] | {"first_epoch": metrics.first_epoch}},
        }
