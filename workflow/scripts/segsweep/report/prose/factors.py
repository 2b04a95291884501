"""Factors: which matter, and for each axis its levels, a figure, and what follows."""

import pandas as pd

from .. import wording
from ..figures import factors as drawings
from ..figures import look
from .context import Context, blocks, bullets, markdown_table, paragraph
from .verdicts import convergence, generalisation, recommendation

MOST_AXES, MOST_INTERACTIONS, MOST_HEATMAPS, MOST_FACETS = 12, 4, 6, 6


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
                wording.capital(ctx.a(axis)) if axis in ctx.axes else str(axis)
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
        return paragraph("With one run a setting there is no noise to test against, so none of this is tested.")
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
    if len(scored):
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
    for name, column in (("Stopped", "n_stopped"), ("Diverged", "n_diverged"), ("Out of memory", "n_oom")):
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
    paper, ax = look.plt.subplots(figsize=(5.6, 3.1))
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


def interactions(ctx: Context) -> str:
    """If pairs of axes were tested for interaction: what holds, and lines of the strongest."""
    table = ctx.table("interactions")
    if not len(table):
        return ""
    frame = table.frame.sort_values("p", na_position="last", kind="stable")
    real = frame[frame["verdict"] == "interact"]
    said = [
        f"The effect of the {ctx.a(row['axis_a'])} depends on the {ctx.a(row['axis_b'])} "
        f"(F {table.say(i, 'F', 'significant')}, corrected p {table.say(i, 'p_holm', 'p_equals')}, "
        f"partial eta squared {table.say(i, 'partial_eta2', 'fixed')})."
        for i, row in real.head(MOST_INTERACTIONS).iterrows()
    ]
    if real.empty:
        tested = int(frame["p"].notna().sum())
        if ctx.untested:
            said.append("With one run a setting, interactions cannot be tested.")
        elif tested:
            said.append(
                "The two axes show no interaction that could be told from noise."
                if tested == 1 and len(frame) == 1
                else "None of the pairs of axes that could be tested "
                "shows an interaction that could be told from noise."
            )
    unknown = int((frame["verdict"] == "not estimable").sum())
    if unknown and not ctx.untested:
        number = table.all("count", where="verdict=not estimable", style="plural:pair")
        said.append(f"The interaction of {number} of axes cannot be estimated.")
        notes = frame.loc[frame["verdict"] == "not estimable", "note"] if "note" in frame else frame.iloc[:0]
        if len(set(notes)) == 1 and isinstance(notes.iloc[0], str):
            said[-1] += " " + table.say(int(notes.index[0]), "note", "sentence")
    drawn = (real if len(real) else frame[frame["verdict"] != "not estimable"].head(1)).head(MOST_INTERACTIONS)
    drawn = [(row["axis_a"], row["axis_b"]) for _, row in drawn.iterrows()]
    return blocks("### Interactions\n", bullets(*said) if len(said) > 1 else paragraph(*said), _lines(ctx, drawn))


def _lines(ctx: Context, pairs: list[tuple[str, str]]) -> str:
    runs = ctx.usable
    pairs = [
        pair for pair in pairs if set(pair) <= set(runs.columns) and not ctx.binned(pair[0]) and not ctx.binned(pair[1])
    ]
    if not pairs or runs.empty:
        return ""
    paper, axes = look.grid_of(len(pairs), across=2, width=4.6, height=3.2)
    said = []
    for ax, (axis, by) in zip(axes, pairs, strict=True):
        if len(ctx.levels(axis)) < len(ctx.levels(by)):
            axis, by = by, axis
        drawings.interaction(ax, runs, axis, by, ctx.metric, ctx.levels(axis), ctx.levels(by), ctx.axes)
        said.append(ctx.caption(ax, "by {x} and {by}", by=ctx.a(by)))
    paper.tight_layout()
    said = wording.listed([text[:1].lower() + text[1:] for text in said])
    return ctx.figure(
        "interactions", paper, ctx.caption(axes[0], "Mean {y} {said}. Parallel lines mean no interaction.", said=said)
    )


def heatmaps(ctx: Context) -> str:
    """A heatmap for each pair of axes that were crossed, faceted by the third where there are three."""
    runs, pairs = ctx.usable, ctx.table("design")
    axes = [axis for axis in ctx.axes if axis in runs and not ctx.binned(axis) and len(ctx.levels(axis)) > 1]
    if len(axes) < 2 or runs.empty or not len(pairs) or not runs[ctx.metric].notna().any():
        return ""
    crossed = [
        (row["axis_a"], row["axis_b"])
        for _, row in pairs.frame.iterrows()
        if row["filled"] > max(row["levels_a"], row["levels_b"]) and {row["axis_a"], row["axis_b"]} <= set(axes)
        and row["filled"] >= 0.6 * row["combinations"]
    ]  # fmt: skip
    drawn = [_heatmap(ctx, runs, a, b, axes) for a, b in crossed[:MOST_HEATMAPS]]
    rest = "Means of further pairs stand in `pairs.csv`.\n" if len(crossed) > MOST_HEATMAPS else ""
    return blocks("### Pairs of axes\n", *drawn, rest) if drawn else ""


def _heatmap(ctx: Context, runs: pd.DataFrame, a: str, b: str, axes: list[str]) -> str:
    longest = {axis: max(len(look.level_name(level)) for level in ctx.levels(axis)) for axis in (a, b)}
    if longest[b] > max(8, longest[a]) or (max(longest.values()) <= 8 and len(ctx.levels(a)) > len(ctx.levels(b))):
        a, b = b, a  # long names of levels stand in rows
    third = next((axis for axis in axes if axis not in (a, b)), None) if len(axes) == 3 else None
    facets = [level for level in ctx.levels(third) if (runs[third] == level).any()] if third else [None]
    if len(facets) > MOST_FACETS:
        third, facets = None, [None]
    tables = [runs if level is None else runs[runs[third] == level] for level in facets]
    means = pd.concat([table.groupby([a, b])[ctx.metric].mean() for table in tables])
    limits = (float(means.min()), float(means.max()))
    wide, high = 1.1 + 0.62 * len(ctx.levels(b)), 0.9 + 0.36 * len(ctx.levels(a))
    paper, drawn = look.grid_of(len(facets), width=max(2.4, wide), height=max(1.7, high))
    digits = 3 if limits[1] < 10 else 1
    for ax, table, level in zip(drawn, tables, facets, strict=True):
        drawings.heatmap(ax, table, (a, ctx.levels(a)), (b, ctx.levels(b)), ctx.metric, limits, digits, ctx.axes)
        if ax is not drawn[0]:
            ax.set_ylabel("")
        if level is not None:
            ax.set_title(f"{wording.axis(third, ctx.axes)}: {look.level_name(level)}", fontsize=9)
    paper.tight_layout()
    facet = f", a panel for each {ctx.a(third)}" if third else ""
    caption = ctx.caption(
        drawn[0], "Mean {metric} by {y} and {x}{facet}. Brighter is higher; a dash marks what has no usable run.",
        metric=ctx.m(), facet=facet,
    )  # fmt: skip
    return ctx.figure(f"heatmap_{a}_{b}".replace(".", "_"), paper, caption)
