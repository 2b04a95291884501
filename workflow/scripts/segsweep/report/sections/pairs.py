"""Pairs of axes: interactions, and a heatmap for each pair that was crossed."""

import pandas as pd

from segsweep.report import wording
from segsweep.report.figures import factors as drawings
from segsweep.report.figures import theme
from segsweep.report.sections.context import Context, blocks, bullets, paragraph

MOST_INTERACTIONS, MOST_HEATMAPS, MOST_FACETS = 4, 6, 6


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
            said.append("Too few runs share a setting to test interactions.")
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
    paper, axes = theme.grid_of(len(pairs), across=2, width=4.6, height=3.2)
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
    longest = {axis: max(len(theme.level_name(level)) for level in ctx.levels(axis)) for axis in (a, b)}
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
    paper, drawn = theme.grid_of(len(facets), width=max(2.4, wide), height=max(1.7, high))
    digits = 3 if limits[1] < 10 else 1
    for ax, table, level in zip(drawn, tables, facets, strict=True):
        drawings.heatmap(ax, table, (a, ctx.levels(a)), (b, ctx.levels(b)), ctx.metric, limits, digits, ctx.axes)
        if ax is not drawn[0]:
            ax.set_ylabel("")
        if level is not None:
            ax.set_title(f"{wording.axis(third, ctx.axes)}: {theme.level_name(level)}", fontsize=9)
    paper.tight_layout()
    facet = f", a panel for each {ctx.a(third)}" if third else ""
    caption = ctx.caption(
        drawn[0], "Mean {metric} by {y} and {x}{facet}. Brighter is higher; a dash marks what has no usable run.",
        metric=ctx.m(), facet=facet,
    )  # fmt: skip
    return ctx.figure(f"heatmap_{a}_{b}".replace(".", "_"), paper, caption)
