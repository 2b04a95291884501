"""The decisions of a study: sweep, race of seeds, confirmation, ensemble, training again for the test split.

The state after step k is a pure function of the study, the state after step k-1 and the results of the runs that it
awaits. An interrupted sweep resumes from its files; one that is repeated from the same results writes the same bytes.
While the phase is `search` and trials are left to propose, nothing in a state depends on how many are asked for, so
those files stay valid when `trials` is raised.
"""

from typing import Any

from segsweep.config.racing import first_seeds, race_in
from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.search import pruning, racing, trials
from segsweep.search.allowance import Allowance, end_by_budget
from segsweep.search.confirmation import candidates_of, confirmed, ranked, with_scores
from segsweep.search.decision_inputs import phase_inputs, settings_digest
from segsweep.search.narrow import narrowed
from segsweep.search.objectives import members_of_front
from segsweep.search.requests import confirming_runs, member_runs, name_of, shortest_epochs
from segsweep.search.results import Result, best_of
from segsweep.search.retraining import Finalist, retraining_runs, retrains
from segsweep.search.step_files import ORIGIN, BestSetting, Candidate, State, Trial, awaited
from segsweep.statuses import LEFT_OUT


def decide(
    study: Study,
    previous: State | None,
    results: dict[str, Result],
    *,
    candidates: list[Candidate] | None = None,
    earlier: list[Trial] | None = None,
    finalists: list[Finalist] | None = None,
    basis: str | None = None,
    allowance: Allowance | None = None,
) -> State:
    """The next step of a study.

    Args:
        study: after `smoke`.
        previous: the state of the step before; None for the first step.
        results: of the runs that it awaits, by key; more is ignored.
        candidates: cells of a study without sweep with their mean score, or where seeds race, with the `scores` of
            their runs; first step only.
        earlier: trials of the study that `sweep.narrow` names; first step only.
        finalists: settings that may be chosen, of a study that trains chosen runs again for the test split.
        basis: stands for the segments of a study without sweep, whose runs the first step looks at.
        allowance: what the study's budget lets it start, and has left out; None without one.

    Raises:
        InputError: a result is missing, or `narrow` without the earlier study's trials.
        ValueError: the step before was the last.
    """
    if previous is None:
        state = _first(study, earlier)
        if study.sweep is None:
            state |= {"basis": basis} if basis else {}
            without = allowance.left_out if allowance is not None else {}
            if without:
                end_by_budget(state, allowance, without)
            if study.race is None:
                _end_search(study, state, ranked(candidates or [], study.minimize), finalists or [])
            else:
                racing.begin(state, "seeds", candidates or [], study.race)
                state["phase"] = "race"
                _race_on(study, state, finalists or [], allowance, lacks=bool(without))
            _note_refused(state, allowance)
        else:
            trials.begin(study, state, allowance)
            _note_refused(state, allowance)
        return _awaiting(state)
    if previous["done"]:
        raise ValueError("nothing is left to decide")
    looked_at = awaited(previous)
    lacking = [run["key"] for run in looked_at if run["key"] not in results]
    if lacking:
        raise InputError(f"step {previous['step']}: results of {', '.join(lacking)} are missing. Train them first.")
    state = previous | {"trials": [trial | {"rungs": [*trial["rungs"]]} for trial in previous["trials"]]}
    used = {run["key"]: results[run["key"]] for run in looked_at}
    evidence = {key: result["segment"] for key, result in used.items() if result.get("segment")}
    state |= {"step": previous["step"] + 1, "evidence": evidence, "requested": [], "awaited": [], "log": []}
    without = [key for key, result in used.items() if result["status"] == LEFT_OUT]
    if without and allowance is not None:
        end_by_budget(state, allowance, {key: allowance.left_out[key] for key in without})
    phases = {"search": _search, "race": _race, "confirm": _confirm, "ensemble": _ensemble, "retrain": _retrain}
    phases[previous["phase"]](study, state, used, finalists or [], allowance)
    _note_refused(state, allowance)
    return _awaiting(state)


def _awaiting(state: State) -> State:
    """After the search, a decision waits for all that the one before it requested."""
    return state if state["phase"] == "search" else state | {"awaited": state["requested"]}


def _race(
    study: Study,
    state: State,
    results: dict[str, Result],
    finalists: list[Finalist],
    allowance: Allowance | None,
) -> None:
    racing.take_in(study, state, "seeds", results)
    _race_on(study, state, finalists, allowance, lacks=_lack(results))


def _race_on(
    study: Study, state: State, finalists: list[Finalist], allowance: Allowance | None, *, lacks: bool
) -> None:
    """Decide a round of the race of seeds; once it ended, what follows a search."""
    racing.decide_round(study, state, "seeds", allowance, lacks=lacks)
    if state["races"]["seeds"]["ended"]:
        _end_search(study, state, racing.in_order(state["races"]["seeds"], study.minimize), finalists)


def _first(study: Study, earlier: list[Trial] | None) -> State:
    state: State = {"step": 0, "phase": "search", "done": False, "settings": settings_digest(study)}
    state |= {"evidence": {}, "trials": [], "requested": [], "awaited": [], "log": []}
    if study.sweep is None:
        return state
    pruner, longest = study.sweep.pruner, study.total_epochs
    sizes = pruning.bracket_sizes(pruner, shortest_epochs(study))
    state["log"].append(
        {
            "kind": "schedule",
            "pruner": pruner.name,
            "minimize": study.minimize,
            "brackets": [
                {"bracket": bracket, "share": share, "rungs": pruning.rungs(pruner, longest, bracket)}
                for bracket, share in enumerate(sizes)
            ],
        }
    )
    if study.sweep.narrow is not None:
        source = study.sweep.narrow.source
        if not earlier:
            raise InputError(f"sweep.narrow: no trials of the study {source!r} were found. Run that study first.")
        space, lineage = narrowed(study, earlier)
        state["space"] = {axis: dimension.model_dump(mode="json") for axis, dimension in space.items()}
        state["lineage"] = lineage
        state["log"].append({"kind": "narrowed"} | lineage)
    return state


def _note_refused(state: State, allowance: Allowance | None) -> None:
    if allowance is not None and allowance.refused is not None:
        end_by_budget(state, allowance, {})


def _search(
    study: Study,
    state: State,
    results: dict[str, Result],
    finalists: list[Finalist],
    allowance: Allowance | None,
) -> None:
    if not trials.go_on(study, state, results, allowance):
        _end_search(study, state, ranked(candidates_of(state["trials"]), study.minimize), finalists)


def _end_search(study: Study, state: State, order: list[Candidate], finalists: list[Finalist]) -> None:
    """What follows a search: `order` are its settings, best first."""
    state["best"] = _best(order[0], "search", order[0]["score"]) if order else None
    state["log"].append({"kind": "searched", "best": state["best"], "candidates": len(order)})
    if study.confirm is not None and order:
        of_front = study.confirm.of == "front"
        chosen = members_of_front(order, study.objectives) if of_front else order
        state["candidates"] = [racing.as_candidate(one) for one in (chosen or order)[: study.confirm.top]]
        state["phase"] = "confirm"
        state["phase_inputs"] = phase_inputs(study, "confirm")
        for candidate in state["candidates"]:
            state["requested"] += confirming_runs(study, candidate, first_seeds(study.confirm.seeds))
        state["log"].append({"kind": "confirming", "candidates": state["candidates"]})
        return
    _to_ensemble(study, state, finalists)


def _lack(results: dict[str, Result]) -> bool:
    """Whether the budget left out runs that a decision looks at."""
    return any(result["status"] == LEFT_OUT for result in results.values())


def _confirm(
    study: Study,
    state: State,
    results: dict[str, Result],
    finalists: list[Finalist],
    allowance: Allowance | None,
) -> None:
    race = race_in(study.confirm.seeds)
    if race is None:
        chosen = with_scores(study, state["candidates"], results, study.confirm.seeds)
    else:
        if "confirm" in state.get("races", {}):
            racing.take_in(study, state, "confirm", results)
        else:
            racing.begin(state, "confirm", with_scores(study, state["candidates"], results, first_seeds(race)), race)
        racing.decide_round(study, state, "confirm", allowance, lacks=_lack(results))
        if not state["races"]["confirm"]["ended"]:
            return
        chosen = state["races"]["confirm"]["entrants"]
    state["confirmed"] = confirmed(study, chosen, racing.dropped(state, "confirm"))
    winner = state["confirmed"][0]
    if winner["mean"] is not None:
        state["best"] = _best(winner, "confirm", winner["mean"])
    state["log"].append({"kind": "confirmed", "best": state["best"], "ranking": state["confirmed"]})
    _to_ensemble(study, state, finalists)


def _to_ensemble(study: Study, state: State, finalists: list[Finalist]) -> None:
    state["phase_inputs"] = phase_inputs(study, "ensemble")
    if study.ensemble is None or state["best"] is None:
        _to_retraining(study, state, finalists)
        return
    state["phase"] = "ensemble"
    state["requested"] = member_runs(study, state["best"])
    state["log"].append({"kind": "ensemble", "of": state["best"], "members": len(state["requested"])})


def _ensemble(
    study: Study, state: State, results: dict[str, Result], finalists: list[Finalist], _: Allowance | None
) -> None:
    state["log"].append({"kind": "members", "members": _scores(study, results)})
    _to_retraining(study, state, finalists)


def _to_retraining(study: Study, state: State, finalists: list[Finalist]) -> None:
    state["phase_inputs"] = phase_inputs(study, "retrain")
    behind = racing.dropped(state, "confirm")
    confirmed = [one for one in state.get("confirmed", []) if name_of(one) not in behind]
    dropped = racing.dropped(state, "seeds")
    requested = retraining_runs(study, finalists, confirmed, dropped) if retrains(study) else []
    if not requested:
        state |= {"phase": "done", "done": True}
        return
    state |= {"phase": "retrain", "requested": requested}
    state["log"].append({"kind": "retraining", "runs": [run["key"] for run in requested]})


def _retrain(
    study: Study, state: State, results: dict[str, Result], finalists: list[Finalist], _: Allowance | None
) -> None:
    statuses = {key: result["status"] for key, result in results.items()}
    state["log"].append({"kind": "retrained", "statuses": statuses})
    state |= {"phase": "done", "done": True}


def _scores(study: Study, results: dict[str, Result]) -> list[dict[str, Any]]:
    return [
        {"key": key, "status": result["status"], "score": best_of(result["curve"], study.minimize)["value"]}
        for key, result in results.items()
    ]


def _best(setting: Candidate, phase: str, score: float) -> BestSetting:
    origin = {name: setting[name] for name in ORIGIN if name in setting}
    return origin | {"phase": phase, "score": score}
