"""Analysis of variance of the score by the study's axes, with checks of what it assumes.

Sums of squares of type II: an effect is tested given all others that do not contain it, a main effect given the other
main effects and the interactions among them. Seeds and folds, where they cross the cells, are blocks. Residuals are
looked at (Shapiro-Wilk for their shape, Brown-Forsythe for equal spread over the levels); where they fail, aligned
ranks (shape) or HC3 errors (spread) decide instead of the plain test.

Source: Langsrud (2003), ANOVA for unbalanced data; Wobbrock et al. (2011), The aligned rank transform.
"""

from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from segsweep.analysis.linear import Fit, Terms, crossed, dense, sum_coded, term_test
from segsweep.analysis.study_results import StudyResults
from segsweep.tables import NOT_ESTIMABLE, Column, Table

MOST_OF_SHAPIRO = 5000  # values
CHECK_LEVEL = 0.01
ALPHA = 0.05  # of a claim
FEWEST_DF = 8  # of the model of all interactions
FEWEST_OF_PAIR = 4  # of the model of one interaction
FEWEST_OF_BLOCKS = {"seed": FEWEST_DF, "fold": 2}  # degrees of freedom that they must leave
MOST_COLUMNS = 300


class AnovaTable(Table):
    """A term of the analysis of variance."""

    file = "anova.csv"
    rules = ("analyze_study",)
    rows = "anova_rows"
    columns = (
        Column("term", "text", "An axis, `a:b`, a block (`seed`, `fold`) or `residual`."),
        Column("axis_a", "text", "The axis, or the first of two.", empty="the residual"),
        Column("axis_b", "text", "The second axis of an interaction.", empty="not an interaction"),
        Column("kind", "text", "`main`, `interaction`, `block` or `residual`."),
        Column("type", "text", "Type of the sum of squares: `II`.", empty="the residual"),
        Column("ss", "number", "Sum of squares.", empty=NOT_ESTIMABLE),
        Column("df", "integer", "Degrees of freedom."),
        Column("F", "number", "Mean square over that of the residual.", empty=NOT_ESTIMABLE),
        Column("p", "number", "Of the F test.", empty=NOT_ESTIMABLE),
        Column("partial_eta2", "number", "ss / (ss + residual ss).", empty=NOT_ESTIMABLE),
        Column("rank_F", "number", "F of the aligned ranks.", empty="the residuals pass the check of their shape"),
        Column("rank_p", "number", "Its p.", empty="the residuals pass the check of their shape"),
        Column("estimable", "boolean", "Whether the term can be separated from the others."),
        Column("note", "text", "What has to be known to read the row.", empty="nothing"),
    )


class Interactions(Table):
    """A pair of axes."""

    file = "interactions.csv"
    rules = ("analyze_study",)
    rows = "interaction_rows"
    columns = (
        Column("axis_a", "text", "The one axis."),
        Column("axis_b", "text", "The other axis."),
        Column("combinations", "integer", "Combinations of their levels."),
        Column("filled", "integer", "Those with usable runs."),
        Column("F", "number", "Mean square over that of the residual.", empty=NOT_ESTIMABLE),
        Column("df", "integer", "Degrees of freedom."),
        Column("df_residual", "integer", "Residual degrees of freedom."),
        Column("p", "number", "Of the F test.", empty=NOT_ESTIMABLE),
        Column("partial_eta2", "number", "ss / (ss + residual ss).", empty=NOT_ESTIMABLE),
        Column("rank_F", "number", "F of the aligned ranks.", empty="the residuals pass the check of their shape"),
        Column("rank_p", "number", "Its p.", empty="the residuals pass the check of their shape"),
        Column("estimable", "boolean", "Whether the pair can be judged; what it comes to stands in findings.csv."),
        Column("note", "text", "What has to be known to read the row.", empty="nothing"),
    )  # fmt: skip


@dataclass
class Anova:
    """What the linear models say."""

    table: list[dict[str, Any]]
    interactions: list[dict[str, Any]]
    reading: dict[str, Any]
    additive: Fit | None = None
    ranked: dict[str, Fit] = field(default_factory=dict)
    robust: bool = False
    blocks: list[str] = field(default_factory=list)


def analyse_variance(results: StudyResults, response: pd.Series | None = None, mask: pd.Series | None = None) -> Anova:
    """Models of a response (the score if not given) over the usable runs (those of `mask` if given).

    Where runs of a setting do not tell its noise, each setting counts once, with its mean: the residuals are then the
    lack of fit of the additive model.
    """
    mask = results.usable if mask is None else mask
    runs, y = results.runs[mask], (results.runs["score"] if response is None else response)[mask]
    if results.error_basis != "replicates":
        y = y.groupby(runs["cell"]).transform("mean")
        runs = runs[~runs["cell"].duplicated()]
        y = y[runs.index]
    y, codes = y.to_numpy(float), results.codes.loc[runs.index]
    axes = [axis for axis in results.axes if codes[axis.name][codes[axis.name] >= 0].nunique() > 1]
    if not axes or len(y) < 3:
        return Anova([], [], _nothing("fewer than three usable runs" if axes else "no axis with two levels", len(y)))
    terms = Terms({axis.name: sum_coded(*dense(codes[axis.name].to_numpy(int))) for axis in axes})
    names = [axis.name for axis in axes]
    blocks = _add_blocks(terms, runs, len(y))
    additive = Fit(y, terms)
    if additive.df <= 0 or not additive.leaves_noise:
        reason = "as many coefficients as runs: nothing is left to judge them by" if additive.df <= 0 else "no noise"
        return Anova(_saturated(names, reason), [], _nothing(reason, len(y)), additive, blocks=blocks)
    pairs = [(a, b) for a, b in combinations(names, 2)]
    everything = {f"{a}:{b}": crossed(terms.blocks[a], terms.blocks[b]) for a, b in pairs}
    width = sum(block.shape[1] for block in everything.values()) + additive.matrix.shape[1]
    full = Fit(y, Terms(terms.blocks | everything)) if everything and width <= min(MOST_COLUMNS, 2 * len(y)) else None
    together = full is not None and full.df >= FEWEST_DF
    base = full if together else additive
    reading = _check(base, codes, axes) | {"n": len(y), "blocks": blocks}
    reading["model"] = "main effects and all interactions of two axes" if together else "main effects"
    if blocks:
        reading["model"] += f"; {' and '.join(blocks)} as blocks"
    ranks = reading["alternative"] is not None
    ranked = {name: _aligned(additive, name) for name in names} if ranks else {}
    given = everything if together else {}
    table = [_main(name, additive, base, ranked.get(name), given) for name in names]
    rows = [
        _interaction(pair, block, additive, full if together else None, everything, ranks)
        for pair, block in everything.items()
    ]
    _describe_combinations(rows, codes)
    table += [_as_term(row) for row in rows]
    table += [_main(name, additive, base, None, given) | {"kind": "block"} for name in blocks]
    table.append({"term": "residual", "kind": "residual", "ss": base.ssr, "df": base.df, "estimable": True, "note": ""})
    return Anova(table, rows, reading, additive, ranked, reading["robust"], blocks)


def anova_rows(variance: Anova) -> list[dict[str, Any]]:
    """Rows of anova.csv."""
    return variance.table


def interaction_rows(variance: Anova) -> list[dict[str, Any]]:
    """Rows of interactions.csv."""
    return variance.interactions


def _add_blocks(terms: Terms, runs: pd.DataFrame, n: int) -> list[str]:
    """Seeds and folds as blocks, where each occurs in more than one cell and the runs can pay for them.

    A seed has no effect of its own to speak of; a fold has, other images being judged: it is left out only where
    nothing would be left to judge by.
    """
    added = []
    for name in ("seed", "fold"):
        levels, codes = np.unique(runs[name].fillna(-1), return_inverse=True)
        levels = len(levels)
        if levels < 2 or runs.groupby(name)["cell"].nunique().min() < 2:
            continue
        block = sum_coded(codes, levels)
        rank = np.linalg.matrix_rank(np.hstack([terms.matrix(), block]))
        if n - rank >= FEWEST_OF_BLOCKS[name] and runs["cell"].value_counts().max() > 1:
            terms.blocks[name] = block
            added.append(name)
    return added


def _main(name: str, additive: Fit, base: Fit, ranked: Fit | None, interactions: dict) -> dict[str, Any]:
    """A main effect given all other terms that do not contain it; `ranked` is the additive model of aligned ranks."""
    others = [other for other in additive.terms.blocks if other != name]
    free = {pair: block for pair, block in interactions.items() if name not in pair.split(":")}
    terms = Terms(additive.terms.blocks | free)
    ss, df, statistic, p = term_test(base, additive, Fit(additive.y, additive.terms, others))
    if free:
        given = term_test(base, Fit(additive.y, terms), Fit(additive.y, terms, [*others, *free]))
        if given[1] == df:  # in a design with gaps, interactions may hide what main effects alone would show
            ss, df, statistic, p = given
    full_df = additive.terms.blocks[name].shape[1]
    note = ""
    if df < full_df:
        note = (
            f"{full_df - df} of its {full_df} degrees of freedom cannot be separated from other axes"
            if df
            else ("cannot be separated from other axes")
        )
    row = _row(name, name, "", "main", ss, df, statistic, p, base.ssr, note)
    if ranked is not None and df:
        _, _, row["rank_F"], row["rank_p"] = term_test(ranked, ranked, Fit(ranked.y, ranked.terms, others))
    return row


def _interaction(pair, block, additive, full, everything, ranks) -> dict[str, Any]:
    a, b = pair.split(":")
    mains = additive.terms.blocks
    if full is not None:
        smaller = Fit(full.y, full.terms, [name for name in full.terms.blocks if name != pair])
        larger, error, note = full, full, ""
    else:
        larger = error = Fit(additive.y, Terms(mains | {pair: block}))
        smaller, note = additive, "tested by itself: the runs do not carry all interactions at once"
        ranks = not _looks_normal(error.residuals)
    if (error.df < FEWEST_OF_PAIR or not error.leaves_noise) and larger.rank > smaller.rank:
        row = _row(pair, a, b, "interaction", np.nan, larger.rank - smaller.rank, np.nan, np.nan, np.nan, "")
        reason = "too few runs to judge it by" if error.df < FEWEST_OF_PAIR else "no noise to judge it by"
        missing = {"estimable": False, "note": reason}
        return row | missing | {"df_residual": error.df, "n": len(error.y)}
    ss, df, statistic, p = term_test(error, larger, smaller)
    if df == 0:
        note = "no four cells differ in these two axes alone"
    elif df < block.shape[1]:
        note = "; ".join(filter(None, [note, f"{df} of {block.shape[1]} degrees of freedom: combinations are missing"]))
    row = _row(pair, a, b, "interaction", ss, df, statistic, p, error.ssr, note)
    row |= {"df_residual": error.df, "n": len(error.y)}
    if ranks and df:
        aligned = stats.rankdata(larger.residuals + larger.effect(pair))
        one = Fit(aligned, larger.terms)
        less = Fit(aligned, larger.terms, [name for name in larger.terms.blocks if name != pair])
        _, _, row["rank_F"], row["rank_p"] = term_test(one, one, less)
    return row


def _shapiro(residuals: np.ndarray) -> Any:
    """Shapiro and Wilk's test of normality, on a sample where there are more than it is made for; None of too few."""
    if len(residuals) < 3 or not np.ptp(residuals):
        return None
    if len(residuals) > MOST_OF_SHAPIRO:
        residuals = np.random.default_rng(0).choice(residuals, MOST_OF_SHAPIRO, replace=False)
    return stats.shapiro(residuals)


def _looks_normal(residuals: np.ndarray) -> bool:
    """Whether Shapiro and Wilk's test does not reject that residuals are normal."""
    test = _shapiro(residuals)
    return test is None or test.pvalue >= CHECK_LEVEL


def _aligned(additive: Fit, name: str) -> Fit:
    """The additive model of ranks of the response, cleared of all effects but one."""
    return Fit(stats.rankdata(additive.residuals + additive.effect(name)), additive.terms)


def _row(term, a, b, kind, ss, df, statistic, p, residual, note) -> dict[str, Any]:
    return {
        "term": term, "axis_a": a, "axis_b": b, "kind": kind, "type": "II", "ss": ss if df else np.nan, "df": df,
        "F": statistic, "p": p, "partial_eta2": ss / (ss + residual) if df and ss + residual > 0 else np.nan,
        "rank_F": np.nan, "rank_p": np.nan, "estimable": bool(df), "note": note,
    }  # fmt: skip


def _as_term(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ("df_residual", "n")}


def _saturated(names: list[str], reason: str) -> list[dict[str, Any]]:
    return [_row(name, name, "", "main", np.nan, 0, np.nan, np.nan, np.nan, reason) for name in names]


def _nothing(reason: str, n: int) -> dict[str, Any]:
    return {
        "model": None, "n": n, "df_residual": 0, "r2": None, "shapiro": None, "levene": None, "alternative": None,
        "robust": False, "blocks": [], "reading": f"No analysis of variance: {reason}.",
    }  # fmt: skip


def _describe_combinations(rows: list[dict[str, Any]], codes: pd.DataFrame) -> None:
    for row in rows:
        both = codes[(codes[row["axis_a"]] >= 0) & (codes[row["axis_b"]] >= 0)]
        a, b = both[row["axis_a"]], both[row["axis_b"]]
        row["combinations"] = a.nunique() * b.nunique()
        row["filled"] = len(set(zip(a, b, strict=True)))


def _check(fit: Fit, codes: pd.DataFrame, axes: list) -> dict[str, Any]:
    """Shape and spread of the residuals, and what follows from them."""
    residuals = fit.residuals
    spread = float(np.sqrt(fit.mse))
    shapiro = _shapiro(residuals)
    levene = None
    for axis in axes:
        own = codes[axis.name].to_numpy(int)
        groups = [residuals[own == code] for code in np.unique(own[own >= 0])]
        groups = [group for group in groups if len(group) >= 3]
        if len(groups) < 2:
            continue
        test = stats.levene(*groups, center="median")
        if np.isfinite(test.pvalue) and (levene is None or test.pvalue < levene["p"]):
            levene = {"statistic": float(test.statistic), "p": float(test.pvalue), "axis": axis.name}
    if levene:
        levene["p"] = min(1.0, levene["p"] * len(axes))
    odd_shape = shapiro is not None and shapiro.pvalue < CHECK_LEVEL
    odd_spread = levene is not None and levene["p"] < CHECK_LEVEL
    parts = []
    if shapiro is not None:
        parts.append(
            f"Shapiro-Wilk: W = {shapiro.statistic:.3f}, p = {shapiro.pvalue:.2g}: normal residuals "
            + ("are rejected at 1 %, so aligned ranks decide." if odd_shape else "are not rejected at 1 %.")
        )
    if levene:
        parts.append(
            f"Brown-Forsythe along {levene['axis']}: p = {levene['p']:.2g}: equal spread of levels "
            + ("is rejected at 1 %, so errors are of the kind HC3." if odd_spread else "is not rejected at 1 %.")
        )
    total = float(np.sum((fit.y - fit.y.mean()) ** 2))
    return {
        "df_residual": fit.df, "r2": 1 - fit.ssr / total if total else None, "residual_sd": spread,
        "shapiro": {"statistic": float(shapiro.statistic), "p": float(shapiro.pvalue)} if shapiro else None,
        "levene": levene, "alternative": "aligned ranks" if odd_shape else None, "robust": bool(odd_spread),
        "reading": " ".join(parts),
    }  # fmt: skip
