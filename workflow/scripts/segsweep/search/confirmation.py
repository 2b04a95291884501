"""The best settings, and what they are worth on seeds that did not choose them."""

from segsweep.config.study import Study
from segsweep.search.requests import confirming_runs
from segsweep.search.results import Result, best_of
from segsweep.search.step_files import Candidate, ConfirmedSetting, Trial
from segsweep.statuses import FAILED, LEFT_OUT


def candidates_of(trials: list[Trial]) -> list[Candidate]:
    """All trials with a score as candidates.

    Pruned ones count too, with the score that they had: a good one can win here yet.
    """
    return [
        {"trial": trial["trial"], "set": trial["values"], "score": trial["score"]}
        for trial in trials
        if trial["score"] is not None and trial["status"] not in FAILED
    ]


def ranked(candidates: list[Candidate], minimize: bool) -> list[Candidate]:
    """Candidates by score, best first; equals in the order in which they came."""
    sign = -1 if minimize else 1
    known = [candidate for candidate in candidates if candidate.get("score") is not None]
    return sorted(known, key=lambda candidate: -sign * candidate["score"])


def confirmed(study: Study, chosen: list[Candidate], results: dict[str, Result]) -> list[ConfirmedSetting]:
    """The chosen settings, ranked by the mean of their confirming scores.

    A setting of which a run failed ranks behind all others, by the runs that it finished: its mean would be one of
    survivors. One of which the budget left out runs ranks by those that it has.

    Args:
        study: with `confirm`.
        chosen: the best settings of the search, best first.
        results: of their confirming runs, by key.
    """
    sign = -1 if study.minimize else 1
    entries = []
    for search_rank, candidate in enumerate(chosen, 1):
        scores = []
        for run in confirming_runs(study, candidate):
            result = results[run["key"]]
            value = best_of(result["curve"][: run["epochs"]], study.minimize)["value"]
            failed = result["status"] in (*FAILED, LEFT_OUT)  # of the latter nothing is known in full
            scores.append(
                {"key": run["key"], "seed": run["seed"], "fold": run["fold"], "status": result["status"]}
                | {"score": None if failed else value}
            )
        known = [score["score"] for score in scores if score["score"] is not None]
        origin = {name: candidate[name] for name in ("trial", "cell", "set") if name in candidate}
        entries.append(
            origin
            | {
                "search_rank": search_rank,
                "search_score": candidate["score"],
                "scores": scores,
                "mean": sum(known) / len(known) if known else None,
                "failed": sum(score["score"] is None and score["status"] != LEFT_OUT for score in scores),
            }
        )
    entries.sort(key=lambda entry: (entry["mean"] is None, entry["failed"] > 0, -sign * (entry["mean"] or 0.0)))
    return [entry | {"rank": rank} for rank, entry in enumerate(entries, 1)]
