"""How the score goes with stability, convergence, overfitting and cost: Pearson and Spearman.

Cells are the unit of judgement: runs of one cell are not independent of each other. Intervals: Fisher's z for Pearson,
the standard error of Bonett and Wright (2000), Psychometrika 65, for Spearman.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from segsweep.analysis.level_numbers import as_number
from segsweep.analysis.measures import is_measure
from segsweep.analysis.study_results import StudyResults
from segsweep.tables import Column, Table

FEWEST = 5


class Correlations(Table):
    """A measured column, or a numeric axis, beside the score."""

    file = "correlations.csv"
    rules = ("analyze_study",)
    rows = "correlate"
    columns = (
        Column("x", "text", "The column of runs.csv."),
        Column("y", "text", "The study's metric."),
        Column("unit", "text", "What was counted: `cell` (means of the cells), or `run`."),
        Column("n", "integer", "How many."),
        Column("pearson", "number", "Pearson's correlation."),
        Column("pearson_low", "number", "Lower end of its 95 % interval."),
        Column("pearson_high", "number", "Upper end."),
        Column("pearson_p", "number", "Two-sided."),
        Column("spearman", "number", "Spearman's correlation."),
        Column("spearman_low", "number", "Lower end of its 95 % interval."),
        Column("spearman_high", "number", "Upper end."),
        Column("spearman_p", "number", "Two-sided."),
        Column("tested", "boolean", "Whether it is judged, in findings.csv: by cells, and neither an axis nor a cost."),
    )


def correlate(results: StudyResults) -> list[dict[str, Any]]:
    """Rows of correlations.csv."""
    runs = results.runs[results.usable]
    columns = [name for name in runs if is_measure(name)]
    values = {name: pd.to_numeric(runs[name], errors="coerce") for name in columns}
    values |= {
        axis.name: runs[axis.name].map(as_number).astype(float) for axis in results.axes if axis.kind == "number"
    }
    frame = pd.DataFrame(values | {"score": runs["score"]})
    rows = []
    for unit, table in (("cell", frame.groupby(runs["cell"]).mean()), ("run", frame)):
        rows += [_row(name, results.metric, unit, table[name], table["score"]) for name in values]
    return [row for row in rows if row is not None]


def _row(name: str, metric: str, unit: str, x: pd.Series, y: pd.Series) -> dict[str, Any] | None:
    known = np.isfinite(x) & np.isfinite(y)
    x, y, n = x[known], y[known], int(known.sum())
    if n < FEWEST or x.nunique() < 2 or y.nunique() < 2:
        return None
    pearson, spearman = stats.pearsonr(x, y), stats.spearmanr(x, y)
    row = {"x": name, "y": metric, "unit": unit, "n": n, "tested": unit == "cell" and _is_asked(name)}
    for word, test, variance in (("pearson", pearson, 1.0), ("spearman", spearman, 1 + spearman.statistic**2 / 2)):
        low, high = fisher_interval(test.statistic, n, variance)
        row |= {word: test.statistic, f"{word}_low": low, f"{word}_high": high, f"{word}_p": test.pvalue}
    return row


def _is_asked(name: str) -> bool:
    """Whether a column is neither an axis, of which findings speak by its levels, nor a cost."""
    return is_measure(name) and not name.startswith("cost/")


def fisher_interval(r: float, n: int, variance: float = 1.0) -> tuple[float, float]:
    """95 % interval of a correlation on the scale of Fisher's z, whose variance is `variance` / (n - 3)."""
    reach = stats.norm.ppf(0.975) * np.sqrt(variance / (n - 3))
    z = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    return float(np.tanh(z - reach)), float(np.tanh(z + reach))
