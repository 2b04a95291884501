"""Summary: what a reader who stops here should know."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.markdown import be, blocks, bullets, listed
from segsweep.report.quoted_results import QuotedResults


class Summary(Section):
    """Summary: what a reader who stops here should know."""

    title: ClassVar[str] = "Summary"
    order: ClassVar[int] = 10


def write(results: QuotedResults) -> str:
    """The summary."""
    rules = (best, standing, one_seed, influence, together, edges, confirmed, claims, endings)
    return blocks(warning(results), bullets(*[rule(results) for rule in rules]))


def warning(results: QuotedResults) -> str:
    """If the study was run as a smoke test, or planned runs are missing."""
    said = []
    if results.plan.smoke:
        said.append(
            "This is a smoke test: a few epochs on a few images. It shows that everything works, and nothing about the "
            "settings."
        )
    missing = len(results.table("missing"))
    if missing:
        planned = results.quote_plan("runs", "plural:planned run", "count")
        number = results.table("missing").aggregate("count")
        said.append(f"This report is partial: of {planned}, {number} {be(missing)} missing.")
    return "> " + " ".join(said) + "\n" if said else ""


def best(results: QuotedResults) -> str | None:
    """Always: the setting that the analysis chose, or that there is none."""
    i, ranking = results.best, results.table("ranking")
    if i is None:
        return "No run has a usable score, so nothing can be ranked."
    fresh = results.table("confirmations").first(cell=str(ranking.frame.at[i, "cell"]))
    table, row = ("ranking", i) if fresh is None else ("confirmations", fresh)
    said = (
        f"The best setting is {results.quote_code('ranking', i, 'label')}, with "
        f"a {results.metric_name()} of {results.table(table).quote(row, 'mean', 'metric')}"
    )
    if results.table(table).frame.at[row, "n"] == 1:
        return f"{said} in its only run{' on a fresh seed' if fresh is not None else ''}."
    interval = results.interval(table, row, "low", "high")
    runs = results.table(table).quote(row, "n", "plural:run")
    return f"{said}, the mean of {runs}{' on fresh seeds' if fresh is not None else ''}" + (
        f" (interval {interval})." if interval else "."
    )


def standing(results: QuotedResults) -> str | None:
    """If a noise floor is known and there is more than one setting."""
    found = results.analysis.get("best") or {}
    size = found.get("group_size")
    if not size or results.one_seed or results.analysis["n_cells"] < 2:
        return None
    if size == 1:
        return "All other settings are significantly different from it."
    group = results.quote_analysis("best.group_size", "plural:setting")
    text = f"It is one of {group} at the top that are not significantly different"
    row = results.table("ranking").first(cell=str(found.get("cheapest_tied")))
    if row is not None and str(found["cheapest_tied"]) != str(found["cell"]):
        return f"{text}; the cheapest of them to train is {results.quote_code('ranking', row, 'label')}."
    return text + "."


def one_seed(results: QuotedResults) -> str | None:
    """If no setting was trained more than once."""
    if not results.one_seed or results.best is None:
        return None
    once = len(results.study.get("seeds") or []) < 2 and not results.study.get("folds")
    each = "Each setting" if results.analysis["n_cells"] > 1 else "It"
    start = f"{each} was trained once, with one seed" if once else "Too few settings have more than one usable run"
    return f"{start}: differences are described, not tested, because the noise between seeds is unknown."


def influence(results: QuotedResults) -> str | None:
    """If factors were analysed: the first of them, in the words that its test allows."""
    table = results.table("factor_summary")
    known = table.frame[table.frame["range"].fillna(0) > 0] if len(table) else table.frame
    if known.empty:
        return None
    i = int(known.index[0])
    row = known.loc[i]
    name, span = results.axis_name(row["axis"]), table.quote(i, "range", "metric")
    if row["relation"] == "confounded":
        return f"The effect of the {name} cannot be separated from that of another hyperparameter."
    if pd.isna(row["p"]) or row["relation"] == "described":
        return f"Means differ most along the {name}: by {span} between its best and its worst level, without a test."
    if row["p"] < 0.05:
        return (
            f"Of all hyperparameters the {name} explains most: its best and worst level differ by {span} "
            f"(p {table.quote(i, 'p', 'p_equals')}, partial eta squared {table.quote(i, 'partial_eta2', 'fixed')})."
        )
    start = "Taken by itself, no hyperparameter" if len(results.interacting()) else "No hyperparameter"
    return f"{start} has a significant effect; the largest difference, {span}, is that of the {name}."


def together(results: QuotedResults) -> str | None:
    """If axes interact: the strongest pair."""
    found = results.interacting()
    if found.empty:
        return None
    i, table = int(found.index[0]), results.table("findings")
    return (
        f"The effect of the {results.axis_name(found.at[i, 'axis'])} "
        f"depends on the {results.axis_name(found.at[i, 'axis_b'])} "
        f"(corrected p {table.quote(i, 'p_study', 'p_equals')}, partial "
        f"eta squared {table.quote(i, 'estimate', 'fixed')}): "
        "they have to be chosen together."
    )


def edges(results: QuotedResults) -> str | None:
    """If the best level of an axis lies at the end of the values tried, and chance does not explain that."""
    found = results.edges[results.edges["relation"] != "described"] if len(results.edges) else results.edges
    parts = [f"the {row['edge']} end for the {results.axis_name(row['axis'])}" for _, row in found.iterrows()]
    if not parts:
        return None
    lies = "The best level lies at" if len(parts) == 1 else "Best levels lie at"
    return f"{lies} an end of the values tried ({listed(parts)}): the optimum may lie beyond."


def confirmed(results: QuotedResults) -> str | None:
    """If settings were trained again on fresh seeds: what became of the score that won."""
    table = results.table("confirmations")
    if not len(table) or pd.isna(table.frame.at[0, "mean"]):
        return None
    return (
        f"The setting that won the search, {results.quote_code('confirmations', 0, 'label')}, "
        f"was chosen for {table.quote(0, 'won', 'metric')} "
        f""
        f"and {table.quote(0, 'mean', 'metric')} on {table.quote(0, 'n', 'plural:fresh seed')}."
    )


def claims(results: QuotedResults) -> str | None:
    """If there are claims."""
    table = results.table("claims")
    if not len(table):
        return None
    counts = table.frame["verdict"].value_counts()
    if len(table) == 1:
        return f"The one claim that was written down before the first run is {table.frame.at[0, 'verdict']}."
    if len(counts) == 1:
        number = table.aggregate("count", style="plural:claim")
        return f"All {number} written down before the first run are {counts.index[0]}."
    parts = [
        f"{table.aggregate('count', where=f'verdict={verdict}')} {be(counts[verdict])} {verdict}"
        for verdict in ("supported", "refuted", "undecided")
        if counts.get(verdict)
    ]
    return f"Of {table.aggregate('count', style='plural:claim')} written down before the first run, {listed(parts)}."


ENDINGS = {
    "pruned": ("was pruned", "were pruned"),
    "diverged": ("diverged", "diverged"),
    "oom": ("ran out of memory", "ran out of memory"),
}


def endings(results: QuotedResults) -> str | None:
    """If runs were pruned, diverged or ran out of memory."""
    table = results.table("runs")
    if "status" not in table.frame:
        return None
    counts = table.frame["status"].value_counts()
    parts = [
        f"{table.aggregate('count', where=f'status={status}')} {one if counts[status] == 1 else many}"
        for status, (one, many) in ENDINGS.items()
        if counts.get(status)
    ]
    if len(parts) == 1 and counts.max() == len(table) > 1:
        status = counts.index[0]
        return f"All {table.aggregate('count', style='plural:run')} {ENDINGS[status][1]}."
    return f"Of {table.aggregate('count', style='plural:run')}, {listed(parts)}." if parts else None
