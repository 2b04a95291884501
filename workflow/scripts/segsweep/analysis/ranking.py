"""Cells ranked by their mean score, and how far apart they have to be to differ significantly.

The noise floor is the standard deviation of runs of the same cell (other seeds, other folds), pooled over all cells.
Cells are compared by the Tukey-Kramer procedure at `CELLS_ALPHA`, half of 5 % (the comparison of levels has the other
half); by Bonferroni's bound for more than `MOST_TUKEY` cells; and, where the spread differs between cells, by Welch's t
with Bonferroni's bound.

Source: Tukey (1953), Kramer (1956); Bartlett (1937).
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from segsweep.analysis.measures import is_measured
from segsweep.analysis.study_results import RANKED_ROLES, StudyResults
from segsweep.tables import NO_IMAGES, NO_NOISE, NO_RUN, Column, Table

CELLS_ALPHA = 0.025
MOST_TUKEY = 100
DRAWS = 1000
MOST_DRAWN = 4_000_000
MOST_BY_IMAGES = 20


class Ranking(Table):
    """A cell, best first; cells without a usable run last, by status."""

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
        Column("n", "integer", "Usable runs: `finished` or `early_stopped`, with a finite score."),
        Column("planned", "integer", "Planned runs."),
        Column("status", "text", "Statuses of its runs: `finished`, or `2 finished, 1 diverged`."),
        Column("mean", "number", "Mean score of the usable runs.", empty=NO_RUN),
        Column("sd", "number", "Standard deviation of these scores.", empty="fewer than two usable runs"),
        Column("low", "number", "Lower end of the 95 % t interval of the mean.", empty=NO_NOISE),
        Column("high", "number", "Upper end.", empty=NO_NOISE),
        Column("interval", "text", "`t, pooled sd` or `t, own sd`.", empty=NO_NOISE),
        Column("best_run", "text", "Its run with the best score.", empty=NO_RUN),
        Column("best_score", "number", "The score of that run.", empty=NO_RUN),
        Column("group", "integer",
               "1 for the cells that do not differ significantly from the first one, 2 for those that do not differ "
               "significantly from the first one left, and so on.", empty="it is not known how far seeds spread"),
        Column("to_best", "number", "Mean minus the mean of the first cell.", empty=NO_RUN),
        Column("p_best", "number", "Share of the draws of seeds in which the cell is the best.", empty=NO_NOISE),
        Column("rank_low", "number", "2.5 % quantile of its rank in these draws.", empty=NO_NOISE),
        Column("rank_high", "number", "97.5 % quantile.", empty=NO_NOISE),
        Column("p_best_images", "number", "Share of the draws of images, the same for all cells, in which the cell is "
               "the best.", empty=NO_IMAGES),
        Column("rank_low_images", "number", "2.5 % quantile of its rank in these draws.", empty=NO_IMAGES),
        Column("rank_high_images", "number", "97.5 % quantile.", empty=NO_IMAGES),
        Column("<measured>", "number", "Mean over the usable runs of another column of runs.csv.", empty=NO_RUN),
    )  # fmt: skip


@dataclass
class Noise:
    """Spread between runs of one cell: pooled deviation, its degrees of freedom, cells with two runs or more."""

    sd: float
    df: int
    cells: int
    equal: bool
    reading: str
    critical: float = np.nan
    tested: int = 0


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
        few = "Too few runs share a setting" if len(replicated) else "No setting was trained twice"
        return Noise(
            np.nan, max(df, 0), len(replicated), True, f"{few}, so it is not known how far runs of one setting spread."
        )
    if not results.replicates_differ:
        same = "Runs of the same setting have the very same score: seeds changed nothing, so their spread is not known."
        return Noise(np.nan, df, len(replicated), True, same)
    squares = float((spread[replicated.index] * (replicated - 1)).sum())
    sd = float(np.sqrt(squares / df))
    equal, reading = _equal_spread(groups)
    noise = Noise(sd, df, len(replicated), equal, reading, tested=int((size > 0).sum()))
    typical = int(size.median())
    if noise.tested > 1 and equal:
        noise.critical = reach(noise.tested, df) * sd * np.sqrt(2 / typical)
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


@cache
def reach(cells: int, df: int, alpha: float = CELLS_ALPHA) -> float:
    """Standard errors of a difference that two of so many cells have to be apart."""
    if cells <= MOST_TUKEY:
        return float(stats.studentized_range.ppf(1 - alpha, cells, df) / np.sqrt(2))
    return float(stats.t.ppf(1 - alpha / (cells * (cells - 1)), df))


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
    table["failed"] = runs["status"].isin(("diverged", "oom")).groupby(runs["cell"]).any().reindex(table.index)
    table["pruned"] = runs["status"].eq("pruned").groupby(runs["cell"]).sum().reindex(table.index)
    ordered = usable.assign(order=usable["score"] * results.sign).sort_values("order", ascending=False, kind="stable")
    best = ordered.drop_duplicates("cell").set_index("cell")
    table["best_run"], table["best_score"] = best["run"], best["score"]
    table = _with_interval(table, noise)
    extra = [name for name in results.runs if is_measured(name) and name != results.metric]
    means = usable[extra].apply(pd.to_numeric, errors="coerce").groupby(usable["cell"]).mean()
    table = table.join(means)
    shown = results.runs.groupby("cell")["score"].mean().reindex(table.index)
    table["order"] = (table["mean"].fillna(shown) * -results.sign).fillna(np.inf)
    table["last"] = table["n"].eq(0) * (1 + table["status"].str.contains("diverged|oom"))
    table = table.sort_values(["last", "order"], kind="stable")
    table["rank"] = np.where(table["n"] > 0, np.arange(1, len(table) + 1), np.nan)
    table["to_best"] = table["mean"] - table["mean"].iloc[0]
    table["group"] = tie_groups(table, noise, results.sign)
    about = results.cells.reindex(table.index)
    for name in ("label", "role", "round", *results.plan.axes):
        table[name] = about.get(name, "")
    return table.drop(columns=["order", "last"])


def ranking_rows(ranked: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of ranking.csv."""
    return ranked.reset_index(names="cell").to_dict("records")


def status_words(runs: pd.DataFrame) -> pd.Series:
    """For each cell `finished`, or `2 finished, 1 diverged`."""
    counts = runs.groupby(["cell", "status"], sort=False).size().reset_index(name="n")
    single = counts.groupby("cell")["status"].transform("size") == 1
    counts["text"] = np.where(single, counts["status"], counts["n"].astype(str) + " " + counts["status"])
    return counts.groupby("cell", sort=False)["text"].agg(", ".join)


def _with_interval(table: pd.DataFrame, noise: Noise) -> pd.DataFrame:
    if np.isfinite(noise.sd) and noise.equal:
        table["error"] = noise.sd / np.sqrt(table["n"].where(table["n"] > 0))
        table["error_df"], table["interval"] = float(noise.df), "t, pooled sd"
    else:
        table["error"] = table["sd"] / np.sqrt(table["n"].where(table["n"] > 1))
        table["error_df"], table["interval"] = (table["n"] - 1).astype(float), "t, own sd"
    half = stats.t.ppf(0.975, table["error_df"].where(table["error_df"] > 0)) * table["error"]
    table["low"], table["high"] = table["mean"] - half, table["mean"] + half
    table.loc[table["low"].isna(), "interval"] = ""
    return table


def tie_groups(table: pd.DataFrame, noise: Noise, sign: float) -> np.ndarray:
    """Number of the group of each cell, rows best first: the first one left opens a group of all that tie with it."""
    groups = np.full(len(table), np.nan)
    if not np.isfinite(noise.sd):
        return groups
    mean = table["mean"].to_numpy() * sign
    error, df = table["error"].to_numpy(), table["error_df"].to_numpy()
    left = np.flatnonzero(np.isfinite(mean) & np.isfinite(error))
    cells, number = len(left), 0
    if cells == 1:
        groups[left] = 1
    while len(left) and cells > 1:
        number += 1
        head = left[0]
        variance = error[head] ** 2 + error[left] ** 2
        if noise.equal:
            bound = reach(cells, noise.df) * np.sqrt(variance)
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                welch = variance**2 / (error[head] ** 4 / df[head] + error[left] ** 4 / df[left])
            bound = stats.t.ppf(1 - CELLS_ALPHA / (cells * (cells - 1)), np.maximum(welch, 1)) * np.sqrt(variance)
        tied = ~(mean[head] - mean[left] > bound)
        tied[0] = True
        # Groups stand in the order of ranks: the first cell that differs significantly ends the group.
        end = int(np.argmin(tied)) if not tied.all() else len(left)
        groups[left[:end]] = number
        left = left[end:]
    return groups


def rank_stability(table: pd.DataFrame, noise: Noise, sign: float, rng: np.random.Generator) -> pd.DataFrame:
    """p_best, rank_low, rank_high over draws of seeds; empty without a noise floor.

    Each draw adds to each cell's mean the mean of as many residuals as it has runs. Residuals of all cells are normal
    draws of the pooled (or the cell's own) deviation: three seeds are too few to be drawn from themselves.
    """
    columns = {name: np.full(len(table), np.nan) for name in ("p_best", "rank_low", "rank_high")}
    known = np.flatnonzero(table["mean"].notna() & table["error"].notna())
    if np.isfinite(noise.sd) and len(known) > 1:
        mean, error = table["mean"].to_numpy()[known] * sign, table["error"].to_numpy()[known]
        draws = max(100, min(DRAWS, MOST_DRAWN // len(known)))
        drawn = mean + error * rng.standard_normal((draws, len(known)))
        columns["p_best"][known], columns["rank_low"][known], columns["rank_high"][known] = ranks_of(drawn)
    return pd.DataFrame(columns, index=table.index)


def image_stability(
    scores: pd.DataFrame | None, table: pd.DataFrame, sign: float, rng: np.random.Generator
) -> pd.DataFrame:
    """p_best_images, rank_low_images, rank_high_images of the best cells over draws of images, the same for all.

    scores: (cells, images) as `scores_of_best` gives them; without them the columns are empty.
    """
    names = ("p_best_images", "rank_low_images", "rank_high_images")
    columns = {name: np.full(len(table), np.nan) for name in names}
    if scores is None:
        return pd.DataFrame(columns, index=table.index)
    values = scores.to_numpy() * sign
    weights = rng.multinomial(values.shape[1], np.full(values.shape[1], 1 / values.shape[1]), size=2 * DRAWS)
    rows = table.index.get_indexer(scores.index)
    for name, column in zip(names, ranks_of(weights @ values.T / values.shape[1]), strict=True):
        columns[name][rows] = column
    return pd.DataFrame(columns, index=table.index)


def scores_of_best(results: StudyResults, table: pd.DataFrame) -> pd.DataFrame | None:
    """(cells, images) scores of the best cells; None with fewer than five images or two cells to compare."""
    scores = image_scores(results, list(table.index[table["n"] > 0][:MOST_BY_IMAGES]))
    return None if scores is None or scores.shape[1] < 5 or len(scores) < 2 else scores


def image_scores(results: StudyResults, cells: list[str]) -> pd.DataFrame | None:
    """(cells, images) mean scores over usable runs, of the images that all of these cells have."""
    if results.image_column is None:
        return None
    runs = results.runs.loc[results.runs["usable"] & ~results.runs["role"].isin(("confirm", "ensemble")), "run"]
    images = results.images[results.images["cell"].isin(cells) & results.images["run"].isin(runs)]
    table = images.pivot_table(index="cell", columns="image", values=results.image_column, aggfunc="mean")
    return table.dropna(axis=1).reindex([cell for cell in cells if cell in table.index])


def ranks_of(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(share of draws as the best, 2.5 % and 97.5 % of the rank) of each column of (draws, cells); high is good."""
    order = np.argsort(-drawn, axis=1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, drawn.shape[1] + 1)[None, :], axis=1)
    best = np.bincount(order[:, 0], minlength=drawn.shape[1]) / len(drawn)
    low, high = np.percentile(ranks, [2.5, 97.5], axis=0, method="nearest")
    return best, low, high
