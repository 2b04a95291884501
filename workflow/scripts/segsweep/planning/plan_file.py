"""plan.json: all that jobs, tables and reports need to know of a study, and the classes that stand for it.

The planner makes a `StudyPlan` (`segsweep.planning.plan_content`); whoever works on a study's results reads one with
`read_plan`. A job that trains one segment takes its `SegmentPlan` alone (`read_segment`): parsing the plan of ten
thousand cells would take a second of each job.

The file of a study of up to a hundred cells has each of them in full, for people and for programs of theirs. In that of
a larger one, `shared` holds the training configuration of one cell and all of one segment; of the others stands what
differs (`segsweep.planning.plan_differences`).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Self

from segsweep import metrics
from segsweep.config.program import ProgramResults
from segsweep.errors import InputError
from segsweep.hashing import short_hash
from segsweep.io import read_json, read_text
from segsweep.planning.plan_differences import differences, with_differences

PLAN_FILE = "plan.json"
SHARED = "shared"  # the first key of a file that has not all in full
IN_FULL = 100  # cells at most
SHOWN = 10
MALFORMED = (AttributeError, LookupError, TypeError, ValueError)  # what reading something else raises
# Roles of cells: those of the design, and all that a ranking compares.
DESIGN_ROLES = ("grid", "run", "trial")
RANKED_ROLES = (*DESIGN_ROLES, "reference")
RETRAIN = "retrain"  # role of runs on training and validation images together: no epoch of them is chosen
LAST_EPOCH = ("epoch", False)  # what selects the last one: the highest number
REMEDY = "Plan the study first: `snakemake` does it, or a dry run (`snakemake -n`)."


class _Entry:
    """Something in the file: an object whose keys are the fields of a class."""

    __slots__ = ()

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Of an object of the file; keys that are no fields are passed over."""
        known = _names(cls)
        return cls(**{name: value for name, value in content.items() if name in known})

    def to_json(self) -> dict[str, Any]:
        """As an object of the file."""
        return {name: getattr(self, name) for name in _names(type(self))}


@cache
def _names(kind: type) -> dict[str, None]:
    return dict.fromkeys(one.name for one in fields(kind))


@dataclass(frozen=True, slots=True)
class PlannedCell(_Entry):
    """One combination of hyperparameter values.

    Attributes:
        cell: its name within the study.
        label: the values in words.
        role: what it is for: `grid`, `run`, `reference`, `trial`, `confirm`, `ensemble` or `retrain`.
        round: of the study's `rounds` that it belongs to, if any.
        note, expect: what the study says of it.
        settings: values by axis.
        train: the complete training configuration; empty for results made elsewhere.
    """

    cell: str
    label: str
    role: str = ""
    round: Any = None
    note: Any = None
    expect: Any = None
    settings: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedRun(_Entry):
    """A cell trained with one seed, on one fold.

    Attributes:
        run: its name within the study.
        key: what a decision calls it; empty for a run that is planned from the start.
        fold: index of its fold; None without folds.
        epochs: that are to be trained.
        pruned: whether its last segment is a rung at which its trial was pruned, or has not been promoted yet.
        segments: ids of its segments, in order; none for results made elsewhere.
    """

    run: str
    cell: str
    seed: Any = None
    key: str = ""
    fold: Any = None
    round: Any = None
    role: str = ""
    epochs: int | None = None
    pruned: bool = False
    segments: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SegmentPlan(_Entry):
    """Consecutive epochs that one job trains.

    Attributes:
        id: its address, `<hash of the phase>-<last epoch>`.
        label: the run for which it is planned, in words.
        trainer: what trains it, a component of kind `trainer`.
        train: the training configuration, with the loss of its phase.
        fold: {"index", "k", "seed", "within"} or None.
        first_epoch, last_epoch: counted from 1, inclusive.
        total_epochs: what the schedule of the learning rate takes for the end.
        parent: id of the segment that it continues, or None.
        data: folder of prepared data.
        dataset: the data set's settings.
        metric, minimize: by which an epoch is the run's best one.
        selections: by which its best epoch must be known besides (`max val/dice`): a complete segment that does not
            know them trains again.
        also_measure: columns of the study's tables that only training can measure: see
            `segsweep.metrics.measured_in_batches`.
        can_be_extended: whether its complete state is kept, which another segment may continue: by default not after
            the end that a schedule looked at (see `segsweep.config.keep`).
        code_fingerprint, data_fingerprint: of the code and data that enter its address.
        metrics: of own code, that its study names.
        program: of a run that a program of the user's own trains (trainer `command`), what it is called with, all
            values filled in but those that its job knows (`{out}`, `{config}`, `{resume:...}`, `{until}`, `{device}`,
            `{threads}`): {"command", "environment", "config" (parameters, nested), "folder", "results", "checkpoint",
            "keep", "named" (by the command: these `{overrides}` leaves out)}; else None. `train` holds its parameters,
            nested, and `epochs` and `on_oom`.
    """

    id: str
    label: str
    train: dict[str, Any]
    seed: int
    fold: dict[str, Any] | None
    first_epoch: int
    last_epoch: int
    total_epochs: int
    parent: str | None
    data: str
    dataset: dict[str, Any]
    metric: str
    minimize: bool
    selections: list[str] = field(default_factory=list)
    also_measure: list[str] = field(default_factory=list)
    trainer: str = "builtin"
    can_be_extended: bool = True
    code_fingerprint: str = ""
    data_fingerprint: str = ""
    metrics: list[str] = field(default_factory=list)
    program: dict[str, Any] | None = None

    @property
    def epochs(self) -> int:
        """How many epochs it trains."""
        return self.last_epoch - self.first_epoch + 1


@dataclass(frozen=True, slots=True)
class StudyPlan(_Entry):
    """A study as it was planned.

    Attributes:
        study: the study's settings, after `smoke`.
        name: of its folder in results/.
        study_file: the file that a person wrote.
        smoke: whether it is the smoke test of the study.
        dataset: the data set's settings; None for results made elsewhere.
        data: folders of prepared data.
        prepared: by folder, what `prepare_data` fills it with: {"dataset", "root", "data", "fingerprint", "content"}.
        axes: what varies, as dotted keys.
        names: short names of axes.
        coinciding: combinations that coincide with others.
        epochs: of all segments, those that runs share counted once.
        epochs_run_by_run: that training each run by itself would take.
        cells, runs: in the order in which they are shown.
        segments: by id, parents before those that continue them.
        notes: what an imported table says of itself.
        code_files: of a program of the user's own, the files that addresses stand for, as seen from where it runs.
        model_costs: by cell, the address of its model, where costs of models are wanted; see
            `segsweep.store.model_costs`.
    """

    study: dict[str, Any]
    name: str
    axes: list[str]
    cells: list[PlannedCell]
    runs: list[PlannedRun]
    segments: dict[str, SegmentPlan] = field(default_factory=dict)
    study_file: str = ""
    smoke: bool = False
    dataset: dict[str, Any] | None = None
    data: list[str] = field(default_factory=list)
    prepared: dict[str, dict[str, Any]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    coinciding: int = 0
    epochs: int = 0
    epochs_run_by_run: int = 0
    notes: list[str] = field(default_factory=list)
    code_files: list[str] = field(default_factory=list)
    model_costs: dict[str, str] = field(default_factory=dict)

    @property
    def metric(self) -> str:
        """The column that the study ranks by."""
        return self.study["metric"]

    @property
    def metrics(self) -> list[str]:
        """Metrics of own code that the study names, see `segsweep.metrics.use_own`."""
        return self.study.get("metrics") or []

    @property
    def minimize(self) -> bool:
        """Whether lower values of the metric are better."""
        return bool(self.study.get("minimize", False))

    @property
    def objectives(self) -> dict[str, str]:
        """Several objectives by name, `maximize` or `minimize`, the metric among them; none of most studies."""
        return self.study.get("objectives") or {}

    @property
    def races(self) -> dict[str, dict[str, int]]:
        """What the study says of seeds that race: its own (`seeds`), those of its confirmation (`confirm`)."""
        found = {"seeds": self.study.get("seeds"), "confirm": (self.study.get("confirm") or {}).get("seeds")}
        return {name: seeds for name, seeds in found.items() if isinstance(seeds, dict)}

    def selection_of(self, run: "PlannedRun") -> tuple[str, bool]:
        """The column by which a run's epoch is chosen, and whether lower values of it are better."""
        return LAST_EPOCH if run.role == RETRAIN else (self.metric, self.minimize)

    @property
    def program_results(self) -> ProgramResults | None:
        """How the columns of a program of the user's own are called here; None where none trains."""
        return ProgramResults.model_validate(self.study.get("results") or {}) if self.study.get("command") else None

    def check_builds_networks(self) -> None:
        """Nothing, if segsweep can build the networks of the study's runs.

        Raises:
            InputError: it did not train them.
        """
        if self.study.get("table"):
            raise InputError(
                f"{self.name}: its results were made elsewhere, so there is no network to evaluate or to predict with. "
                "Where they were made, there may be."
            )
        if self.program_results is not None:
            raise InputError(
                f"{self.name}: its runs were trained by a program of the study's own, so segsweep has no network to "
                "evaluate or to predict with. Have the program do it: its files are in `out` of a run's segments."
            )

    def run_named(self, name: str) -> PlannedRun:
        """A run by its name.

        Raises:
            InputError: there is no such run.
        """
        for run in self.runs:
            if run.run == name:
                return run
        shown = ", ".join(run.run for run in self.runs[:SHOWN]) + (", ..." if len(self.runs) > SHOWN else "")
        raise InputError(f"{self.name}: there is no run {name!r}. There are: {shown}. runs.csv lists them all.")

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Of the file's content."""
        shared = content.get(SHARED)
        cells = content["cells"]
        if shared is not None:
            cells = [one | {"train": with_differences(shared["train"], one["train"])} for one in cells]
        entries = {
            "cells": [PlannedCell.from_json(one) for one in cells],
            "runs": [PlannedRun.from_json(one) for one in content["runs"]],
            "segments": {name: _segment(name, one, shared) for name, one in (content.get("segments") or {}).items()},
        }
        known = _names(cls)
        return cls(**({name: value for name, value in content.items() if name in known} | entries))

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON's types, each of its entries in full."""
        return {name: getattr(self, name) for name in _names(StudyPlan)} | {
            "cells": [one.to_json() for one in self.cells],
            "runs": [one.to_json() for one in self.runs],
            "segments": {name: one.to_json() for name, one in self.segments.items()},
        }

    def text(self) -> str:
        """The file's text; `read_segment` relies on its form."""
        if len(self.cells) <= IN_FULL:
            return json.dumps(self.to_json())
        train = next((one.train for one in self.cells), {})
        segment = next((_without_id(one) for one in self.segments.values()), {})
        entries = {
            "cells": [one.to_json() | {"train": differences(one.train, train)} for one in self.cells],
            "runs": [one.to_json() for one in self.runs],
            "segments": {name: differences(_without_id(one), segment) for name, one in self.segments.items()},
        }
        facts = {name: getattr(self, name) for name in _names(StudyPlan) if name not in entries}
        shared = {"train": train, "segment": segment}
        return json.dumps({SHARED: shared} | facts | entries, separators=(",", ":"))

    def digest(self) -> str:
        """Stands for all that results follow from.

        Segments count by their ids, which stand for their content. Settings that cells share are looked at once: the
        text of ten thousand cells takes a second, and 26 MB.
        """
        known: dict[int, str] = {}  # by identity: all of it lives as long as the plan
        encode = json.JSONEncoder(sort_keys=True).encode

        def of(value: Any) -> str:
            return known.setdefault(id(value), short_hash(encode(value)))

        def of_settings(settings: dict[str, Any]) -> str:
            if id(settings) not in known:
                values = [known.get(id(value)) or of(value) for value in settings.values()]
                known[id(settings)] = short_hash(" ".join([*settings, *values]))
            return known[id(settings)]

        def entries() -> Iterator[Any]:
            yield {name: getattr(self, name) for name in _names(StudyPlan) if name not in ("cells", "runs", "segments")}
            yield from (one.to_json() | {"train": of_settings(one.train)} for one in self.cells)
            yield from (one.to_json() for one in self.runs)
            yield list(self.segments)

        found = hashlib.sha256()
        for entry in entries():
            found.update(f"{encode(entry)}\n".encode())
        return found.hexdigest()[:16]


def _without_id(segment: SegmentPlan) -> dict[str, Any]:
    return {name: value for name, value in segment.to_json().items() if name != "id"}


def _segment(name: str, content: Mapping[str, Any], shared: Mapping[str, Any] | None) -> SegmentPlan:
    """The plan of a segment as it stands in the file."""
    if shared is not None:
        content = with_differences(shared["segment"], content) | {"id": name}
    return SegmentPlan.from_json(content)


def read_plan(path: Path) -> StudyPlan:
    """Read plan.json.

    Raises:
        InputError: there is no such file, or it is no plan.
    """
    content = read_json(path, REMEDY)
    try:
        return StudyPlan.from_json(content)
    except MALFORMED as error:
        raise _is_no_plan(path, error) from error


def _is_no_plan(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: is no plan of a study ({error}). Delete it; it is made again.")


def open_plan(path: Path) -> StudyPlan:
    """The plan of the one study that this process works on: its own metrics are known from here on.

    Raises:
        InputError: as `read_plan`, or an own metric cannot be found.
    """
    plan = read_plan(path)
    metrics.use_own(plan.metrics)
    return plan


def read_segment(path: Path, segment: str) -> SegmentPlan:
    """Read the plan of one segment out of plan.json, without parsing all of it.

    Raises:
        InputError: there is no such plan, or no such segment in it.
    """
    text, shared = _text(path, _stamp(path))
    key = f'"{segment}":'
    start = text.find(key)
    if start < 0:
        count = len(read_plan(path).segments)
        raise InputError(f"{path}: no segment {segment} among its {count}. If the study changed since, plan it again.")
    try:
        return _segment(segment, _decoded(text, start + len(key)), shared)
    except MALFORMED as error:
        raise _is_no_plan(path, error) from error


def _decoded(text: str, start: int) -> Any:
    """The value that begins there, behind blanks."""
    while text[start].isspace():
        start += 1
    return json.JSONDecoder().raw_decode(text, start)[0]


@lru_cache(maxsize=1)
def _text(path: Path, _stamp: tuple[int, int] | None) -> tuple[str, Mapping[str, Any] | None]:
    """The plan's text, which a pack asks for once a segment, and what its segments share."""
    text = read_text(path, REMEDY)
    head = f'{{"{SHARED}":'
    return text, _decoded(text, len(head)) if text.startswith(head) else None


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:  # reading it says what is wrong
        return None
    return state.st_mtime_ns, state.st_ino
