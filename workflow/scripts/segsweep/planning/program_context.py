"""What runs of a program of one's own are: what each is called with, and what its address depends on.

The address covers what would be executed: the command and the environment with planning's values filled in, the
parameters where they are passed in a file or as overrides, the program's code, what it reads, and the number of epochs
unless the program can be resumed and is not told the number. Seed and fold are part of it by being filled in.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from segsweep.config.dotted_keys import flat
from segsweep.config.program_checks import sections, templates_of
from segsweep.config.program_settings import BESIDE
from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.hashing import short_hash
from segsweep.planning.addresses import as_text
from segsweep.planning.grid import Cell
from segsweep.planning.overrides import Resolved
from segsweep.planning.program_fingerprint import ProgramCode
from segsweep.planning.runs import Phase, Run
from segsweep.programs.template import ALL_PARAMETERS, fill, fill_parameters
from segsweep.programs.template_syntax import TemplateError, names

TRAINER = "command"


@dataclass(frozen=True, slots=True)
class Call:
    """What a run's program is called with, all values filled in but those that its job knows.

    Attributes:
        command: a line for the shell.
        environment: variables.
        config: all parameters, nested.
    """

    command: str
    environment: dict[str, str]
    config: dict[str, Any]


@dataclass(frozen=True)
class ProgramContext:
    """What the addresses of the runs of a program depend on: the `Context` of `segsweep.planning.runs`.

    Attributes:
        study: with `command`, after `smoke`.
        code: of the program.
        inputs: fingerprint of what it reads.
    """

    study: Study
    code: ProgramCode
    inputs: str
    _calls: dict[tuple, Call] = field(default_factory=dict)

    def data_of(self, cell: Cell, fold: dict[str, Any] | None) -> str:
        return self.inputs

    def depends_on_end(self, cell: Cell) -> bool:
        used = self._named_by_all | _named_by(flat(_parameters(cell.resolved)).values())
        return "resume" not in used or "epochs" in used

    def phases(self, run: Run) -> list[Phase]:
        call, parameters = self.call_of(run), _parameters(run.cell.resolved)
        roots = self._roots(call, run.cell.resolved)
        code = self.code.fingerprint(roots)
        executed = {"command": call.command, "environment": call.environment, "code": code, "inputs": run.data}
        setting = {"command": self.study.command, "environment": self.study.environment, "parameters": parameters}
        if self._named_by_all & ALL_PARAMETERS:
            executed["config"] = call.config
        if run.depends_on_end:
            executed["epochs"] = setting["epochs"] = run.total_epochs
        digest = short_hash(as_text([TRAINER, executed]))
        return [Phase(digest, 1, run.epochs, {}, setting, roots, code)]

    def call_of(self, run: Run) -> Call:
        """What a run's program is called with.

        Raises:
            InputError: a parameter's value is a template that cannot be filled in.
        """
        fold = run.fold or {"index": None, "k": None}
        key = (run.cell.cell, run.seed, fold["index"], run.total_epochs)
        if key not in self._calls:
            known = {"seed": run.seed, "fold": fold["index"], "folds": fold["k"], "epochs": run.total_epochs}
            self._calls[key] = self._filled_in(run.cell.resolved, known, run.cell.label or run.cell.cell)
        return self._calls[key]

    def call_of_trial(self, settings: Resolved) -> Call:
        """What a trial's program is called with, before there is one: with the first seed and the first fold.

        Raises:
            InputError: a parameter's value is a template that cannot be filled in, or no code is named.
        """
        folds = self.study.folds and self.study.folds.k
        seed = self.study.first_seeds[0]
        known = {"seed": seed, "fold": folds and 0, "folds": folds, "epochs": settings.dump["epochs"]}
        call = self._filled_in(settings, known, "a trial")
        self.code.fingerprint(self._roots(call, settings))
        return call

    def forget(self) -> None:
        """Nothing: what runs are called with is asked for again when the plan is written."""

    @cached_property
    def _named_by_all(self) -> frozenset[str]:
        """The placeholders of the command and of the environment."""
        return _named_by(templates_of(self.study).values())

    def _filled_in(self, settings: Resolved, known: dict[str, Any], label: str) -> Call:
        try:
            config = fill_parameters(_parameters(settings), known)
            return self._call(config, known)
        except TemplateError as error:
            raise InputError(f"{settings.location(('parameters',))}: {label}: {error}") from error

    def _call(self, config: dict[str, Any], known: dict[str, Any]) -> Call:
        values = known | dict(sections(config)) | flat(config)
        values = {name: values[name] for name in self._named_by_all if name in values}
        environment = {name: fill(text, values) for name, text in self.study.environment.items()}
        return Call(fill(self.study.command, values, shell=True), environment, config)

    def _roots(self, call: Call, settings: Resolved) -> frozenset[str]:
        """Files and folders of the run's code."""
        if self.study.code is not None:
            return frozenset(self.study.code)
        found = self.code.roots_in(call.command)
        if not found:
            raise InputError(
                f"{settings.location(('command',))}: `{call.command}` names no file of code that lies in "
                f"{self.code.folder.resolve()}, so an edit of the program would not be seen. Name its files and "
                "folders in `code`, or write `code: []` for a program that is installed."
            )
        return found


def _parameters(settings: Resolved) -> dict[str, Any]:
    return {name: value for name, value in settings.dump.items() if name not in BESIDE}


def _named_by(values: Iterable[Any]) -> frozenset[str]:
    """The placeholders of texts, and of texts in lists."""
    texts = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return frozenset(name for text in texts if isinstance(text, str) and "{" in text for name in names(text))
