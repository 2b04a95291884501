"""Pairs of hyperparameters: interactions, and a heatmap for each pair that was crossed."""

import pandas as pd

from segsweep.report.figures import factors as factor_figures
from segsweep.report.figures import theme
from segsweep.report.markdown import blocks, bullets, listed, paragraph, uncapital
from segsweep.report.quoted_results import QuotedResults

MOST_INTERACTIONS, MOST_HEATMAPS, MOST_FACETS = 4, 6, 6


def interactions(results: QuotedResults) -> str:
    """If pairs of axes were tested for interaction: what holds, and lines of the strongest."""
    found = results.findings("interaction")
    if found.empty:
        return ""
    real, tested = (found[found["verdict"] == verdict] for verdict in ("interact", "undecided"))
    said = [results.state(int(i), "interaction") for i in real.index[:MOST_INTERACTIONS]]
    if len(tested) and real.empty:
        said.append(results.state(tested, "undecided"))
    open_ = found[~found["verdict"].isin(["interact", "undecided"])]
    if len(open_):
        number = results.table("findings").aggregate(
            "count", where="kind=interaction & verdict=confounded,described", style="plural:pair"
        )
        said.append(f"The interaction of {number} of hyperparameters could not be tested.")
        notes = set(open_["note"].dropna())
        if len(notes) == 1:
            said[-1] += " " + results.table("findings").quote(
                int(open_["note"].first_valid_index()), "note", "sentence"
            )
    drawn = (real if len(real) else tested.head(1)).head(MOST_INTERACTIONS)
    drawn = [(row["axis"], row["axis_b"]) for _, row in drawn.iterrows()]
    return blocks("### Interactions\n", bullets(*said) if len(said) > 1 else paragraph(*said), _lines(results, drawn))


def _lines(results: QuotedResults, pairs: list[tuple[str, str]]) -> str:
    runs = results.usable
    pairs = [
        pair
        for pair in pairs
        if set(pair) <= set(runs.columns) and not results.binned(pair[0]) and not results.binned(pair[1])
    ]
    if not pairs or runs.empty:
        return ""
    paper, axes = theme.grid_of(len(pairs), across=2, width=4.6, height=3.2)
    said = []
    for ax, (axis, by) in zip(axes, pairs, strict=True):
        if len(results.levels(axis)) < len(results.levels(by)):
            axis, by = by, axis
        factor_figures.interaction(
            ax, runs, axis, by, results.metric, results.levels(axis), results.levels(by), results.names
        )
        said.append(results.caption(ax, "by {x} and {by}", by=results.axis_name(by)))
    paper.tight_layout()
    said = listed(map(uncapital, said))
    return results.figure(
        "interactions",
        paper,
        results.caption(
            axes[0], "{y} {said}, means of runs. {parallel}", said=said, parallel=results.explain("parallel_lines")
        ),
    )


def heatmaps(results: QuotedResults) -> str:
    """A heatmap for each pair of axes that were crossed, faceted by the third where there are three."""
    runs, pairs = results.usable, results.table("design")
    axes = [
        axis for axis in results.axes if axis in runs and not results.binned(axis) and len(results.levels(axis)) > 1
    ]
    if len(axes) < 2 or runs.empty or not len(pairs) or not runs[results.metric].notna().any():
        return ""
    crossed = [
        (row["axis_a"], row["axis_b"])
        for _, row in pairs.frame.iterrows()
        if row["filled"] > max(row["levels_a"], row["levels_b"]) and {row["axis_a"], row["axis_b"]} <= set(axes)
        and row["filled"] >= 0.6 * row["combinations"]
    ]  # fmt: skip
    drawn = [_heatmap(results, runs, a, b, axes) for a, b in crossed[:MOST_HEATMAPS]]
    rest = "Means of further pairs are in `pairs.csv`.\n" if len(crossed) > MOST_HEATMAPS else ""
    return blocks("### Pairs of hyperparameters\n", *drawn, rest) if drawn else ""


def _heatmap(results: QuotedResults, runs: pd.DataFrame, a: str, b: str, axes: list[str]) -> str:
    longest = {
        axis: max(len(theme.tick(results.names.level(level))) for level in results.levels(axis)) for axis in (a, b)
    }
    if longest[b] > max(8, longest[a]) or (
        max(longest.values()) <= 8 and len(results.levels(a)) > len(results.levels(b))
    ):
        a, b = b, a  # long names of levels stand in rows
    third = next((axis for axis in axes if axis not in (a, b)), None) if len(axes) == 3 else None
    facets = [level for level in results.levels(third) if (runs[third] == level).any()] if third else [None]
    if len(facets) > MOST_FACETS:
        third, facets = None, [None]
    tables = [runs if level is None else runs[runs[third] == level] for level in facets]
    means = pd.concat([table.groupby([a, b])[results.metric].mean() for table in tables])
    limits = (float(means.min()), float(means.max()))
    wide, high = factor_figures.heatmap_size(results.levels(a), results.levels(b), limits, results.names)
    paper, drawn = theme.grid_of(len(facets), across=max(1, int(theme.WIDEST // wide)), width=wide, height=high)
    for ax, table, level in zip(drawn, tables, facets, strict=True):
        factor_figures.heatmap(
            ax, table, (a, results.levels(a)), (b, results.levels(b)), results.metric, limits, results.names,
            minimize=results.minimize,
        )  # fmt: skip
        if ax is not drawn[0]:
            ax.set_ylabel("")
        if level is not None:
            ax.set_title(f"{results.names.axis(third)}: {theme.tick(results.names.level(level))}", fontsize=9)
    paper.tight_layout()
    facet = f", a panel for each {results.axis_name(third)}" if third else ""
    caption = results.caption(
        drawn[0],
        "{metric} by {y} and {x}{facet}; means of runs. Brighter is {side}; a dash marks a pair without a usable run.",
        metric=results.metric_name(), facet=facet, side="lower" if results.minimize else "higher",
    )  # fmt: skip
    return results.figure(f"heatmap {a} {b}", paper, caption)
