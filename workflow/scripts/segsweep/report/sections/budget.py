"""What the study's budget allowed, what it came to, and which settings have fewer runs because of it."""

from typing import ClassVar

from segsweep.config.components import Section
from segsweep.report.markdown import be, blocks, markdown_table, paragraph
from segsweep.report.quoted_results import QuotedResults

MOST_LISTED = 40
NAMES = {"gpu_hours": "GPU hours", "runs": "Runs", "until": "Until"}
STYLES = {"gpu_hours": "significant"}  # of what is used of a limit
ENDED = {  # what no more was asked for
    "search": "the search before all trials were proposed",
    "race": "the race of seeds before it was decided",
    "confirm": "the race of the confirmation's seeds before it was decided",
}
ROLES = {"grid": "comparison", "run": "comparison", "trial": "search", "confirm": "confirmation"}


class BudgetOfStudy(Section):
    """What the study's budget allowed, what it came to, and which settings have fewer runs because of it."""

    title: ClassVar[str] = "Budget"
    order: ClassVar[int] = 22


def write(results: QuotedResults) -> str:
    """If the study has a budget."""
    table = results.table("budget")
    if not len(table):
        return ""
    rows = [
        [
            NAMES[str(limit)],
            table.quote(i, "allowed"),
            table.quote(i, "used", STYLES.get(str(limit), "text")),
            table.quote(i, "left_out", "int"),
            table.quote(i, "at"),
        ]
        for i, limit in table.frame["limit"].items()
    ]
    limits = markdown_table(["Limit", "Allowed", "Used", "Runs left out", "The first of them at"], rows, right=[3])
    return blocks(ended_by(results), limits, cells(results))


def ended_by(results: QuotedResults) -> str:
    """Whether the budget ended the study."""
    table = results.table("budget")
    said_of_it = said(results)
    if not said_of_it:
        return "The budget was enough: no planned run is left out.\n"
    left_out = (
        "What is left out enters no statistic, and is not failed: with a larger budget, or none, it trains, and what "
        "is trained stays as it is."
    )
    return paragraph(*said_of_it, left_out if table.frame["left_out"].sum() else goes_on())


def goes_on() -> str:
    """What a larger budget does where no planned run is left out."""
    return "With a larger budget, or none, it goes on from there, and what is trained stays as it is."


def refused(results: QuotedResults) -> list[str]:
    """For each limit that ended a search or a race: which, and what was left then."""
    table = results.table("budget")
    if "ended" not in table.frame:  # tables of an earlier version
        return []
    return [
        f"The budget ended {ENDED[ended]}: {table.quote(int(i), 'why')}."
        for i, ended in table.frame["ended"].dropna().items()
    ]


def said(results: QuotedResults) -> list[str]:
    """If the budget ended a search or a race: which. If it left out runs: how many of how many, and what was spent."""
    return refused(results) + _left_out(results)


def _left_out(results: QuotedResults) -> list[str]:
    table = results.table("budget")
    ended = table.frame[table.frame["left_out"] > 0] if len(table) else table.frame
    if not len(ended):
        return []
    first = int(ended.index[0])
    number = table.aggregate("sum", "left_out")
    planned = table.quote(first, "planned", "plural:planned run")
    found = [
        f"The budget ended this study: of {planned}, {table.quote(first, 'trained', 'int')} "
        f"{be(int(ended.at[first, 'trained']))} trained and {number} {be(int(table.frame['left_out'].sum()))} left out."
    ]
    hours = table.first(limit="gpu_hours")
    if hours is not None:
        found.append(
            f"Of {table.quote(hours, 'allowed')} GPU hours {table.quote(hours, 'used', STYLES['gpu_hours'])} are spent."
        )
    until = table.first(limit="until")
    if until is not None and until in ended.index:
        found.append(f"Trainings were to end {table.quote(until, 'allowed')}.")
    return found


def cells(results: QuotedResults) -> str:
    """If settings have fewer runs than planned: which."""
    table = results.table("budget_cells")
    if not len(table):
        return ""
    rows = [
        [
            results.quote_code("budget_cells", i, "label"),
            ROLES.get(str(table.frame.at[i, "role"]), table.quote(i, "role")),
            f"{table.quote(i, 'trained', 'int')} of {table.quote(i, 'planned', 'int')}",
        ]
        for i in table.frame.index[:MOST_LISTED]
    ]
    rest = "Further ones stand in `budget_cells.csv`.\n" if len(table) > MOST_LISTED else ""
    return blocks(
        f"{table.aggregate('count', style='plural:setting')} with fewer runs than planned:\n",
        markdown_table(["Setting", "For", "Runs trained"], rows, right=[2]),
        rest,
    )
