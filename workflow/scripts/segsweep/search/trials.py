"""The trials of a search, one event after the other: proposed, compared at a rung, ended.

A search goes on as it would on `at_once` workers on which an epoch always takes the same time. Each trains a trial up
to its next rung, where it is compared with those that came there before it; a worker whose trial has ended takes the
next proposal, made from all that ended before. So `at_once` trials are under way until none is left to propose. The
order of events follows from this clock, which counts epochs, and from no other: the order in which jobs end changes
nothing. A decision waits for the trial whose turn it is, while the others train.
"""

from typing import Any

from segsweep.config.search import Dimension
from segsweep.config.study import Study
from segsweep.search import pruning
from segsweep.search.allowance import Allowance
from segsweep.search.constraints import Constraints
from segsweep.search.objectives import means
from segsweep.search.requests import due, replicates, shortest_epochs, total_epochs, trial_runs
from segsweep.search.results import Result, best_of
from segsweep.search.space import Space
from segsweep.search.step_files import RungScore, State, Trial
from segsweep.statuses import FAILED, LEFT_OUT


def begin(study: Study, state: State, allowance: Allowance | None = None) -> None:
    """Propose the first trials."""
    _propose(study, state, 0, allowance)
    _wait(study, state)


def go_on(study: Study, state: State, results: dict[str, Result], allowance: Allowance | None = None) -> bool:
    """Look at the trials whose turn it is, let them end or train on, and propose others where some ended.

    Args:
        study: after `smoke`.
        state: of this step; its trials are those of the step before.
        results: of the runs that the step before awaits.
        allowance: what the study's budget lets it start; None without one.

    Returns:
        Whether the search goes on.
    """
    for trial in _under_way(state):
        if all(run["key"] in results for run in trial_runs(study, trial)):
            clock = due(trial)
            _record_results(study, trial, results, state, allowance)
            if trial["status"] == "running":
                _judge(study, state, trial, results)
            if trial["status"] == "running":
                _grant(study, trial)
                state["requested"] += trial_runs(study, trial)
            else:
                trial["ended"] = state["step"]
                _propose(study, state, clock, allowance)
    return _wait(study, state)


def space_of(study: Study, state: State) -> Space:
    """The axes of a search, narrowed if they are to be."""
    if "space" in state:
        return {axis: Dimension.model_validate(values) for axis, values in state["space"].items()}
    return study.sweep.space


def _under_way(state: State) -> list[Trial]:
    """Trials that train, in the order in which they are looked at."""
    running = [trial for trial in state["trials"] if trial["status"] == "running"]
    return sorted(running, key=lambda trial: (due(trial), trial["trial"]))


def _wait(study: Study, state: State) -> bool:
    """Await the next trial; all of them together once none is judged or followed by another any more."""
    under_way = _under_way(state)
    none_follows = "budget" in state or len(state["trials"]) >= study.sweep.trials
    last = none_follows and all(trial["epochs"] >= trial["total_epochs"] for trial in under_way)
    looked_at = under_way if last else under_way[:1]
    state["awaited"] = [run for trial in looked_at for run in trial_runs(study, trial)]
    return bool(looked_at)


def _propose(study: Study, state: State, clock: int, allowance: Allowance | None) -> None:
    """Add trials until `at_once` are under way, and request their first rung; fewer if the space has no more.

    None once the study's budget had a say in a decision, and as many as it allows before.
    """
    if "budget" in state:
        return
    sweep, trials = study.sweep, state["trials"]
    number = min(sweep.at_once - len(_under_way(state)), sweep.trials - len(trials))
    sizes = pruning.bracket_sizes(sweep.pruner, shortest_epochs(study))
    if allowance is not None:
        number = _allowed(study, len(trials), number, sizes, allowance)
    if number <= 0:
        return
    # Needs optuna, which takes a second to import; many steps propose nothing.
    from segsweep.search.proposals import propose

    allows = Constraints(study).allows
    proposals = propose(
        sweep,
        space_of(study, state),
        trials,
        number,
        minimize=study.minimize,
        objectives=study.objectives,
        allows=allows,
    )
    state["log"].append(
        {
            "kind": "proposed",
            "sampler": sweep.sampler.name,
            "seed": sweep.seed,
            "trials": [len(trials) + offset for offset in range(len(proposals))],
            "told": sum(trial["status"] != "running" for trial in trials),
            "pending": [trial["trial"] for trial in trials if trial["status"] == "running"],
            "exhausted": len(proposals) < number,
        }
    )
    for values in proposals:
        number = len(trials)
        trial: Trial = {
            "trial": number,
            "proposed": state["step"],
            "ended": None,
            "start": clock,
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


def _allowed(study: Study, first: int, number: int, sizes: list[float], allowance: Allowance) -> int:
    """Of so many trials, the number that the budget lets train up to their first rung."""
    runs = len(replicates(study, study.first_seeds))
    for offset in range(number):
        rungs = pruning.rungs(study.sweep.pruner, study.total_epochs, pruning.bracket_of(first + offset, sizes))
        if not allowance.grants(runs, rungs[0] if rungs else study.total_epochs):
            return offset
    return number


def _grant(study: Study, trial: Trial) -> None:
    """Let a trial train up to its next rung, or to the end."""
    rungs = pruning.rungs(study.sweep.pruner, trial["total_epochs"], trial["bracket"])
    trial["epochs"] = next((epoch for epoch in rungs if epoch > trial["epochs"]), trial["total_epochs"])


def _record_results(
    study: Study, trial: Trial, results: dict[str, Result], state: State, allowance: Allowance | None
) -> None:
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
    left_out = LEFT_OUT in statuses
    scores = [best["value"] for best in bests if not left_out or best["value"] is not None]
    score = sum(scores) / len(scores) if scores and None not in scores else None
    if study.objectives:
        found = [results[run["key"]]["objectives"] for run in trial_runs(study, trial)]
        trial["objectives"] = means(found, list(study.objectives))
    trial |= {"trained": trained, "score": score, "best_epoch": bests[0]["epoch"] if len(bests) == 1 else None}
    if failed or not left_out:
        rung: RungScore = {"epoch": granted, "score": None if failed else score}
        if study.sweep.pruner.compares_runs and not failed:
            rung["runs"] = scores
        trial["rungs"].append(rung)
    if failed:
        trial["status"] = failed
    elif left_out:  # it ends with what it showed so far
        trial |= {"status": "pruned", "budget": _kind(study, trial, allowance)}
    elif all(status == "early_stopped" for status in statuses):
        trial["status"] = "early_stopped"
    elif granted >= trial["total_epochs"]:
        trial["status"] = "finished"
    if trial["status"] != "running":
        ended = {"kind": "ended", "trial": trial["trial"], "status": trial["status"], "score": score}
        state["log"].append(ended | ({"budget": trial["budget"]} if "budget" in trial else {}))


def _kind(study: Study, trial: Trial, allowance: Allowance | None) -> str:
    """The part of the budget that left out a run of a trial."""
    left_out = allowance.left_out if allowance else {}
    return next((left_out[run["key"]].kind for run in trial_runs(study, trial) if run["key"] in left_out), "")


def _judge(study: Study, state: State, trial: Trial, results: dict[str, Result]) -> None:
    """Prune a trial that has come to a rung, or let it go on, by those of its bracket that came there before it."""
    pruner, bracket, epoch = study.sweep.pruner, trial["bracket"], trial["epochs"]
    there = {
        other["trial"]: rung
        for other in state["trials"]
        for rung in other["rungs"]
        if other["bracket"] == bracket and rung["epoch"] == epoch
    }
    scores: dict[int, float | None] = {other: rung["score"] for other, rung in there.items()}
    runs = {other: rung["runs"] for other, rung in there.items() if "runs" in rung}
    curves = (results[run["key"]]["curve"][:epoch] for run in trial_runs(study, trial))
    curve = [None if None in values else sum(values) / len(values) for values in zip(*curves, strict=False)]
    (verdict,), best = pruning.judge(
        pruner, study.minimize, scores, {trial["trial"]}, epoch=epoch, curve=curve, runs=runs
    )
    if not verdict.promoted:
        trial["status"] = "pruned"
    left = len(replicates(study, study.first_seeds)) * trial["total_epochs"] - trial["trained"]
    decided: dict[str, Any] = vars(verdict) | {"epochs_left": left}
    state["log"].append(
        {
            "kind": "rung",
            "pruner": pruner.name,
            "bracket": bracket,
            "epoch": epoch,
            "best": best,
            "compared": [{"trial": other, "score": score} for other, score in scores.items()],
            "decided": [decided],
            "pruned": [] if verdict.promoted else [trial["trial"]],
            "protected": [trial["trial"]] if verdict.protected else [],
            "epochs_saved": 0 if verdict.promoted else left,
        }
    )
