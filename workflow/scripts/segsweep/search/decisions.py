"""The decisions of a study's adaptive part: sweep, confirmation, ensemble, training again for the test split.

The state after step k is a pure function of the study, the state after step k-1 and the results of the runs that it
requested. An interrupted sweep resumes from its files; one that is repeated from the same results writes the same
bytes. While the phase is `search` nothing in a state depends on how many trials are asked for (but for a last batch
that is not full), so those files stay valid when `trials` is raised.
"""

import copy
from typing import Any

from segsweep.config.search import Dimension
from segsweep.config.study import Study
from segsweep.errors import InputError
from segsweep.search import pruning
from segsweep.search.confirmation import candidates_of, confirmed, ranked
from segsweep.search.constraints import Constraints
from segsweep.search.decision_inputs import phase_inputs, settings_digest
from segsweep.search.narrow import narrowed
from segsweep.search.requests import confirming_runs, member_runs, replicates, total_epochs, trial_runs
from segsweep.search.results import Result, best_of
from segsweep.search.retraining import Finalist, retraining_runs, retrains
from segsweep.search.space import Space
from segsweep.search.step_files import BestSetting, Candidate, State, Trial
from segsweep.statuses import FAILED


def decide(
    study: Study,
    previous: State | None,
    results: dict[str, Result],
    *,
    candidates: list[Candidate] | None = None,
    earlier: list[Trial] | None = None,
    finalists: list[Finalist] | None = None,
    basis: str | None = None,
) -> State:
    """The next step of a study.

    Args:
        study: after `smoke`.
        previous: the state of the step before; None for the first step.
        results: of the runs that it requested, by key; more is ignored.
        candidates: cells of a study without sweep with their mean score; first step only.
        earlier: trials of the study that `sweep.narrow` names; first step only.
        finalists: settings that may be chosen, of a study that trains chosen runs again for the test split.
        basis: stands for the segments of a study without sweep, whose runs the first step looks at.

    Raises:
        InputError: a result is missing, or `narrow` without the earlier study's trials.
        ValueError: the step before was the last.
    """
    if previous is None:
        state = _first(study, earlier)
        if study.sweep is None:
            state |= {"basis": basis} if basis else {}
            _end_search(study, state, candidates or [], finalists or [])
        else:
            _propose(study, state)
        return state
    if previous["done"]:
        raise ValueError("nothing is left to decide")
    lacking = [run["key"] for run in previous["requested"] if run["key"] not in results]
    if lacking:
        raise InputError(f"step {previous['step']}: results of {', '.join(lacking)} are missing. Train them first.")
    state = copy.deepcopy(previous)
    used = {run["key"]: results[run["key"]] for run in previous["requested"]}
    evidence = {key: result["segment"] for key, result in used.items() if result.get("segment")}
    state |= {"step": previous["step"] + 1, "evidence": evidence, "requested": [], "log": []}
    phases = {"search": _search, "confirm": _confirm, "ensemble": _ensemble, "retrain": _retrain}
    phases[previous["phase"]](study, state, used, finalists or [])
    return state


def _first(study: Study, earlier: list[Trial] | None) -> State:
    state: State = {"step": 0, "phase": "search", "done": False, "settings": settings_digest(study)}
    state |= {"evidence": {}, "trials": [], "requested": [], "log": []}
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


def space_of(study: Study, state: State) -> Space:
    """The axes of a search, narrowed if they are to be."""
    if "space" in state:
        return {axis: Dimension.model_validate(values) for axis, values in state["space"].items()}
    return study.sweep.space


def _propose(study: Study, state: State) -> bool:
    """Add a batch of trials and request their first rung; False if the space has no more."""
    # Needs optuna, which takes a second to import; most steps propose nothing.
    from segsweep.search.proposals import propose

    sweep, trials = study.sweep, state["trials"]
    number = min(sweep.at_once, sweep.trials - len(trials))
    allows = Constraints(study).allows
    proposals = propose(sweep, space_of(study, state), trials, number, minimize=study.minimize, allows=allows)
    batch = 1 + max((trial["batch"] for trial in trials), default=-1)
    state["log"].append(
        {
            "kind": "proposed",
            "sampler": sweep.sampler.name,
            "seed": sweep.seed,
            "batch": batch,
            "trials": [len(trials) + offset for offset in range(len(proposals))],
            "from": [{"trial": trial["trial"], "score": trial["score"], "status": trial["status"]} for trial in trials],
            "exhausted": len(proposals) < number,
        }
    )
    sizes = pruning.bracket_sizes(sweep.pruner, study.total_epochs)
    for values in proposals:
        number = len(trials)
        trial: Trial = {
            "trial": number,
            "batch": batch,
            "bracket": pruning.bracket_of(number, sizes),
            "values": values,
            "status": "running",
            "total_epochs": total_epochs(study, values),
            "epochs": 0,
            "trained": 0,
            "score": None,
            "best_epoch": None,
            "rungs": [],
        }
        _grant(study, trial)
        trials.append(trial)
        state["requested"] += trial_runs(study, trial)
    return bool(proposals)


def _grant(study: Study, trial: Trial) -> None:
    """Let a trial train up to its next rung, or to the end."""
    rungs = pruning.rungs(study.sweep.pruner, trial["total_epochs"], trial["bracket"])
    trial["epochs"] = next((epoch for epoch in rungs if epoch > trial["epochs"]), trial["total_epochs"])


def _search(study: Study, state: State, results: dict[str, Result], finalists: list[Finalist]) -> None:
    for trial in state["trials"]:
        if trial["status"] == "running":
            _record_results(study, trial, results, state["log"])
    _judge(study, state)
    running = [trial for trial in state["trials"] if trial["status"] == "running"]
    for trial in running:
        _grant(study, trial)
        state["requested"] += trial_runs(study, trial)
    if running or (len(state["trials"]) < study.sweep.trials and _propose(study, state)):
        return
    _end_search(study, state, candidates_of(state["trials"]), finalists)


def _record_results(study: Study, trial: Trial, results: dict[str, Result], log: list[dict[str, Any]]) -> None:
    """Write into a running trial what its runs showed: the mean of their best scores so far."""
    granted = trial["epochs"]
    statuses, bests, trained = [], [], 0
    for run in trial_runs(study, trial):
        result = results[run["key"]]
        # A run that was extended since then had not ended yet at the epochs that count here.
        statuses.append("finished" if result["epochs"] > granted else result["status"])
        trained += min(result["epochs"], granted)
        bests.append(best_of(result["curve"][:granted], study.minimize))
    failed = next((status for status in statuses if status in FAILED), None)
    scores = [best["value"] for best in bests]
    score = sum(scores) / len(scores) if None not in scores else None
    trial |= {"trained": trained, "score": score, "best_epoch": bests[0]["epoch"] if len(bests) == 1 else None}
    trial["rungs"].append({"epoch": granted, "score": None if failed else score})
    if failed:
        trial["status"] = failed
    elif all(status == "early_stopped" for status in statuses):
        trial["status"] = "early_stopped"
    elif granted >= trial["total_epochs"]:
        trial["status"] = "finished"
    if trial["status"] != "running":
        log.append({"kind": "ended", "trial": trial["trial"], "status": trial["status"], "score": score})


def _judge(study: Study, state: State) -> None:
    """Prune trials at the rungs that the batch has reached; each rung of each bracket is judged by itself."""
    runs = len(replicates(study, study.seeds))
    pruner = study.sweep.pruner
    running = [trial for trial in state["trials"] if trial["status"] == "running"]
    for bracket, epoch in sorted({(trial["bracket"], trial["epochs"]) for trial in running}):
        scores = {
            trial["trial"]: rung["score"]
            for trial in state["trials"]
            for rung in trial["rungs"]
            if trial["bracket"] == bracket and rung["epoch"] == epoch
        }
        here = {trial["trial"] for trial in running if (trial["bracket"], trial["epochs"]) == (bracket, epoch)}
        verdicts, best = pruning.judge(pruner, study.minimize, scores, here)
        decided = []
        for verdict in verdicts:
            trial = state["trials"][verdict.trial]
            if not verdict.promoted:
                trial["status"] = "pruned"
            decided.append(vars(verdict) | {"epochs_left": runs * trial["total_epochs"] - trial["trained"]})
        state["log"].append(
            {
                "kind": "rung",
                "pruner": pruner.name,
                "bracket": bracket,
                "epoch": epoch,
                "best": best,
                "compared": [{"trial": trial, "score": score} for trial, score in scores.items()],
                "decided": decided,
                "pruned": [verdict.trial for verdict in verdicts if not verdict.promoted],
                "protected": [verdict.trial for verdict in verdicts if verdict.protected],
                "epochs_saved": sum(entry["epochs_left"] for entry in decided if not entry["promoted"]),
            }
        )


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
