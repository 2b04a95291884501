"""The most influential hyperparameters; for each its levels, a figure, and what follows."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.figures import factors as factor_figures
from segsweep.report.figures import theme
from segsweep.report.markdown import blocks, capital, listed, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults
from segsweep.report.sections.factor_pairs import heatmaps, interactions
from segsweep.report.sections.factor_verdicts import convergence, generalisation, recommendation

MOST_AXES = 12


class Factors(Section):
    """The most influential hyperparameters; for each its levels, a figure, and what follows."""

    title: ClassVar[str] = "Hyperparameters"
    order: ClassVar[int] = 60


def write(results: QuotedResults) -> str:
    """Most influential factors, then a part for each axis."""
    if not len(results.table("factors")):
        return ""
    return blocks(
        influence(results),
        variance(results),
        checks(results),
        parts(results),
        interactions(results),
        heatmaps(results),
    )


def influence(results: QuotedResults) -> str:
    """The axes in the order of their influence."""
    table = results.table("factor_summary")
    if not len(table):
        return ""
    tested = table.frame["p"].notna().any() and not results.untested
    head = ["Hyperparameter", "Levels", f"{capital(results.top)} at", "Range of means"]
    head += ["F", "p", "Partial eta squared"] if tested else []
    head += ["Standing"]
    rows = []
    for i, row in table.frame.iterrows():
        fields = [
            capital(results.axis_name(row["axis"])),
            table.quote(i, "levels", "int"),
            results.quote_code("factor_summary", i, "best_level"),
            table.quote(i, "range", "metric"),
        ]
        if tested:
            fields += [
                table.quote(i, "F", "significant"),
                table.quote(i, "p", "p"),
                table.quote(i, "partial_eta2", "fixed"),
            ]
        rows.append([*fields, STANDING.get(row["relation"], "–")])
    return blocks(markdown_table(head, rows, right=range(3, len(head) - 1)), paragraph(adjusted_note(results)))


STANDING = {
    "distinct": "one level significantly different",
    "partly": "some levels significantly different",
    "undecided": "no significant difference",
    "confounded": "confounded with another hyperparameter",
    "described": "described, not tested",
}


def adjusted_note(results: QuotedResults) -> str | None:
    """If raw and adjusted means name different levels for an axis."""
    frame = results.table("factor_summary").frame
    if "raw_and_adjusted" not in frame:
        return None
    names = [results.axis_name(row["axis"]) for _, row in frame[frame["raw_and_adjusted"] == "disagree"].iterrows()]
    if not names:
        return None
    return (
        f"For the {listed(names)}, raw and adjusted means "
        "put different levels first: the design is uneven, and "
        "the adjusted means are the comparable ones."
    )


def variance(results: QuotedResults) -> str:
    """If an analysis of variance was possible: its table, when it says more than the one above."""
    table = results.table("anova")
    if not len(table) or "kind" not in table.frame or results.untested:
        return ""
    frame = table.frame
    if not frame["kind"].isin(["interaction", "block"]).any() or not frame["F"].notna().any():
        return ""
    rows = []
    for i, row in frame.iterrows():
        name = (
            "Residual"
            if row["kind"] == "residual"
            else " × ".join(
                capital(results.axis_name(axis) if axis in results.axes else str(axis))
                for axis in (row["axis_a"], row["axis_b"])
                if pd.notna(axis)
            )
            or capital(str(row["term"]))
        )
        rows.append(
            [
                name,
                table.quote(i, "ss", "significant"),
                table.quote(i, "df", "int"),
                table.quote(i, "F", "significant"),
                table.quote(i, "p", "p"),
                table.quote(i, "partial_eta2", "fixed"),
            ]
        )
    return blocks(
        "Analysis of variance, with sums of squares of type II:\n",
        markdown_table(["Term", "Sum of squares", "df", "F", "p", "Partial eta squared"], rows, right=range(1, 6)),
    )


def checks(results: QuotedResults) -> str:
    """What the residuals allow, in the words of the analysis."""
    anova = results.analysis.get("anova") or {}
    if results.untested:
        return paragraph("Too few settings have several runs to estimate the noise, so nothing here is tested.")
    return paragraph(results.quote_analysis("anova.reading") if anova.get("reading") else None)


def parts(results: QuotedResults) -> str:
    """A part for each axis, the most influential first; of many axes the first, unless `per_factor` asks for all."""
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
    """Set-up, table of levels, figure, three paragraphs."""
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
    """Always: how many levels and runs; where the best and the worst run of all levels lie."""
    factors = results.table("factors")
    mine = factors.where(axis=axis)
    count = factors.aggregate("count", where=f"axis={axis}", style="plural:level")
    runs = factors.aggregate("sum", "n_runs", "plural:usable run", f"axis={axis}")
    scored = mine[mine["best_score"].notna()] if "best_score" in mine else mine.iloc[:0]
    said = [f"`{axis}` was tried at {count}, in {runs}."]
    if len(scored) and scored["best_score"].max() == scored["worst_score"].min() == scored["best_score"].min():
        said.append(f"All of these runs have {factors.quote(int(scored.index[0]), 'best_score', 'metric')}.")
    elif len(scored):
        best = scored["best_score"].idxmin() if results.minimize else scored["best_score"].idxmax()
        worst = scored["worst_score"].idxmax() if results.minimize else scored["worst_score"].idxmin()
        said.append(
            f"The best single run has {results.quote_code('factors', best, 'level')} "
            f"(`{factors.quote(best, 'best_run', 'code')}`, {factors.quote(best, 'best_score', 'metric')}), "
            f"the worst {results.quote_code('factors', worst, 'level')} "
            f"(`{factors.quote(worst, 'worst_run', 'code')}`, {factors.quote(worst, 'worst_score', 'metric')})."
        )
    return paragraph(*said)


def levels(results: QuotedResults, axis: str) -> str:
    """The levels of an axis: n, means, intervals, best and worst run, what runs ended otherwise."""
    factors = results.table("factors")
    mine = factors.where(axis=axis)
    more = [name for name in results.study.get("also_report") or [] if name in mine]
    columns = [("Level", lambda i: results.quote_code("factors", i, "level"))]
    columns.append(("Runs", lambda i: factors.quote(i, "n_runs", "int")))
    columns.append(("Mean", lambda i: factors.quote(i, "mean", "metric")))
    if _has(mine, "adjusted"):
        columns.append(("Adjusted mean", lambda i: factors.quote(i, "adjusted", "metric")))
        if _has(mine, "adjusted_low") and not results.untested:
            columns.append(
                ("Its interval", lambda i: results.interval("factors", i, "adjusted_low", "adjusted_high") or "–")
            )
    for name, column, style in (
        ("Best run", "best_score", "metric"),
        ("Worst run", "worst_score", "metric"),
        *[(results.metric_name(name), name, "metric") for name in more],
        ("Epochs to best", "convergence/epochs_to_best", "fixed:1"),
        ("Loss gap", "overfit/gap", "metric"),
        ("Deviation of loss", "stability/val_loss_std", "metric"),
    ):
        if _has(mine, column):
            columns.append((name, lambda i, column=column, style=style: factors.quote(i, column, style)))
    for name, column in (("Pruned", "n_pruned"), ("Diverged", "n_diverged"), ("Out of memory", "n_oom")):
        if column in mine and mine[column].fillna(0).sum() > 0:
            columns.append((name, lambda i, column=column: factors.quote(i, column, "int")))
    rows = [[write(i) for _, write in columns] for i in mine.index]
    return markdown_table([name for name, _ in columns], rows, right=range(1, len(columns)))


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
    paper, ax = theme.plt.subplots(figsize=(5.6, 3.1))
    name = "levels_" + axis.replace(".", "_")
    if binned:
        factor_figures.values(
            ax, runs, axis, results.metric, log=summary.iloc[0].get("scale") == "log", names=results.names
        )
        return results.figure(name, paper, results.caption(ax, "{y} against {x}. A point is a run."))
    both = _has(factors, "adjusted") and not _same(factors)
    factor_figures.levels(ax, runs, axis, results.metric, factors, raw=both, names=results.names)
    ax.legend(fontsize=8, bbox_to_anchor=(1.0, 1.0), loc="upper left")
    intervals = "means have their intervals" if _has(factors, "adjusted_low") else "means have no intervals"
    more = "; hollow marks are raw means" if both else ""
    caption = results.caption(
        ax, "{y} by {x}. Grey points are runs; {intervals}{more}.", intervals=intervals, more=more
    )
    return results.figure(name, paper, caption)


def _same(factors: pd.DataFrame) -> bool:
    """Whether raw and adjusted means agree so well that one of them is enough to draw."""
    span = factors["mean"].max() - factors["mean"].min()
    return bool((factors["mean"] - factors["adjusted"]).abs().max() <= 0.02 * span)
