"""What is known of exported runs: their scores, how far runs of the same setting spread, what they were trained on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segsweep.inference.test_looks import read_looks
from segsweep.io import read_csv
from segsweep.planning.plan_file import RETRAIN, PlannedRun, StudyPlan
from segsweep.typed_commands import typed_report

REMEDY = f"Finish the study first: `{typed_report()}`."


@dataclass(frozen=True)
class OnTestSplit:
    """What test.csv says of a run, or of models that decide together.

    Attributes:
        scores: of the test split by name, the study's metric first.
        low, high: 95 % interval of the metric's score over images; None where there is none.
        images: that were scored.
        trained_on: splits.
        looks: how often the study's test split was looked at so far.
    """

    scores: dict[str, float]
    low: float | None
    high: float | None
    images: int
    trained_on: str
    looks: int


@dataclass(frozen=True)
class RunEvidence:
    """A run, in the words and numbers of the study's tables.

    Attributes:
        run, label: its name; its setting in words.
        seed, fold: None where there is none.
        epochs, best_epoch: that it trained; the one whose weights are exported.
        status: how it ended.
        scores: columns of the validation split by name, the study's metric first.
        runs, mean, low, high, expected: usable runs of its setting, their mean, its 95 % interval, and the mean to
            expect of fresh runs; None where the ranking has none.
        settings: how many the ranking compares.
        retrained: whether it was trained on training and validation images together: it has no `scores`.
        test: None where it was not scored on the test split.
        again: of the run that was scored on it in its place, trained again on training and validation images together,
            its name and what it scored.
    """

    run: str
    label: str
    seed: str | None
    fold: str | None
    epochs: str
    best_epoch: str
    status: str
    scores: dict[str, float] = field(default_factory=dict)
    runs: int | None = None
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    expected: float | None = None
    settings: int = 0
    retrained: bool = False
    test: OnTestSplit | None = None
    again: tuple[str, OnTestSplit] | None = None


def read_evidence(plan: StudyPlan, results: Path, run: PlannedRun) -> RunEvidence:
    """The evidence about a run, out of runs.csv and ranking.csv.

    Args:
        plan: of the study.
        results: its folder of results.
        run: one of its runs.

    Raises:
        InputError: a table is missing or damaged.
    """
    row = next((one for one in read_csv(results / "runs.csv", REMEDY) if one["run"] == run.run), {})
    ranking = read_csv(results / "ranking.csv", REMEDY)
    ranked = next((one for one in ranking if one["cell"] == run.cell), {})
    label = next(cell.label for cell in plan.cells if cell.cell == run.cell)
    columns = [plan.metric, *(name for name in row if name.startswith("val/") and name != plan.metric)]
    return RunEvidence(
        run.run,
        label,
        row.get("seed") or None,
        row.get("fold") or None,
        row.get("epochs", ""),
        row.get("best_epoch", ""),
        row.get("status", ""),
        {name: value for name in columns if (value := _number(row, name)) is not None},
        int(ranked["n"]) if ranked.get("n") else None,
        **{name: _number(ranked, name) for name in ("mean", "low", "high", "expected")},
        settings=sum(bool(one["n"]) and int(one["n"]) > 0 for one in ranking),
        retrained=run.role == RETRAIN,
        test=read_on_test_split(results, run.run),
        again=_of_retrained(plan, results, run),
    )


def _of_retrained(plan: StudyPlan, results: Path, run: PlannedRun) -> tuple[str, OnTestSplit] | None:
    """Of the run that was trained in place of this one, its name and what it scored on the test split."""
    if run.role == RETRAIN:
        return None
    of_run = (one.run for one in plan.runs if (one.role, one.cell, one.seed) == (RETRAIN, run.cell, run.seed))
    found = ((name, read_on_test_split(results, name)) for name in of_run)
    return next(((name, test) for name, test in found if test is not None), None)


def read_on_test_split(results: Path, run: str) -> OnTestSplit | None:
    """What a run scored on the test split, as the study's key `test` asked for; None where it was not scored.

    `run` may be `ensemble`.

    Raises:
        InputError: a file is damaged.
    """
    path = results / "test.csv"
    row = next((one for one in read_csv(path, REMEDY) if one["run"] == run), None) if path.is_file() else None
    if row is None:
        return None
    return OnTestSplit(
        {name: value for name in row if name.startswith("test/") and (value := _number(row, name)) is not None},
        _number(row, "low"),
        _number(row, "high"),
        int(row["images"]),
        row["trained_on"],
        len(read_looks(results)),
    )


def read_ensemble_scores(results: Path) -> dict[str, float]:
    """The scores of the models that decide together, by column with its split; none if they are not scored."""
    path = results / "ensemble.csv"
    rows = read_csv(path, REMEDY) if path.is_file() else []
    together: Mapping[str, Any] = next((row for row in rows if row["run"] == "ensemble"), {})
    return {name: value for name in together if "/" in name and (value := _number(together, name)) is not None}


def _number(row: Mapping[str, str], name: str) -> float | None:
    text = row.get(name) or ""
    value = float(text) if text else math.nan
    return value if math.isfinite(value) else None
