"""How the planner sees the runs that a program of one's own trains."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from segsweep.config.load import Loaded
from segsweep.config.program import ProgramResults
from segsweep.config.study import Study
from segsweep.formatting import plural
from segsweep.planning.data_fingerprint import dvc_pull
from segsweep.planning.grid import Design
from segsweep.planning.overrides import Resolved
from segsweep.planning.plan_file import StudyPlan
from segsweep.planning.program_context import TRAINER, ProgramContext
from segsweep.planning.program_fingerprint import (
    ProgramCode,
    input_hashes,
    inputs_fingerprint,
    source_readings,
    tracked_by_dvc,
)
from segsweep.planning.remembered import Remembered
from segsweep.planning.rerun_reasons import History
from segsweep.planning.runs import Run, Segment
from segsweep.planning.tried_settings import TriedStudy
from segsweep.programs.template import RESERVED
from segsweep.programs.template_syntax import names
from segsweep.store.segment_store import SegmentStore

SHOWN = 5
SOURCES, INPUTS = ".program_sources.json", ".program_inputs.json"
PYTHON_PATH = "PYTHONPATH"


@dataclass(frozen=True)
class ProgramTraining:
    """The `StudyTraining` of a study with `command`.

    Attributes:
        study: the study, after `smoke`.
        folder: where the program runs.
    """

    data_in_words: ClassVar[str] = "what the program reads (`inputs`)"
    dataset: ClassVar[None] = None

    study: Study
    folder: Path
    context: ProgramContext
    memories: list[Remembered]
    seen: dict[str, dict[str, str]] = field(default_factory=dict)
    prepared: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def code_files(self) -> list[str]:
        return self.context.code.files

    def check(self, settings: Iterable[Resolved], loaded: Loaded) -> None:
        """That trials can be called; runs that are known already are found wanting when they are planned."""
        if loaded.study.sweep is not None:
            for one in settings:
                self.context.call_of_trial(one)

    def unknown_names(self, design: Design, loaded: Loaded) -> Iterator[str]:
        """None: only the program knows what it measures."""
        yield from ()

    def to_be_tried(self, settings: Iterable[Resolved]) -> TriedStudy | None:
        """Nothing: only the program knows."""

    def problems(self, plan: StudyPlan) -> list[str]:
        return []

    def remarks(self, settings: Iterable[Resolved], plan: StudyPlan) -> Iterator[str]:
        code = self.context.code
        command = next((one.program["command"] for one in plan.segments.values()), "")
        if not command and self.study.sweep is not None:
            command = next((self.context.call_of_trial(one).command for one in settings), "")
            yield f"Each trial starts a program, for example: {' '.join(command.split())}"
        elif command:
            yield f"Each run starts a program, the first one: {' '.join(command.split())}"
        if command:
            yield f"Its code is {_listed(code.files)}." if code.files else "`code` is empty: no edit of it is seen."
            if self.study.inputs:
                yield f"It reads {_listed(self.study.inputs)}."
        known = {os.path.normpath(one) for one in (*self.study.inputs, *(self.study.code or ()))}
        for other in code.others_in(command):
            if not known & set(map(str, (Path(os.path.normpath(other)), *Path(os.path.normpath(other)).parents))):
                yield (
                    f"The command names {other}, which is neither code nor one of `inputs`: a change of it trains "
                    "nothing again."
                )

    def to_select_again(self, runs: Iterable[Run], store: SegmentStore, history: History) -> dict[str, str]:
        """None: the program decides what it keeps."""
        return {}

    def segment(self, segment: Segment) -> dict[str, Any]:
        call = self.context.call_of(segment.run)
        results = self.study.results or ProgramResults()
        program = {
            "command": call.command,
            "environment": call.environment,
            "config": call.config,
            "folder": str(self.folder),
            "results": results.model_dump(mode="json"),
            "checkpoint": self.study.checkpoint,
            "keep": self.study.keep.files,
            "named": [name for name in names(self.study.command) if name not in RESERVED],
        }
        return {
            "trainer": TRAINER,
            "train": segment.run.cell.resolved.dump,
            "data": "",
            "dataset": {},
            "program": program,
        }

    def pull(self) -> None:
        for path in (self.folder / one for one in self.study.inputs):
            if not path.exists():
                dvc_pull(tracked_by_dvc(path), "inputs")


def program_training(loaded: Loaded, remembered: Path) -> ProgramTraining:
    """How the planner sees the runs of a study with `command`.

    Args:
        loaded: the study.
        remembered: folder in which it is kept what was read out of files.

    Raises:
        InputError: a file of `inputs` is not there.
    """
    study, folder = loaded.study, loaded.root
    sources, hashes = source_readings(remembered / SOURCES), input_hashes(remembered / INPUTS)
    code = ProgramCode(folder, sources, study.environment.get(PYTHON_PATH, "").split(":"))
    inputs = inputs_fingerprint(study.inputs, folder, hashes)
    return ProgramTraining(study, folder, ProgramContext(study, code, inputs), [sources, hashes])


def _listed(names: list[str]) -> str:
    more = f" and {plural(len(names) - SHOWN, 'more file')}" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
