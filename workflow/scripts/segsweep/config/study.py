"""A study file: a data set, one complete training setting, and what varies."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from segsweep.config.budget import Budget
from segsweep.config.claims import AnyClaim, Expect
from segsweep.config.imported_table import Table
from segsweep.config.keep import AnyKeep, Keep
from segsweep.config.objectives import contradictions, with_metric
from segsweep.config.program import PathInOut, ProgramResults
from segsweep.config.racing import AnySeeds, RacingSeeds, all_seeds, first_seeds, race_in
from segsweep.config.search import MOST_CONSTRAINTS, Confirm, Constraint, Ensemble, Sweep
from segsweep.config.settings import Settings, key
from segsweep.config.study_names import STUDY_NAME
from segsweep.config.test_score import ScoreOnTest
from segsweep.config.train import MOST_EPOCHS, Train
from segsweep.own_code.names import NAME

Axes = dict[str, Any]
MOST_OF_ALL = 12  # of `all` cells, images of at most so many are shown; `top N` shows more
VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
OwnMetricName = Annotated[str, Field(pattern=rf"^{NAME.pattern}$")]
# Keys that say how a program is run.
OF_PROGRAMS = {
    "parameters", "environment", "folder", "code", "inputs", "results", "epochs", "checkpoint", "on_oom",
}  # fmt: skip


class ListedRun(Settings):
    """One run of an explicit list."""

    id: int | str = key(..., "Its name in tables.")
    note: str = key("", "What it is for.", outcome=False)
    set: dict[str, Any] = key({}, "Keys that differ from `train`, dotted or in sections; see docs/overrides.md.")
    expect: Expect | None = key(None, "What is expected of it, written down before.", outcome=False)


class Round(Settings):
    """A part of a study that was decided later; one report covers all rounds."""

    name: str = key(..., "Name in tables.")
    grid: Axes | list[Axes] = key(..., "Settings that the round adds.")
    note: str = key("", "Why.", outcome=False)


class Folds(Settings):
    """Cross-validation on the training and validation splits together."""

    k: int = key(5, "Number of folds.", ge=2, le=1000)
    seed: int = key(0, "Draws the folds.", ge=0)

    @model_validator(mode="before")
    @classmethod
    def spelled_out(cls, value: Any) -> Any:
        """A number is that of the folds."""
        return {"k": value} if isinstance(value, int) and not isinstance(value, bool) else value


class ReportImages(Settings):
    """Which images the report shows."""

    which: str = key(
        "best 2 and worst 2",
        "Which: `first N`, or `best N and worst M`.",
        pattern=r"^(first [1-9]\d*|best [1-9]\d* and worst \d+|best \d+ and worst [1-9]\d*)$",
    )
    show: Literal["predictions", "errors"] = key(
        "predictions", "Predictions beside the ground truth, or true and false positives in colour."
    )
    of: str = key(
        "best", "Of which cells: `best`, `top N`, `all` (the first 12 of more).", pattern=r"^(best|all|top [1-9]\d*)$"
    )

    @property
    def settings(self) -> int:
        """Of how many cells at most."""
        return {"best": 1, "all": MOST_OF_ALL}.get(self.of) or int(self.of.removeprefix("top "))


class Report(Settings):
    """What the report holds beyond the usual."""

    sections: Literal["standard", "per_factor"] = key("standard", "A section for each axis, or the usual ones only.")
    images: ReportImages = key(ReportImages(), "Images.")

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, value: Any) -> Any:
        if isinstance(value, dict) and "pictures" in value:
            raise ValueError("`pictures` is called `images` now, and its key `images` is called `which`")
        return value


class Study(Settings):
    """A study file of config/studies."""

    name: str = key(..., "Name; results lie in `results/<name>`.", pattern=STUDY_NAME)
    title: str = key("", "Title of the report.", outcome=False)
    note: str = key("", "Anything.", outcome=False)
    dataset: str = key("demo", "Name of a file in config/datasets, or a path.", min_length=1, max_length=1000)
    metric: str = key("val/miou", "Runs are ranked by it; its best epoch is a run's result.")
    minimize: bool = key(False, "Lower is better.")
    objectives: dict[str, Literal["maximize", "minimize"]] = key(
        {},
        "Several objectives: `{val/miou: maximize, cost/seconds_per_image: minimize}`. Runs are still ranked by "
        "`metric`, the first of them if not set; see docs/objectives.md.",
    )
    also_report: list[str] = key([], "Further metrics and costs in the tables of the report.", outcome=False)
    metrics: list[OwnMetricName] = key(
        [],
        "Metrics of your own, `my/score.py:gdice` for the column `val/gdice`. One that is written with its path "
        "(`metric: val/my/score.py:gdice`) need not stand here.",
        outcome=False,
    )
    names: dict[str, str] = key(
        {},
        "Names in the report: of axes and metrics `{optimizer.lr: Learning rate}`, of levels `{dice: Dice loss}`.",
        outcome=False,
    )
    matters: float | None = key(
        None,
        "The smallest difference of the metric that matters in practice; the report compares with it.",
        gt=0,
        outcome=False,
    )
    train: Train | None = key(None, "The setting that every cell starts from.")
    seeds: AnySeeds = key([0], "Each cell is trained once with each; or a race, `{start: 2, at_most: 8}`.")
    folds: Folds | None = key(
        None, "Cross-validation: each cell is trained once for each fold. `folds: 5` is short for `{k: 5}`."
    )
    grid: Axes | list[Axes] | None = key(None, "Axis: values; all combinations. A list of grids is their union.")
    runs: list[ListedRun] | None = key(None, "An explicit list.")
    rounds: list[Round] | None = key(None, "Grids added one after the other.")
    reference: Axes | None = key(
        None, "A setting that every cell is compared with; run for each combination of the axes it leaves open."
    )
    exclude: list[Axes] = key([], "Combinations that are left out.")
    constraints: list[Constraint] = key(
        [],
        "Conditions that the cells fulfil, `batch_size * accumulate <= 32`; combinations that do not are left out. "
        "See docs/sweeps.md.",
        max_length=MOST_CONSTRAINTS,
    )
    sweep: Sweep | None = key(None, "Settings proposed by a sampler.")
    confirm: Confirm | None = key(None, "The best settings again, in full, on fresh seeds.")
    ensemble: Ensemble | None = key(None, "The best setting trained on folds, which vote.")
    test: ScoreOnTest | None = key(None, "The chosen models scored on the test split, once the choice is made.")
    budget: Budget | None = key(
        None, "What ends the study before all of it is trained; see docs/budgets.md.", outcome=False
    )
    claims: list[AnyClaim] = key([], "Hypotheses, written down before the first run.", outcome=False)
    compare: list[str] = key([], "Studies or earlier reports to compare conclusions with.", outcome=False)
    report: Report = key(Report(), "What the report holds.", outcome=False)
    table: Table | None = key(None, "Results made elsewhere, in place of training.")
    command: str | None = key(
        None, "A program of your own for each run, in place of `train`, as a line for the shell; see docs/own_code.md."
    )
    parameters: dict[str, Any] = key({}, "The program's parameters, dotted or in sections: what cells start from.")
    environment: dict[str, str] = key({}, "Environment variables of the program, written like `command`.")
    folder: str | None = key(None, "Where the program runs, relative to the study file; the working folder if not set.")
    code: list[str] | None = key(
        None,
        "Its files and folders, relative to where it runs, part of the address; those that `command` names if not set.",
    )
    inputs: list[str] = key(
        [], "Files and folders that it reads, relative to where it runs, part of the address by content."
    )
    results: ProgramResults | None = key(None, "Where it writes its metrics.")
    epochs: int | None = key(None, "Epochs that it trains.", ge=1, le=MOST_EPOCHS)
    checkpoint: PathInOut | None = key(None, "File in `{out}` that holds the best model.")
    keep: AnyKeep = key(Keep(), "What stays on the disk of runs that are trained; see docs/disk.md.", outcome=False)
    on_oom: Literal["fail", "skip"] = key(
        "skip", "A program that runs out of memory: fail the job, or record the status `oom`.", outcome=False
    )
    smoke: dict[str, Any] = key(
        {},
        "The study as a smoke test: keys of the study or of `train`, and `rescale_epochs`; see docs/overrides.md.",
    )

    @property
    def total_epochs(self) -> int | None:
        """Epochs of a run whose cell does not say otherwise; None where nothing trains."""
        return self.train.epochs if self.train else self.epochs

    @property
    def race(self) -> RacingSeeds | None:
        """How seeds race; None where every cell is trained with all of them."""
        return race_in(self.seeds)

    @property
    def first_seeds(self) -> list[int]:
        """The seeds that every cell is trained with, whatever is decided."""
        return first_seeds(self.seeds)

    @field_validator("command")
    @classmethod
    def _something_to_start(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("nothing stands there. Write what starts the program: `python train.py --out {out}`")
        return value

    @field_validator("environment")
    @classmethod
    def _names_of_variables(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not VARIABLE.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a variable: letters, digits and `_`. Rename it")
        return value

    @model_validator(mode="before")
    @classmethod
    def _metric_of_objectives(cls, value: Any) -> Any:
        return with_metric(value)

    @model_validator(mode="after")
    def _fits_together(self):
        """Each problem begins with the key that it is about."""
        checks = (
            self._one_design,
            self._one_source,
            self._twice,
            self._exchanged_bars,
            self._without_cells,
            self._without_race,
            self._lacking_weights,
            self._objectives,
            self._budget_of_a_table,
        )
        if wrong := [problem for check in checks for problem in check()]:
            raise ValueError("\n".join(wrong))
        return self

    def _one_design(self) -> Iterator[str]:
        ways = [way for way in ("grid", "runs", "rounds", "sweep", "table") if getattr(self, way) is not None]
        if len(ways) != 1:
            yield (
                f"{(ways or ['grid'])[-1]}: a study has exactly one of grid, runs, rounds, sweep, table; this one has "
                f"{', '.join(ways) or 'none'}"
            )

    def _one_source(self) -> Iterator[str]:
        sources = [name for name in ("train", "table", "command") if getattr(self, name) is not None]
        if len(sources) != 1:
            yield (
                f"{(sources or ['train'])[-1]}: a study has exactly one of `train` (what every cell starts from), "
                "`command` (a program of your own) and `table` (results made elsewhere); this one has "
                f"{', '.join(sources) or 'none'}"
            )
            return
        fields = type(self).model_fields
        # A plan holds the keys at their defaults as well.
        idle = [
            one
            for one in sorted(OF_PROGRAMS)
            if getattr(self, one) != fields[one].get_default(call_default_factory=True)
        ]
        if self.command is None and idle:
            yield (
                f"{', '.join(idle)}: only of a study with `command`, which runs a program of your own; this one has "
                f"`{sources[0]}`. Leave out what it has no use for"
            )

    def _twice(self) -> Iterator[str]:
        for name, ones in (
            ("seeds", all_seeds(self.seeds)),
            ("rounds", [one.name for one in self.rounds or []]),
            ("runs", [str(one.id) for one in self.runs or []]),
            ("claims", [one.id for one in self.claims]),
        ):
            if twice := [one for one in dict.fromkeys(ones) if ones.count(one) > 1]:
                yield f"{name}: {', '.join(map(str, twice))} stands twice. Give each its own"

    def _exchanged_bars(self) -> Iterator[str]:
        for claim in self.claims:
            success, acceptable = claim.bars() or (0, 0)
            if (acceptable < success) if self.minimize else (acceptable > success):
                better = "lower" if self.minimize else "higher"
                yield (
                    f"claims: of {claim.id}, what is acceptable, {acceptable}, is better than a success, {success}: "
                    f"{better} is better. Exchange them"
                )

    def _without_cells(self) -> Iterator[str]:
        if self.sweep is not None and (idle := [one for one in ("reference", "exclude") if getattr(self, one)]):
            yield f"{idle[0]}: a search has no cells that it could speak of. Leave it out"
        if self.sweep is not None and self.constraints:
            yield "constraints: of a search, they stand under sweep: sweep.constraints. Move them there"

    def _budget_of_a_table(self) -> Iterator[str]:
        if self.table is not None and self.budget is not None:
            yield "budget: of results made elsewhere nothing is trained. Leave it out"

    def _without_race(self) -> Iterator[str]:
        if self.race is not None and (other := next((one for one in ("sweep", "table") if getattr(self, one)), None)):
            yield "seeds: only of `grid`, `runs` and `rounds` can seeds race; this study has " + (
                "a `sweep`, whose trials are compared by its pruner. List seeds, and let those of `confirm` race"
                if other == "sweep"
                else "a `table`, and trains nothing. Leave them out"
            )
        if self.confirm is not None and race_in(self.confirm.seeds) and self.confirm.top < 2:
            yield "confirm.top: one setting alone cannot race. Write `top: 2` or more, or list its seeds"
        raced = {"seeds": self.race, "confirm.seeds": self.confirm and race_in(self.confirm.seeds)}
        for name, race in raced.items():
            if race and race.start < 2 and self.folds is None:
                yield (
                    f"{name}.start: one seed does not show how far runs of a setting spread. Write `start: 2` or more, "
                    "or train each setting on `folds`"
                )

    @property
    def best_settings(self) -> int:
        """How many of the best settings' models its images and its test score ask for."""
        return max(settings for _, settings in self._models_asked_for().values())

    def _models_asked_for(self) -> dict[str, tuple[str, int]]:
        """By key: what a person wrote there, and of how many of the best settings it asks for the models."""
        wanted = {"report.images.of": (self.report.images.of, self.report.images.settings)}
        return wanted if self.test is None else wanted | {"test.of": (self.test.of, self.test.settings)}

    def _objectives(self) -> Iterator[str]:
        return contradictions(self)

    def _lacking_weights(self) -> Iterator[str]:
        default = Keep()
        if self.command is None and self.keep.files != default.files:
            yield "keep.files: only of a study with `command`, whose program writes files. Leave it out"
        if self.train is None and self.keep.weights != default.weights:
            yield (
                "keep.weights: only of a study with `train`, whose weights segsweep writes. Leave it out"
                + (", and name the files that are kept in keep.files" if self.command else "")
            )
            return
        for name, (of, settings) in self._models_asked_for().items():
            if self.keep.best is not None and self.keep.best < settings:
                yield (
                    f"keep.weights: `{self.keep.weights}` are fewer than the {settings} settings whose models are "
                    f"asked for ({name}: {of}). Write `best {settings}`, or ask for fewer"
                )
