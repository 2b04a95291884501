"""Factors: which matter, and for each axis its levels, a figure, and what follows."""

import pandas as pd

from segsweep.report import wording
from segsweep.report.figures import factors as drawings
from segsweep.report.figures import theme
from segsweep.report.sections.context import Context, blocks, markdown_table, paragraph
from segsweep.report.sections.pairs import heatmaps, interactions
from segsweep.report.sections.verdicts import convergence, generalisation, recommendation

MOST_AXES = 12


def section(ctx: Context) -> str:
    """Most influential factors, then a part for each axis."""
    if not len(ctx.table("factors")):
        return ""
    return blocks(
        "## Most influential factors\n",
        influence(ctx),
        variance(ctx),
        checks(ctx),
        parts(ctx),
        interactions(ctx),
        heatmaps(ctx),
    )


def influence(ctx: Context) -> str:
    """The axes in the order of their influence."""
    table = ctx.table("factor_summary")
    if not len(table):
        return ""
    tested = table.frame["p"].notna().any() and not ctx.untested
    head = ["Axis", "Levels", f"{wording.capital(ctx.top)} at", "Range of means"]
    head += ["F", "p", "Partial eta squared"] if tested else []
    head += ["Standing"]
    rows = []
    for i, row in table.frame.iterrows():
        fields = [
            wording.capital(ctx.a(row["axis"])),
            table.say(i, "levels", "int"),
            ctx.code("factor_summary", i, "best_level"),
            table.say(i, "range", "metric"),
        ]
        if tested:
            fields += [table.say(i, "F", "significant"), table.say(i, "p", "p"), table.say(i, "partial_eta2", "fixed")]
        rows.append([*fields, STANDING.get(row["relation"], "–")])
    return blocks(markdown_table(head, rows, right=range(3, len(head) - 1)), paragraph(adjusted_note(ctx)))


STANDING = {
    "distinct": "one level stands out",
    "partly": "some levels stand out",
    "undecided": "levels cannot be told apart",
    "confounded": "mixed up with another axis",
    "described": "described, not tested",
}


def adjusted_note(ctx: Context) -> str | None:
    """If raw and adjusted means name different levels for an axis."""
    frame = ctx.table("factor_summary").frame
    if "raw_and_adjusted" not in frame:
        return None
    names = [ctx.a(row["axis"]) for _, row in frame[frame["raw_and_adjusted"] == "disagree"].iterrows()]
    if not names:
        return None
    return (
        f"For the {wording.listed(names)}, raw and adjusted means "
        "put different levels first: the design is uneven, and "
        "the adjusted mean is the one that compares like with like."
    )


def variance(ctx: Context) -> str:
    """If an analysis of variance was possible: its table, when it says more than the one above."""
    table = ctx.table("anova")
    if not len(table) or "kind" not in table.frame or ctx.untested:
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
                wording.capital(ctx.a(axis) if axis in ctx.axes else str(axis))
                for axis in (row["axis_a"], row["axis_b"])
                if pd.notna(axis)
            )
            or wording.capital(str(row["term"]))
        )
        rows.append(
            [
                name,
                table.say(i, "ss", "significant"),
                table.say(i, "df", "int"),
                table.say(i, "F", "significant"),
                table.say(i, "p", "p"),
                table.say(i, "partial_eta2", "fixed"),
            ]
        )
    return blocks(
        "Analysis of variance, with sums of squares of type II:\n",
        markdown_table(["Term", "Sum of squares", "df", "F", "p", "Partial eta squared"], rows, right=range(1, 6)),
    )


def checks(ctx: Context) -> str:
    """What the residuals allow, in the words of the analysis."""
    anova = ctx.analysis.get("anova") or {}
    if ctx.untested:
        return paragraph("Too few runs share a setting to know the noise, so none of this is tested.")
    return paragraph(ctx.fact("anova.reading") if anova.get("reading") else None)


def parts(ctx: Context) -> str:
    """A part for each axis, most influential first; with many axes and no wish for all, the first ones."""
    axes = list(ctx.table("factor_summary").frame["axis"]) if len(ctx.table("factor_summary")) else ctx.axes
    per_factor = (ctx.study.get("report") or {}).get("sections") == "per_factor"
    chosen = axes if per_factor else axes[:MOST_AXES]
    chosen = [axis for axis in chosen if len(ctx.table("factors").where(axis=axis)) > 1]
    rest = (
        "Further axes stand in `factors.csv`.\n"
        if len(chosen) < len(axes) and not per_factor and len(axes) > MOST_AXES
        else ""
    )
    return blocks(*[part(ctx, axis) for axis in chosen], rest)


def part(ctx: Context, axis: str) -> str:
    """Set-up, table of levels, figure, three paragraphs."""
    return blocks(
        f"### {wording.capital(ctx.a(axis))}\n",
        set_up(ctx, axis),
        levels(ctx, axis),
        figure(ctx, axis),
        "**Convergence.** " + convergence(ctx, axis),
        "**Generalisation.** " + generalisation(ctx, axis),
        "**Recommendation.** " + recommendation(ctx, axis),
    )


def set_up(ctx: Context, axis: str) -> str:
    """Always: how many levels and runs; where the best and the worst run of all levels lie."""
    factors = ctx.table("factors")
    mine = factors.where(axis=axis)
    count = factors.all("count", where=f"axis={axis}", style="plural:level")
    runs = factors.all("sum", "n_runs", "plural:usable run", f"axis={axis}")
    scored = mine[mine["best_score"].notna()] if "best_score" in mine else mine.iloc[:0]
    said = [f"`{axis}` was tried at {count}, in {runs}."]
    if len(scored) and scored["best_score"].max() == scored["worst_score"].min() == scored["best_score"].min():
        said.append(f"All of these runs have {factors.say(int(scored.index[0]), 'best_score', 'metric')}.")
    elif len(scored):
        best = scored["best_score"].idxmin() if ctx.minimize else scored["best_score"].idxmax()
        worst = scored["worst_score"].idxmax() if ctx.minimize else scored["worst_score"].idxmin()
        said.append(
            f"The best single run has {ctx.code('factors', best, 'level')} (`{factors.say(best, 'best_run', 'code')}`, "
            f"{factors.say(best, 'best_score', 'metric')}), the worst {ctx.code('factors', worst, 'level')} "
            f"(`{factors.say(worst, 'worst_run', 'code')}`, {factors.say(worst, 'worst_score', 'metric')})."
        )
    return paragraph(*said)


def levels(ctx: Context, axis: str) -> str:
    """The levels of an axis: n, means, intervals, best and worst run, what runs ended otherwise."""
    factors = ctx.table("factors")
    mine = factors.where(axis=axis)
    more = [name for name in ctx.study.get("also_report") or [] if name in mine]
    columns = [("Level", lambda i: ctx.code("factors", i, "level"))]
    columns.append(("Runs", lambda i: factors.say(i, "n_runs", "int")))
    columns.append(("Mean", lambda i: factors.say(i, "mean", "metric")))
    if _has(mine, "low") and not ctx.untested:
        columns.append(("Interval", lambda i: ctx.interval("factors", i, "low", "high") or "–"))
    if _has(mine, "adjusted"):
        columns.append(("Adjusted mean", lambda i: factors.say(i, "adjusted", "metric")))
        if _has(mine, "adjusted_low") and not ctx.untested:
            columns.append(
                ("Its interval", lambda i: ctx.interval("factors", i, "adjusted_low", "adjusted_high") or "–")
            )
    for name, column, style in (
        ("Best run", "best_score", "metric"),
        ("Worst run", "worst_score", "metric"),
        *[(ctx.m(name), name, "metric") for name in more],
        ("Epochs to best", "convergence/epochs_to_best", "fixed:1"),
        ("Loss gap", "overfit/gap", "metric"),
        ("Deviation of loss", "stability/val_loss_std", "metric"),
    ):
        if _has(mine, column):
            columns.append((name, lambda i, column=column, style=style: factors.say(i, column, style)))
    for name, column in (("Pruned", "n_pruned"), ("Diverged", "n_diverged"), ("Out of memory", "n_oom")):
        if column in mine and mine[column].fillna(0).sum() > 0:
            columns.append((name, lambda i, column=column: factors.say(i, column, "int")))
    rows = [[write(i) for _, write in columns] for i in mine.index]
    return markdown_table([name for name, _ in columns], rows, right=range(1, len(columns)))


def _has(frame: pd.DataFrame, column: str) -> bool:
    return column in frame and bool(frame[column].notna().any())


def figure(ctx: Context, axis: str) -> str:
    """Points and means at the levels; for a binned axis every run at its own value."""
    runs = ctx.usable
    factors = ctx.table("factors").where(axis=axis)
    if ctx.untested:
        factors = factors.assign(
            low=float("nan"), high=float("nan"), adjusted_low=float("nan"), adjusted_high=float("nan")
        )
    if runs.empty or axis not in runs or not runs[ctx.metric].notna().any():
        return ""
    summary = ctx.table("factor_summary").where(axis=axis)
    binned = len(summary) and str(summary.iloc[0].get("binned")).lower() == "true"
    paper, ax = theme.plt.subplots(figsize=(5.6, 3.1))
    name = "levels_" + axis.replace(".", "_")
    if binned:
        drawings.values(ax, runs, axis, ctx.metric, log=summary.iloc[0].get("scale") == "log", among=ctx.axes)
        return ctx.figure(name, paper, ctx.caption(ax, "{y} against {x}. A point is a run."))
    adjusted = _has(factors, "adjusted") and not _same(factors)
    drawings.levels(ax, runs, axis, ctx.metric, factors, adjusted=adjusted, among=ctx.axes)
    ax.legend(fontsize=8, bbox_to_anchor=(1.0, 1.0), loc="upper left")
    intervals = "means stand with their intervals" if _has(factors, "low") else "means stand without intervals"
    more = "; hollow marks are adjusted means" if adjusted else ""
    caption = ctx.caption(ax, "{y} by {x}. Grey points are runs; {intervals}{more}.", intervals=intervals, more=more)
    return ctx.figure(name, paper, caption)


def _same(factors: pd.DataFrame) -> bool:
    """Whether raw and adjusted means agree so well that one of them is enough to draw."""
    span = factors["mean"].max() - factors["mean"].min()
    return bool((factors["mean"] - factors["adjusted"]).abs().max() <= 0.02 * span)
