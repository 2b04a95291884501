"""What a search tells beyond its ranking: expected best score, edges of the space, winners confirmed.

Source: the expected best of k of n trials without replacement, Tang et al. (2020), Showing your work doesn't always
work; it is unbiased where the estimator of Dodge et al. (2019) is not.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from segsweep.analysis.level_numbers import as_number
from segsweep.analysis.linear import FEWEST_OF_INTERVAL, t_interval
from segsweep.analysis.study_results import Axis, StudyResults
from segsweep.tables import NO_RUN, Column, Table

MOST_ROWS = 60
NEAR_EDGE = 0.05


class ExpectedBest(Table):
    """A number of trials, and how good the best of so many is."""

    file = "expected_best.csv"
    rules = ("analyze_study",)
    rows = "expected_best_rows"
    columns = (
        Column("trials", "integer", "The number of trials."),
        Column("expected", "number", "Mean of the best score of so many, drawn without replacement."),
        Column("low", "number", "5 % quantile of this best score."),
        Column("high", "number", "95 % quantile."),
        Column("best_so_far", "number", "Best score of so many trials in the order in which they were proposed."),
    )


def expected_best_rows(results: StudyResults) -> list[dict[str, Any]]:
    """Rows of expected_best.csv; none with fewer than three scores."""
    scores = _in_order_of_trials(results)
    finite = scores[np.isfinite(scores)]
    if len(finite) < 3:
        return []
    values = scores.fillna(finite.min() if results.sign > 0 else finite.max()).to_numpy() * results.sign
    so_far = np.maximum.accumulate(values) * results.sign
    rows = []
    for k in np.unique(np.round(np.geomspace(1, len(values), min(MOST_ROWS, len(values))))).astype(int):
        expected, low, high = best_of(values, int(k))
        bounds = sorted((low * results.sign, high * results.sign))
        rows.append(
            {"trials": int(k), "expected": expected * results.sign, "low": bounds[0], "high": bounds[1],
             "best_so_far": so_far[k - 1]}
        )  # fmt: skip
    return rows


def expected_best_validity(results: StudyResults) -> dict[str, Any]:
    """{"valid": whether expected_best.csv speaks of the search itself, "note"}."""
    if np.isfinite(_in_order_of_trials(results)).sum() < 3:
        return {"valid": False, "note": "Fewer than three settings have a score."}
    if results.adaptive:
        note = f"The sampler {results.sampler} follows earlier scores: its trials are no random draw of the space."
    elif results.random_draw:
        note = "The trials are a random draw of the space."
    else:
        note = "As if the settings of the design were tried in random order."
    return {"valid": results.random_draw, "note": note}


def _in_order_of_trials(results: StudyResults) -> pd.Series:
    """Mean score of each cell of the design; of one without a usable run (pruned, say) that of its last epochs."""
    runs = results.runs[results.design]
    groups = runs.assign(final=runs["score"].where(runs["usable"])).groupby("cell", sort=False)
    return groups["final"].mean().fillna(groups["score"].mean())


def best_of(values: np.ndarray, k: int) -> tuple[float, float, float]:
    """Mean, 5 % and 95 % of the highest of k values drawn from these without replacement."""
    ordered = np.sort(values)
    n = len(ordered)
    rank = np.arange(k, n + 1)
    log_all = _log_choose(n, k)
    share = np.exp(_log_choose(rank - 1, k - 1) - log_all)
    reached = np.exp(_log_choose(rank, k) - log_all)
    low, high = (
        ordered[rank[np.searchsorted(reached, level - 1e-12).clip(max=len(rank) - 1)] - 1] for level in (0.05, 0.95)
    )
    return float(share @ ordered[rank - 1]), float(low), float(high)


def _log_choose(n, k):
    return special.gammaln(np.asarray(n) + 1.0) - special.gammaln(k + 1.0) - special.gammaln(np.asarray(n) - k + 1.0)


def edges(
    results: StudyResults, factor_summary: list[dict[str, Any]], best: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """Numeric axes whose best level, or the best setting, lies at an end of what was tried.

    `clear` where that is a finding: the level is better than every other one. Else it is where the best setting lies,
    and no more. factor_summary are the rows of this table, best is the recommended setting (its `cell`), None if there
    is none.
    """
    found = []
    for summary in factor_summary:
        axis = results.axis(summary["axis"])
        if axis.kind != "number" or (len(axis.levels) < 3 and not axis.binned):
            continue
        side, level, clear = summary["edge"], summary["best_level"], bool(summary["edge"])
        if not side and best is not None:
            side, level = _side_of(results, axis, results.cells.at[best["cell"], axis.name])
        if side:
            end = "lowest" if side == "low" else "highest"
            where = f"close to the {end}" if axis.binned else f"the {end}"
            text = f"The best setting has {axis.name} = {level}, {where} value tried."
            if clear:
                text = f"{axis.name} is best at the {end} value tried, {level}: the optimum may lie beyond."
            found.append({"axis": axis.name, "level": level, "side": side, "clear": clear, "text": text})
    return found


def _side_of(results: StudyResults, axis: Axis, text: str) -> tuple[str, str]:
    """`low` or `high` if a value lies within a twentieth of the range from an end of what was searched or tried."""
    space = ((results.plan.study.get("sweep") or {}).get("space") or {}).get(axis.name) or {}
    tried = [as_number(other) for other in results.cells[axis.name]]
    ends = [space.get("low"), space.get("high")] if isinstance(space, dict) else []
    values = np.array([value for value in (ends if None not in ends and ends else tried) if value is not None])
    value = as_number(text)
    if value is None or values.min() == values.max():
        return "", text
    scale = np.log if axis.scale == "log" and (values > 0).all() and value > 0 else np.asarray
    low, high, at = scale(values.min()), scale(values.max()), scale(value)
    where = (at - low) / (high - low)
    return ("low" if where <= NEAR_EDGE else "high" if where >= 1 - NEAR_EDGE else ""), text


class Confirmations(Table):
    """A setting that was trained again on fresh seeds."""

    file = "confirmations.csv"
    rules = ("analyze_study",)
    rows = "confirmations"
    columns = (
        Column("cell", "text", "Its key."),
        Column("label", "text", "Its settings in words."),
        Column("rank", "integer", "Its rank among all settings by the score that it was chosen by.",
               empty="it is none of the design"),
        Column("won", "number", "The score that it was chosen by.", empty="it is none of the design"),
        Column("n", "integer", "Fresh seeds with a usable result."),
        Column("mean", "number", "Mean score over them.", empty=NO_RUN),
        Column("sd", "number", "Standard deviation of these scores.", empty="fewer than two"),
        Column("low", "number", "Lower end of the 95 % t interval of the mean.", empty="fewer than three"),
        Column("high", "number", "Upper end.", empty="fewer than three"),
        Column("change", "number", "Mean minus the score that it was chosen by.", empty=NO_RUN),
        Column("note", "text", "What has to be known to read the row.", empty="nothing"),
    )  # fmt: skip


def confirmations(results: StudyResults) -> list[dict[str, Any]]:
    """Rows of confirmations.csv: the score that won beside those of fresh seeds."""
    rows = []
    confirmed = results.runs[results.runs["role"] == "confirm"]
    won = results.runs[results.design].groupby("cell")["score"].mean()
    rank = {cell: index + 1 for index, cell in enumerate((won * -results.sign).sort_values(kind="stable").index)}
    for cell, runs in confirmed.groupby("cell", sort=False):
        scores = results.fresh_scores(runs)
        original = _same_setting(results, cell, won)
        n = len(scores)
        row = {"cell": cell, "label": results.label(cell), "rank": rank.get(original), "won": won.get(original, np.nan),
               "n": n, "mean": scores.mean(), "sd": scores.std(), "note": ""}  # fmt: skip
        if n > FEWEST_OF_INTERVAL:
            low, high = t_interval(scores.mean(), scores.sem(), n - 1)
            bottom, top = results.metric_range
            row["low"], row["high"] = max(low, bottom), min(high, top)
            row["note"] = "the interval is cut at the metric's range" if low < bottom or high > top else ""
        row["change"] = row["mean"] - row["won"]
        failed = int((~runs["usable"]).sum())
        words = f"{failed} of {len(runs)} confirmations did not finish" if failed else ""
        row["note"] = "; ".join(filter(None, [row["note"], words]))
        rows.append(row)
    return sorted(rows, key=lambda row: row["rank"] or np.inf)


def confirmed_spread(results: StudyResults) -> dict[str, Any]:
    """Pooled deviation of confirmation runs of the same setting, with its degrees of freedom."""
    runs = results.runs[(results.runs["role"] == "confirm") & results.runs["usable"]]
    groups = runs.groupby(["cell", "seed"])["score"].mean().groupby("cell")
    df = int((groups.size() - 1).sum())
    squares = float((groups.var().fillna(0) * (groups.size() - 1)).sum())
    return {"confirmed_sd": math.sqrt(squares / df) if df else None, "confirmed_df": df}


def _same_setting(results: StudyResults, cell: str, won: pd.Series) -> str:
    """The cell of the search with the same settings as a confirmed one."""
    if cell in won.index or cell not in results.cells.index:
        return cell
    axes = [name for name in results.plan.axes if name in results.cells]
    wanted = results.cells.loc[cell, axes]
    return next((other for other in won.index if (results.cells.loc[other, axes] == wanted).all()), cell)
