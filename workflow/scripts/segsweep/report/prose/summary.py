"""Summary: what a reader who stops here should know."""

import pandas as pd

from .. import wording
from .context import Context, blocks, bullets, by_rules


def section(ctx: Context) -> str:
    """The summary."""
    rules = (best, standing, one_seed, influence, edges, confirmed, claims, endings)
    return blocks("## Summary\n", warning(ctx), bullets(*by_rules(rules, ctx)))


def warning(ctx: Context) -> str:
    """If the study was run at toy cost, or planned runs are not there."""
    said = []
    if ctx.plan.get("smoke"):
        said.append(
            "This is a smoke run: the study at toy cost. It shows "
            "that everything works, and nothing about the settings."
        )
    missing = len(ctx.table("missing"))
    if missing:
        planned = ctx.planned("runs", "plural:planned run", "count")
        number = ctx.table("missing").all("count")
        said.append(f"This report is partial: of {planned}, {number} {wording.be(missing)} not there.")
    return "> " + " ".join(said) + "\n" if said else ""


def best(ctx: Context) -> str | None:
    """Always: the first of the ranking, or that there is none."""
    row = ctx.table("ranking").first(rank=1)
    if row is None:
        return "No run came to a usable end, so nothing can be ranked."
    ranking = ctx.table("ranking")
    start = (
        f"The {ctx.top} {ctx.m()} belongs to {ctx.code('ranking', row, 'label')}: {ranking.say(row, 'mean', 'metric')}"
    )
    if ranking.frame.at[row, "n"] == 1:
        return f"{start}, in its only run."
    interval = ctx.interval("ranking", row, "low", "high")
    return f"{start}, the mean of {ranking.say(row, 'n', 'plural:run')}" + (
        f" (interval {interval})." if interval else "."
    )


def standing(ctx: Context) -> str | None:
    """If a noise floor is known and there is more than one setting."""
    found = ctx.analysis.get("best") or {}
    size = found.get("group_size")
    if not size or ctx.one_seed or ctx.analysis["n_cells"] < 2:
        return None
    if size == 1:
        return "No other setting comes within the noise between runs of it."
    text = f"It is one of {ctx.fact('best.group_size', 'plural:setting')} that the noise between runs cannot tell apart"
    row = ctx.table("ranking").first(cell=str(found.get("cheapest_tied")))
    if row is not None and str(found["cheapest_tied"]) != str(found["cell"]):
        return f"{text}; the cheapest of them to train is {ctx.code('ranking', row, 'label')}."
    return text + "."


def one_seed(ctx: Context) -> str | None:
    """If no setting was trained more than once."""
    if not ctx.one_seed:
        return None
    return (
        "Each setting was trained once, with one seed: differences are described, not tested, "
        "because nothing tells how large chance is."
    )


def influence(ctx: Context) -> str | None:
    """If factors were analysed: the first of them, in the words that its test allows."""
    table = ctx.table("factor_summary")
    known = table.frame[table.frame["range"].notna()] if len(table) else table.frame
    if known.empty:
        return None
    i = int(known.index[0])
    row = known.loc[i]
    name, span = ctx.a(row["axis"]), table.say(i, "range", "metric")
    if row["relation"] == "confounded":
        return f"What the {name} does cannot be told apart from another axis."
    if pd.isna(row["p"]) or row["relation"] == "described":
        return f"Means differ most along the {name}: by {span} between its best and its worst level, without a test."
    if row["p"] < 0.05:
        return (
            f"Of all axes the {name} explains most: its best and worst level differ by {span} "
            f"(p {table.say(i, 'p', 'p_equals')}, partial eta squared {table.say(i, 'partial_eta2', 'fixed')})."
        )
    return f"For no axis can an effect be told from noise; the largest difference, {span}, is that of the {name}."


def edges(ctx: Context) -> str | None:
    """If the best level of an axis lies at the end of the values tried."""
    table = ctx.table("factor_summary")
    found = table.frame[table.frame["edge"].notna()] if "edge" in table.frame else table.frame.iloc[:0]
    if found.empty or not len(found):
        return None
    parts = [
        f"the {'lowest' if row['edge'] == 'low' else 'highest'} {ctx.a(row['axis'])}" for _, row in found.iterrows()
    ]
    return f"The scores are best at the end of what was tried for {wording.listed(parts)}: the optimum may lie beyond."


def confirmed(ctx: Context) -> str | None:
    """If settings were trained again on fresh seeds."""
    table = ctx.table("confirmations")
    if not len(table) or pd.isna(table.frame.at[0, "mean"]):
        return None
    return (
        f"Trained again on {table.say(0, 'n', 'plural:fresh seed')}, {ctx.code('confirmations', 0, 'label')} reaches "
        f"{table.say(0, 'mean', 'metric')}; it had been chosen for {table.say(0, 'won', 'metric')}."
    )


def claims(ctx: Context) -> str | None:
    """If there are claims."""
    table = ctx.table("claims")
    if not len(table):
        return None
    counts = table.frame["verdict"].value_counts()
    if len(table) == 1:
        return f"The one claim that was written down before the first run is {table.frame.at[0, 'verdict']}."
    parts = [
        f"{table.all('count', where=f'verdict={verdict}')} {wording.be(counts[verdict])} {verdict}"
        for verdict in ("supported", "refuted", "undecided")
        if counts.get(verdict)
    ]
    return f"Of {table.all('count', style='plural:claim')} written down before the first run, {wording.listed(parts)}."


ENDINGS = {
    "stopped": ("was stopped by the search", "were stopped by the search"),
    "diverged": ("diverged", "diverged"),
    "oom": ("ran out of memory", "ran out of memory"),
}


def endings(ctx: Context) -> str | None:
    """If runs ended otherwise than by finishing or by their own early stopping."""
    table = ctx.table("runs")
    if "status" not in table.frame:
        return None
    counts = table.frame["status"].value_counts()
    parts = [
        f"{table.all('count', where=f'status={status}')} {one if counts[status] == 1 else many}"
        for status, (one, many) in ENDINGS.items()
        if counts.get(status)
    ]
    return f"Of {table.all('count', style='plural:run')}, {wording.listed(parts)}." if parts else None
