"""Levels of each axis: raw means beside adjusted ones, comparisons of pairs, and what may be said of an axis.

Adjusted means are estimated marginal means of the additive linear model. Pairs are compared by contrasts of that model,
by contrasts of aligned ranks where the residuals are not normal, with HC3 errors where their spread differs. Holm's
correction runs over all pairs of all axes of the study. `better` needs an adjusted p of at most `LEVELS_ALPHA`: half of
5 %, since the comparison of cells in the ranking has the other half; so a study without any effect says `better`
anywhere in at most 5 % of cases.

Source: Holm (1979); Hedges and Olkin (1985), Statistical methods for meta-analysis, chapter 5.
"""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

from segsweep.analysis.anova import Anova
from segsweep.analysis.linear import t_interval
from segsweep.analysis.multiple_testing import holm
from segsweep.analysis.results import Axis, Results

LEVELS_ALPHA = 0.025
MORE = ("stability/val_loss_std", "convergence/epochs_to_best", "overfit/gap", "cost/train_seconds")
MOST_PAIRS = 60


def level_rows(results: Results, anova: Anova) -> list[dict[str, Any]]:
    """Rows of factors.csv."""
    extra = [name for name in MORE if name in results.runs]
    extra += [name for name in results.runs if name.startswith("val/") and name != results.metric]
    return [
        _level(results, anova, axis, place, adjusted, extra)
        for axis in results.axes
        for place, adjusted in enumerate(adjusted_means(results, anova, axis))
    ]


def adjusted_means(results: Results, anova: Anova, axis: Axis) -> list[tuple[float, float, float]]:
    """(mean, low, high) of each level by the additive model; nan where it cannot be estimated."""
    nothing = (np.nan, np.nan, np.nan)
    fit = anova.additive
    if fit is None or axis.name not in fit.terms.blocks:
        return [nothing] * len(axis.levels)
    present = np.unique(results.codes.loc[results.usable, axis.name])
    estimate, error = fit.combine(fit.level_rows(axis.name, len(present)), anova.robust)
    low, high = t_interval(estimate, error, fit.df) if fit.df > 0 else (np.full_like(estimate, np.nan),) * 2
    found = dict(zip(present, zip(estimate, low, high, strict=True), strict=True))
    return [found.get(place, nothing) for place in range(len(axis.levels))]


def _level(results: Results, anova: Anova, axis: Axis, place: int, adjusted, extra: list[str]) -> dict[str, Any]:
    at = (results.codes[axis.name] == place) & results.design
    runs = results.runs[at & results.usable]
    cells = runs.groupby("cell")["score"].mean()
    row: dict[str, Any] = {
        "axis": axis.name, "level": axis.levels[place], "position": place,
        "n_cells": len(cells), "n_runs": len(runs),
    }  # fmt: skip
    for status in ("pruned", "diverged", "oom"):
        row[f"n_{status}"] = int((results.runs.loc[at, "status"] == status).sum())
    if len(runs):
        score = runs["score"]
        row |= {"mean": score.mean(), "sd": score.std() if len(score) > 1 else np.nan}
        if len(cells) > 1:
            row["low"], row["high"] = t_interval(cells.mean(), cells.sem(), len(cells) - 1)
        order = score * results.sign
        for word, index in (("best", order.idxmax()), ("worst", order.idxmin())):
            row |= {
                f"{word}_cell": runs.at[index, "cell"], f"{word}_run": runs.at[index, "run"],
                f"{word}_score": score[index],
            }  # fmt: skip
        row |= {name: pd.to_numeric(runs[name], errors="coerce").mean() for name in extra}
    row["adjusted"], row["adjusted_low"], row["adjusted_high"] = adjusted
    notes = []
    fit = anova.additive
    if not len(runs):
        notes.append("no usable run")
    elif not np.isfinite(adjusted[0]):
        notes.append("the adjusted mean cannot be estimated")
    elif how := fit.marginal(axis.name, fit.terms.blocks[axis.name].shape[1] + 1)[1]:
        notes.append(f"other axes {how}")
    return row | {"note": "; ".join(notes)}


def pairwise(results: Results, anova: Anova) -> list[dict[str, Any]]:
    """Rows of pairwise.csv: all pairs of levels of each axis; of axes with many levels, those with the best level."""
    rows = []
    for axis in results.axes:
        rows += _pairs_of(results, anova, axis)
    tested = [row for row in rows if np.isfinite(row["p"])]
    if tested:
        for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
            row["p_holm"] = float(p)
    for row in rows:
        row["verdict"] = _verdict(row, results)
    return rows


def _pairs_of(results: Results, anova: Anova, axis: Axis) -> list[dict[str, Any]]:
    fit = anova.additive
    counts = results.codes.loc[results.usable, axis.name].value_counts()
    present = [place for place in range(len(axis.levels)) if counts.get(place, 0)]
    if len(present) < 2 or fit is None or axis.name not in fit.terms.blocks:
        return []
    rows = fit.level_rows(axis.name, len(present))
    pairs = list(combinations(range(len(present)), 2))
    note = ""
    if len(pairs) > MOST_PAIRS:
        means = fit.combine(rows)[0] * results.sign
        best = int(np.nanargmax(means)) if np.isfinite(means).any() else 0
        pairs = [(best, other) for other in range(len(present)) if other != best]
        note = "many levels: only pairs with the best one, which was chosen by the same scores"
    first, second = np.array(pairs).T
    contrasts = rows[first] - rows[second]
    estimate, error = fit.combine(contrasts, anova.robust)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = estimate / error
        p = 2 * stats.t.sf(np.abs(t), fit.df) if fit.df > 0 else np.full(len(t), np.nan)
    low, high = t_interval(estimate, error, fit.df) if fit.df > 0 else (np.full(len(t), np.nan),) * 2
    test = "contrast of the additive model" + (", HC3 errors" if anova.robust else "")
    if axis.name in anova.ranked:
        p, test = _ranked(anova, axis.name, contrasts, estimate, p), "contrast of aligned ranks"
    found = []
    for i, (a, b) in enumerate(pairs):
        n_a, n_b = int(counts[present[a]]), int(counts[present[b]])
        g, g_low, g_high = hedges_g(estimate[i], fit.mse, n_a, n_b, fit.df)
        found.append(
            {
                "axis": axis.name, "level_a": axis.levels[present[a]], "level_b": axis.levels[present[b]],
                "n_a": n_a, "n_b": n_b, "difference": estimate[i], "low": low[i], "high": high[i],
                "t": t[i], "df": fit.df, "p": p[i], "p_holm": np.nan, "hedges_g": g, "g_low": g_low, "g_high": g_high,
                "test": test, "note": note,
            }
        )  # fmt: skip
    return found


def _ranked(anova: Anova, name: str, contrasts, estimate, plain) -> np.ndarray:
    """p of contrasts of aligned ranks; 1 where ranks and scores point in different directions.

    Where the spread differs as well, the larger of both p: neither ranks nor HC3 errors alone stand both.
    """
    fit = anova.ranked[name]
    ranks, error = fit.combine(contrasts)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stats.t.sf(np.abs(ranks / error), fit.df)
    p = np.where(np.sign(ranks) == np.sign(estimate), p, np.where(np.isfinite(p), 1.0, np.nan))
    return np.maximum(p, plain) if anova.robust else p


def hedges_g(difference: float, variance: float, n_a: int, n_b: int, df: float) -> tuple[float, float, float]:
    """Standardised difference, corrected for small samples, with its 95 % interval (normal approximation).

    Source: Hedges and Olkin (1985), chapter 5, equations 10 and 15.
    """
    if not (df > 1 and variance > 0 and np.isfinite(difference)):
        return (np.nan, np.nan, np.nan)
    correction = np.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2)) / np.sqrt(df / 2)
    g = correction * difference / np.sqrt(variance)
    reach = stats.norm.ppf(0.975) * np.sqrt(1 / n_a + 1 / n_b + g**2 / (2 * df))
    return float(g), float(g - reach), float(g + reach)


def _verdict(row: dict[str, Any], results: Results) -> str:
    if not np.isfinite(row["difference"]):
        row["note"] = row["note"] or "this difference cannot be told from that of another axis"
        return "confounded"
    if results.one_seed or not np.isfinite(row["p"]):
        return "described"
    if row["p_holm"] > LEVELS_ALPHA or row["low"] <= 0 <= row["high"]:
        return "undecided"
    return "better" if row["difference"] * results.sign > 0 else "worse"


def summary_rows(results: Results, anova: Anova, levels: list, pairs: list) -> list[dict[str, Any]]:
    """Rows of factor_summary.csv, the axes with the largest share of the variance first."""
    tests = {row["term"]: row for row in anova.table if row["kind"] == "main"}
    rows = [
        _summary(results, axis, tests.get(axis.name, {}), [r for r in levels if r["axis"] == axis.name],
                 [r for r in pairs if r["axis"] == axis.name])
        for axis in results.axes
    ]  # fmt: skip

    def influence(row):
        share = row["partial_eta2"]
        return (-share if share is not None and np.isfinite(share) else 1.0, -np.nan_to_num(row["range"] or 0.0))

    return sorted(rows, key=influence)


def _summary(results: Results, axis: Axis, test: dict, levels: list, pairs: list) -> dict[str, Any]:
    raw = _order([(row["level"], row.get("mean", np.nan)) for row in levels], results.sign)
    adjusted = _order([(row["level"], row["adjusted"]) for row in levels], results.sign)
    usable = len(adjusted) > 1 and 2 * len(adjusted) >= len(raw)
    order = adjusted if usable else raw
    both = [(level, value) for level, value in raw if level in dict(adjusted)]
    agree = ("agree" if adjusted[0][0] == both[0][0] else "disagree") if usable else ""
    best = order[0][0] if order else ""
    row = {
        "axis": axis.name, "kind": axis.kind, "scale": axis.scale, "binned": axis.binned, "levels": len(axis.levels),
        "best_level": best, "second_level": order[1][0] if len(order) > 1 else "",
        "range": abs(order[0][1] - order[-1][1]) if len(order) > 1 else np.nan,
        "relation": relation(best, len(order), pairs),
    }  # fmt: skip
    row |= {key: test.get(key, np.nan) for key in ("F", "df", "p", "partial_eta2", "rank_p")}
    return row | {
        "raw_and_adjusted": agree, "edge": edge_of(axis, best), "note": _notes(test, len(raw), len(adjusted)),
    }  # fmt: skip


def _notes(test: dict, known: int, adjusted: int) -> str:
    notes = [test.get("note", "")]
    if 0 < adjusted < known:
        notes.append(f"{known - adjusted} of {known} levels have no adjusted mean")
    return "; ".join(filter(None, notes))


def _order(levels: list[tuple[str, float]], sign: float) -> list[tuple[str, float]]:
    known = [(level, value) for level, value in levels if np.isfinite(value)]
    return sorted(known, key=lambda pair: -sign * pair[1])


def relation(best: str, levels: int, pairs: list[dict[str, Any]]) -> str:
    """What the comparisons of an axis allow to say of its best level."""
    verdicts = [_towards(best, row) for row in pairs if best in (row["level_a"], row["level_b"])]
    if not verdicts or any(verdict == "described" for verdict in verdicts):
        return "described"
    better = sum(verdict == "better" for verdict in verdicts)
    if better == levels - 1 and better == len(verdicts):
        return "distinct"
    if better:
        return "partly"
    return "confounded" if "confounded" in verdicts else "undecided"


def _towards(best: str, row: dict[str, Any]) -> str:
    turned = {"better": "worse", "worse": "better"}
    return row["verdict"] if row["level_a"] == best else turned.get(row["verdict"], row["verdict"])


def edge_of(axis: Axis, level: str) -> str:
    """Whether a level is the lowest or the highest of a numeric axis with at least three; ranges have no edge."""
    if axis.kind != "number" or axis.binned or len(axis.levels) < 3 or level not in (axis.levels[0], axis.levels[-1]):
        return ""
    return "low" if level == axis.levels[0] else "high"


def pair_rows(results: Results) -> list[dict[str, Any]]:
    """Rows of pairs.csv: number of cells and runs, mean and deviation of each combination of two levels."""
    runs = results.runs[results.usable]
    codes = results.codes[results.usable]
    rows = []
    for first, second in combinations(results.axes, 2):
        if len(first.levels) * len(second.levels) > 2500:
            continue
        groups = runs.groupby([codes[first.name], codes[second.name]])
        table = groups["score"].agg(["size", "mean", "std"])
        table["cells"] = groups["cell"].nunique()
        known = table.to_dict("index")
        for i, a in enumerate(first.levels):
            for j, b in enumerate(second.levels):
                found = known.get((i, j), {})
                rows.append(
                    {
                        "axis_a": first.name, "level_a": a, "axis_b": second.name, "level_b": b,
                        "n_cells": found.get("cells", 0), "n_runs": found.get("size", 0),
                        "mean": found.get("mean"), "sd": found.get("std"),
                    }
                )  # fmt: skip
    return rows
