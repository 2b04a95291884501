"""A whole study analysed: every table of the contract in `segsweep.analysis`, computed and written."""

import json
import math
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segsweep.analysis import best as best_setting
from segsweep.analysis.anova import analyse_variance
from segsweep.analysis.claims import judge
from segsweep.analysis.columns import write_rows
from segsweep.analysis.compare import COLUMNS as COMPARISON
from segsweep.analysis.compare import compare, conclusions, read_conclusions
from segsweep.analysis.correlations import correlate
from segsweep.analysis.design import audit
from segsweep.analysis.factors import LEVELS_ALPHA, MORE, level_rows, pair_rows, pairwise, summary_rows
from segsweep.analysis.importance import importance
from segsweep.analysis.linear import CONFIDENCE
from segsweep.analysis.ranking import (
    CELLS_ALPHA,
    Noise,
    noise_floor,
    picture_stability,
    rank_cells,
    rank_stability,
)
from segsweep.analysis.results import RULES, Results
from segsweep.analysis.search_statistics import confirmations, edges, expected_best
from segsweep.errors import InputError

TESTED = ["F", "df", "p", "partial_eta2"]
HEADERS = {
    "factor_summary": ["axis", "kind", "scale", "binned", "levels", "best_level", "second_level", "range", "relation",
                       *TESTED, "rank_p", "raw_and_adjusted", "edge", "note"],
    "anova": ["term", "axis_a", "axis_b", "kind", "type", "ss", *["df", "F", "p", "partial_eta2"], "rank_F", "rank_p",
              "estimable", "note"],
    "pairwise": ["axis", "level_a", "level_b", "n_a", "n_b", "difference", "low", "high", "t", "df", "p", "p_holm",
                 "hedges_g", "g_low", "g_high", "test", "verdict", "note"],
    "interactions": ["axis_a", "axis_b", "combinations", "filled", "F", "df", "df_residual", "p", "p_holm",
                     "partial_eta2", "rank_F", "rank_p", "verdict", "note"],
    "pairs": ["axis_a", "level_a", "axis_b", "level_b", "n_cells", "n_runs", "mean", "sd"],
    "design": ["axis_a", "axis_b", "levels_a", "levels_b", "combinations", "filled", "empty", "empty_list",
               "cramers_v", "relation"],
    "correlations": ["x", "y", "unit", "n", "pearson", "pearson_low", "pearson_high", "pearson_p", "spearman",
                     "spearman_low", "spearman_high", "spearman_p", "p_holm", "verdict"],
    "importance": ["axis", "fanova", "fanova_sd", "pedanova", "rank_fanova", "rank_pedanova", "partial_eta2", "n",
                   "r2_oob"],
    "expected_best": ["trials", "expected", "low", "high", "best_so_far"],
    "confirmations": ["cell", "label", "rank", "won", "n", "mean", "sd", "low", "high", "change", "note"],
    "claims": ["id", "claim", "kind", "verdict", "grade", "estimate", "low", "high", "threshold", "test", "statistic",
               "df", "p", "n_runs", "n_cells", "scope", "pictures_estimate", "pictures_low", "pictures_high", "detail"],
    "statuses": ["status", "n", "share", "rule"],
    "comparison": COMPARISON,
}  # fmt: skip
LEVEL_FRONT = ["axis", "level", "position", "n_cells", "n_runs", "n_pruned", "n_diverged", "n_oom", "mean", "sd",
               "low", "high", "adjusted", "adjusted_low", "adjusted_high", "best_cell", "best_run", "best_score",
               "worst_cell", "worst_run", "worst_score"]  # fmt: skip
RANK_FRONT = ["n", "planned", "status", "mean", "sd", "low", "high", "interval", "best_run", "best_score", "group",
              "to_best", "p_best", "rank_low", "rank_high", "p_best_images", "rank_low_images",
              "rank_high_images"]  # fmt: skip
DRAWN = {
    "seeds": "Each draw moves every mean by a normal error of its own standard error.",
    "images": "Each draw takes pictures with replacement, the same ones for all cells.",
}


@dataclass
class Analysis:
    """Rows of each table by its name, and the contents of analysis.json, audit.json and best.yaml."""

    tables: dict[str, list[dict[str, Any]]]
    headers: dict[str, list[str]]
    about: dict[str, Any]
    audit: dict[str, Any]
    best: str
    ranking: pd.DataFrame = field(default_factory=pd.DataFrame)


def analyse(results: Results, others: dict[str, dict[str, Any]] | None = None, *, seed: int = 0) -> Analysis:
    """Everything that can be said of a study.

    Args:
        results: its tables.
        others: conclusions of other studies or earlier reports, by the name they are compared under.
        seed: of the draws for rank stability.
    """
    rng = np.random.default_rng(seed)
    noise = noise_floor(results)
    ranking = rank_cells(results, noise)
    pictures, images = picture_stability(results, ranking, rng)
    ranking = ranking.join(rank_stability(ranking, noise, results.sign, rng)).join(pictures)
    variance = analyse_variance(results)
    tables: dict[str, list[dict[str, Any]]] = {}
    tables["design"], audited = audit(results)
    tables["anova"], tables["interactions"] = variance.table, variance.interactions
    tables["factors"] = level_rows(results, variance)
    tables["pairwise"] = pairwise(results, variance)
    tables["factor_summary"] = summary_rows(results, variance, tables["factors"], tables["pairwise"])
    tables["pairs"] = pair_rows(results)
    tables["correlations"] = correlate(results)
    shares = {row["term"]: row["partial_eta2"] for row in variance.table if row["kind"] == "main"}
    tables["importance"], about_importance = importance(results, shares)
    tables["expected_best"], about_best = expected_best(results)
    tables["confirmations"] = confirmations(results)
    tables["claims"] = judge(results, noise, ranking)
    tables["statuses"] = status_rows(results)
    cell, chosen_by = best_setting.choose(results, ranking, tables["confirmations"])
    best = best_setting.describe(results, ranking, cell, chosen_by, tables["confirmations"]) if cell else None
    said = conclusions(best, tables["factor_summary"], tables["pairwise"], tables["claims"], tables["importance"])
    tables["comparison"] = [row for name, other in (others or {}).items() for row in compare(said, other, name)]
    ends = edges(results, tables["factor_summary"], cell)
    about = _header(results, noise) | {
        "best": best, "anova": variance.reading, "importance": about_importance, "expected_best": about_best,
        "rank_stability": {"draws": 1000, "seeds": bool(np.isfinite(noise.sd)), "images": images,
                           "note": " ".join([DRAWN["seeds"], DRAWN["images"] if images else ""]).strip()},
        "edges": ends, "warnings": warnings_of(results, noise, audited, tables, about_importance, ends),
        "rules": rules(), "unexplored": unexplored(tables["design"]), "conclusions": said,
        "versions": {name: version(name) for name in ("numpy", "scipy", "pandas", "statsmodels", "optuna")},
    }  # fmt: skip
    tables["ranking"] = ranking.reset_index(names="cell").to_dict("records")
    return Analysis(tables, headers_of(results, ranking), about, audited, best_setting.as_yaml(results, best), ranking)


def write(analysis: Analysis, folder: Path) -> None:
    """Write all tables, analysis.json, audit.json and best.yaml into a folder; tables without rows have a header."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, header in analysis.headers.items():
        write_rows(folder / f"{name}.csv", header, map(_plain_row, analysis.tables[name]))
    for name, content in (("analysis", analysis.about), ("audit", analysis.audit)):
        text = json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    (folder / "best.yaml").write_text(analysis.best, encoding="utf-8")


def others_of(results: Results, folder: Path, more: list[str] = ()) -> tuple[dict[str, dict], list[str]]:
    """Conclusions of what the study's `compare` names, and problems on what is not there."""
    found, problems = {}, []
    for name in [*(results.plan["study"].get("compare") or []), *more]:
        if name == results.plan["study"]["name"]:
            continue
        try:
            found[name] = read_conclusions(name, folder)
        except InputError as error:
            problems += error.problems
    return found, problems


def headers_of(results: Results, ranking: pd.DataFrame) -> dict[str, list[str]]:
    """Columns of each table, in order."""
    axes = [name for name in results.plan["axes"] if name in results.cells]
    extra = [name for name in ranking if name.startswith(("stability/", "convergence/", "overfit/", "cost/", "val/"))]
    more = [name for name in MORE if name in results.runs]
    more += [name for name in results.runs if name.startswith("val/") and name != results.metric]
    return HEADERS | {
        "ranking": ["rank", "cell", "label", "role", "round", *axes, *RANK_FRONT, *extra],
        "factors": [*LEVEL_FRONT, *more, "note"],
    }


def status_rows(results: Results) -> list[dict[str, Any]]:
    """Rows of statuses.csv; runs that are not there count as `missing`."""
    counts = results.runs["status"].value_counts().to_dict()
    if len(results.missing):
        counts["missing"] = len(results.missing)
    total = sum(counts.values())
    rule = RULES | {"missing": "Not trained, or not to its end: listed in missing.csv, in no table of results."}
    return [
        {"status": status, "n": n, "share": n / total, "rule": rule.get(status, "Counted and shown, in no mean.")}
        for status, n in counts.items()
    ]


def rules() -> dict[str, str]:
    """What this analysis does by rule, in words."""
    return {
        "score": "A run's score is the study's metric at its best epoch, the best of as many looks as it had epochs.",
        "intervals": "95 % t intervals; of a cell's mean with the pooled deviation of replicated cells, or with its "
        "own where the spread differs between cells.",
        "cells": f"Cells are told apart by Tukey and Kramer's procedure at {CELLS_ALPHA:.1%} (Bonferroni's bound for "
        "many cells, Welch's t where the spread differs).",
        "levels": f"Levels are compared by contrasts of the additive model, with Holm's correction over all pairs of "
        f"all axes, at {LEVELS_ALPHA:.1%}; with the cells' {CELLS_ALPHA:.1%} that makes 5 % for the study.",
        "anova": "Sums of squares of type II. Where Shapiro and Wilk's test rejects at 1 %, aligned ranks decide; "
        "where Brown and Forsythe's does, errors are of the kind HC3.",
        "interactions": "Two axes interact where p, corrected by Holm over all pairs of axes, is at most 5 %.",
        "one_seed": "Without replicated cells nothing is called better: numbers are described, claims are undecided.",
        "claims": "A claim is supported or refuted by a test or interval at 5 %, else undecided.",
        "reference": "Reference settings stand in the ranking and in no mean of a level.",
        "confirmations": "Confirmation runs enter no ranking and no mean of a level: they were chosen by the result.",
        **{f"status {name}": text for name, text in RULES.items()},
    }


def warnings_of(results: Results, noise: Noise, audited, tables, about_importance, ends) -> list[dict[str, Any]]:
    """What a reader has to know before believing any table: {"topic", "axes", "text"}."""
    found = []

    def warn(topic: str, text: str, axes: list[str] = ()) -> None:
        found.append({"topic": topic, "axes": list(axes), "text": text})

    for note in results.plan.get("notes") or []:
        warn("table", note)
    if results.one_seed:
        warn("one seed", f"{results.why_unknown}: differences may be those of seeds, and none is called better.")
    elif noise.df < 10:
        warn("few seeds", f"The noise floor rests on {noise.df} degrees of freedom: it is itself uncertain.")
    if results.plan["study"].get("folds"):
        warn("folds", "Folds share most of their training pictures, so runs on them are not independent: intervals and "
             "tests are somewhat surer than they should be.")  # fmt: skip
    if not noise.equal:
        warn("unequal spread", noise.reading)
    if results.adaptive:
        warn("adaptive", f"Settings were proposed by {results.sampler}, which follows the scores: means of levels are "
             "of settings near the best, not of the space.")  # fmt: skip
    found += [note for note in audited["notes"] if note["topic"] in ("aliased", "confounded", "budget")]
    for row in tables["factor_summary"]:
        if row["raw_and_adjusted"] == "disagree" and row["relation"] in ("distinct", "partly"):
            warn(
                "raw and adjusted",
                f"Raw and adjusted means of {row['axis']} name different best levels.",
                [row["axis"]],
            )
    for row in tables["factors"]:
        failed = row["n_diverged"] + row["n_oom"]
        if failed and failed >= 0.25 * (failed + row["n_runs"]):
            rest = "its means are of the others" if row["n_runs"] else "it has no mean"
            warn("failures", f"{failed} of {failed + row['n_runs']} runs with {row['axis']} = {row['level']} diverged "
                 f"or ran out of memory; {rest}.", [row["axis"]])  # fmt: skip
    if tables["importance"] and about_importance["note"]:
        warn("importance", about_importance["note"])
    found += [{"topic": "edge", "axes": [end["axis"]], "text": end["text"]} for end in ends if end["clear"]]
    if len(results.missing):
        warn("missing", f"{len(results.missing)} planned runs are missing: they are listed in missing.csv.")
    return found


def confirmed_spread(results: Results) -> dict[str, Any]:
    """Pooled deviation of confirmation runs of the same setting, with its degrees of freedom."""
    runs = results.runs[(results.runs["role"] == "confirm") & results.runs["usable"]]
    groups = runs.groupby(["cell", "seed"])["score"].mean().groupby("cell")
    df = int((groups.size() - 1).sum())
    squares = float((groups.var().fillna(0) * (groups.size() - 1)).sum())
    return {"confirmed_sd": math.sqrt(squares / df) if df else None, "confirmed_df": df}


def unexplored(design: list[dict[str, Any]], most: int = 5) -> list[dict[str, Any]]:
    """Pairs of axes with the most combinations that were never tried."""
    rows = [row for row in design if row["empty"] and row["relation"] != "aliased"]
    rows = sorted(rows, key=lambda row: -row["empty"] / row["combinations"])[:most]
    return [{key: row[key] for key in ("axis_a", "axis_b", "empty", "combinations")} for row in rows]


def _header(results: Results, noise: Noise) -> dict[str, Any]:
    study = results.plan["study"]
    replicates = results.runs[results.usable].groupby("cell").size()
    return {
        "study": study["name"], "title": study.get("title") or study["name"], "metric": results.metric,
        "minimize": results.minimize, "n_cells": int(results.runs["cell"].nunique()), "n_runs": len(results.runs),
        "n_usable": int(results.runs["usable"].sum()), "n_missing": len(results.missing),
        "replicates": {"min": int(replicates.min()), "max": int(replicates.max())} if len(replicates) else None,
        "confidence": CONFIDENCE, "one_seed": results.one_seed,
        "sampler": results.sampler, "adaptive": results.adaptive,
        "noise": {"sd": noise.sd, "df": noise.df, "cells": noise.cells, "critical_difference": noise.critical,
                  "equal": noise.equal, "reading": noise.reading} | confirmed_spread(results),
    }  # fmt: skip


def _plain_row(row: dict[str, Any]) -> dict[str, Any]:
    return {key: _plain(value) for key, value in row.items()}


def _plain(value: Any) -> Any:
    """Values as JSON and CSV have them: no numpy, and None for what is not finite."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        if not math.isfinite(value):
            return None
        return float(value)
    return None if value is pd.NA else value
