"""What to try next: what these results do not answer."""

from typing import ClassVar

from segsweep.config.components import Section
from segsweep.report.markdown import be, blocks, bullets, capital
from segsweep.report.quoted_results import QuotedResults

MOST_EDGES = 6


class NextSteps(Section):
    """What to try next: what these results do not answer."""

    title: ClassVar[str] = "What to try next"
    order: ClassVar[int] = 140


def write(results: QuotedResults) -> str:
    """What these results do not answer."""
    said = [
        _usable(results), *_edges(results), _more_seeds(results), _ties(results), *_interactions(results),
        *_unexplored(results), _longer(results), _missing_first(results),
    ]  # fmt: skip
    said = [sentence for sentence in said if sentence]
    return blocks(bullets(*said) if said else "Nothing in these results asks for another run.\n")


def _usable(results: QuotedResults) -> str | None:
    """If no run has a usable score."""
    if results.best is not None:
        return None
    return "Settings whose runs finish: all of these diverged, ran out of memory or were pruned."


def _edges(results: QuotedResults) -> list[str]:
    """For each axis whose best level lies at the end of the values tried."""
    return [
        f"{'Lower' if row['edge'] == 'low' else 'Higher'} values of the {results.axis_name(row['axis'])} than "
        f"{results.quote_code('factor_summary', i, 'best_level')}: the scores are best at that end."
        for i, row in results.edges.head(MOST_EDGES).iterrows()
    ] + [
        results.quote_analysis(f"edges[{i}].text", "sentence")
        for i, edge in enumerate(results.analysis.get("edges") or [])
        if edge.get("clear") and edge["axis"] not in set(results.edges["axis"] if len(results.edges) else ())
    ]


def _more_seeds(results: QuotedResults) -> str | None:
    """If every setting was trained once."""
    if not results.one_seed or results.table("ranking").first(rank=1) is None:
        return None
    if len(results.table("confirmations")):
        return None
    return "More seeds for the settings at the top: with one seed no difference can be tested."


def _ties(results: QuotedResults) -> str | None:
    """If settings at the top are not significantly different."""
    size = (results.analysis.get("best") or {}).get("group_size") or 1
    if results.one_seed or size < 2 or results.analysis["n_cells"] < 2:
        return None
    if size == results.table("ranking").frame["rank"].notna().sum():
        return (
            "More seeds, if the choice matters: the "
            f"{results.quote_analysis('best.group_size', 'plural:setting')} are not significantly different."
        )
    return (
        "More seeds, if the choice matters, for "
        f"{results.quote_analysis('best.group_size', 'plural:setting')} that share the first place."
    )


def _interactions(results: QuotedResults) -> list[str]:
    """For each pair of axes that interact."""
    return [
        f"A finer grid over the {results.axis_name(row['axis'])} and the "
        f"{results.axis_name(row['axis_b'])} together: the effect of one depends on the other."
        for _, row in results.interacting().head(3).iterrows()
    ]


def _unexplored(results: QuotedResults) -> list[str]:
    """If combinations of levels were never tried."""
    table = results.table("design")
    if not len(table) or "empty" not in table.frame or results.study.get("sweep"):
        return []
    open_pairs = table.frame[(table.frame["empty"] > 0)]
    never = open_pairs[open_pairs["filled"] < open_pairs["combinations"]]
    if never.empty:
        return []
    if len(never) > 4:
        number = never.shape[0]
        names = "pairs of axes" if number > 1 else "pair of axes"
        return [
            f"Combinations across {names} that were varied one at a time: nothing is known of how they act together."
        ]
    return [
        f"{capital(table.quote(i, 'empty', 'plural:combination'))} "
        f"of {results.axis_name(row['axis_a'])} and {results.axis_name(row['axis_b'])} "
        f"that {'was' if row['empty'] == 1 else 'were'} never tried."
        for i, row in never.iterrows()
    ]


def _longer(results: QuotedResults) -> str | None:
    """If most runs were at their best in their last epoch."""
    runs = results.usable
    if "best_epoch" not in runs or not len(runs) or (runs["best_epoch"] == runs["epochs"]).mean() <= 0.5:
        return None
    return "More epochs: most runs were at their best in the last one."


def _missing_first(results: QuotedResults) -> str | None:
    """If planned runs are missing."""
    missing = len(results.table("missing"))
    if not missing:
        return None
    number = results.table("missing").aggregate("count", style="plural:planned run")
    return f"The {number} that {be(missing)} still missing."
