"""Cells ranked by their mean score, and how far apart they have to be to differ significantly.

The noise floor is the standard deviation of runs of the same cell (other seeds, other folds), pooled over all cells.
Cells are compared by the Tukey-Kramer procedure at their share of the study's 5 % (see `multiple_testing`); by
Bonferroni's bound for more than `MOST_TUKEY` cells; and, where the spread differs between cells, by Welch's t with
Bonferroni's bound. The first of many is first by luck, too: `expected` says what fresh runs of a cell may be expected
to reach, its mean drawn toward the common one by what noise alone would do.

Source: Tukey (1953), Kramer (1956); Bartlett (1937); Efron and Morris (1975), with the variance between cells of
DerSimonian and Laird (1986).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from segsweep.analysis.cell_comparison import df_against, reach, tie_groups
from segsweep.analysis.linear import FEWEST_OF_INTERVAL
from segsweep.analysis.measures import is_measured
from segsweep.analysis.multiple_testing import alpha_of, shares_of
from segsweep.analysis.study_results import StudyResults
from segsweep.planning.plan_file import RANKED_ROLES
from segsweep.statuses import FAILED
from segsweep.tables import NO_NOISE, NO_RUN, Column, Table


class Ranking(Table):
    """A cell, best first; cells that a race dropped after the others; those without a usable run last, by status."""

    file = "ranking.csv"
    rules = ("analyze_study",)
    rows = "ranking_rows"
    columns = (
        Column("rank", "integer", "1 is the best.", empty="the cell has no usable run"),
        Column("cell", "text", "Its key."),
        Column("label", "text", "Its settings in words."),
        Column("role", "text", "What it is there for; a reference is ranked too."),
        Column("round", "text", "The round of the study that added it.", empty="the study has no rounds"),
        Column("<axes>", "text", "Its level of the hyperparameter.", empty="the hyperparameter does not apply to it"),
        Column("n", "integer", "Usable runs: `finished` or `early_stopped`, with a finite score; equal curves once."),
        Column("planned", "integer", "Planned runs."),
        Column("status", "text", "Statuses of its runs: `finished`, or `2 finished, 1 diverged`."),
        Column("mean", "number", "Mean score of the usable runs.", empty=NO_RUN),
        Column("sd", "number", "Standard deviation of these scores.", empty="fewer than two usable runs"),
        Column("low", "number", "Lower end of the 95 % t interval of the mean; of a cell's own deviation, from three "
               "runs on.", empty=NO_NOISE),
        Column("high", "number", "Upper end.", empty=NO_NOISE),
        Column("interval", "text", "`t, pooled sd` or `t, own sd`; `, cut` where it ends at the metric's range.",
               empty=NO_NOISE),
        Column("expected", "number", "Mean to expect of fresh runs: the mean, drawn toward that of all cells by what "
               "noise alone would do.", empty="it is not known how far runs of a cell spread"),
        Column("best_run", "text", "Its run with the best score.", empty=NO_RUN),
        Column("best_score", "number", "The score of that run.", empty=NO_RUN),
        Column("group", "integer",
               "1 for the cells that do not differ significantly from the first one, 2 for those left that do not "
               "differ significantly from the first one left, and so on.",
               empty="it is not known how far seeds spread"),
        Column("to_best", "number", "Mean minus the mean of the first cell.", empty=NO_RUN),
        Column("beats", "number", "Probability that a fresh run of the first cell is better than one of this cell.",
               empty="it is not known how far runs of a cell spread, or it is the first"),
        Column("<measured>", "number", "Mean over the usable runs of another column of runs.csv.", empty=NO_RUN),
    )  # fmt: skip


@dataclass
class Noise:
    """Spread between runs of one cell: pooled deviation, its degrees of freedom, cells with two runs or more.

    own: deviation of the runs of each cell, effects of folds taken out as in the pooled one.
    """

    sd: float
    df: int
    cells: int
    equal: bool
    reading: str
    critical: float = np.nan
    tested: int = 0
    own: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))


def noise_floor(results: StudyResults) -> Noise:
    """The pooled deviation of replicated cells, the effect of folds taken out where several cells share them."""
    runs = results.runs[results.usable]
    score = runs["score"].astype(float)
    if results.folds_cross:
        centred = score - score.groupby(runs["cell"]).transform("mean")
        score = score - centred.groupby(runs["fold"]).transform("mean")
    groups = score.groupby(runs["cell"])
    size, spread = groups.size(), groups.var()
    replicated, df = size[size > 1], results.replicate_df
    if df < 2 or len(replicated) == 0:
        few = "Too few runs share a setting" if len(replicated) else "No setting has two runs that differ"
        return Noise(
            np.nan, max(df, 0), len(replicated), True, f"{few}, so it is not known how far runs of one setting spread."
        )
    if not results.replicates_differ:
        same = "Runs of the same setting have the very same score: seeds changed nothing, so their spread is not known."
        return Noise(np.nan, df, len(replicated), True, same)
    squares = float((spread[replicated.index] * (replicated - 1)).sum())
    sd = float(np.sqrt(squares / df))
    equal, reading = _equal_spread(groups)
    noise = Noise(sd, df, len(replicated), equal, reading, tested=int((size > 0).sum()), own=np.sqrt(spread))
    typical = int(size.median())
    if noise.tested > 1 and equal:
        noise.critical = reach(noise.tested, df, cells_alpha(results)) * sd * np.sqrt(2 / typical)
    return noise


def _equal_spread(groups) -> tuple[bool, str]:
    """Whether one deviation may stand for all cells, and how that was found out.

    Bartlett's test needs three runs a cell. With two, the differences of the first two runs of all cells are looked at
    instead (Shapiro-Wilk): if some cells spread more than others, or one run strays far, they are not normal.
    """
    several = [group.to_numpy() for _, group in groups if len(group) > 2 and group.var() > 0]
    if len(several) > 1:
        p, level = float(stats.bartlett(*several).pvalue), 0.01
        name = "Bartlett's test of equal spread in all cells"
    else:
        differences = [float(group.iloc[1] - group.iloc[0]) for _, group in groups if len(group) > 1]
        if len(differences) < 8 or np.ptp(differences) == 0:
            return True, "Whether the spread differs between cells was not checked: there are too few runs to show it."
        p, level = float(stats.shapiro(differences[:5000]).pvalue), 0.05  # it finds less, so it may object sooner
        name = "Shapiro and Wilk's test of differences between seeds"
    if p >= level:
        return True, f"{name}: p = {p:.2g}: the pooled deviation stands for all."
    return False, f"{name}: p = {p:.2g}: the spread differs, so each cell has its own."


def cells_alpha(results: StudyResults) -> float:
    """Share of studies without any effect in which two cells may be called different."""
    return alpha_of(results) * shares_of(results).get("cells", 0.0)


def rank_cells(results: StudyResults, noise: Noise) -> pd.DataFrame:
    """The ranking by cell, best first, without the draws of seeds and images."""
    roles = results.runs["role"].isin(RANKED_ROLES)
    runs = results.runs[roles]
    usable = runs[runs["usable"]]
    groups = usable.groupby("cell")["score"]
    table = pd.DataFrame({"n": groups.size(), "mean": groups.mean(), "sd": groups.std()})
    table = table.reindex(pd.unique(runs["cell"]))
    table["n"] = table["n"].fillna(0).astype(int)
    planned = pd.Series([run.cell for run in results.plan.runs if run.role in RANKED_ROLES])
    table["planned"] = planned.value_counts().reindex(table.index).fillna(table["n"]).astype(int)
    table["status"] = status_words(runs).reindex(table.index)
    table["failed"] = runs["status"].isin(FAILED).groupby(runs["cell"]).any().reindex(table.index)
    table["pruned"] = runs["status"].eq("pruned").groupby(runs["cell"]).sum().reindex(table.index)
    table["repeated"] = runs["repeated"].groupby(runs["cell"]).sum().reindex(table.index)
    ordered = usable.assign(order=usable["score"] * results.sign).sort_values("order", ascending=False, kind="stable")
    best = ordered.drop_duplicates("cell").set_index("cell")
    table["best_run"], table["best_score"] = best["run"], best["score"]
    table = _with_interval(table, noise, results.metric_range)
    table = _with_expected(table, noise)
    extra = [name for name in results.runs if is_measured(name) and name != results.metric]
    means = usable[extra].apply(pd.to_numeric, errors="coerce").groupby(usable["cell"]).mean()
    table = table.join(means)
    shown = results.runs.groupby("cell")["score"].mean().reindex(table.index)
    table["order"] = (table["mean"].fillna(shown) * -results.sign).fillna(np.inf)
    table["last"] = table["n"].eq(0) * (1 + table["status"].str.contains("|".join(FAILED)))
    table["dropped"] = table.index.isin(results.dropped_by("seeds"))
    table = table.sort_values(["last", "dropped", "order"], kind="stable")
    table["rank"] = np.where(table["n"] > 0, np.arange(1, len(table) + 1), np.nan)
    table["to_best"] = table["mean"] - table["mean"].iloc[0]
    table["group"] = tie_groups(table, noise, results.sign, cells_alpha(results))
    table["beats"] = beats_of_first(table, noise, results.sign)
    about = results.cells.reindex(table.index)
    for name in ("label", "role", "round", *results.plan.axes):
        table[name] = about.get(name, "")
    return table.drop(columns=["order", "last", "dropped"])


def ranking_rows(ranked: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of ranking.csv."""
    return ranked.reset_index(names="cell").to_dict("records")


def status_words(runs: pd.DataFrame) -> pd.Series:
    """For each cell `finished`, or `2 finished, 1 diverged`."""
    counts = runs.groupby(["cell", "status"], sort=False).size().reset_index(name="n")
    single = counts.groupby("cell")["status"].transform("size") == 1
    counts["text"] = np.where(single, counts["status"], counts["n"].astype(str) + " " + counts["status"])
    return counts.groupby("cell", sort=False)["text"].agg(", ".join)


def _with_interval(table: pd.DataFrame, noise: Noise, bounds: tuple[float, float]) -> pd.DataFrame:
    if np.isfinite(noise.sd) and noise.equal:
        table["error"] = noise.sd / np.sqrt(table["n"].where(table["n"] > 0))
        table["error_df"], table["interval"] = float(noise.df), "t, pooled sd"
    else:
        table["error"] = table["sd"] / np.sqrt(table["n"].where(table["n"] > 1))
        table["error_df"], table["interval"] = (table["n"] - 1).astype(float), "t, own sd"
    known = table["error_df"] >= FEWEST_OF_INTERVAL
    half = stats.t.ppf(0.975, table["error_df"].where(known)) * table["error"]
    low, high = table["mean"] - half, table["mean"] + half
    table["low"], table["high"] = low.clip(lower=bounds[0]), high.clip(upper=bounds[1])
    table.loc[(table["low"] > low) | (table["high"] < high), "interval"] += ", cut"
    table.loc[table["low"].isna(), "interval"] = ""
    return table


def _with_expected(table: pd.DataFrame, noise: Noise) -> pd.DataFrame:
    """`expected`: empirical Bayes means of the cells; the mean itself where only one cell is known."""
    known = table["mean"].notna() & (table["error"] > 0)
    table["expected"] = np.nan
    if np.isfinite(noise.sd) and known.any():
        mean, variance = table.loc[known, "mean"].to_numpy(), table.loc[known, "error"].to_numpy() ** 2
        table.loc[known, "expected"] = shrunken(mean, variance)
    return table


def shrunken(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """(n,) means drawn toward their common mean, each by its share of noise; `variance` are squared standard errors.

    Source: Efron and Morris (1975); variance between the means by DerSimonian and Laird (1986), equation 9.
    """
    if len(mean) < 2:
        return mean
    weight = 1 / variance
    common = float(weight @ mean / weight.sum())
    excess = float(weight @ (mean - common) ** 2) - (len(mean) - 1)
    between = max(0.0, excess / (weight.sum() - float(weight @ weight) / weight.sum()))
    weight = 1 / (variance + between)
    common = float(weight @ mean / weight.sum())
    return common + between * weight * (mean - common)


def beats_of_first(table: pd.DataFrame, noise: Noise, sign: float) -> np.ndarray:
    """Probability that a fresh run of the first cell is better than one of each other cell, by their `expected`.

    A prediction by Student's t: neither the deviation nor the means are known for sure.
    """
    error, expected = table["error"].to_numpy(float), table["expected"].to_numpy(float)
    sd = np.full(len(table), noise.sd) if noise.equal else table["sd"].to_numpy(float)
    df = noise.df if noise.equal else df_against(table["error_df"].to_numpy(float), error)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(sd[0] ** 2 + sd[1:] ** 2 + error[0] ** 2 + error[1:] ** 2)
        found = stats.t.cdf((expected[0] - expected[1:]) * sign / spread, df)
    return np.append(np.nan, found)
