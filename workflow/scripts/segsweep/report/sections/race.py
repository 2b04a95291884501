"""The races of seeds: what each round decided, why they ended, what they saved."""

from typing import ClassVar

import pandas as pd

from segsweep.config.components import Section
from segsweep.report.markdown import be, blocks, markdown_table, paragraph, was
from segsweep.report.quoted_results import QuotedResults

MOST_SETTINGS, LAST_SETTINGS = 40, 5
TITLES = {"seeds": "Seeds of the study", "confirm": "Seeds of the confirmation"}
STANDINGS = {
    "first": "first",
    "left": "left beside it",
    "behind": "dropped: behind",
    "no_gain": "dropped: no gain",
    "failed": "out: a run of it failed",
}
ENDED = {
    "decided": "It ended because one setting was left.",
    "at_most": "It ended because no seeds were left.",
    "budget": "The study's budget ended it before it was decided.",
    "no_spread": "It ended because runs of one setting have equal scores: another seed would show nothing.",
    "failed": "It ended because no setting is left without a failed run.",
}


class Race(Section):
    """The races of seeds: what each round decided, why they ended, what they saved."""

    title: ClassVar[str] = "Race of seeds"
    order: ClassVar[int] = 75


def write(results: QuotedResults) -> str:
    """If seeds raced, of the study or of its confirmation."""
    races = results.table("races")
    if not results.plan.races or not len(races):
        return ""
    several = len(races) > 1
    parts = [part for i in races.frame.index for part in race(results, int(i), several)]
    return blocks(paragraph(results.explain("race"), looks(results)), *parts)


def looks(results: QuotedResults) -> str | None:
    """If the seeds of the study raced: what that means for its other statements."""
    return results.explain("race_looks") if results.table("races").first(race="seeds") is not None else None


def race(results: QuotedResults, i: int, several: bool) -> list[str]:
    """One race: how it went, its rounds, its settings."""
    name = results.table("races").frame.at[i, "race"]
    heading = f"### {TITLES[name]}\n" if several else ""
    return [heading, paragraph(begin(results, i), ending(results, i), saved(results, i)), rounds(results, name),
            settings(results, name)]  # fmt: skip


def begin(results: QuotedResults, i: int) -> str:
    """Always: how many settings began with how many seeds."""
    races = results.table("races")
    began = "began" if races.frame.at[i, "rounds"] else "were to begin"
    return (
        f"{races.quote(i, 'settings', 'plural:setting')} {began} with {races.quote(i, 'start', 'plural:seed')} each, "
        f"and {races.quote(i, 'at_most', 'plural:seed')} were the most that any could get."
    )


def ending(results: QuotedResults, i: int) -> str:
    """Always: why it ended and what was left, or that it goes on."""
    races = results.table("races")
    row = races.frame.loc[i]
    why = "It has not ended yet." if pd.isna(row["ended"]) else ENDED[row["ended"]]
    if not row["left"]:
        return why
    j = results.table("race_settings").first(race=row["race"], standing="first")
    left, seeds = races.quote(i, "left", "plural:setting"), races.quote(i, "seeds", "plural:seed")
    said = f"{why} {left} {was(row['left'])} left after {seeds}"
    return f"{said}." if j is None else f"{said}; {results.quote_code('race_settings', j, 'label')} is first of them."


def saved(results: QuotedResults, i: int) -> str:
    """Always: the runs that it took, and those of all seeds for all settings."""
    races = results.table("races")
    share = results.ledger.quote(races.file, str(i + 1), "runs | runs_at_most", "percent", "ratio")
    return (
        f"It took {races.quote(i, 'runs', 'plural:run')}, {share} of the {races.quote(i, 'runs_at_most', 'int')} that "
        f"all seeds for all settings would have taken: {races.quote(i, 'runs_saved', 'plural:run')} saved."
    )


def rounds(results: QuotedResults, race: str) -> str:
    """Always: what each round decided."""
    table = results.table("race_rounds")
    found = table.where(race=race)
    metric = results.metric_name()
    gain = bool(found["no_gain"].sum())
    rows = [
        [
            table.quote(i, "round", "int"),
            table.quote(i, "seeds", "int"),
            table.quote(i, "compared", "int"),
            table.quote(i, "mean", "metric"),
            table.quote(i, "sd", "metric"),
            table.quote(i, "behind", "int"),
            *([table.quote(i, "no_gain", "int")] if gain else []),
            table.quote(i, "left", "int"),
            first_of(results, race, found.at[i, "first"]),
        ]
        for i in found.index
    ]
    head = ["Round", "Seeds", "Compared", f"{metric} of the first", "Deviation of runs", "Dropped: behind",
            *(["Dropped: no gain"] if gain else []), "Left", "First"]  # fmt: skip
    return markdown_table(head, rows, right=range(len(head) - 1))


def first_of(results: QuotedResults, race: str, cell: str | float) -> str:
    """The setting that was first in a round, in words; a dash where none was left."""
    if pd.isna(cell):
        return "–"
    return results.quote_code("race_settings", results.table("race_settings").first(race=race, cell=cell), "label")


def settings(results: QuotedResults, race: str) -> str:
    """Always: how the settings stand; of many the top and the end."""
    table = results.table("race_settings")
    found = table.where(race=race)
    long = len(found) > MOST_SETTINGS
    shown = (
        [*found.index[: MOST_SETTINGS - LAST_SETTINGS], None, *found.index[-LAST_SETTINGS:]] if long else found.index
    )
    head = ["Setting", "Standing", "Seeds", results.metric_name(), "Behind the first", "May still be ahead by"]
    rows = [
        ["…"] * len(head)
        if i is None
        else [
            results.quote_code("race_settings", i, "label"),
            STANDINGS[found.at[i, "standing"]],
            table.quote(i, "seeds", "int"),
            table.quote(i, "mean", "metric"),
            table.quote(i, "behind", "metric"),
            table.quote(i, "gain", "signed"),
        ]
        for i in shown
    ]
    rest = "The table leaves out the middle; all settings are in `race_settings.csv`.\n" if long else ""
    return blocks(markdown_table(head, rows, right=range(2, len(head))), no_gain(results, race), rest)


def no_gain(results: QuotedResults, race: str) -> str:
    """If settings were dropped because they cannot be better by what matters: what that says, and what not."""
    table = results.table("race_settings")
    count = len(table.where(race=race, standing="no_gain"))
    if not count:
        return ""
    number = table.aggregate("count", where=f"race={race} & standing=no_gain", style="plural:setting")
    return (
        f"{number} {be(count)} not known to be behind the first: that a gain is as large as what makes a difference in "
        "practice is ruled out, and no more.\n"
    )
