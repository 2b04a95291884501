"""The best settings, and what they are worth on seeds that did not choose them."""

from collections.abc import Collection

from segsweep.config.study import Study
from segsweep.search.requests import confirming_runs, name_of
from segsweep.search.results import Result, scores_of
from segsweep.search.step_files import ORIGIN, Candidate, ConfirmedSetting, Trial
from segsweep.statuses import FAILED, LEFT_OUT


def candidates_of(trials: list[Trial]) -> list[Candidate]:
    """All trials with a score as candidates.

    Pruned ones count too, with the score that they had: a good one can win here yet.
    """
    return [
        {"trial": trial["trial"], "set": trial["values"], "score": trial["score"]}
        | ({"objectives": trial["objectives"]} if "objectives" in trial else {})
        for trial in trials
        if trial["score"] is not None and trial["status"] not in FAILED
    ]


def ranked(candidates: list[Candidate], minimize: bool) -> list[Candidate]:
    """Candidates by score, best first; equals in the order in which they came."""
    sign = -1 if minimize else 1
    known = [candidate for candidate in candidates if candidate.get("score") is not None]
    return sorted(known, key=lambda candidate: -sign * candidate["score"])


def with_scores(study: Study, chosen: list[Candidate], results: dict[str, Result], seeds: list[int]) -> list[Candidate]:
    """The chosen settings, each with the score of each confirming run on these seeds."""
    return [one | {"scores": scores_of(confirming_runs(study, one, seeds), results, study.minimize)} for one in chosen]


def confirmed(study: Study, chosen: list[Candidate], dropped: Collection[str] = ()) -> list[ConfirmedSetting]:
    """The chosen settings, ranked by the mean of their confirming scores.

    Settings that a race dropped rank behind those that it did not. A setting of which a run failed ranks behind all
    others, by the runs that it finished: its mean would be one of survivors. One of which the budget left out runs
    ranks by those that it has.

    Args:
        study: with `confirm`.
        chosen: the best settings of the search, best first, with `scores`.
        dropped: names of settings.
    """
    sign = -1 if study.minimize else 1
    entries = []
    for search_rank, candidate in enumerate(chosen, 1):
        scores = candidate["scores"]
        known = [score["score"] for score in scores if score["score"] is not None]
        origin = {name: candidate[name] for name in ORIGIN if name in candidate}
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
    entries.sort(
        key=lambda entry: (
            entry["mean"] is None, entry["failed"] > 0, name_of(entry) in dropped, -sign * (entry["mean"] or 0.0)
        )
    )  # fmt: skip
    return [entry | {"rank": rank} for rank, entry in enumerate(entries, 1)]
