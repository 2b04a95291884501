"""The setting that was chosen, and what it rests on."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.figures import runs as run_figures
from segsweep.report.figures import theme
from segsweep.report.markdown import blocks, capital, listed, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults

MOST_PARALLEL = 400


class BestConfiguration(Section):
    """The setting that was chosen, and what it rests on."""

    title: ClassVar[str] = "Best configuration"
    order: ClassVar[int] = 130


def write(results: QuotedResults) -> str:
    """If a setting was chosen: its values, its scores, what it rests on."""
    i, ranking = results.best, results.table("ranking")
    if i is None:
        return ""
    row = ranking.frame.loc[i]
    axes = [axis for axis in results.axes if axis in row and pd.notna(row[axis])]
    rows = [[capital(results.axis_name(axis)), f"`{axis}`", results.quote_code("ranking", i, axis)] for axis in axes]
    others = [name for name in results.study.get("also_report") or [] if name in ranking.frame and pd.notna(row[name])]
    scores = listed(f"a {results.metric_name(name)} of {ranking.quote(i, name, 'metric')}" for name in others)
    return blocks(
        paragraph(
            f"{results.quote_code('ranking', i, 'label')} was chosen by {results.quote_analysis('best.chosen_by')}."
            if (results.analysis.get("best") or {}).get("chosen_by")
            else None,
            f"It ranks {ranking.quote(i, 'rank', 'int')} of {ranking.aggregate('count', 'rank', 'int')}, "
            f"with a {results.metric_name()} of {ranking.quote(i, 'mean', 'metric')}"
            + (f" and {scores}." if others else "."),
            f"Its best run, `{ranking.quote(i, 'best_run', 'code')}`, has {ranking.quote(i, 'best_score', 'metric')}."
            if row["n"] > 1
            else None,
        ),
        markdown_table(["Hyperparameter", "Key", "Value"], rows) if rows else "",
        parallel(results),
    )


def parallel(results: QuotedResults) -> str:
    """If three axes or more vary: all runs through their settings to their scores."""
    runs = results.usable.dropna(subset=[results.metric])
    axes = [axis for axis in results.axes if axis in runs and runs[axis].nunique() > 1][:8]
    if len(axes) < 3 or len(runs) < 5:
        return ""
    few = runs.iloc[:: -(-len(runs) // MOST_PARALLEL)]
    paper, ax = theme.plt.subplots(figsize=(1.6 + 1.35 * len(axes), 3.4))
    orders = {axis: None if results.binned(axis) else results.levels(axis) for axis in axes}
    run_figures.parallel(ax, few, orders, results.metric, minimize=results.minimize, names=results.names)
    part = "Every run" if len(few) == len(runs) else "An evenly spaced choice of the runs"
    names = listed(map(results.axis_name, axes))
    return results.figure(
        "parallel",
        paper,
        f"{part} as a line through {names} to the {results.metric_name()}; the best tenth is drawn in colour.",
    )
