"""What to try next: what these results do not answer."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.markdown import be, bullets, capital, listed
from segsweep.report.quoted_results import USABLE, QuotedResults
from segsweep.report.sections import budget

MOST_EDGES, MOST_OUTLIERS, MOST_PRUNED, MOST_INTERACTIONS, MOST_PAIRS = 6, 5, 3, 3, 4


class NextSteps(Section):
    """What to try next: what these results do not answer."""

    title: ClassVar[str] = "What to try next"
    order: ClassVar[int] = 140


def write(results: QuotedResults) -> str:
    """What these results do not answer."""
    said = [
        _usable(results), _outliers(results), *_pruned(results), *_edges(results), _more_seeds(results), _ties(results),
        *_interactions(results), *_unexplored(results), _longer(results), _missing_first(results),
    ]  # fmt: skip
    said = [sentence for sentence in said if sentence]
    return bullets(*said) if said else results.explain(_nothing_left(results)) + "\n"


def _nothing_left(results: QuotedResults) -> str:
    """The name of the explanation why there is no step: all that was asked could be tested, or nothing could."""
    return "nothing_more" if results.findings()["p_study"].notna().any() else "nothing_to_judge"


def _usable(results: QuotedResults) -> str | None:
    """If no run has a usable score."""
    if results.best is not None:
        return None
    return "Settings whose runs finish: all of these diverged, failed, ran out of memory or were pruned."


def _outliers(results: QuotedResults) -> str | None:
    """If runs lie far from what the other runs say of their settings."""
    table = results.table("outliers")
    if not len(table):
        return None
    runs = listed(f"`{table.quote(int(i), 'run', 'code')}`" for i in table.frame.index[:MOST_OUTLIERS])
    return f"A look at the logs and curves of {runs}, and another run with the same seed: the scores lie far off."


def _pruned(results: QuotedResults) -> list[str]:
    """For each run that was pruned with a score before the best setting's."""
    runs = results.table("runs")
    return [
        f"Finishing `{runs.quote(int(i), 'run', 'code')}`, which was pruned after "
        f"{runs.quote(int(i), 'epochs', 'plural:epoch')} with a {results.metric_name()} of "
        f"{runs.quote(int(i), results.metric, 'metric')}, while the best setting has "
        f"{results.table('ranking').quote(results.best, 'mean', 'metric')}."
        for i in results.pruned_above().index[:MOST_PRUNED]
    ]


def _edges(results: QuotedResults) -> list[str]:
    """For each axis whose best level lies at the end of the values tried; of two values both are ends."""
    found = results.findings("edge", stated=True)
    said = [results.state(int(i), "edge_to_try") for i in found.index[:MOST_EDGES]]
    said += [results.state(i, "better_at_end") for i in _of_two(results)][:MOST_EDGES]
    return said + [
        results.quote_analysis(f"edges[{i}].text", "sentence")
        for i, edge in enumerate(results.analysis.get("edges") or [])
        if edge.get("clear") and edge["axis"] not in set(found["axis"])
    ]


def _of_two(results: QuotedResults) -> list[int]:
    """Rows of findings.csv: for each numeric axis with two levels of which one is better, this finding."""
    summary, found = results.table("factor_summary"), []
    for axis in results.axes:
        if not len(summary.where(axis=axis, kind="number")) or results.binned(axis) or len(results.levels(axis)) != 2:
            continue
        found += map(int, results.findings("levels", axis=axis, stated=True).index)
    return found


def _more_seeds(results: QuotedResults) -> str | None:
    """If it is not known how far runs of a setting spread: more of them, or a look at why they are all equal."""
    basis = (results.analysis.get("noise") or {}).get("basis")
    if basis == "replicates" or results.best is None or len(results.table("confirmations")):
        return None
    if results.seeds_change_nothing:
        return "A look at what the seed sets: runs of one setting have equal scores."
    row = results.table("ranking").frame.loc[results.best]
    once = ", which were trained once" if row["planned"] == 1 else ", of which one run is usable"
    once = once if row["n"] == 1 else ""
    return f"More seeds for the settings at the top{once}: these results do not tell how a fresh run of them will do."


def _ties(results: QuotedResults) -> str | None:
    """If the first setting was not shown to be better than others."""
    size = (results.analysis.get("best") or {}).get("group_size") or 1
    if results.one_seed or size < 2 or results.analysis["n_cells"] < 2:
        return None
    number = results.quote_analysis("best.group_size", "plural:setting")
    more = results.explain(_more_of(results))
    return f"{more} This group has {number}."


def _more_of(results: QuotedResults) -> str:
    """The name of the explanation that asks for more seeds: of a race that ran out of them, a larger `at_most`."""
    races = results.table("races")
    i = races.first(race="seeds")
    return "more_seeds_of_race" if i is not None and races.frame.at[i, "ended"] == "at_most" else "more_seeds_ties"


def _interactions(results: QuotedResults) -> list[str]:
    """For each pair of axes that interact."""
    found = results.findings("interaction", stated=True)
    return [results.state(int(i), "interaction_to_try") for i in found.index[:MOST_INTERACTIONS]]


def _unexplored(results: QuotedResults) -> list[str]:
    """If combinations of levels were never tried; one that coincides with another counts as tried."""
    table = results.table("design")
    if not len(table) or "empty" not in table.frame or results.study.get("sweep"):
        return []
    never = table.frame[table.frame["empty"] > 0]
    if never.empty:
        return []
    if len(never) > MOST_PAIRS:
        return ["Combinations of hyperparameters that were varied one at a time: nothing is known of these."]
    return [
        f"{capital(table.quote(int(i), 'empty', 'plural:combination'))} "
        f"of {results.axis_name(row['axis_a'])} and {results.axis_name(row['axis_b'])} "
        f"that {'was' if row['empty'] == 1 else 'were'} never tried."
        for i, row in never.iterrows()
    ]


def _longer(results: QuotedResults) -> str | None:
    """If most runs were at their best in their last epoch."""
    runs = results.usable
    if "best_epoch" not in runs or not len(runs):
        return None
    if (runs["best_epoch"] == pd.to_numeric(runs["epochs"])).mean() <= 0.5:
        return None
    table = results.table("runs")
    number = table.aggregate("count", where=f"status={USABLE} & best_epoch=@epochs", style="int")
    of = table.aggregate("count", where=f"status={USABLE}", style="plural:run")
    return f"More epochs: {number} of {of} were at their best in the last one."


def _missing_first(results: QuotedResults) -> str | None:
    """If planned runs are missing, or a budget ended a search; rows that were left out of a table cannot be trained."""
    missing = len(results.table("missing"))
    if not missing and budget.refused(results):
        return f"A larger budget, or none, for the study: this one ended it. {budget.goes_on()}"
    if not missing or results.study.get("table"):
        return None
    table = results.table("missing")
    number = table.aggregate("count", style="plural:planned run")
    if "left_out" in table.frame and table.frame["left_out"].notna().all():
        return f"The {number} that the budget left out: raise it, or take it out of the study, and start again."
    return f"The {number} that {be(missing)} still missing."
