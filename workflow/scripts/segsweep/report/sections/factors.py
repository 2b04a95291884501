"""Hyperparameters: one table of all comparisons, then for each its levels, a figure, and what follows."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.figures import factors as factor_figures
from segsweep.report.figures import theme
from segsweep.report.markdown import blocks, capital, listed, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults
from segsweep.report.sections.factor_pairs import heatmaps, interactions
from segsweep.report.sections.factor_verdicts import convergence, generalisation, recommendation

MOST_AXES, MOST_COMPARISONS = 12, 40


class Factors(Section):
    """Hyperparameters: one table of all comparisons, then for each its levels, a figure, and what follows."""

    title: ClassVar[str] = "Hyperparameters"
    order: ClassVar[int] = 60


def write(results: QuotedResults) -> str:
    """The table of comparisons, a part for each axis, pairs of axes."""
    if not len(results.table("factors")):
        return ""
    return blocks(comparisons(results), parts(results), interactions(results), heatmaps(results))


def comparisons(results: QuotedResults) -> str:
    """All pairs of levels that were compared, stated ones first; of many those with the smallest corrected p."""
    found = results.findings("levels")
    if found.empty:
        return ""
    if not found["p_study"].notna().any():
        return ""
    found = found.assign(stated=found["verdict"].isin(["better", "worse"]))
    found = found.sort_values(["stated", "p_study"], ascending=[False, True], na_position="last", kind="stable")
    shown = found.head(MOST_COMPARISONS)
    head = ["Hyperparameter", "Levels", "Difference", "Interval", "Corrected p", "Run beats run"]
    head += ["Beyond threshold"] if results.ledger.words.threshold is not None else []
    rows = [[results.state(int(i), "row")] for i in shown.index]
    table = markdown_table([*head, "Verdict"], [], right=[2, 3, 4, 5])
    body = "".join(f"| {row[0]} |\n" for row in rows)
    rest = (
        f"Of {results.table('findings').aggregate('count', where='kind=levels', style='plural:comparison')} those with "
        "the smallest corrected p are shown; all are in `findings.csv`."
        if len(found) > len(shown)
        else None
    )
    return blocks(table + body, paragraph(results.explain("intervals"), rest))


def parts(results: QuotedResults) -> str:
    """A part for each axis, in the order of factor_summary.csv; of many the first, or all with `per_factor`."""
    axes = list(results.table("factor_summary").frame["axis"]) if len(results.table("factor_summary")) else results.axes
    per_factor = (results.study.get("report") or {}).get("sections") == "per_factor"
    chosen = axes if per_factor else axes[:MOST_AXES]
    chosen = [axis for axis in chosen if len(results.table("factors").where(axis=axis)) > 1]
    rest = (
        "Further hyperparameters are in `factors.csv`.\n"
        if len(chosen) < len(axes) and not per_factor and len(axes) > MOST_AXES
        else ""
    )
    return blocks(*[part(results, axis) for axis in chosen], rest)


def part(results: QuotedResults, axis: str) -> str:
    """Table of levels, figure, three paragraphs."""
    return blocks(
        f"### {capital(results.axis_name(axis))}\n",
        set_up(results, axis),
        levels(results, axis),
        figure(results, axis),
        "**Convergence.** " + convergence(results, axis),
        "**Generalisation.** " + generalisation(results, axis),
        "**Recommendation.** " + recommendation(results, axis),
    )


def set_up(results: QuotedResults, axis: str) -> str:
    """Always: how many levels and runs."""
    factors = results.table("factors")
    count = factors.aggregate("count", where=f"axis={axis}", style="plural:level")
    runs = factors.aggregate("sum", "n_runs", "plural:usable run", f"axis={axis}")
    return paragraph(f"`{axis}` was tried at {count}, in {runs}.")


def levels(results: QuotedResults, axis: str) -> str:
    """The levels of an axis: runs, means of the model with intervals, best and worst run, what runs ended otherwise."""
    factors = results.table("factors")
    mine = factors.where(axis=axis)
    more = [name for name in results.study.get("also_report") or [] if name in mine]
    columns = [("Level", lambda i: results.quote_code("factors", i, "level"))]
    columns.append(("Runs", lambda i: factors.quote(i, "n_runs", "int")))
    modelled = _has(mine, "adjusted")
    if modelled:
        columns.append(("Adjusted mean", lambda i: factors.quote(i, "adjusted", "metric")))
        if _has(mine, "adjusted_low"):
            columns.append(
                ("Interval", lambda i: results.interval("factors", i, "adjusted_low", "adjusted_high") or "–")
            )
    if not modelled or not _same(mine):
        columns.append(("Mean of runs", lambda i: factors.quote(i, "mean", "metric")))
    for name, column, style in (
        ("Deviation", "sd", "metric"),
        ("Best run", "best_score", "metric"),
        ("Worst run", "worst_score", "metric"),
        *[(results.metric_name(name), name, "metric") for name in more],
    ):
        if _has(mine, column):
            columns.append((name, lambda i, column=column, style=style: factors.quote(i, column, style)))
    for name, column in (
        ("Pruned", "n_pruned"), ("Diverged", "n_diverged"), ("Out of memory", "n_oom"), ("Failed", "n_failed"),
    ):  # fmt: skip
        if column in mine and mine[column].fillna(0).sum() > 0:
            columns.append((name, lambda i, column=column: factors.quote(i, column, "int")))
    rows = [[write(i) for _, write in columns] for i in mine.index]
    return blocks(
        markdown_table([name for name, _ in columns], rows, right=range(1, len(columns))), notes(results, mine)
    )


def notes(results: QuotedResults, mine: pd.DataFrame) -> str:
    """What has to be known to read the rows of levels, each note once with its levels."""
    if "note" not in mine:
        return ""
    factors, said = results.table("factors"), []
    for _, rows in mine[mine["note"].notna()].groupby("note", sort=False):
        names = listed(results.quote_code("factors", int(i), "level") for i in rows.index[:MOST_AXES])
        said.append(f"{names}: {factors.quote(int(rows.index[0]), 'note')}.")
    return paragraph(*said)


def _has(frame: pd.DataFrame, column: str) -> bool:
    return column in frame and bool(frame[column].notna().any())


def figure(results: QuotedResults, axis: str) -> str:
    """Points and means at the levels; for a binned axis every run at its own value."""
    runs = results.usable
    factors = results.table("factors").where(axis=axis)
    if results.untested:
        factors = factors.assign(adjusted_low=float("nan"), adjusted_high=float("nan"))
    if runs.empty or axis not in runs or not runs[results.metric].notna().any():
        return ""
    summary = results.table("factor_summary").where(axis=axis)
    binned = len(summary) and str(summary.iloc[0].get("binned")).lower() == "true"
    paper, ax = theme.plt.subplots(figsize=factor_figures.levels_size(results.levels(axis)))
    name = f"levels {axis}"
    if binned:
        factor_figures.values(
            ax, runs, axis, results.metric, log=summary.iloc[0].get("scale") == "log", names=results.names
        )
        return results.figure(name, paper, results.caption(ax, "{y} against {x}. A point is a run."))
    both = _has(factors, "adjusted") and not _same(factors)
    factor_figures.levels(ax, runs, axis, results.metric, factors, raw=both, names=results.names)
    theme.legend_above(ax)
    intervals = "means have their intervals" if _has(factors, "adjusted_low") else "means have no intervals"
    more = "; hollow marks are raw means" if both else ""
    caption = results.caption(
        ax, "{y} by {x}. Grey points are runs; {intervals}{more}.", intervals=intervals, more=more
    )
    return results.figure(name, paper, caption)


def _same(factors: pd.DataFrame) -> bool:
    """Whether raw and adjusted means agree so well that one of them is enough to show."""
    if factors["adjusted"].isna().any() or factors["mean"].isna().any():
        return False
    span = factors["mean"].max() - factors["mean"].min()
    return bool((factors["mean"] - factors["adjusted"]).abs().max() <= 0.02 * span)
