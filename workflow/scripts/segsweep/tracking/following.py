"""Passes a study on to a tracker, once or until its training is over; says in a line what went wrong, and goes on."""

import fcntl
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path

from segsweep import metrics, registry
from segsweep.config.components import Tracker
from segsweep.errors import InputError
from segsweep.formatting import plural
from segsweep.io import regular
from segsweep.planning.plan_file import PLAN_FILE, StudyPlan, read_plan
from segsweep.store.segment_store import SegmentStore
from segsweep.tracking.passing_on import PassingOn

# Between two looks at the store: so many times as long as a look took, at least and at most so long.
PAUSES, PAUSE_S, PAUSE_MOST_S = 20.0, 3.0, 60.0
# After something went wrong.
RETRY_S = 60.0
LOCK = ".lock"


class Follower:
    """What passes a study on to one tracker.

    Args:
        name: of the tracker.
        results: the study's folder, with its plan.
        store: folder of all segments.
        say: told in a line of each thing that goes wrong, and of what was passed on.
        environ: the environment, in which the tracker's library finds its settings; what lacks is added.
    """

    def __init__(
        self, name: str, results: Path, store: Path, *, say: Callable[[str], None], environ: MutableMapping[str, str]
    ):
        self.name, self.results, self.store, self.environ = name, results, store, environ
        self.say = lambda text: say(f"{name}: {text}")
        self.folder = results / "trackers" / name
        self.tracker: type[Tracker] = registry.classes("tracker")[name]
        self.passing: PassingOn | None = None
        self.passed: set[str] = set()
        self._plan_read: tuple[float, StudyPlan] | None = None

    def follow(self, is_over: Callable[[float], bool]) -> bool:
        """Pass on what is there, and what follows; whether all of it could be passed on.

        Args:
            is_over: waits up to so many seconds, and says whether the training is over: then comes a last look.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with _alone(self.folder / LOCK):
                whole = self._follow(is_over)
        except ImportError as error:
            self.say(f"cannot be imported ({error}). Install it where Snakemake runs, or leave it out of `exporters`.")
            return False
        except (InputError, OSError) as error:
            self.say(_line(error))
            return False
        if whole:
            said = f"{plural(len(self.passed), 'run')} passed on." if self.passed else "nothing new to pass on."
            self.say(f"{said} To look: {self._filled(self.tracker.look)}")
        return whole

    def _follow(self, is_over: Callable[[float], bool]) -> bool:
        wrong, pause = "", 0.0
        while True:
            last = is_over(pause)
            try:
                took = self._pass_on(last)
                wrong, pause = "", min(max(PAUSE_S, PAUSES * took), PAUSE_MOST_S)
            except ImportError:
                raise
            except Exception as error:  # of any library, network or disk
                if _line(error) != wrong:
                    wrong = _line(error)
                    self.say(wrong)
                if self.passing:
                    self.passing.forget()
                pause = RETRY_S
            if last:
                return not wrong

    def _pass_on(self, last: bool) -> float:
        """Take a look, and pass on what is new; the seconds that it took, without loading the library."""
        plan = self._plan()
        if self.passing is None:
            environment = {name: self._filled(text, plan.name) for name, text in self.tracker.environment.items()}
            for name, text in environment.items():
                environment[name] = self.environ.setdefault(name, text)
            self.passing = PassingOn(registry.load(self.tracker), self.folder, environment)
        began = time.monotonic()
        self.passed |= self.passing.update(plan, SegmentStore(self.store), last=last)
        return time.monotonic() - began

    def _plan(self) -> StudyPlan:
        """The plan as it is now: decisions of a search add to it."""
        file = self.results / PLAN_FILE
        written = file.stat().st_mtime if file.is_file() else 0.0
        if self._plan_read is None or self._plan_read[0] != written:
            self._plan_read = written, read_plan(file)
            metrics.use_own(self._plan_read[1].metrics)
        return self._plan_read[1]

    def _filled(self, text: str, study: str = "") -> str:
        return text.format(folder=self.folder.resolve(), study=study)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Of two processes, one passes on.

    Raises:
        InputError: another process does.
    """
    with regular(lock).open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"{lock}: another process passes this study on just now; wait for it") from error
        yield


def _line(error: Exception) -> str:
    """What went wrong, in a line."""
    said = " ".join(str(error).split())
    return said if isinstance(error, InputError) else f"{type(error).__name__}: {said:.300}"
