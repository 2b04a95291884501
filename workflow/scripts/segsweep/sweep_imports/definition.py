"""A sweep as another program defines it, in this project's words; the readers beside this module make it."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from segsweep.config.search import Dimension

GRID = "grid"  # the method that trains all combinations


class Arguments(Enum):
    """How a command passes on all parameters."""

    FLAGS = "--NAME=VALUE"
    SPACED_FLAGS = "--NAME VALUE"
    SWITCHES = "--NAME=VALUE, and of what is true or false --NAME or nothing"
    ASSIGNMENTS = "NAME=VALUE"
    JSON = "one argument in JSON"
    JSON_FILE = "the path of a JSON file"


@dataclass
class Definition:
    """A sweep's definition.

    Attributes:
        origin: what it was read from, in words.
        name: of the study.
        method: `grid` for all combinations, of axes that are countable then; else the name of a sampler.
        axes: by the names that the program knows.
        constants: parameters that do not vary.
        base: what the program takes for an axis unless told otherwise, where it is known.
        sampler: further keys of the sampler.
        sampler_seed: its seed.
        trials: how many settings are tried; None where the definition does not say.
        at_once: how many are tried at a time.
        metric: as the program calls it; None where the definition does not say.
        minimize: whether lower is better; None where the definition does not say.
        epochs: that a run trains, where the definition says.
        pruner: keys of the pruner.
        command: words in the template language of a study's `command`, and where all parameters go.
        program: its Python file, which may not exist.
        folder: where the command runs.
        code: further files and folders that belong to the program.
        note: what a person wrote about the sweep.
        remarks: what was not translated, or taken for something, by the key of the study that it is about.
    """

    origin: str
    name: str
    method: str
    axes: dict[str, Dimension]
    constants: dict[str, Any] = field(default_factory=dict)
    base: dict[str, Any] = field(default_factory=dict)
    sampler: dict[str, Any] = field(default_factory=dict)
    sampler_seed: int = 0
    trials: int | None = None
    at_once: int = 1
    metric: str | None = None
    minimize: bool | None = None
    epochs: int | None = None
    pruner: dict[str, Any] | None = None
    command: list["str | Arguments"] = field(default_factory=list)
    program: Path | None = None
    folder: Path | None = None
    code: list[Path] = field(default_factory=list)
    note: str = ""
    remarks: list[tuple[tuple[str, ...], str]] = field(default_factory=list)

    def remark(self, *key: str, text: str) -> None:
        """Add a remark on a key of the study file."""
        self.remarks.append((key, text))
