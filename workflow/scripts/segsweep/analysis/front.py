"""The front of several objectives: settings that none is ahead of, and how sure that is.

A setting is ahead of another if its means are as good in all objectives and better in one. Which settings are on the
front of the means is partly luck: runs are drawn again with replacement, seeds (or folds, where there are folds) as
blocks that all settings share, and a setting's share says in how many of the draws it is on the front. From one or two
blocks no share is known: draws of so few hardly vary.

Source: Efron (1979) for the bootstrap; the knee by Das (1999), "On characterizing the knee of the Pareto curve".
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from segsweep.analysis.linear import FEWEST_OF_INTERVAL
from segsweep.analysis.study_results import StudyResults
from segsweep.config.objectives import directions_of
from segsweep.planning.plan_file import RANKED_ROLES
from segsweep.tables import Column, Table

DRAWS, FEWEST_BLOCKS, FEWEST_OF_KNEE = 2000, 3, 3


class Front(Table):
    """A ranked setting of a study with several objectives; none of other studies."""

    file = "front.csv"
    rules = ("analyze_study",)
    rows = "front_rows"
    columns = (
        Column("rank", "integer", "Its rank by the study's metric."),
        Column("cell", "text", "Its key."),
        Column("label", "text", "Its settings in words."),
        Column("n", "integer", "Usable runs."),
        Column("<objectives>", "number", "Mean of each objective over the usable runs.", empty="a run lacks it"),
        Column("<objectives_low>", "number", "Lower end of the 95 % t interval of each of these means, `NAME low`: of "
               "the metric as in ranking.csv, of another one by the setting's own runs, from three on.",
               empty="there are too few runs, or all have the same value"),
        Column("<objectives_high>", "number", "Upper end, `NAME high`.", empty="as of the lower end"),
        Column("on_front", "boolean", "Whether no other setting is ahead of it by the means.",
               empty="a run of it failed, or lacks an objective: it is compared with none"),
        Column("share", "number", "Share of draws of the runs, seeds or folds as blocks, in which it is on the front.",
               empty="there are fewer than three blocks, or it has one run"),
        Column("knee", "boolean", "Whether it is the knee of the front: of two objectives the member farthest beyond "
               "the line between the ends, both axes scaled to 0..1. A front of fewer than three has none."),
        Column("cheapest", "text", "The other objectives in which its mean is the best one among the first group of "
               "the ranking, separated by blanks.", empty="none, or groups are not known"),
    )  # fmt: skip


def low(objective: str) -> str:
    """The column with the lower end of an objective's interval."""
    return f"{objective} low"


def high(objective: str) -> str:
    """The column with the upper end."""
    return f"{objective} high"


@dataclass(frozen=True)
class Blocks:
    """The runs of settings by blocks that are drawn together.

    Attributes:
        unit: `fold` or `seed`.
        sums: (blocks, cells, objectives) sums of losses over the runs of a setting in a block.
        counts: (blocks, cells) of these runs.
    """

    unit: str
    sums: np.ndarray
    counts: np.ndarray


def on_front(losses: np.ndarray) -> np.ndarray:
    """Mask of the points that none is ahead of. (n, k) losses, lower is better -> (n,); points with nan are not on it.

    Equal points are both on it.
    """
    no_worse = (losses[:, None] <= losses[None]).all(axis=2)
    better = (losses[:, None] < losses[None]).any(axis=2)
    return ~(no_worse & better).any(axis=0) & np.isfinite(losses).all(axis=1)


def knee_of(losses: np.ndarray) -> int | None:
    """Position of the knee among the members of a front. (n, 2) losses.

    None with fewer than three different members, or where none lies beyond the line between the ends.
    """
    if losses.shape[1] != 2 or len(np.unique(losses, axis=0)) < FEWEST_OF_KNEE:
        return None
    scaled = (losses - losses.min(axis=0)) / np.ptp(losses, axis=0)
    beyond = (1 - scaled.sum(axis=1)) / np.sqrt(2)
    best = int(beyond.argmax())
    return best if beyond[best] > 1e-9 else None


def front_rows(results: StudyResults, ranked: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of front.csv, in the order of the ranking."""
    names = list(results.plan.objectives)
    table = ranked[ranked["n"] > 0]
    if not names or table.empty:
        return []
    values = _values(results, names)
    known = table.index[~table["failed"].astype(bool)]
    table = table[["rank", "label", "n", "group"]].join(_with_intervals(values, names, ranked, results.metric))
    signs = np.array(list(directions_of(results.plan.objectives).values()))
    losses = -signs * table.loc[known, names].to_numpy(float)
    front = pd.Series(on_front(losses), index=known)
    compared = np.isfinite(losses).all(axis=1)
    table["on_front"] = front[compared].astype(object).reindex(table.index)
    table["share"] = _shares(results, values, known[compared], signs).reindex(table.index)
    table["knee"] = False
    members = front.index[front]
    if (at := knee_of(losses[front.to_numpy()])) is not None:
        table.loc[members[at], "knee"] = True
    first = table.index[(table["group"] == 1) & table["on_front"].notna()]
    table["cheapest"] = ""
    for name, sign in zip(names, signs, strict=True):
        if name != results.metric and len(first):
            cell = (table.loc[first, name] * sign).idxmax()
            table.loc[cell, "cheapest"] = f"{table.at[cell, 'cheapest']} {name}".strip()
    table["on_front"] = table["on_front"].where(table["on_front"].notna(), None)
    return table.reset_index(names="cell").to_dict("records")


def front_about(results: StudyResults, front: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The entry "front" of analysis.json; None of a study without several objectives."""
    if not results.plan.objectives:
        return None
    unit, number = _unit(_compared_runs(results))
    why = ""
    if number < FEWEST_BLOCKS:
        settings = "One run a setting" if number < 2 else f"Only two {unit}s"
        why = f"{settings}: how sure it is that a setting is on the front is not known."
    return {
        "objectives": results.plan.objectives,
        "members": sum(row["on_front"] is True for row in front),
        "settings": len(front), "unit": unit, "blocks": number, "draws": 0 if why else DRAWS, "why": why or None,
    }  # fmt: skip


def _compared_runs(results: StudyResults) -> pd.DataFrame:
    return results.runs[results.runs["usable"] & results.runs["role"].isin(RANKED_ROLES)]


def _values(results: StudyResults, names: list[str]) -> pd.DataFrame:
    """cell, seed, fold and the objectives of each usable run of a ranked setting; nan where one is not known."""
    runs = _compared_runs(results)
    found = {
        name: pd.to_numeric(runs[name], errors="coerce") if name in runs else pd.Series(np.nan, index=runs.index)
        for name in names
    }
    return runs[["cell", "seed", "fold"]].assign(**found)


def _with_intervals(values: pd.DataFrame, names: list[str], ranked: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Means and ends of intervals by cell; a mean is nan where a run lacks the objective."""
    groups, columns = values.groupby("cell"), {}
    n = groups.size()
    for name in names:
        mean = groups[name].mean().where(groups[name].count() == n)
        spread = groups[name].std()
        half = stats.t.ppf(0.975, np.maximum(n - 1, 1)) * spread / np.sqrt(n)
        half = half.where((n - 1 >= FEWEST_OF_INTERVAL) & (spread > 0))
        columns |= {name: mean, low(name): mean - half, high(name): mean + half}
    found = pd.DataFrame(columns)
    found[low(metric)], found[high(metric)] = ranked["low"], ranked["high"]
    return found


def _unit(runs: pd.DataFrame) -> tuple[str, int]:
    """What is drawn again, and how many of them there are."""
    unit = "fold" if len(runs) and runs["fold"].notna().all() and runs["fold"].nunique() > 1 else "seed"
    return unit, int(runs[unit].nunique())


def blocks_of(values: pd.DataFrame, cells: pd.Index, signs: np.ndarray) -> Blocks:
    """The runs of cells by blocks.

    Args:
        values: of runs: cell, seed, fold, and the objectives in the last columns.
        cells: in the order in which they are wanted.
        signs: of the objectives, 1 if high values are good.
    """
    unit, _ = _unit(values)
    there = values[values["cell"].isin(cells)]
    codes, blocks = pd.factorize(there[unit], sort=True)
    at = cells.get_indexer(there["cell"])
    losses = -signs * there.iloc[:, -len(signs) :].to_numpy(float)
    sums, counts = np.zeros((len(blocks), len(cells), len(signs))), np.zeros((len(blocks), len(cells)))
    np.add.at(sums, (codes, at), losses)
    np.add.at(counts, (codes, at), 1)
    return Blocks(unit, sums, counts)


def shares_on_front(blocks: Blocks, draws: int = DRAWS) -> np.ndarray:
    """(cells,) shares of draws of the blocks in which a cell is on the front, of those draws that hold a run of it."""
    rng = np.random.default_rng(0)
    number = len(blocks.counts)
    on, there = np.zeros(blocks.counts.shape[1]), np.zeros(blocks.counts.shape[1])
    for weights in rng.multinomial(number, np.full(number, 1 / number), size=draws):
        counts = weights @ blocks.counts
        with np.errstate(invalid="ignore", divide="ignore"):
            losses = np.tensordot(weights, blocks.sums, axes=1) / counts[:, None]
        on += on_front(losses)
        there += counts > 0
    return on / there


def _shares(results: StudyResults, values: pd.DataFrame, cells: pd.Index, signs: np.ndarray) -> pd.Series:
    """Shares by cell; empty where there are too few blocks, and of cells with a single run."""
    if len(cells) == 0 or _unit(values)[1] < FEWEST_BLOCKS:
        return pd.Series(dtype=float)
    blocks = blocks_of(values, cells, signs)
    several = (blocks.counts > 0).sum(axis=0) > 1
    return pd.Series(np.where(several, shares_on_front(blocks), np.nan), index=cells)
