"""Words of claims' details: columns and axes by the study's names, p as the rest of a report writes it."""

from segsweep.analysis.study_results import StudyResults
from segsweep.report.display_names import DisplayNames
from segsweep.report.value_styles import write


def column(results: StudyResults, name: str) -> str:
    """A column of runs.csv in words: `val/miou` is `validation mIoU`."""
    return _names(results).metric(name)


def axis(results: StudyResults, name: str) -> str:
    """An axis in words: `optimizer.lr` is `learning rate`."""
    return _names(results).axis(name)


def p_value(p: float) -> str:
    """`p = 0.012` or `p < 0.001`."""
    return f"p {write('p_equals', p)}"


def _names(results: StudyResults) -> DisplayNames:
    plan = results.plan
    return DisplayNames(plan.study.get("names") or {}, tuple(plan.axes))
