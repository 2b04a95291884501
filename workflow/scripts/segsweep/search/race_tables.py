"""Tables of the races of a study, from its step files: how each ended, its rounds, its settings."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from segsweep.planning.plan_file import StudyPlan
from segsweep.search.race_statistics import ALPHA
from segsweep.search.racing import BUDGET, runs_of
from segsweep.search.requests import key_of, name_of
from segsweep.search.search_tables import records
from segsweep.search.step_files import BEHIND, Entrant, Race, State
from segsweep.tables import Column, Table

NO_SCORES = "no setting is left without a failed run"


class Races(Table):
    """A race of a study: of the seeds of its cells, or of those of its confirmation."""

    file = "races.csv"
    rules = ("tabulate_races",)
    columns = (
        Column("race", "text", "`seeds`, or `confirm`."),
        Column("settings", "integer", "Settings that entered it."),
        Column("start", "integer", "Seeds that each was trained with before the first round."),
        Column("at_most", "integer", "Seeds that a setting is trained with at most."),
        Column("rounds", "integer", "Rounds that were decided."),
        Column("seeds", "integer", "Seeds of the settings that were left."),
        Column("ended", "text",
               "Why it ended: `decided` (one setting is left), `at_most` (there are no more seeds), `no_spread` (seeds "
               "change no score), `budget` (of the study) or `failed` (of each setting a run failed).",
               empty="it goes on"),
        Column("first", "text", "The cell that is first of those left.", empty=NO_SCORES),
        Column("left", "integer", "Settings that were not dropped, and none of whose runs failed."),
        Column("behind", "integer", "Settings dropped because they fell behind the first."),
        Column("no_gain", "integer", "Settings dropped because they cannot be better than the first by more than "
               "`matters`."),
        Column("failed", "integer", "Settings of which a run failed: they cannot win."),
        Column("runs", "integer", "Runs that were trained, or asked for, over all settings, seeds and folds."),
        Column("runs_at_most", "integer", "Runs of `at_most` seeds for each setting."),
        Column("runs_saved", "integer", "The difference."),
        Column("alpha", "number", "The best setting is dropped in at most this share of races."),
    )  # fmt: skip


class RaceRounds(Table):
    """A round of a race."""

    file = "race_rounds.csv"
    rules = ("tabulate_races",)
    columns = (
        Column("race", "text", "`seeds`, or `confirm`."),
        Column("round", "integer", "The round, from 1."),
        Column("step", "integer", "The decision, from 0: sweep/step_NNN.json."),
        Column("seeds", "integer", "Seeds of each setting that was compared."),
        Column("compared", "integer", "Settings that were compared."),
        Column("first", "text", "The cell that was first.", empty=NO_SCORES),
        Column("mean", "number", "Its mean score.", empty=NO_SCORES),
        Column("behind", "integer", "Settings that were dropped because they fell behind it."),
        Column("no_gain", "integer", "Settings that were dropped because they cannot be better by more than "
               "`matters`."),
        Column("left", "integer", "Settings left."),
        Column("sd", "number", "Deviation of single runs, seeds and folds taken out, pooled.",
               empty="there are too few runs"),
        Column("df", "integer", "Its degrees of freedom.", empty=NO_SCORES),
        Column("level", "number", "Level of each comparison, one-sided.", empty=NO_SCORES),
    )  # fmt: skip


class RaceSettings(Table):
    """A setting of a race, as it stands after the last round; the best first."""

    file = "race_settings.csv"
    rules = ("tabulate_races",)
    columns = (
        Column("race", "text", "`seeds`, or `confirm`."),
        Column("cell", "text", "Its key."),
        Column("label", "text", "Its settings in words."),
        Column("standing", "text", "`first`, `left` (beside the first), `behind` (it was, and was dropped), `no_gain` "
               "or `failed`."),
        Column("seeds", "integer", "Seeds that it was trained with."),
        Column("mean", "number", "Mean score of its runs.", empty="none has a score"),
        Column("behind", "number", "In the last round in which it was compared: the first's mean minus its own, over "
               "the same seeds and folds; positive where the first is better.", empty="it never was"),
        Column("gain", "number", "Then: by how much it could still be better than the first.",
               empty="it never was compared, was the first, or the spread of runs was not known"),
        Column("by", "text", "The cell that was first when it was dropped.", empty="it was not dropped"),
    )  # fmt: skip


def write_tables(states: list[State], plan: StudyPlan, folder: Path) -> None:
    """Write all three into results/<study>."""
    known = states[-1].get("races", {}) if states else {}
    races = {name: known[name] for name in plan.races if name in known}
    cells = {run.key or run.run: run.cell for run in plan.runs}
    labels = {cell.cell: cell.label for cell in plan.cells}
    named = {
        name: {name_of(one): _cell_of(one, name, cells) for one in race["entrants"]} for name, race in races.items()
    }
    Races.write(folder, [_race_row(name, race, named[name], plan) for name, race in races.items()])
    RaceRounds.write(folder, [row for name in races for row in _rounds(name, states, named[name])])
    rows = (_settings(name, race, states, named[name], labels, minimize=plan.minimize) for name, race in races.items())
    RaceSettings.write(folder, chain.from_iterable(rows))


def _cell_of(entrant: Entrant, race: str, cells: Mapping[str, str]) -> str:
    """The cell of a setting, of which the budget may have left out all runs: they are planned all the same."""
    if entrant["scores"]:
        return cells[entrant["scores"][0]["key"]]
    begins = key_of(race, name_of(entrant))
    return next(cell for key, cell in cells.items() if key.startswith(f"{begins}-"))


def _race_row(name: str, race: Race, cells: Mapping[str, str], plan: StudyPlan) -> dict[str, Any]:
    wish = plan.races[name]
    folds = (plan.study.get("folds") or {}).get("k", 1)
    standings = [one["standing"] for one in race["entrants"]]
    runs, seeds = folds * runs_of(race), len(race["seeds"])
    if race["ended"] == BUDGET:  # it may lack runs that it asked for
        runs = sum(len(one["scores"]) for one in race["entrants"])
        seeds = min((seeds_of(one) for one in race["entrants"] if one["standing"] == "racing"), default=seeds)
    most = folds * wish["at_most"] * len(standings)
    first = next((cells[name_of(one)] for one in _in_order(race, plan.minimize) if _may_be_first(one)), None)
    return {
        "race": name, "settings": len(standings), "start": wish["start"], "at_most": wish["at_most"],
        "rounds": race["round"], "seeds": seeds, "ended": race["ended"], "first": first,
        "left": standings.count("racing"), "behind": standings.count(BEHIND), "no_gain": standings.count("no_gain"),
        "failed": standings.count("failed"), "runs": runs, "runs_at_most": most, "runs_saved": most - runs,
        "alpha": ALPHA,
    }  # fmt: skip


def _rounds(name: str, states: list[State], cells: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for step, record in records(states, "raced"):
        decided = record["standings"] or record["ended"] != BUDGET
        if record["race"] == name and decided:
            standings = [one["standing"] for one in record["standings"]]
            mean = next((one["mean"] for one in record["standings"] if one["name"] == record["first"]), None)
            yield {one: record[one] for one in ("race", "round", "seeds", "sd", "df", "level")} | {
                "step": step, "compared": len(standings), "first": cells.get(record["first"]), "mean": mean,
                "behind": standings.count(BEHIND), "no_gain": standings.count("no_gain"),
                "left": standings.count("racing"),
            }  # fmt: skip


def _settings(
    name: str,
    race: Race,
    states: list[State],
    cells: Mapping[str, str],
    labels: Mapping[str, str],
    *,
    minimize: bool,
) -> Iterator[dict[str, Any]]:
    last = {
        one["name"]: one
        for _, record in records(states, "raced")
        for one in record["standings"]
        if record["race"] == name
    }
    is_first = True
    for one in _in_order(race, minimize):
        standing = one["standing"]
        if standing == "racing":
            standing = "first" if is_first and _may_be_first(one) else "left"
            is_first = False
        cell = cells[name_of(one)]
        found = last.get(name_of(one), {})
        yield {
            "race": name, "cell": cell, "label": labels[cell], "standing": standing, "seeds": seeds_of(one),
            "mean": mean_of(one), "behind": found.get("behind"), "gain": found.get("gain"),
            "by": cells.get(one["by"]),
        }  # fmt: skip


def seeds_of(entrant: Entrant) -> int:
    """How many seeds a setting was trained with."""
    return len({one["seed"] for one in entrant["scores"]})


def _may_be_first(entrant: Entrant) -> bool:
    return entrant["standing"] == "racing" and mean_of(entrant) is not None


def mean_of(entrant: Entrant) -> float | None:
    """Mean of the scores of a setting; None if it has none."""
    known = [one["score"] for one in entrant["scores"] if one["score"] is not None]
    return sum(known) / len(known) if known else None


def _in_order(race: Race, minimize: bool) -> list[Entrant]:
    """The settings of a race: those left, those dropped, those that failed; each by their means."""
    places = {"racing": 0, "failed": 2}
    sign = -1 if minimize else 1

    def place(entrant: Entrant) -> tuple[int, bool, float]:
        mean = mean_of(entrant)
        return places.get(entrant["standing"], 1), mean is None, -sign * (mean or 0.0)

    return sorted(race["entrants"], key=place)
