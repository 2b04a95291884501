"""The level of an axis that varies least with the other settings."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from segsweep.analysis.anova import ALPHA
from segsweep.analysis.claims import Evidence, Verdict, undecided, words
from segsweep.analysis.level_numbers import same_text
from segsweep.config.components import ColumnClaim
from segsweep.config.settings import key
from segsweep.formatting import value_in_words


class LeastSpread(ColumnClaim):
    """A level of an axis has the least spread of a column over the other settings."""

    least_spread: dict[str, Any] = key(..., "Axis: the level with the least spread of `of` over the other settings.")

    def axes(self) -> list[str]:
        """Axes that it speaks of."""
        return [*self.least_spread, *super().axes()]

    def levels(self) -> list[tuple[str, Any]]:
        """Levels that it speaks of, each with its axis."""
        return [*self.least_spread.items(), *super().levels()]


def judge(claim: LeastSpread, evidence: Evidence) -> Verdict:
    """Supported if the spread of the cells' means at the level is smaller than at each other level, at 5 %.

    Where both levels were tried with the same other settings (at least four), their deviations are paired: Pitman and
    Morgan's test, of ranks (McCulloch 1987); else the Brown-Forsythe test. Refuted if another level's is smaller at 5 %
    over the number of others.
    """
    results = evidence.results
    ((name, level),) = list(claim.least_spread.items())[:1]
    column, _ = results.column_of(claim.of)
    mask = results.usable & results.cells_where(claim.where)
    if column not in results.runs or name not in [axis.name for axis in results.axes]:
        return undecided(f"There is no {column if column not in results.runs else name} to judge it by.")
    axis = results.axis(name)
    code = next((i for i, text in enumerate(axis.levels) if same_text(text, {value_in_words(level)})), None)
    runs = results.runs[mask].assign(of=pd.to_numeric(results.runs[column], errors="coerce"), level=results.codes[name])
    cells = runs.groupby("cell").agg(of=("of", "mean"), level=("level", "first")).dropna()
    others = [other.name for other in results.axes if other.name != name]
    cells["setting"] = [tuple(row) for row in results.cells.loc[cells.index, others].to_numpy()]
    counts = {"n_runs": len(runs), "n_cells": len(cells)}
    spreads = cells.groupby("level")["of"].std().dropna()
    if code not in spreads.index or len(spreads) < 2:
        return undecided(f"{name} = {level} or what to compare it with has too few settings.", **counts)
    shown = ", ".join(f"{axis.levels[i]} {spread:.3g}" for i, spread in spreads.items())
    shown = f"Standard deviation of {words.column(results, column)} over the settings: {shown}"
    rest = [other for other in spreads.index if other != code]
    estimate = float(spreads[code] - spreads[rest].min())
    if results.error_basis != "replicates":
        return undecided(
            f"{shown}. {results.why_unknown}: settings and seeds spread together.", estimate=estimate, **counts
        )
    tests = {other: _compare_spread(cells, code, other) for other in rest}
    hardest = max(rest, key=lambda other: tests[other][1])
    smaller = min(rest, key=lambda other: tests[other][1] if spreads[other] < spreads[code] else np.inf)
    verdict, chosen, p = "undecided", hardest, tests[hardest][1]
    if all(spreads[code] < spreads[other] for other in rest):
        verdict = "supported" if p <= ALPHA else "undecided"
    elif tests[smaller][1] * len(rest) <= ALPHA:
        verdict, chosen, p = "refuted", smaller, tests[smaller][1] * len(rest)
    return Verdict(
        verdict, f"{shown}; against {axis.levels[chosen]} {words.p_value(min(p, 1.0))}.", estimate=estimate,
        threshold=0.0, test=tests[chosen][2], statistic=tests[chosen][0], p=min(p, 1.0), scope="seeds", **counts,
    )  # fmt: skip


def _compare_spread(cells: pd.DataFrame, first: int, second: int) -> tuple[float, float, str]:
    """Statistic, p and name of the test of two levels' spread."""
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
