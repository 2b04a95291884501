"""Hypotheses written down before the first run, judged: supported, refuted or undecided.

A claim is supported or refuted only by an interval or a test at 5 % over seeds (or folds). With one seed it is
undecided; pictures, paired, may then say something of themselves. How each kind is judged stands at its function.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from segsweep.analysis.anova import ALPHA, Anova, analyse_variance
from segsweep.analysis.claims_of_runs import confirmed_at_least, ensemble_at_least, expectation, reduced_by
from segsweep.analysis.judging import judged, spoken_of, undecided
from segsweep.analysis.linear import t_interval
from segsweep.analysis.ranking import Noise
from segsweep.analysis.study_results import Axis, StudyResults, same_text
from segsweep.config.claims import KINDS
from segsweep.formatting import value_in_words
from segsweep.tables import Column, Table


class Claims(Table):
    """A claim of the study, judged; then what was expected of listed runs."""

    file = "claims.csv"
    rules = ("analyze_study",)
    rows = "judge"
    columns = (
        Column("id", "text", "Its name; of an expectation the id of the run."),
        Column("claim", "text", "The claim in words."),
        Column("kind", "text", "Its kind: the key that it has in the study, or `expect`."),
        Column("verdict", "text", "`supported`, `refuted` or `undecided`."),
        Column("grade", "text", "`success`, `acceptable` or `missed`.", empty="the claim has no bars, or no score yet"),
        Column("estimate", "number", "What was estimated; see the kind.", empty="nothing could be"),
        Column("low", "number", "Lower end of its 95 % interval.", empty="it has none"),
        Column("high", "number", "Upper end.", empty="it has none"),
        Column("threshold", "number", "What the estimate is compared with.", empty="nothing could be estimated"),
        Column("test", "text", "The test, or the interval.", empty="the claim was not tested"),
        Column("statistic", "number", "Its statistic.", empty="the claim was not tested"),
        Column("df", "number", "Its degrees of freedom.", empty="it has none"),
        Column("p", "number", "Its p.", empty="the claim was not tested"),
        Column("n_runs", "integer", "Runs that it rests on.", empty="there are none"),
        Column("n_cells", "integer", "Cells that it rests on.", empty="there are none"),
        Column("scope", "text", "What the estimate varies over: `seeds`, `images` or `none`."),
        Column("images_estimate", "number", "Mean difference over images.", empty="not compared by images"),
        Column("images_low", "number", "Lower end of its 95 % interval.", empty="not compared by images"),
        Column("images_high", "number", "Upper end.", empty="not compared by images"),
        Column("detail", "text", "One or two sentences with the numbers."),
    )


def judge(results: StudyResults, noise: Noise, ranked: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of claims.csv: the study's claims, then what was expected of listed runs."""
    rows = []
    for claim in results.plan.study.get("claims") or []:
        kind = next(kind for kind in KINDS if claim.get(kind) is not None)
        rows.append(_base(claim["id"], claim["claim"], kind) | KIND_OF[kind](results, claim, noise, ranked))
    for cell in results.plan.cells:
        if cell.expect:
            low, high = cell.expect["gain"]
            over = cell.expect["over"]
            text = f"Run {cell.cell} gains {low:g} to {high:g} over run {over}."
            rows.append(_base(cell.cell, text, "expect") | expectation(results, cell, noise))
    return rows


def _base(key: str, text: str, kind: str) -> dict[str, Any]:
    return {"id": key, "claim": text, "kind": kind, "grade": "", "scope": "none"}


def _best_in(results: StudyResults, claim: dict, noise: Noise, ranking: pd.DataFrame) -> dict[str, Any]:
    """Supported if a level of the set is better than every level outside, refuted if one outside is than all inside.

    The best level inside is compared with each one outside by contrasts of the additive model; the largest p counts,
    times the number of levels it was chosen from. Of several axes, all have to be supported, and one refuted is enough.
    """
    parts = [_best_in_axis(results, claim, axis, levels) for axis, levels in claim["best_in"].items()]
    for verdict in ("refuted", "undecided", "supported"):
        chosen = [part for part in parts if part["verdict"] == verdict]
        if chosen:
            details = " ".join(part["detail"] for part in parts)
            return chosen[0] | {"detail": details}
    return undecided("The claim names no axis.")


def _best_in_axis(results: StudyResults, claim: dict, name: str, wanted: list) -> dict[str, Any]:
    model = _model(results, claim, name)
    if isinstance(model, str):
        return undecided(model)
    axis, anova, sign, counts, means, present = model
    texts = {value_in_words(value) for value in wanted}
    inside = np.array([same_text(axis.levels[place], texts) for place in present])
    if inside.all() or not inside.any():
        which = "all" if inside.all() else "none"
        return undecided(f"Of {axis.name}, {which} of the levels tried are among those claimed.", **counts)
    order = np.where(np.isfinite(means), means * sign, -np.inf)
    best_in = int(np.argmax(np.where(inside, order, -np.inf)))
    best_out = int(np.argmax(np.where(inside, -np.inf, order)))
    shown = f"{axis.levels[present[best_in]]} ({means[best_in]:.4g}) against {axis.levels[present[best_out]]} "
    shown += f"({means[best_out]:.4g}), adjusted means of {spoken_of(results, claim)[0]}"
    if results.one_seed:
        return undecided(
            f"{results.why_unknown}: {shown}, cannot be judged.", estimate=means[best_in] - means[best_out], **counts
        )
    best, p = best_in, np.nan
    supported = order[best_in] > order[best_out]
    rivals = np.flatnonzero(~inside) if supported else np.flatnonzero(inside)
    best = best_in if supported else best_out
    chosen_from = int(inside.sum() if supported else (~inside).sum())
    found = [_contrast(anova, axis, present, best, rival) for rival in rivals]
    hardest = max(found, key=lambda item: item["p"] if np.isfinite(item["p"]) else np.inf)
    p = min(1.0, hardest["p"] * chosen_from)
    pair = _contrast(anova, axis, present, best_in, best_out)
    verdict = "undecided"
    if np.isfinite(p) and p <= ALPHA:
        verdict = "supported" if supported else "refuted"
    return judged(
        verdict, f"{shown}: p = {p:.2g}.", estimate=pair["estimate"], low=pair["low"], high=pair["high"], threshold=0.0,
        test=hardest["test"], statistic=hardest["t"], df=hardest["df"], p=p, scope="seeds", **counts,
    )  # fmt: skip


def _trend(results: StudyResults, claim: dict, noise: Noise, ranking: pd.DataFrame) -> dict[str, Any]:
    """Supported if the linear contrast of the adjusted means over the levels has the claimed sign at 5 %, two-sided.

    Levels count by their logarithm on a logarithmic axis; the estimate is the change from the lowest to the highest.
    """
    model = _model(results, claim, claim["along"])
    if isinstance(model, str):
        return undecided(model)
    axis, anova, _, counts, means, present = model
    column = spoken_of(results, claim)[0]
    if axis.kind != "number":
        return undecided(f"{axis.name} is no number, so it has no trend.", **counts)
    shown = ", ".join(f"{axis.levels[place]}: {mean:.4g}" for place, mean in zip(present, means, strict=True))
    shown = f"{column} along {axis.name}: {shown} (adjusted means)"
    if results.one_seed:
        return undecided(f"{results.why_unknown}: {shown}.", **counts)
    at = np.array([axis.values[place] for place in present])
    at = np.log(at) if axis.scale == "log" else at
    weights = (at - at.mean()) / np.sum((at - at.mean()) ** 2) * (at[-1] - at[0])
    found = _combination(anova, axis, present, weights)
    rising = found["estimate"] > 0
    verdict = "undecided"
    if np.isfinite(found["p"]) and found["p"] <= ALPHA:
        verdict = "supported" if rising == (claim["trend"] == "increasing") else "refuted"
    steps = f" {axis.name} changes the number of steps as well." if axis.name in ("batch_size", "accumulate") else ""
    return judged(
        verdict, f"{shown}; p of the linear trend {found['p']:.2g}.{steps}", estimate=found["estimate"],
        low=found["low"], high=found["high"], threshold=0.0, test="linear " + found["test"], statistic=found["t"],
        df=found["df"], p=found["p"], scope="seeds", **counts,
    )  # fmt: skip


def _least_spread(results: StudyResults, claim: dict, noise: Noise, ranking: pd.DataFrame) -> dict[str, Any]:
    """Supported if the spread of the cells' means at the level is smaller than at each other level, at 5 %.

    Where both levels were tried with the same other settings (at least four), their deviations are paired: Pitman and
    Morgan's test, of ranks (McCulloch 1987); else the Brown-Forsythe test. Refuted if another level's is smaller at 5 %
    over the number of others.
    """
    ((name, level),) = list(claim["least_spread"].items())[:1]
    column, _ = spoken_of(results, claim)
    mask = results.usable & results.cells_where(claim.get("where") or {})
    if column not in results.runs or name not in [axis.name for axis in results.axes]:
        return undecided(f"There is no {column if column not in results.runs else name} to judge it by.")
    axis = results.axis(name)
    place = next((i for i, text in enumerate(axis.levels) if same_text(text, {value_in_words(level)})), None)
    runs = results.runs[mask].assign(of=pd.to_numeric(results.runs[column], errors="coerce"), level=results.codes[name])
    cells = runs.groupby("cell").agg(of=("of", "mean"), level=("level", "first")).dropna()
    others = [other.name for other in results.axes if other.name != name]
    cells["setting"] = [tuple(row) for row in results.cells.loc[cells.index, others].to_numpy()]
    counts = {"n_runs": len(runs), "n_cells": len(cells)}
    spreads = cells.groupby("level")["of"].std().dropna()
    if place not in spreads.index or len(spreads) < 2:
        return undecided(f"{name} = {level} or what to compare it with has too few settings.", **counts)
    shown = ", ".join(f"{axis.levels[i]} {spread:.3g}" for i, spread in spreads.items())
    shown = f"Standard deviation of {column} over the settings: {shown}"
    rest = [other for other in spreads.index if other != place]
    estimate = float(spreads[place] - spreads[rest].min())
    if results.one_seed:
        return undecided(
            f"{shown}. {results.why_unknown}: settings and seeds spread together.", estimate=estimate, **counts
        )
    tests = {other: _compare_spread(cells, place, other) for other in rest}
    hardest = max(rest, key=lambda other: tests[other][1])
    smaller = min(rest, key=lambda other: tests[other][1] if spreads[other] < spreads[place] else np.inf)
    verdict, chosen, p = "undecided", hardest, tests[hardest][1]
    if all(spreads[place] < spreads[other] for other in rest):
        verdict = "supported" if p <= ALPHA else "undecided"
    elif tests[smaller][1] * len(rest) <= ALPHA:
        verdict, chosen, p = "refuted", smaller, tests[smaller][1] * len(rest)
    return judged(
        verdict, f"{shown}; against {axis.levels[chosen]} p = {min(p, 1):.2g}.", estimate=estimate, threshold=0.0,
        test=tests[chosen][2], statistic=tests[chosen][0], p=min(p, 1.0), scope="seeds", **counts,
    )  # fmt: skip


def _compare_spread(cells: pd.DataFrame, first: int, second: int) -> tuple[float, float, str]:
    a = cells[cells["level"] == first].set_index("setting")["of"]
    b = cells[cells["level"] == second].set_index("setting")["of"]
    both = a.index[a.index.isin(b.index)]
    if len(both) >= 4 and a.index.is_unique and b.index.is_unique:
        x, y = a[both].to_numpy(), b[both].to_numpy()
        x, y = x - np.median(x), y - np.median(y)
        test = stats.spearmanr(x + y, x - y)
        return float(test.statistic), float(np.nan_to_num(test.pvalue, nan=1.0)), "Pitman-Morgan test of ranks"
    if min(len(a), len(b)) < 3:
        return float("nan"), 1.0, "too few settings"
    test = stats.levene(a, b, center="median")
    return float(test.statistic), float(np.nan_to_num(test.pvalue, nan=1.0)), "Brown-Forsythe test"


Model = tuple[Axis, Anova, float, dict[str, int], np.ndarray, np.ndarray]


def _model(results: StudyResults, claim: dict, name: str) -> Model | str:
    """The additive model of what a claim speaks of, in the cells it speaks of; or why there is none."""
    column, sign = spoken_of(results, claim)
    if column not in results.runs:
        return f"There is no column {column} in runs.csv."
    if name not in [axis.name for axis in results.axes]:
        return f"{name} does not vary."
    response = pd.to_numeric(results.runs[column], errors="coerce")
    mask = results.usable & results.cells_where(claim.get("where") or {}) & np.isfinite(response)
    counts = {"n_runs": int(mask.sum()), "n_cells": int(results.runs.loc[mask, "cell"].nunique())}
    anova = analyse_variance(results, response, mask)
    if anova.additive is None or name not in anova.additive.terms.blocks:
        return f"{counts['n_runs']} usable runs are too few to compare levels of {name}."
    axis = results.axis(name)
    present = np.unique(results.codes.loc[mask, name])
    means, _ = anova.additive.combine(anova.additive.level_rows(name, len(present)))
    if not np.isfinite(means).any():
        return f"Levels of {name} cannot be told from those of another axis."
    return axis, anova, sign, counts, means, present


def _contrast(anova: Anova, axis: Axis, present: np.ndarray, first: int, second: int) -> dict[str, Any]:
    weights = np.zeros(len(present))
    weights[first], weights[second] = 1, -1
    return _combination(anova, axis, present, weights)


def _combination(anova: Anova, axis: Axis, present: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
    """Estimate, interval and p of weighted marginal means; by aligned ranks where the residuals are not normal."""
    fit = anova.additive
    row = weights @ fit.level_rows(axis.name, len(present))
    estimate, error = (float(part[0]) for part in fit.combine(row, anova.robust))
    if fit.df <= 0 or not error > 0:
        nothing = dict.fromkeys(("low", "high", "t", "p"), np.nan)
        return {"estimate": estimate, "df": fit.df, "test": "contrast of the additive model"} | nothing
    low, high = t_interval(estimate, error, fit.df)
    t, test = estimate / error, "contrast of the additive model" + (", HC3 errors" if anova.robust else "")
    p = float(2 * stats.t.sf(abs(t), fit.df))
    if axis.name in anova.ranked:
        ranked, rank_error = (float(part[0]) for part in anova.ranked[axis.name].combine(row))
        rank_p = (
            float(2 * stats.t.sf(abs(ranked / rank_error), fit.df)) if np.sign(ranked) == np.sign(estimate) else 1.0
        )
        p, test = (max(p, rank_p) if anova.robust else rank_p), "contrast of aligned ranks"
    return {"estimate": estimate, "low": float(low), "high": float(high), "t": t, "df": fit.df, "p": p, "test": test}


KIND_OF: dict[str, Callable[..., dict[str, Any]]] = {
    "best_in": _best_in,
    "trend": _trend,
    "least_spread": _least_spread,
    "reduced_by": reduced_by,
    "confirmed_at_least": confirmed_at_least,
    "ensemble_at_least": ensemble_at_least,
}
