"""Claims on single settings: a reference, a listed run, a winner confirmed, an ensemble."""

from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from segsweep.analysis.image_pairs import columns, paired, sentence
from segsweep.analysis.judging import judged, spoken_of, undecided
from segsweep.analysis.linear import t_interval
from segsweep.analysis.ranking import Noise
from segsweep.analysis.study_results import StudyResults
from segsweep.planning.plan_file import PlannedCell


def reduced_by(results: StudyResults, claim: dict, noise: Noise, ranking: pd.DataFrame) -> dict[str, Any]:
    """The best setting against the reference: the ratio of what the claim speaks of, with its interval.

    For each combination of the axes that the reference leaves open, the best setting of the design by the study's
    metric is taken. Logarithms are compared, combinations and folds are blocks. Supported if the whole 95 % interval of
    the ratio lies at or below 1 - share, refuted if it lies above.
    """
    column, _ = spoken_of(results, claim)
    reference = results.plan.study.get("reference")
    if not reference or column not in results.runs:
        return undecided("The study has no reference." if not reference else f"There is no column {column}.")
    runs = results.runs.assign(of=pd.to_numeric(results.runs[column], errors="coerce"))
    runs = runs[runs["usable"] & np.isfinite(runs["of"]) & runs["role"].isin(("grid", "run", "trial", "reference"))]
    if runs.empty:
        return undecided(f"No usable run has a value of {column}.")
    where = results.cells_where(claim.get("where") or {}).reindex(runs.index)
    at_reference = results.cells_where(reference).reindex(runs.index)
    open_axes = [name for name in results.plan.axes if name not in reference and name in runs]
    key = runs[open_axes].astype(str).agg(" ".join, axis=1) if open_axes else pd.Series("", index=runs.index)
    parts = []
    for combination, group in runs[where].groupby(key[where]):
        ours = group[~at_reference[group.index] & (group["role"] != "reference")]
        theirs = group[at_reference[group.index]]
        if len(ours) and len(theirs):
            best = (ours.groupby("cell")["score"].mean() * results.sign).idxmax()
            for side, group in ((ours[ours["cell"] == best], 1.0), (theirs, 0.0)):
                parts.append(side.assign(group=group, block=[f"{combination} {fold}" for fold in side["fold"]]))
    if not parts:
        return undecided("The reference, or a setting to compare it with, has no usable run.")
    table = pd.concat(parts)
    counts = {"n_runs": len(table), "n_cells": table["cell"].nunique()}
    threshold = 1 - claim["reduced_by"]
    first, second = (table.loc[table["group"] == side, "of"].mean() for side in (1.0, 0.0))
    shown = f"{column} is {first:.4g} at the best setting and {second:.4g} at the reference"
    if not (table["of"] > 0).all():
        return undecided(f"{shown}; ratios need values above 0.", **counts)
    if results.one_seed or len(table) - table["block"].nunique() - 1 < 2:
        return undecided(f"{shown}, ratio {first / second:.3g}: too few runs to judge it.", estimate=first / second,
                         threshold=threshold, **counts)  # fmt: skip
    blocks = pd.get_dummies(table["block"], dtype=float)
    fit = sm.OLS(np.log(table["of"].to_numpy()), np.column_stack([table["group"], blocks])).fit()
    low, high = t_interval(fit.params[0], fit.bse[0], fit.df_resid)
    ratio, low, high = (float(np.exp(value)) for value in (fit.params[0], low, high))
    statistic = float((fit.params[0] - np.log(threshold)) / fit.bse[0])
    verdict = "supported" if high <= threshold else "refuted" if low > threshold else "undecided"
    return judged(
        verdict, f"{shown}: ratio {ratio:.3g} (95 % interval {low:.3g} to {high:.3g}), claim: at most {threshold:.3g}.",
        estimate=ratio, low=low, high=high, threshold=threshold, test="t of the logarithm's difference, blocked",
        statistic=statistic, df=float(fit.df_resid), p=float(2 * stats.t.sf(abs(statistic), fit.df_resid)),
        scope="seeds", **counts,
    )  # fmt: skip


def confirmed_at_least(results: StudyResults, claim: dict, noise: Noise, ranking: pd.DataFrame) -> dict[str, Any]:
    """Supported if the whole 95 % t interval of the confirmed winner's mean reaches the acceptable bar, refuted if
    none of it does. The grade compares the mean with both bars. The winner is the best of the settings confirmed by
    the score it was chosen by."""
    bars = claim["confirmed_at_least"]
    confirmed = results.runs[(results.runs["role"] == "confirm")]
    usable = confirmed[confirmed["usable"]]
    if usable.empty:
        return undecided("No setting was confirmed on fresh seeds yet.", threshold=bars["acceptable"])
    order = [cell for cell in ranking.index if cell in set(usable["cell"])]
    winner = order[0] if order else usable["cell"].iloc[0]
    scores = results.fresh_scores(usable[usable["cell"] == winner])
    return _against_bars(scores, bars, results, f"{results.label(winner)}, on {len(scores)} fresh seeds")


def _against_bars(scores: pd.Series, bars: dict, results: StudyResults, who: str) -> dict[str, Any]:
    n, mean = len(scores), float(scores.mean())
    grade = _grade(mean, bars, results.sign)
    counts = {"n_runs": n, "n_cells": 1, "estimate": mean, "threshold": bars["acceptable"], "grade": grade}
    reached = {
        "success": f"the bar of success, {bars['success']:g}",
        "acceptable": f"the acceptable {bars['acceptable']:g}",
    }
    shown = f"{who}: mean {mean:.4g}, which " + (
        f"reaches {reached[grade]}" if grade in reached else "reaches neither bar"
    )
    if n < 2:
        return undecided(f"{shown}; a single run has no interval.", **counts)
    error = float(scores.sem())
    low, high = t_interval(mean, error, n - 1)
    ends = (low - bars["acceptable"]) * results.sign, (high - bars["acceptable"]) * results.sign
    verdict = "supported" if min(ends) >= 0 else "refuted" if max(ends) < 0 else "undecided"
    t = (mean - bars["acceptable"]) / error if error > 0 else np.nan
    return judged(
        verdict, f"{shown} (95 % interval {low:.4g} to {high:.4g}).", low=float(low), high=float(high),
        test="t interval", statistic=t, df=n - 1, p=float(2 * stats.t.sf(abs(t), n - 1)), scope="seeds", **counts,
    )  # fmt: skip


def _grade(value: float, bars: dict, sign: float) -> str:
    for grade in ("success", "acceptable"):
        if (value - bars[grade]) * sign >= 0:
            return grade
    return "missed"


def _bar_in_words(grade: str, bars: dict) -> str:
    if grade == "missed":
        return f"which misses what is acceptable, {bars['acceptable']:g}"
    word = "a success" if grade == "success" else "acceptable"
    return f"which reaches the bar of what is {word}, {bars[grade]:g}"


def ensemble_at_least(results: StudyResults, claim: dict, noise: Noise, ranking: pd.DataFrame) -> dict[str, Any]:
    """One ensemble has one score: graded by the bars, and undecided, since it is not known how far others would lie."""
    bars = claim["ensemble_at_least"]
    table = results.ensemble
    # An ensemble is scored on the test split where there is one: what its column says.
    columns_of_metric = (results.metric, f"test/{results.metric.split('/')[-1]}")
    column = None if table is None or table.empty else next((one for one in columns_of_metric if one in table), None)
    if column is None:
        return undecided("The ensemble has no score yet.", threshold=bars["acceptable"])
    score = float(table[column].iloc[0])
    pair = None
    if results.ensemble_images is not None:
        pair = paired(results, pd.Series(["ensemble"]), pd.Series(["single"]), results.ensemble_images)
    grade = _grade(score, bars, results.sign)
    bar = {"success": "the bar of success", "acceptable": "the acceptable"}
    reached = f"reaches {bar[grade]} {bars[grade]:g}" if grade in bar else "reaches neither bar"
    single = table.loc[table["method"] == "single model", column] if "method" in table else []
    beside = f"; the single model scores {float(single.iloc[0]):.4g}" if len(single) else ""
    where = "on the test split " if column.startswith("test/") else ""
    shown = f"The ensemble scores {where}{score:.4g}, which {reached}{beside}"
    return undecided(
        f"{shown}. It was trained once, so how far another would lie from it is not known. {sentence(pair)}".strip(),
        estimate=score, threshold=bars["acceptable"], grade=grade, n_runs=1, n_cells=1,
        scope="images" if pair else "none", **columns(pair),
    )  # fmt: skip


def expectation(results: StudyResults, cell: PlannedCell, noise: Noise) -> dict[str, Any]:
    """The gain of a listed run over another: supported if the whole 95 % interval reaches the lower end of what was
    expected, refuted if none of it does. The interval is of the noise floor where the study has one, else Welch's."""
    low_gain, _ = cell.expect["gain"]
    over = str(cell.expect["over"])
    runs = results.runs[results.runs["usable"] & results.design]
    ours, theirs = (runs[runs["cell"] == name] for name in (cell.cell, over))
    counts = {"n_runs": len(ours) + len(theirs), "n_cells": 2, "threshold": low_gain}
    if ours.empty or theirs.empty:
        return undecided(f"Run {cell.cell if ours.empty else over} has no usable result.", **counts)
    a, b = ours["score"] * results.sign, theirs["score"] * results.sign
    gain = float(a.mean() - b.mean())
    pair = paired(results, ours["run"], theirs["run"])
    if pair and results.minimize:
        pair.estimate, pair.low, pair.high = -pair.estimate, -pair.high, -pair.low
    shown = f"The gain is {gain:+.4g} ({a.mean() * results.sign:.4g} against {b.mean() * results.sign:.4g})"
    pooled = np.isfinite(noise.sd) and noise.equal
    if not pooled and min(len(a), len(b)) < 2:
        detail = f"{shown}; with one seed each it is not known whether another seed would do the same. {sentence(pair)}"
        return undecided(detail.strip(), estimate=gain, scope="images" if pair else "none", **counts, **columns(pair))
    if pooled:
        error, df, test = noise.sd * np.sqrt(1 / len(a) + 1 / len(b)), float(noise.df), "t with the noise floor"
    else:
        va, vb = a.var() / len(a), b.var() / len(b)
        error, test = float(np.sqrt(va + vb)), "Welch's t"
        df = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1)) if error > 0 else 1.0
    low, high = t_interval(gain, error, df)
    verdict = "supported" if low >= low_gain else "refuted" if high < low_gain else "undecided"
    t = (gain - low_gain) / error if error > 0 else np.nan
    return judged(
        verdict, f"{shown}, 95 % interval {low:+.4g} to {high:+.4g}; expected at least {low_gain:g}.",
        estimate=gain, low=float(low), high=float(high), test=test, statistic=t, df=df,
        p=float(2 * stats.t.sf(abs(t), df)), scope="seeds", **counts, **columns(pair),
    )  # fmt: skip
