"""Summary: what a reader who stops here should know."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.markdown import be, blocks, bullets, listed, was
from segsweep.report.quoted_results import QuotedResults
from segsweep.report.sections import budget
from segsweep.report.value_styles import ENDINGS

MOST_STATED = 6  # axes, interactions and edges, each


class Summary(Section):
    """Summary: what a reader who stops here should know."""

    title: ClassVar[str] = "Summary"
    order: ClassVar[int] = 10


def write(results: QuotedResults) -> str:
    """The summary."""
    said = [best(results), *levels(results), *interactions(results), *edges(results), *open_questions(results)]
    said += [rule(results) for rule in (raced, threshold, confirmed, claims)]
    said += [rule(results) for rule in (outliers, pruned, endings)]
    return blocks(warning(results), bullets(*said), gate(results))


def warning(results: QuotedResults) -> str:
    """If the study was run as a smoke test, planned runs are missing, or seeds did nothing."""
    said = []
    if results.plan.smoke:
        said.append(
            "This is a smoke test: short trainings. It shows that everything works, and nothing about the settings."
        )
    said += budget.said(results)
    table = results.table("missing")
    lost = len(table.frame[table.frame["left_out"].isna()]) if "left_out" in table.frame else len(table)
    if lost and not results.study.get("table"):
        planned = results.quote_plan("runs", "plural:planned run", "count")
        number = table.aggregate("count", where="left_out=" if lost < len(table) else "")
        said.append(f"This report is partial: of {planned}, {number} {be(lost)} missing.")
    said += repeated(results)
    return "> " + " ".join(said) + "\n" if said else ""


def repeated(results: QuotedResults) -> list[str]:
    """If runs have the curve of another seed or fold of their setting."""
    table = results.table("runs")
    count = int(table.frame["same_as"].notna().sum()) if "same_as" in table.frame else 0
    if not count:
        return []
    return [
        f"{table.aggregate('count', 'same_as', 'plural:run')} {'has' if count == 1 else 'have'} the very curve of "
        "another seed or fold of the same setting: what trains seems not to use its seed. Such runs count once; "
        "`runs.csv` names them in the column `same_as`."
    ]


def best(results: QuotedResults) -> str:
    """Always: the setting that the analysis chose, as an estimate, and how it stands; or that there is none."""
    i, ranking = results.best, results.table("ranking")
    if i is None:
        return "No run has a usable score, so nothing can be ranked."
    frame = ranking.frame
    fresh = results.table("confirmations").first(cell=str(frame.at[i, "cell"]))
    table, row = ("ranking", i) if fresh is None else ("confirmations", fresh)
    ranked = int(frame["rank"].notna().sum())
    label, mean = results.quote_code("ranking", i, "label"), results.table(table).quote(row, "mean", "metric")
    behind = fresh is None and frame.at[i, "rank"] > 1
    sharing = results.sharing_best() if fresh is None and not behind else ""
    if sharing:
        of = ranking.aggregate("count", "rank", "plural:ranked setting")
        said = f"{sharing} of {of} share the best {results.metric_name()}, {mean}; one of them is {label}"
    elif behind:
        of = ranking.aggregate("count", "rank", "int")
        said = f"The setting to use is {label}, which ranks {ranking.quote(i, 'rank', 'int')} of {of}"
        said += f", with a {results.metric_name()} of {mean}"
    else:
        of = f", chosen from {ranking.aggregate('count', 'rank', 'plural:ranked setting')}," if ranked > 1 else ""
        said = f"The best setting{of} is {label}, with a {results.metric_name()} of {mean}"
    on_fresh = " on fresh seeds" if fresh is not None else ""
    if results.table(table).frame.at[row, "n"] == 1:
        said += f"{',' if sharing else ''} in its only run{' on a fresh seed' if fresh is not None else ''}."
    elif results.seeds_change_nothing and fresh is None:
        said += f"{',' if sharing else ''} in each of its {results.table(table).quote(row, 'n', 'plural:run')}."
    else:
        interval = results.interval(table, row, "low", "high")
        said += f", the mean of {results.table(table).quote(row, 'n', 'plural:run')}{on_fresh}"
        said += f" (interval {interval})." if interval else "."
    if behind:
        said += f" It was chosen by {results.quote_analysis('best.chosen_by')}."
    if results.seeds_change_nothing:
        pass  # a fresh run has the same score, as far as these results tell
    elif fresh is None and ranked > 1 and _known(frame, i, "expected"):
        said += f" Expect about {ranking.quote(i, 'expected', 'metric')} of fresh seeds."
    elif fresh is None and ranked > 1:
        side = "higher" if results.minimize else "lower"
        said += f" It was chosen for this score, so that of a fresh run is likely to be {side}."
    compared = results.findings("cells")
    if len(compared) and frame.at[i, "rank"] == 1:
        said += " " + results.state(compared, "first_cell")
    return said


def _known(frame: pd.DataFrame, i: int, column: str) -> bool:
    return column in frame and pd.notna(frame.at[i, column])


def raced(results: QuotedResults) -> str | None:
    """If the seeds of the study raced: how many settings were left, and what it took."""
    races = results.table("races")
    i = races.first(race="seeds") if "seeds" in results.plan.races else None
    if i is None:
        return None
    left, seeds = races.quote(i, "left", "int"), races.quote(i, "seeds", "plural:seed")
    runs = f"{races.quote(i, 'runs', 'int')} of {races.quote(i, 'runs_at_most', 'plural:run')}"
    return (
        f"Seeds raced: of {races.quote(i, 'settings', 'plural:setting')} {left} {was(races.frame.at[i, 'left'])} left "
        f"after {seeds}, in {runs}; see the section on the race."
    )


def levels(results: QuotedResults) -> list[str]:
    """For each axis of which levels differ: which."""
    found = results.findings("levels", stated=True)
    axes = list(dict.fromkeys(found["axis"]))
    said = [results.state(results.findings("levels", axis=axis), f"axis:{axis}") for axis in axes[:MOST_STATED]]
    return said + (["Levels of further hyperparameters differ: see below."] if len(axes) > MOST_STATED else [])


def interactions(results: QuotedResults) -> list[str]:
    """For each pair of axes that interact."""
    found = results.findings("interaction", stated=True)
    return [results.state(int(i), "interaction") for i in found.index[:MOST_STATED]]


def edges(results: QuotedResults) -> list[str]:
    """For each axis whose best level lies at an end of the values tried."""
    return [results.state(int(i), "edge") for i in results.findings("edge", stated=True).index[:MOST_STATED]]


def open_questions(results: QuotedResults) -> list[str]:
    """What was asked and cannot be stated: undecided, not separable, nothing to test with."""
    found = results.findings("levels", "interaction")
    if (
        results.one_seed
        and found["p_study"].isna().all()
        and results.best is not None
        and results.analysis["n_cells"] > 1
    ):
        why = (
            results.quote_analysis("noise.why", "sentence") if (results.analysis.get("noise") or {}).get("why") else ""
        )
        return [f"{why} {results.explain('no_test')}".strip()]
    passed = set(results.findings("levels", stated=True)["axis"])
    left = found[~((found["kind"] == "levels") & found["axis"].isin(passed))]
    said = []
    tested = left[left["verdict"] == "undecided"]
    if len(tested):
        said.append(f"{results.state(tested, 'undecided')} {results.explain('undecided')}")
    alike = left[(left["kind"] == "levels") & (left["verdict"] == "confounded") & ~left["axis"].isin(tested["axis"])]
    if len(alike):
        said.append(results.state(alike, "confounded"))
    untested = left[(left["kind"] == "levels") & (left["verdict"] == "described")]
    if len(untested):
        reason = (results.analysis.get("noise") or {}).get("why")
        why = results.quote_analysis("noise.why", "sentence") if reason else ""
        said.append(f"{results.state(untested, 'described')} {why}".strip())
    return said


def threshold(results: QuotedResults) -> str | None:
    """If the study names a smallest difference that counts in practice."""
    if results.study.get("matters") is None:
        return None
    bar = results.quote_plan("study.matters", "general")
    stated = results.findings("levels", "cells", stated=True)
    if stated.empty:
        return f"The study's practical threshold is a difference of {bar}; no difference of any size is stated."
    table, where = results.table("findings"), "verdict=better,worse"
    counts = stated["matters"].value_counts()
    number = table.aggregate("count", where=where, style="plural:stated difference")
    said = f"The study's practical threshold is a difference of {bar}"
    if len(counts) == 1 and counts.iloc[0] == len(stated):
        ends = {"yes": "beyond it", "no": "within it", "unclear": "on either side"}[counts.index[0]]
        may = "may lie" if counts.index[0] == "unclear" else "lies" if len(stated) == 1 else "lie"
        return f"{said}: {'the' if len(stated) == 1 else 'all'} {number} {may} {ends}."
    parts = [
        f"{table.aggregate('count', where=f'{where} & matters={value}')} {one if counts[value] == 1 else many}"
        for value, one, many in (
            ("yes", "lies beyond it", "lie beyond it"),
            ("no", "lies within it", "lie within it"),
            ("unclear", "may lie on either side", "may lie on either side"),
        )
        if counts.get(value)
    ]
    return f"{said}: of {number}, {listed(parts)}." if parts else f"{said}."


def gate(results: QuotedResults) -> str:
    """If something was tested: what had to be passed to be stated above."""
    if not results.findings()["p_study"].notna().any():
        return ""
    basis = (results.analysis.get("noise") or {}).get("basis")
    reading = results.explain("lack_of_fit") if basis == "lack of fit" else ""
    return f"{results.explain('gate')} {reading}".strip() + "\n"


def confirmed(results: QuotedResults) -> str | None:
    """If settings were trained again on fresh seeds: what became of the score that won."""
    table = results.table("confirmations")
    if not len(table) or pd.isna(table.frame.at[0, "mean"]):
        return None
    return (
        f"The first of the search, {results.quote_code('confirmations', 0, 'label')}, "
        f"was chosen for {table.quote(0, 'won', 'metric')} "
        f"and has {table.quote(0, 'mean', 'metric')} on {table.quote(0, 'n', 'plural:fresh seed')}."
    )


def claims(results: QuotedResults) -> str | None:
    """If there are claims."""
    table = results.table("claims")
    if not len(table):
        return None
    counts = table.frame["verdict"].value_counts()
    imported = bool(results.study.get("table"))  # nobody knows when these were written down
    written = "of the study" if imported else "written down before the first run"
    if len(table) == 1:
        return f"The one claim {written if imported else f'that was {written}'} is {table.quote(0, 'verdict')}."
    if len(counts) == 1:
        number = table.aggregate("count", style="plural:claim")
        return f"All {number} {written} are {table.quote(0, 'verdict')}."
    parts = [
        table.aggregate("count", where=f"verdict={verdict}", style=f"judged:{verdict}")
        for verdict in ("supported", "refuted", "undecided")
        if counts.get(verdict)
    ]
    return f"Of {table.aggregate('count', style='plural:claim')} {written}, {listed(parts)}."


def outliers(results: QuotedResults) -> str | None:
    """If runs lie far from what the others say of their settings: which, or how many, and whether findings change."""
    table = results.table("outliers")
    if not len(table):
        return None
    one = len(table) == 1
    number = f"`{table.quote(0, 'run', 'code')}`" if one else table.aggregate("count", style="plural:run")
    whose = "lies far from what the other runs say of its" if one else "lie far from what the other runs say of their"
    start = f"{number} {whose} {'setting' if one else 'settings'}; "
    changing = table.frame["changes"].notna().sum()
    if not changing:
        return f"{start}without {'it' if one else 'any of them'} the findings are the same: see `outliers.csv`."
    if one:
        return f"{start}without it findings are others: see `outliers.csv`."
    number = table.aggregate("count", "changes")
    return f"{start}without {number} of them findings are others, each taken by itself: see `outliers.csv`."


def pruned(results: QuotedResults) -> str | None:
    """If a run that was pruned had reached more than the best setting."""
    found = results.pruned_above()
    if found.empty:
        return None
    i = int(found.index[0])
    runs = results.table("runs")
    return (
        f"`{runs.quote(i, 'run', 'code')}` was pruned with a {results.metric_name()} of "
        f"{runs.quote(i, results.metric, 'metric')}, which ranks before the best setting's: it was not finished."
    )


def endings(results: QuotedResults) -> str | None:
    """If runs were pruned, diverged, failed or ran out of memory."""
    table = results.table("runs")
    if "status" not in table.frame:
        return None
    counts = table.frame["status"].value_counts()
    parts = [
        table.aggregate("count", where=f"status={status}", style=f"ended:{status}")
        for status in ENDINGS
        if counts.get(status)
    ]
    if len(parts) == 1 and counts.max() == len(table) > 1:
        status = counts.index[0]
        ended = table.aggregate("count", where=f"status={status}", style=f"verb:{status}")
        return f"All {table.aggregate('count', style='plural:run')} {ended}."
    return f"Of {table.aggregate('count', style='plural:run')}, {listed(parts)}." if parts else None
