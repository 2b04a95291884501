"""The tables of a study as the statistics want them: axes with levels, scores, and which runs count."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segsweep import metrics
from segsweep.analysis.level_numbers import as_number, same_text
from segsweep.analysis.linear import additive_fit
from segsweep.analysis.measures import is_measure
from segsweep.analysis.samplers import is_adaptive, sampler_named
from segsweep.config.metric_direction import lower_is_better
from segsweep.errors import InputError
from segsweep.formatting import number, short_names, value_in_words
from segsweep.io import regular
from segsweep.planning.plan_file import DESIGN_ROLES, PLAN_FILE, StudyPlan, open_plan
from segsweep.search.step_files import DROPPED
from segsweep.statuses import RULES, USABLE
from segsweep.tables import Column, Table

FEWEST_LACK_OF_FIT = 3  # degrees of freedom of the additive model's residual
TEXT_COLUMNS = (
    "cell", "run", "role", "round", "status", "label", "note", "segments", "same_as", "image", "method", "detail",
    "class", "predicted", "race", "standing", "by",
)  # fmt: skip


@dataclass
class Axis:
    """What varies: a name, and levels in the order in which they are shown."""

    name: str
    levels: list[str]
    kind: str = "category"
    scale: str = "category"
    binned: bool = False
    values: list[float] = field(default_factory=list)


@dataclass
class StudyResults:
    """Tables of one study.

    cells: index cell; label, role, round, the axes as texts. runs: one row a run, with `score` (float, nan if there is
    none), `repeated` (its curve is that of an earlier run, see `same_as`) and `usable`. codes: one row a run and one
    column an axis, the index of its level, -1 where the axis does not apply.
    """

    plan: StudyPlan
    cells: pd.DataFrame
    runs: pd.DataFrame
    missing: pd.DataFrame
    images: pd.DataFrame | None = None
    ensemble: pd.DataFrame | None = None
    ensemble_images: pd.DataFrame | None = None
    confusions: pd.DataFrame | None = None
    race_settings: pd.DataFrame | None = None
    axes: list[Axis] = field(init=False)
    codes: pd.DataFrame = field(init=False)

    def __post_init__(self):
        study = self.plan.study
        self.metric, self.minimize = self.plan.metric, self.plan.minimize
        self.sign = -1.0 if self.minimize else 1.0
        self.short = short_names(self.plan.axes)
        of_table = (study.get("table") or {}).get("sampler")
        self.sampler = of_table or (study.get("sweep") or {}).get("sampler", {}).get("name")
        sampler = sampler_named(self.sampler)
        self.adaptive = is_adaptive(self.sampler)
        self.random_draw = sampler is not None and not sampler.adaptive and not sampler.enumerates
        self.cells = self.cells[~self.cells.index.duplicated()]
        runs = self.runs.reset_index(drop=True)
        empty = pd.Series(np.nan, index=runs.index)
        runs["score"] = pd.to_numeric(runs[self.metric], errors="coerce") if self.metric in runs else empty
        runs["repeated"] = runs["same_as"].notna() & runs["same_as"].ne("") if "same_as" in runs else False
        runs["usable"] = runs["status"].isin(USABLE) & np.isfinite(runs["score"]) & ~runs["repeated"]
        self.runs = runs
        design = self.cells[self.cells.index.isin(runs.loc[runs["role"].isin(DESIGN_ROLES), "cell"].unique())]
        all_axes = [_axis(name, design[name], self.plan) for name in self.plan.axes if name in design]
        self.axes = [axis for axis in all_axes if len(axis.levels) > 1]
        self.constant = [axis.name for axis in all_axes if len(axis.levels) < 2]
        self.codes = pd.DataFrame({axis.name: _codes(axis, runs[axis.name]) for axis in self.axes}, index=runs.index)

    @cached_property
    def metric_range(self) -> tuple[float, float]:
        """Lowest and highest value that the study's metric can have, infinite where there is no bound."""
        metric = metrics.metric_of(self.metric)
        low, high = metric.range if metric else (None, None)
        return -math.inf if low is None else low, math.inf if high is None else high

    @cached_property
    def design(self) -> pd.Series:
        """Mask of the runs that the plan's design (not the reference, not a confirmation) asked for."""
        return self.runs["role"].isin(DESIGN_ROLES)

    @cached_property
    def usable(self) -> pd.Series:
        """Mask of the runs of the design that enter means."""
        return self.design & self.runs["usable"]

    @cached_property
    def replicate_df(self) -> int:
        """Degrees of freedom of the spread between runs of the same cell, the folds' own effect aside."""
        counts = self.runs.loc[self.usable, "cell"].value_counts()
        folds = self.runs.loc[self.usable, "fold"].nunique() - 1 if self.folds_cross else 0
        return int((counts - 1).sum()) - folds

    @cached_property
    def folds_cross(self) -> bool:
        """Whether several cells were run on several folds: then effects of folds and of cells can be separated."""
        runs = self.runs[self.usable]
        return runs["fold"].nunique() > 1 and runs.loc[runs["fold"].notna(), "cell"].nunique() > 1

    def looks_of(self, race: str) -> int:
        """How often a race (`seeds`, or `confirm`) may look at its runs before it ends; 1 where seeds are listed."""
        seeds = self.plan.races.get(race)
        return seeds["at_most"] - seeds["start"] + 1 if seeds else 1

    @property
    def looks(self) -> int:
        """How often the study may look at the runs of its design: each p counts so many times."""
        return self.looks_of("seeds")

    def dropped_by(self, race: str) -> set[str]:
        """The cells that a race (`seeds`, or `confirm`) dropped."""
        table = self.race_settings if race in self.plan.races else None
        if table is None or table.empty:
            return set()
        return set(table.loc[(table["race"] == race) & table["standing"].isin(DROPPED), "cell"])

    def fresh_scores(self, runs: pd.DataFrame) -> pd.Series:
        """Scores of confirmations of a setting, one a seed: of a cross-validation the mean over its folds."""
        return runs[runs["usable"]].groupby("seed", sort=False)["score"].mean()

    @cached_property
    def replicates_differ(self) -> bool:
        """Whether runs of the same cell have different scores; if not, the seed did nothing."""
        scores = self.runs.loc[self.usable, "score"]
        if scores.empty:
            return False
        groups = scores.groupby(self.runs.loc[self.usable, "cell"])
        return bool((groups.max() - groups.min()).max() > 1e-12 * scores.abs().max())

    @cached_property
    def error_basis(self) -> str:
        """What differences are judged by: `replicates`, `lack of fit` or `none`.

        Without runs that share a setting, what the additive model leaves of the settings' scores holds their noise and
        all interactions: an error that is too large rather than too small. A sampler that follows the scores leaves no
        such residual: how often it returns to a level depends on the noise there.
        """
        if self.replicate_df >= 2 and self.replicates_differ:
            return "replicates"
        runs = self.runs[self.usable]
        if self.adaptive or runs.empty or not self.axes:
            return "none"
        cells = runs.groupby("cell", sort=False)["score"].mean()
        codes = self.codes[self.usable][~runs["cell"].duplicated().to_numpy()]
        fit = additive_fit(cells.to_numpy(float), {axis.name: codes[axis.name].to_numpy(int) for axis in self.axes})
        return "lack of fit" if fit is not None and fit.df >= FEWEST_LACK_OF_FIT and fit.leaves_noise else "none"

    @property
    def one_seed(self) -> bool:
        """Whether there is nothing to judge differences by: then nothing is called better."""
        return self.error_basis == "none"

    @property
    def why_unknown(self) -> str:
        """Why it is not known how far runs of a setting spread; empty where it is."""
        if self.replicate_df >= 2 and self.replicates_differ:
            return ""
        usable = self.runs.loc[self.usable, "cell"]
        if usable.empty:
            return "No run has a usable score"
        if not usable.duplicated().any():
            several = self.runs.loc[self.design, "cell"].duplicated().any()
            one = "One usable run a setting" if several else "One run a setting"
            return "Seeds change no score" if self.repeated.any() else one
        return "Seeds change no score" if not self.replicates_differ else "Too few runs share a setting"

    @cached_property
    def repeated(self) -> pd.Series:
        """Mask of the runs of the design whose curve is that of another seed or fold of their setting."""
        return self.design & self.runs["repeated"]

    @cached_property
    def pruned(self) -> bool:
        """Whether a pruner ended runs of the design: which ones are left then depends on their scores."""
        return bool((self.runs["status"].eq("pruned") & self.design).any())

    def axis(self, name: str) -> Axis:
        """An axis by its name."""
        return next(axis for axis in self.axes if axis.name == name)

    def cells_where(self, where: dict[str, Any]) -> pd.Series:
        """Mask over the runs of those whose cell has these settings."""
        return rows_where(self.runs, where)

    @cached_property
    def left_out_by_budget(self) -> pd.Series:
        """Mask of the missing runs that the study's budget left out."""
        if "left_out" not in self.missing:
            return pd.Series(False, index=self.missing.index)
        return self.missing["left_out"].notna() & self.missing["left_out"].ne("")

    def column_of(self, column: str | None) -> tuple[str, float]:
        """A column of runs.csv, the metric's where none is named, and 1 if high values are good, -1 if low ones are."""
        if column in (None, self.metric):
            return self.metric, self.sign
        low_is_good = is_measure(column) or lower_is_better(column)
        return column, -1.0 if low_is_good else 1.0

    def label(self, cell: str) -> str:
        """A cell in words."""
        return str(self.cells.at[cell, "label"]) if cell in self.cells.index else cell

    @cached_property
    def image_column(self) -> str | None:
        """Column of images.csv with the study's metric, or None."""
        return self.column_in(self.images)

    def column_in(self, images: pd.DataFrame | None) -> str | None:
        """Column with the study's metric in a table of single images, or None."""
        if images is None:
            return None
        return next((name for name in (self.metric, self.metric.split("/")[-1]) if name in images), None)


def rows_where(table: pd.DataFrame, where: dict[str, Any]) -> pd.Series:
    """Mask over the rows of a table, with columns of levels as texts, of those that have these settings."""
    mask = pd.Series(True, index=table.index)
    for name, value in where.items():
        texts = {value_in_words(part) for part in (value if isinstance(value, list) else [value])}
        mask &= table[name].map(lambda text, texts=texts: same_text(text, texts)) if name in table else False
    return mask


class Statuses(Table):
    """A status that runs have; planned runs that are not there count as `missing`, or `left out by the budget`, rows
    of a table as `left out`."""

    file = "statuses.csv"
    rules = ("analyze_study",)
    rows = "status_rows"
    columns = (
        Column("status", "text", "The status."),
        Column("n", "integer", "Runs with it."),
        Column("share", "number", "Share of all runs."),
        Column("rule", "text", "How such runs enter."),
    )


def status_rows(results: StudyResults) -> list[dict[str, Any]]:
    """Rows of statuses.csv."""
    counts = results.runs["status"].value_counts().to_dict()
    imported = bool(results.plan.study.get("table"))
    left_out = int(results.left_out_by_budget.sum())
    if len(results.missing) > left_out:
        counts["left out" if imported else "missing"] = len(results.missing) - left_out
    if left_out:
        counts["left out by the budget"] = left_out
    total = sum(counts.values())
    rules = RULES | {
        "missing": "Not trained, or not to its end: listed in missing.csv, in no table of results.",
        "left out by the budget": "Not trained, or not to its end: listed in missing.csv, in no table of results.",
        "left out": "Rows of the table without a result, or copies: listed in missing.csv, in no statistic.",
    }
    return [{"status": status, "n": n, "share": n / total, "rule": rules[status]} for status, n in counts.items()]


def open_results(folder: Path) -> StudyResults:
    """Read the tables of results/<study>/.

    Raises:
        InputError: a table is missing, or has no rows, or runs have other settings than their cells.
    """
    folder = Path(folder)
    for name in (PLAN_FILE, "cells.csv", "runs.csv"):
        if not (folder / name).exists():
            raise InputError(f"{folder / name}: not there. Collect the study's results first (collect_results.py).")
    plan = open_plan(folder / PLAN_FILE)
    axes = plan.axes
    runs = read_table(folder / "runs.csv", axes)
    if runs.empty:
        raise InputError(f"{folder / 'runs.csv'}: no run is finished yet. Train at least one cell, then report again.")
    cells = read_table(folder / "cells.csv", axes).set_index("cell")
    _check_levels(folder, cells, runs, axes)
    optional = {
        name: read_table(folder / f"{name}.csv", axes) if (folder / f"{name}.csv").exists() else None
        for name in ("missing", "images", "ensemble", "ensemble_images", "confusions", "race_settings")
    }
    if optional["missing"] is None:
        optional["missing"] = pd.DataFrame(columns=["cell", "run"])
    return StudyResults(plan, cells, runs, **optional)


def _check_levels(folder: Path, cells: pd.DataFrame, runs: pd.DataFrame, axes: list[str]) -> None:
    """Check that runs have the levels of their cells, in the same words: of others no statistic would know."""
    cells = cells[~cells.index.duplicated()]
    for axis in (name for name in axes if name in cells and name in runs):
        of_cells = cells[axis].reindex(runs["cell"]).to_numpy()
        wrong = runs[pd.notna(of_cells) & (runs[axis].to_numpy() != of_cells)]
        if len(wrong):
            run = wrong.iloc[0]
            raise InputError(
                f"{folder / 'runs.csv'}: {axis} of run {run['run']} is {run[axis]!r}, and in cells.csv its cell has "
                f"{cells.at[run['cell'], axis]!r}: another program wrote one of them anew. Remove both files, and "
                "start `snakemake` again: what is trained stays."
            )


def read_table(path: Path, axes: list[str] = ()) -> pd.DataFrame:
    """A table of results, with names and levels as texts."""
    header = pd.read_csv(regular(path), nrows=0).columns
    texts = {name: str for name in header if name in TEXT_COLUMNS or name in axes}
    table = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values={n: [""] for n in header if n not in texts})
    return table


def _axis(name: str, texts: pd.Series, plan: StudyPlan) -> Axis:
    """Levels of an axis: numbers ascending, words in order of appearance, many numbers of a search in ranges."""
    levels = [text for text in dict.fromkeys(texts) if text != ""]
    values = [as_number(text) for text in levels]
    if not levels or any(value is None for value in values):
        return Axis(name, levels)
    order = np.argsort(values, kind="stable")
    levels, values = [levels[i] for i in order], [values[i] for i in order]
    space = ((plan.study.get("sweep") or {}).get("space") or {}).get(name) or {}
    scale = "log" if (space.get("log") if isinstance(space, dict) else False) or looks_logarithmic(values) else "linear"
    searched = plan.study.get("sweep") or plan.study.get("table")
    if searched and len(levels) > 5 and len(texts) < 3 * len(levels):
        count = 2 if len(texts) < 18 else 3 if len(texts) < 60 else 4
        every = np.sort([as_number(text) for text in texts if text != ""])
        parts = [part for part in np.array_split(np.unique(every), count) if len(part)]
        names = [f"{number(float(f'{part[0]:.3g}'))}..{number(float(f'{part[-1]:.3g}'))}" for part in parts]
        return Axis(name, names, "number", scale, True, [float(part[-1]) for part in parts])
    return Axis(name, levels, "number", scale, False, values)


def looks_logarithmic(values: list[float]) -> bool:
    """Whether numbers are spaced by factors rather than by differences."""
    values = np.unique(values)
    if len(values) < 2 or values[0] <= 0:
        return False
    if values[-1] / values[0] >= 20:
        return True
    if len(values) < 3:
        return False
    steps, factors = np.diff(values), np.diff(np.log(values))
    return bool(factors.std() / factors.mean() < 0.8 * steps.std() / steps.mean())


def _codes(axis: Axis, texts: pd.Series) -> np.ndarray:
    """Index of each text among the levels, -1 if it is none of them."""
    if not axis.binned:
        indices = {level: index for index, level in enumerate(axis.levels)}
        return texts.map(indices).fillna(-1).to_numpy(int)
    values = texts.map(as_number).to_numpy(float)
    codes = np.searchsorted(np.array(axis.values), values)
    return np.where(np.isfinite(values) & (codes < len(axis.levels)), codes, -1)
