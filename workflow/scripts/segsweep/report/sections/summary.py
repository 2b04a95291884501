"""Summary: what a reader who stops here should know."""

import pandas as pd

from segsweep.report import wording
from segsweep.report.sections.context import Context, blocks, bullets, by_rules


def section(ctx: Context) -> str:
    """The summary."""
    rules = (best, standing, one_seed, influence, together, edges, confirmed, claims, endings)
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
    """Always: the setting that the analysis chose, or that there is none."""
    i, ranking = ctx.best, ctx.table("ranking")
    if i is None:
        return "No run came to a usable end, so nothing can be ranked."
    fresh = ctx.table("confirmations").first(cell=str(ranking.frame.at[i, "cell"]))
    table, row = ("ranking", i) if fresh is None else ("confirmations", fresh)
    said = (
        f"The best setting is {ctx.code('ranking', i, 'label')}, with "
        f"a {ctx.m()} of {ctx.table(table).say(row, 'mean', 'metric')}"
    )
    if ctx.table(table).frame.at[row, "n"] == 1:
        return f"{said} in its only run{' on a fresh seed' if fresh is not None else ''}."
    interval = ctx.interval(table, row, "low", "high")
    runs = ctx.table(table).say(row, "n", "plural:run")
    return f"{said}, the mean of {runs}{' on fresh seeds' if fresh is not None else ''}" + (
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
    if not ctx.one_seed or ctx.best is None:
        return None
    once = len(ctx.study.get("seeds") or []) < 2 and not ctx.study.get("folds")
    each = "Each setting" if ctx.analysis["n_cells"] > 1 else "It"
    start = f"{each} was trained once, with one seed" if once else "Too few settings have more than one usable run"
    return f"{start}: differences are described, not tested, because nothing tells how large chance is."


def influence(ctx: Context) -> str | None:
    """If factors were analysed: the first of them, in the words that its test allows."""
    table = ctx.table("factor_summary")
    known = table.frame[table.frame["range"].fillna(0) > 0] if len(table) else table.frame
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
    start = "Taken by itself, no axis has an effect" if len(ctx.interacting()) else "No axis has an effect"
    return f"{start} that could be told from noise; the largest difference, {span}, is that of the {name}."


def together(ctx: Context) -> str | None:
    """If axes interact: the strongest pair."""
    found = ctx.interacting()
    if found.empty:
        return None
    i, table = int(found.index[0]), ctx.table("interactions")
    return (
        f"The effect of the {ctx.a(found.at[i, 'axis_a'])} depends on the {ctx.a(found.at[i, 'axis_b'])} "
        f"(corrected p {table.say(i, 'p_holm', 'p_equals')}, partial "
        f"eta squared {table.say(i, 'partial_eta2', 'fixed')}): "
        "they have to be chosen together."
    )


def edges(ctx: Context) -> str | None:
    """If the best level of an axis lies at the end of the values tried, and chance does not explain that."""
    found = ctx.edges[ctx.edges["relation"] != "described"] if len(ctx.edges) else ctx.edges
    parts = [f"the {row['edge']} end for the {ctx.a(row['axis'])}" for _, row in found.iterrows()]
    if not parts:
        return None
    lies = "The best level lies at" if len(parts) == 1 else "Best levels lie at"
    return f"{lies} an end of the values tried ({wording.listed(parts)}): the optimum may lie beyond."


def confirmed(ctx: Context) -> str | None:
    """If settings were trained again on fresh seeds: what became of the score that won."""
    table = ctx.table("confirmations")
    if not len(table) or pd.isna(table.frame.at[0, "mean"]):
        return None
    return (
        f"The setting that won the search, {ctx.code('confirmations', 0, 'label')}, "
        f"had {table.say(0, 'won', 'metric')} then, "
        f"and {table.say(0, 'mean', 'metric')} on {table.say(0, 'n', 'plural:fresh seed')}."
    )


def claims(ctx: Context) -> str | None:
    """If there are claims."""
    table = ctx.table("claims")
    if not len(table):
        return None
    counts = table.frame["verdict"].value_counts()
    if len(table) == 1:
        return f"The one claim that was written down before the first run is {table.frame.at[0, 'verdict']}."
    if len(counts) == 1:
        return (
            f"All {table.all('count', style='plural:claim')} written down before the first run are {counts.index[0]}."
        )
    parts = [
        f"{table.all('count', where=f'verdict={verdict}')} {wording.be(counts[verdict])} {verdict}"
        for verdict in ("supported", "refuted", "undecided")
        if counts.get(verdict)
    ]
    return f"Of {table.all('count', style='plural:claim')} written down before the first run, {wording.listed(parts)}."


ENDINGS = {
    "pruned": ("was pruned by the search", "were pruned by the search"),
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
    if len(parts) == 1 and counts.max() == len(table) > 1:
        status = counts.index[0]
        return f"All {table.all('count', style='plural:run')} {ENDINGS[status][1]}."
    return f"Of {table.all('count', style='plural:run')}, {wording.listed(parts)}." if parts else None
