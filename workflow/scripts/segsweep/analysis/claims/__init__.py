"""Kinds of claims, a file each: a class with the claim's keys, and

judge(claim, evidence) -> Verdict

The file's name is the key that tells the kind (`best_in: {...}` in the study's `claims`). A claim is supported or
refuted only by an interval or a test at 5 % over seeds (or folds). With one seed it is undecided; images, paired, may
then say something of themselves. How a kind is judged stands at its function.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a dry run reads the keys of claims, and must not import pandas
    import pandas as pd

    from segsweep.analysis.ranking import Noise
    from segsweep.analysis.study_results import StudyResults


@dataclass
class Evidence:
    """What claims are judged by.

    results: the tables of the study.
    noise: how far runs of one cell spread.
    ranked: the ranking, cells best first.
    """

    results: "StudyResults"
    noise: "Noise"
    ranked: "pd.DataFrame"


@dataclass
class Verdict:
    """A claim judged: columns of claims.csv. None where there is no such number."""

    verdict: str
    detail: str
    grade: str = ""
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    test: str = ""
    statistic: float | None = None
    df: float | None = None
    p: float | None = None
    n_runs: int | None = None
    n_cells: int | None = None
    scope: str = "none"
    images_estimate: float | None = None
    images_low: float | None = None
    images_high: float | None = None


def undecided(detail: str, **columns) -> Verdict:
    """A claim that nothing decides, and why; `columns` are further ones of `Verdict`."""
    return Verdict("undecided", detail, **columns)
