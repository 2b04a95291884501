"""What to try next: what the results leave open."""

from segsweep.report import wording
from segsweep.report.sections.context import Context, blocks, bullets

MOST_EDGES = 6


def section(ctx: Context) -> str:
    """What the results leave open."""
    said = [
        _usable(ctx), *_edges(ctx), _more_seeds(ctx), _ties(ctx), *_interactions(ctx), *_unexplored(ctx), _longer(ctx),
        _missing_first(ctx),
    ]  # fmt: skip
    said = [sentence for sentence in said if sentence]
    return blocks(
        "## What to try next\n", bullets(*said) if said else "Nothing in these results asks for another run.\n"
    )


def _usable(ctx: Context) -> str | None:
    """If no run came to a usable end."""
    if ctx.best is not None:
        return None
    return "Settings whose runs come to an end: all of these diverged, ran out of memory or were pruned."


def _edges(ctx: Context) -> list[str]:
    """For each axis whose best level lies at the end of the values tried."""
    return [
        f"{'Lower' if row['edge'] == 'low' else 'Higher'} values of the {ctx.a(row['axis'])} than "
        f"{ctx.code('factor_summary', i, 'best_level')}: the scores are best at that end."
        for i, row in ctx.edges.head(MOST_EDGES).iterrows()
    ] + [
        ctx.fact(f"edges[{i}].text", "sentence")
        for i, edge in enumerate(ctx.analysis.get("edges") or [])
        if edge.get("clear") and edge["axis"] not in set(ctx.edges["axis"] if len(ctx.edges) else ())
    ]


def _more_seeds(ctx: Context) -> str | None:
    """If every setting was trained once."""
    if not ctx.one_seed or ctx.table("ranking").first(rank=1) is None:
        return None
    if len(ctx.table("confirmations")):
        return None
    return "Further seeds for the settings at the top: without them no difference can be told from chance."


def _ties(ctx: Context) -> str | None:
    """If settings at the top cannot be told apart."""
    size = (ctx.analysis.get("best") or {}).get("group_size") or 1
    if ctx.one_seed or size < 2 or ctx.analysis["n_cells"] < 2:
        return None
    if size == ctx.table("ranking").frame["rank"].notna().sum():
        return (
            "More seeds, if the choice matters: none of "
            f"{ctx.fact('best.group_size', 'plural:setting')} can be told apart."
        )
    return (
        "More seeds, if the choice matters, for "
        f"{ctx.fact('best.group_size', 'plural:setting')} that share the first place."
    )


def _interactions(ctx: Context) -> list[str]:
    """For each pair of axes that interact."""
    frame = ctx.table("interactions").frame
    real = frame[frame["verdict"] == "interact"] if len(frame) else frame
    return [
        f"A finer grid over the {ctx.a(row['axis_a'])} and the "
        f"{ctx.a(row['axis_b'])} together: the effect of one depends on the other."
        for _, row in real.head(3).iterrows()
    ]


def _unexplored(ctx: Context) -> list[str]:
    """If combinations of levels were never tried."""
    table = ctx.table("design")
    if not len(table) or "empty" not in table.frame or ctx.study.get("sweep"):
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
        f"{wording.capital(table.say(i, 'empty', 'plural:combination'))} "
        f"of {ctx.a(row['axis_a'])} and {ctx.a(row['axis_b'])} "
        f"that {'was' if row['empty'] == 1 else 'were'} never tried."
        for i, row in never.iterrows()
    ]


def _longer(ctx: Context) -> str | None:
    """If most runs were at their best in their last epoch."""
    runs = ctx.usable
    if "best_epoch" not in runs or not len(runs) or (runs["best_epoch"] == runs["epochs"]).mean() <= 0.5:
        return None
    return "More epochs: most runs were at their best in the last one."


def _missing_first(ctx: Context) -> str | None:
    """If planned runs are not there."""
    missing = len(ctx.table("missing"))
    if not missing:
        return None
    number = ctx.table("missing").all("count", style="plural:planned run")
    return f"The {number} that {wording.be(missing)} not there yet."
