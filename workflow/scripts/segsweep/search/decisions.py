"""The decisions of a study's adaptive part: sweep, confirmation, ensemble, training again for the test split.

The state after step k is a pure function of the study, the state after step k-1 and the results of the runs that it
awaits. An interrupted sweep resumes from its files; one that is repeated from the same results writes the same bytes.
While the phase is `search` and trials are left to propose, nothing in a state depends on how many are asked for, so
those files stay valid when `trials` is raised.
"""

from typing import Any

from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.search import pruning, trials
from segsweep.search.allowance import Allowance, end_by_budget
from segsweep.search.confirmation import candidates_of, confirmed, ranked
from segsweep.search.decision_inputs import phase_inputs, settings_digest
from segsweep.search.narrow import narrowed
from segsweep.search.requests import confirming_runs, member_runs
from segsweep.search.results import Result, best_of
from segsweep.search.retraining import Finalist, retraining_runs, retrains
from segsweep.search.step_files import BestSetting, Candidate, State, Trial, awaited
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
        candidates: cells of a study without sweep with their mean score; first step only.
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
            if allowance is not None and allowance.left_out:
                end_by_budget(state, allowance, allowance.left_out)
            _end_search(study, state, candidates or [], finalists or [])
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
    phases = {"confirm": _confirm, "ensemble": _ensemble, "retrain": _retrain}
    if previous["phase"] == "search":
        if not trials.go_on(study, state, used, allowance):
            _end_search(study, state, candidates_of(state["trials"]), finalists or [])
        _note_refused(state, allowance)
    else:
        phases[previous["phase"]](study, state, used, finalists or [])
    return _awaiting(state)


def _awaiting(state: State) -> State:
    """After the search, a decision waits for all that the one before it requested."""
    return state if state["phase"] == "search" else state | {"awaited": state["requested"]}


def _first(study: Study, earlier: list[Trial] | None) -> State:
    state: State = {"step": 0, "phase": "search", "done": False, "settings": settings_digest(study)}
    state |= {"evidence": {}, "trials": [], "requested": [], "awaited": [], "log": []}
    if study.sweep is None:
        return state
    pruner, longest = study.sweep.pruner, study.total_epochs
    state["log"].append(
        {
            "kind": "schedule",
            "pruner": pruner.name,
            "minimize": study.minimize,
            "brackets": [
                {"bracket": bracket, "share": share, "rungs": pruning.rungs(pruner, longest, bracket)}
                for bracket, share in enumerate(pruning.bracket_sizes(pruner, longest))
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


def _end_search(study: Study, state: State, candidates: list[Candidate], finalists: list[Finalist]) -> None:
    order = ranked(candidates, study.minimize)
    state["best"] = _best(order[0], "search", order[0]["score"]) if order else None
    state["log"].append({"kind": "searched", "best": state["best"], "candidates": len(candidates)})
    if study.confirm is not None and order:
        state["candidates"] = order[: study.confirm.top]
        state["phase"] = "confirm"
        state["phase_inputs"] = phase_inputs(study, "confirm")
        for candidate in state["candidates"]:
            state["requested"] += confirming_runs(study, candidate)
        state["log"].append({"kind": "confirming", "candidates": state["candidates"]})
        return
    _to_ensemble(study, state, finalists)


def _confirm(study: Study, state: State, results: dict[str, Result], finalists: list[Finalist]) -> None:
    state["confirmed"] = confirmed(study, state["candidates"], results)
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


def _ensemble(study: Study, state: State, results: dict[str, Result], finalists: list[Finalist]) -> None:
    state["log"].append({"kind": "members", "members": _scores(study, results)})
    _to_retraining(study, state, finalists)


def _to_retraining(study: Study, state: State, finalists: list[Finalist]) -> None:
    state["phase_inputs"] = phase_inputs(study, "retrain")
    requested = retraining_runs(study, finalists, state.get("confirmed", [])) if retrains(study) else []
    if not requested:
        state |= {"phase": "done", "done": True}
        return
    state |= {"phase": "retrain", "requested": requested}
    state["log"].append({"kind": "retraining", "runs": [run["key"] for run in requested]})


def _retrain(study: Study, state: State, results: dict[str, Result], finalists: list[Finalist]) -> None:
    statuses = {key: result["status"] for key, result in results.items()}
    state["log"].append({"kind": "retrained", "statuses": statuses})
    state |= {"phase": "done", "done": True}


def _scores(study: Study, results: dict[str, Result]) -> list[dict[str, Any]]:
    return [
        {"key": key, "status": result["status"], "score": best_of(result["curve"], study.minimize)["value"]}
        for key, result in results.items()
    ]


def _best(setting: Candidate, phase: str, score: float) -> BestSetting:
    origin = {name: setting[name] for name in ("trial", "cell", "set") if name in setting}
    return origin | {"phase": phase, "score": score}
