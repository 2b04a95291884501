"""The processes that pass a study on to trackers while Snakemake trains it: one for each, none where none is asked for.

Each is told by the end of its input that the training is over, also where Snakemake was killed.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from segsweep.project_files import SCRIPTS
from segsweep.typed_commands import typed

PROGRAM = SCRIPTS / "track_study.py"
LOGS = Path("results/logs/track_study")
# What is left to pass on takes seconds; a server that does not answer keeps nobody waiting.
PATIENCE_S = 120.0


class TrackersBesideTraining:
    """Passes a study on to trackers.

    Args:
        names: of the trackers.
        results: the study's folder.
        store: folder of all segments.
        say: told in a line of what went wrong.
    """

    def __init__(self, names: Sequence[str], results: Path, store: Path, say: Callable[[str], None]):
        self.names, self.results, self.store, self.say = names, results, store, say
        self.running: dict[str, subprocess.Popen] = {}

    def start(self) -> None:
        """Start a process for each tracker."""
        for name in self.names:
            command = [sys.executable, str(PROGRAM), "--results", str(self.results), "--store", str(self.store)]
            try:
                LOGS.mkdir(parents=True, exist_ok=True)
                with self._log(name).open("w", encoding="utf-8") as log:
                    self.running[name] = subprocess.Popen(
                        [*command, "--exporters", name, "--follow"],
                        stdin=subprocess.PIPE,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,  # Ctrl-C is meant for the trainings; it ends when they have ended
                    )
            except OSError as error:
                self.say(f"{name}: {error}. Training goes on; {self._remedy(name)}")

    def finish(self) -> None:
        """Have the rest passed on, and say what could not be."""
        until = time.monotonic() + PATIENCE_S
        for process in self.running.values():
            process.stdin.close()
        for name, process in self.running.items():
            try:
                status = process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self.say(f"{name}: not done after {PATIENCE_S:.0f} s. {self._remedy(name)}")
                continue
            if status:
                said = self._log(name).read_text(encoding="utf-8", errors="replace").splitlines()
                self.say(f"{said[-1] if said else f'{name}: exit status {status}'} {self._remedy(name)}")
        self.running = {}

    def _log(self, name: str) -> Path:
        return LOGS / f"{self.results.name}.{name}.log"

    def _remedy(self, name: str) -> str:
        study = self.results.name
        command = typed("track", f"--study {study} --exporters {name}", target=f"track STUDY={study} EXPORTERS={name}")
        return f"What is missing: {command}. Log: {self._log(name)}"
