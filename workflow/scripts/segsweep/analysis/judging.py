"""What every judged claim has in common."""

from typing import Any

from segsweep.analysis.study_results import StudyResults

LOW_IS_GOOD = ("stability/", "convergence/", "overfit/", "cost/")


def judged(verdict: str, detail: str, **columns) -> dict[str, Any]:
    """Columns of a row of claims.csv."""
    return {"verdict": verdict, "detail": detail, **columns}


def undecided(detail: str, **columns) -> dict[str, Any]:
    """A claim that nothing decides, and why."""
    return judged("undecided", detail, **columns)


def spoken_of(results: StudyResults, claim: dict[str, Any]) -> tuple[str, float]:
    """The column a claim speaks of, and 1 if high values of it are good, -1 if low ones are."""
    column = claim.get("of") or results.metric
    if column == results.metric:
        return column, results.sign
    return column, -1.0 if column.startswith(LOW_IS_GOOD) or "loss" in column else 1.0
