"""A whole study analysed: every table of the rule `analyze_study`, analysis.json, audit.json and best.yaml."""

import json
import math
from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segsweep.analysis.anova import Anova, analyse_variance
from segsweep.analysis.best_setting import BestSetting, as_yaml, choose, describe
from segsweep.analysis.comparison import conclusions, read_conclusions
from segsweep.analysis.design_audit import Audit, audit, unexplored
from segsweep.analysis.factors import measured_of_level
from segsweep.analysis.front import front_about, high, low
from segsweep.analysis.importance import Importance, importance
from segsweep.analysis.linear import CONFIDENCE
from segsweep.analysis.measures import is_measured
from segsweep.analysis.multiple_testing import STUDY_ALPHA, shares_of
from segsweep.analysis.ranking import Noise, noise_floor, rank_cells
from segsweep.analysis.rules_and_warnings import rules, warnings_of
from segsweep.analysis.search_statistics import confirmed_spread, edges, expected_best_validity
from segsweep.analysis.study_results import StudyResults
from segsweep.analysis.verdicts import STATED
from segsweep.errors import InputError
from segsweep.io import write_text
from segsweep.tables import NO_NOISE, NO_RUN, Column, Document, Table, definitions

LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "optuna")


class AnalysisFile(Document):
    """What is to be said of a study and has no table."""

    file = "analysis.json"
    rules = ("analyze_study",)
    keys = (
        Column("study", "text", "Name of the study."),
        Column("title", "text", "Its title, or its name."),
        Column("metric", "text", "Column of runs.csv that runs are ranked by."),
        Column("minimize", "boolean", "Whether lower is better."),
        Column("n_cells", "integer", "Cells with runs."),
        Column("n_runs", "integer", "Runs in runs.csv."),
        Column("n_usable", "integer", "Those that are `finished` or `early_stopped` with a finite score."),
        Column("n_missing", "integer", "Planned runs that are not there."),
        Column("replicates", "mapping", "Usable runs a cell, seeds times folds: `min`, `max`.", empty=NO_RUN),
        Column("confidence", "number", "Of all intervals."),
        Column("one_seed", "boolean", "Whether there is nothing to judge differences by: nothing is called better."),
        Column("sampler", "text", "The sampler of a search.", empty="the study is no search"),
        Column("adaptive", "boolean", "Whether trials follow the scores of earlier ones."),
        Column("noise", "mapping", "Noise floor: how far runs of one cell spread."),
        Column("noise.sd", "number", "Standard deviation between runs of one cell, pooled.", empty="it is not known"),
        Column("noise.df", "integer", "Its degrees of freedom."),
        Column("noise.cells", "integer", "Cells with two runs or more."),
        Column("noise.critical_difference", "number", "Smallest significant difference of two cells with the usual "
               "n and no more than the pooled deviation.",
               empty="it is not known, or not the same for all cells"),
        Column("noise.equal", "boolean", "Whether one deviation may stand for all cells."),
        Column("noise.reading", "text", "How that was found out."),
        Column("noise.basis", "text", "What differences of levels are judged by: `replicates` (runs that share a "
               "setting), `lack of fit` (what the additive model leaves unexplained) or `none`."),
        Column("noise.why", "text", "Why it is not known how far runs of a setting spread.", empty="it is known"),
        Column("noise.confirmed_sd", "number", "The same of confirmation runs.", empty="there are too few"),
        Column("noise.confirmed_df", "integer", "Its degrees of freedom."),
        Column("best", "mapping", "The setting to recommend.", empty="no setting has a usable run"),
        Column("best.cell", "text", "Key of the cell."),
        Column("best.label", "text", "Its settings in words."),
        Column("best.run", "text", "Its best run.", empty="it is not in the ranking"),
        Column("best.mean", "number", "Mean score, of fresh seeds where it was confirmed."),
        Column("best.low", "number", "Lower end of the interval of the mean.", empty=NO_NOISE),
        Column("best.high", "number", "Upper end.", empty=NO_NOISE),
        Column("best.n", "integer", "Runs, or fresh seeds, that it is the mean of."),
        Column("best.expected", "number", "Mean to expect of fresh runs, as in ranking.csv.", empty=NO_NOISE),
        Column("best.chosen_from", "integer", "Settings with a usable run."),
        Column("best.rank", "integer", "Its rank.", empty="it is not in the ranking"),
        Column("best.group_size", "integer", "Cells of its group in the ranking, at least 1."),
        Column("best.tied", "list", "These cells, the first twenty."),
        Column("best.settings", "mapping", "Axis: level."),
        Column("best.cheapest", "text", "The cell that trains fastest, of those with a mean within the interval of the "
               "best's.", empty="none is clearly faster"),
        Column("best.chosen_by", "text", "How it was chosen."),
        Column("front", "mapping", "The front of several objectives, see front.csv.", empty="the study has one"),
        Column("front.objectives", "mapping", "Name: `maximize` or `minimize`."),
        Column("front.settings", "integer", "Settings in front.csv."),
        Column("front.members", "integer", "Those on the front of the means."),
        Column("front.unit", "text", "What is drawn again: `seed` or `fold`."),
        Column("front.blocks", "integer", "How many of them there are."),
        Column("front.draws", "integer", "Draws behind the shares, 0 without any."),
        Column("front.why", "text", "Why there are no shares.", empty="there are"),
        Column("anova", "mapping", "What the linear models rest on."),
        Column("anova.model", "text", "The model in words.", empty="there is none"),
        Column("anova.n", "integer", "Runs."),
        Column("anova.blocks", "list", "`seed`, `fold`, where they are blocks."),
        Column("anova.df_residual", "integer", "Residual degrees of freedom."),
        Column("anova.r2", "number", "R squared.", empty="there is no model"),
        Column("anova.residual_sd", "number", "Standard deviation of the residuals.", empty="there is no model"),
        Column("anova.shapiro", "mapping", "Shapiro-Wilk test of the residuals: `statistic`, `p`.", empty="not tested"),
        Column("anova.levene", "mapping", "Brown-Forsythe test of their spread: `statistic`, `p`, `axis`.",
               empty="not tested"),
        Column("anova.alternative", "text", "`aligned ranks` where the residuals are not normal.",
               empty="the plain test stands"),
        Column("anova.robust", "boolean", "Whether errors are of the kind HC3."),
        Column("anova.reading", "text", "The checks in words."),
        Column("importance", "mapping", "How far importance.csv can be believed."),
        Column("importance.n", "integer", "Cells with usable runs."),
        Column("importance.note", "text", "What has to be known of it."),
        Column("importance.r2_oob", "number", "R squared of the forest on cells that a tree has not seen.",
               empty="it was not computed"),
        Column("importance.reliable", "boolean", "Whether that is enough."),
        Column("importance.agreement", "number", "Spearman's correlation of fANOVA with partial eta squared.",
               empty="fewer than three axes have both"),
        Column("importance.encoding", "text", "How levels entered."),
        Column("expected_best", "mapping", "Whether expected_best.csv speaks of the search itself: `valid`, `note`."),
        Column("gate", "mapping", "The correction over the whole study, see findings.csv."),
        Column("gate.alpha", "number", "At most this share of studies without any effect states one."),
        Column("gate.shares", "mapping", "Kind of finding: its share of alpha."),
        Column("gate.tested", "integer", "Findings that were tested."),
        Column("gate.stated", "integer", "Those that are stated."),
        Column("edges", "list", "Axes whose best level (`clear`: a finding), or the best setting, lies at an end of "
               "the values tried: `axis`, `level`, `side`, `clear`, `text`."),
        Column("warnings", "list", "What a reader has to know: `topic`, `axes`, `text`."),
        Column("rules", "mapping", "What the analysis does by rule, in words."),
        Column("unexplored", "list", "Pairs of axes with the most combinations that were never tried: `axis_a`, "
               "`axis_b`, `empty`, `combinations`."),
        Column("conclusions", "mapping", "What comparison.csv of a later study reads."),
        Column("versions", "mapping", "Library: version."),
    )  # fmt: skip


class Analysis:
    """All that is worked out of a study, each part when it is first asked for.

    results: the study's tables.
    others: conclusions of other studies or earlier reports, by the name that they are compared under.
    problems: sentences on what `others` lacks; they become warnings.
    """

    def __init__(
        self, results: StudyResults, others: dict[str, dict[str, Any]] | None = None, *, problems: list[str] = ()
    ):
        self.results, self.others, self.problems = results, others or {}, problems
        self.definitions = {
            Path(one.file).stem: one for one in definitions() if issubclass(one, Table) and "analyze_study" in one.rules
        }
        self._rows: dict[str, list[dict[str, Any]]] = {}

    @cached_property
    def noise(self) -> Noise:
        """How far runs of one cell spread."""
        return noise_floor(self.results)

    @cached_property
    def ranked(self) -> pd.DataFrame:
        """The ranking, by cell, best first."""
        return rank_cells(self.results, self.noise)

    @cached_property
    def variance(self) -> Anova:
        """The linear models of the score."""
        return analyse_variance(self.results)

    @cached_property
    def axis_importance(self) -> Importance:
        """Which axes matter."""
        shares = {row["term"]: row["partial_eta2"] for row in self.variance.table if row["kind"] == "main"}
        return importance(self.results, shares)

    @cached_property
    def audit(self) -> dict[str, Any]:
        """The contents of audit.json."""
        return audit(self.results, self.rows("design"))

    @cached_property
    def best(self) -> dict[str, Any] | None:
        """The setting to recommend, None if none has a usable run."""
        confirmed = self.rows("confirmations")
        cell, chosen_by = choose(self.results, self.ranked, confirmed)
        return describe(self.results, self.ranked, cell, chosen_by, confirmed) if cell else None

    @cached_property
    def edges(self) -> list[dict[str, Any]]:
        """Axes whose best level, or the best setting, lies at an end of what was tried."""
        return self.call(edges)

    @cached_property
    def said(self) -> dict[str, Any]:
        """The study's conclusions, in words that can be compared."""
        return self.call(conclusions)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Rows of a table of the analysis, by its name (`ranking` of ranking.csv).

        Raises:
            KeyError: there is no such table.
        """
        if table not in self._rows:
            definition = self.definitions[table]
            self._rows[table] = self.call(getattr(import_module(definition.__module__), definition.rows))
        return self._rows[table]

    def call(self, function: Callable) -> Any:
        """Call a function with what its parameters are named after: rows of a table, or what is worked out here."""
        return function(
            **{
                name: self.rows(name) if name in self.definitions else getattr(self, name)
                for name in signature(function).parameters
            }
        )

    @cached_property
    def about(self) -> dict[str, Any]:
        """The contents of analysis.json."""
        results, noise = self.results, self.noise
        warnings = self.call(warnings_of)
        warnings += [{"topic": "compare", "axes": [], "text": text} for text in self.problems]
        findings = self.rows("findings")
        gate = {
            "alpha": STUDY_ALPHA, "shares": shares_of(results),
            "tested": sum(row["kind"] != "edge" and math.isfinite(row["p_study"]) for row in findings),
            "stated": sum(row["verdict"] in STATED for row in findings),
        }  # fmt: skip
        return _header(results, noise) | {
            "gate": gate, "best": self.best, "anova": self.variance.reading, "importance": self.axis_importance.about(),
            "front": self.call(front_about), "expected_best": expected_best_validity(results),
            "edges": self.edges, "warnings": warnings, "rules": rules(results),
            "unexplored": unexplored(self.rows("design")), "conclusions": self.said,
            "versions": {name: version(name) for name in LIBRARIES},
        }  # fmt: skip

    def write(self, folder: Path) -> None:
        """Write all tables, analysis.json, audit.json and best.yaml; tables without rows have a header."""
        folder.mkdir(parents=True, exist_ok=True)
        objectives = list(self.results.plan.objectives)
        families = {
            "axes": [name for name in self.results.plan.axes if name in self.results.cells],
            "measured": [name for name in self.results.runs if is_measured(name) and name != self.results.metric],
            "measured_of_level": measured_of_level(self.results),
            "objectives": objectives,
            "objectives_low": list(map(low, objectives)),
            "objectives_high": list(map(high, objectives)),
        }
        for name, definition in self.definitions.items():
            definition.write(folder, map(plain, self.rows(name)), **families)
        for name, content in ((AnalysisFile.file, self.about), (Audit.file, self.audit)):
            text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)
            write_text(folder / name, text + "\n")
        write_text(folder / BestSetting.file, as_yaml(self.results, self.best))


def others_of(results: StudyResults, folder: Path, more: list[str] = ()) -> tuple[dict[str, dict], list[str]]:
    """Conclusions of what the study's `compare` names, and problems on what is not there."""
    found, problems = {}, []
    for name in [*(results.plan.study.get("compare") or []), *more]:
        if name == results.plan.study["name"]:
            continue
        try:
            found[name] = read_conclusions(name, folder)
        except InputError as error:
            problems += error.problems
    return found, problems


def _header(results: StudyResults, noise: Noise) -> dict[str, Any]:
    study = results.plan.study
    replicates = results.runs[results.usable].groupby("cell").size()
    return {
        "study": study["name"], "title": study.get("title") or study["name"], "metric": results.metric,
        "minimize": results.minimize, "n_cells": int(results.runs["cell"].nunique()), "n_runs": len(results.runs),
        "n_usable": int(results.runs["usable"].sum()), "n_missing": len(results.missing),
        "replicates": {"min": int(replicates.min()), "max": int(replicates.max())} if len(replicates) else None,
        "confidence": CONFIDENCE, "one_seed": results.one_seed,
        "sampler": results.sampler, "adaptive": results.adaptive,
        "noise": {"sd": noise.sd, "df": noise.df, "cells": noise.cells, "critical_difference": noise.critical,
                  "equal": noise.equal, "reading": noise.reading,
                  "basis": results.error_basis, "why": results.why_unknown or None} | confirmed_spread(results),
    }  # fmt: skip


def plain(value: Any) -> Any:
    """Values as JSON and CSV have them: no numpy, and None for what is not finite."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        if not math.isfinite(value):
            return None
        return float(value)
    return None if value is pd.NA else value
