"""A race: settings get one seed after the other, and those that can no longer be the best get no further one.

All settings start with the first few seeds. After each round each setting is compared with the first
(`segsweep.search.race_statistics`), and dropped for good if it is behind by more than the
level of the race leaves to chance, or cannot be better by more than `matters`.
What a round decides depends on no later one and not on `at_most`, so a race can go on with more seeds.
"""

import copy
import math
from typing import TYPE_CHECKING, Any

from segsweep.config.racing import RacingSeeds, race_in
from segsweep.config.study import Study
from segsweep.search.allowance import Allowance
from segsweep.search.requests import confirming_runs, name_of, racing_runs
from segsweep.search.results import Result, scores_of
from segsweep.search.step_files import BEHIND, DROPPED, Candidate, Entrant, Race, RequestedRun, State
from segsweep.statuses import LEFT_OUT

if TYPE_CHECKING:
    from segsweep.search.race_statistics import Round

# Why a race ends, in the order in which it is asked.
FAILED_ALL, DECIDED, NO_SPREAD, AT_MOST, BUDGET = "failed", "decided", "no_spread", "at_most", "budget"


def races_of(study: Study) -> dict[str, RacingSeeds]:
    """The races of a study: of its own `seeds`, of those of `confirm`."""
    found = {"seeds": study.race, "confirm": study.confirm and race_in(study.confirm.seeds)}
    return {name: race for name, race in found.items() if race}


def begin(state: State, name: str, entrants: list[Entrant], race: RacingSeeds) -> None:
    """Write a race into a state, before its first round: all settings with their scores of the first seeds.

    Args:
        state: is changed.
        name: `seeds` or `confirm`.
        entrants: the settings, with `scores`.
        race: what the study asks for.
    """
    entered: list[Entrant] = [
        one | {"scores": _there(one["scores"]), "standing": "racing", "seeds": race.start, "by": None}
        for one in entrants
    ]
    started: Race = {"round": 0, "seeds": race.up_to(race.start), "entrants": entered, "first": None, "ended": None}
    state["races"] = state.get("races", {}) | {name: started}


def decide_round(
    study: Study, state: State, name: str, allowance: Allowance | None = None, *, lacks: bool = False
) -> None:
    """Drop the settings that fell behind, and request one more seed for the others, or say why the race ended.

    Args:
        study: after `smoke`.
        state: is changed.
        name: `seeds` or `confirm`.
        allowance: what the study's budget lets it start; None without one.
        lacks: whether that has left out runs of this round: then it cannot be decided, and the race ends.
    """
    # Needs scipy, which takes half a second to import; whoever plans a study decides nothing.
    from segsweep.search.race_statistics import compare, score_table

    race, wish = state["races"][name], races_of(study)[name]
    if lacks:
        race["ended"] = BUDGET
        state["log"].append(_record(study, name, race, None))
        return
    _leave_failed(race, state["log"], name)
    if any(one["seeds"] < len(race["seeds"]) for one in race["entrants"] if one["standing"] == "racing"):
        _request(study, state, name)
        return
    race["round"] += 1
    racing = [number for number, one in enumerate(race["entrants"]) if one["standing"] == "racing"]
    shown = None
    if racing:
        shown = compare(score_table(race["entrants"], study.minimize), racing, race["round"])
        race["first"] = shown.first
        if shown.spread:
            _drop(race["entrants"], shown, study.matters or 0.0)
    left = [one for one in race["entrants"] if one["standing"] == "racing"]
    race["ended"] = _ending(left, shown, len(race["seeds"]), wish)
    if race["ended"] is None and allowance is not None:
        epochs = max(run["epochs"] for run in _next_runs(study, race, name, wish))
        if not allowance.grants(len(_next_runs(study, race, name, wish)), epochs):
            race["ended"] = BUDGET
    state["log"].append(_record(study, name, race, shown))
    if race["ended"]:
        return
    race["seeds"] = wish.up_to(len(race["seeds"]) + 1)
    _request(study, state, name)


def _next_runs(study: Study, race: Race, name: str, wish: RacingSeeds) -> list[RequestedRun]:
    """What one more seed for the settings that still race takes."""
    further = race | {"seeds": wish.up_to(len(race["seeds"]) + 1)}
    return [run for _, runs in _lacking(study, further, name) for run in runs]


def _there(scores: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the runs that the study's budget left out: they did not fail."""
    return [one for one in scores if one["status"] != LEFT_OUT]


def take_in(study: Study, state: State, name: str, results: dict[str, Result]) -> None:
    """Write into a race what the runs showed that its last decision requested."""
    state["races"] = copy.deepcopy(state["races"])
    for entrant, runs in _lacking(study, state["races"][name], name):
        entrant["scores"] = [*entrant["scores"], *_there(scores_of(runs, results, study.minimize))]
        entrant["seeds"] = len(state["races"][name]["seeds"])


def in_order(race: Race, minimize: bool) -> list[Entrant]:
    """The settings of a race with scores of which no run failed, best first: those that were not dropped come before.

    `score` is the mean of their scores.
    """
    sign = -1 if minimize else 1
    sound = [
        one | {"score": sum(score["score"] for score in one["scores"]) / len(one["scores"])}
        for one in race["entrants"]
        if one["standing"] != "failed" and one["scores"] and all(score["score"] is not None for score in one["scores"])
    ]
    return sorted(sound, key=lambda one: (one["standing"] in DROPPED, -sign * one["score"]))


def runs_of(race: Race) -> int:
    """How many seeds its settings have been trained with, or were requested for, all together."""
    seeds = len(race["seeds"])
    return sum(seeds if one["standing"] == "racing" else one["seeds"] for one in race["entrants"])


def as_candidate(setting: Candidate) -> Candidate:
    """A setting without what a race knows of it."""
    return {name: value for name, value in setting.items() if name in Candidate.__annotations__}


def dropped(state: State, name: str) -> set[str]:
    """Names of the settings that a race dropped; none without a race."""
    race = state.get("races", {}).get(name)
    return {name_of(one) for one in race["entrants"] if one["standing"] in DROPPED} if race else set()


def still_holds(study: Study, state: State) -> bool:
    """Whether the races of a state are as the study asks for them now: `at_most` alone may have changed."""
    wishes = races_of(study)
    return all(
        name in wishes
        and len(race["seeds"]) <= wishes[name].at_most
        and (race["ended"] != AT_MOST or len(race["seeds"]) == wishes[name].at_most)
        for name, race in state.get("races", {}).items()
    )


def _leave_failed(race: Race, log: list[dict[str, Any]], name: str) -> None:
    """Take settings out of which a run failed, and back in those that such a one had dropped: it cannot win."""
    for entrant in race["entrants"]:
        if entrant["standing"] == "racing" and any(one["score"] is None for one in entrant["scores"]):
            entrant["standing"] = "failed"
    failed = {name_of(one) for one in race["entrants"] if one["standing"] == "failed"}
    back = [one for one in race["entrants"] if one["standing"] in DROPPED and one["by"] in failed]
    for entrant in back:
        entrant |= {"standing": "racing", "by": None}
    if back:
        log.append({"kind": "returned", "race": name, "settings": [name_of(one) for one in back]})


def _lacking(study: Study, race: Race, name: str) -> list[tuple[Entrant, list[RequestedRun]]]:
    """The settings that lack seeds of the race, each with the runs that it lacks."""
    runs_on = {"seeds": racing_runs, "confirm": confirming_runs}
    return [
        (one, runs_on[name](study, one, race["seeds"][one["seeds"] :]))
        for one in race["entrants"]
        if one["standing"] == "racing" and one["seeds"] < len(race["seeds"])
    ]


def _request(study: Study, state: State, name: str) -> None:
    for _, runs in _lacking(study, state["races"][name], name):
        state["requested"] += runs


def _drop(entrants: list[Entrant], shown: "Round", matters: float) -> None:
    """Drop settings for good: they fell behind the first, or cannot be better by more than `matters`."""
    for number, standing in shown.standings.items():
        if number != shown.first and standing.gain < matters:
            word = BEHIND if standing.gain < 0 else "no_gain"
            entrants[number] |= {"standing": word, "by": name_of(entrants[shown.first])}


def _ending(left: list[Entrant], shown: "Round | None", seeds: int, wish: RacingSeeds) -> str | None:
    """Why the race ends; None if it goes on."""
    endings = {
        FAILED_ALL: not left,
        DECIDED: len(left) == 1,
        NO_SPREAD: shown is not None and not shown.spread,
        AT_MOST: seeds >= wish.at_most,
    }
    return next((why for why, holds in endings.items() if holds), None)


def _record(study: Study, name: str, race: Race, shown: "Round | None") -> dict[str, Any]:
    """What a round decided, for the log."""
    sign = -1 if study.minimize else 1
    standings = []
    for number, one in shown.standings.items() if shown else ():
        entrant = race["entrants"][number]
        standings.append(
            {"name": name_of(entrant), "mean": sign * one.mean, "behind": one.behind, "standing": entrant["standing"]}
            | {"gain": None if math.isnan(one.gain) or number == shown.first else one.gain}
        )
    known = shown is not None and math.isfinite(shown.sd)
    return {
        "kind": "raced",
        "race": name,
        "round": race["round"],
        "seeds": len(race["seeds"]),
        "first": name_of(race["entrants"][shown.first]) if shown else None,
        "sd": shown.sd if known else None,
        "df": shown.df if known else None,
        "level": shown.level if shown else None,
        "standings": sorted(standings, key=lambda one: one["behind"]),
        "failed": [name_of(one) for one in race["entrants"] if one["standing"] == "failed"],
        "ended": race["ended"],
    }
