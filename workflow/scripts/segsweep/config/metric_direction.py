"""Whether a study that ranks by a loss or an error says that lower is better."""

import re
from collections.abc import Callable

from segsweep import metrics
from segsweep.config.study import Study

# Names by which errors are known, whoever measured them.
ERRORS = re.compile(r"(^|[/_.-])(\w*loss\w*|error|err|mse|rmse|mae|nll|perplexity|hausdorff|hd95|assd)($|[/_.-])")


def lower_is_better(column: str) -> bool:
    """Whether a column is one of which lower is better, by its name or as its metric says."""
    return bool(ERRORS.search(column.lower())) or metrics.is_minimized(column)


def doubtful_direction(study: Study, location: Callable[[tuple], str]) -> list[str]:
    """A problem if the study's metric is one of which lower is better, and `minimize` is not written down.

    Args:
        study: the study; `minimize: false` in its file is believed, `minimize: true` of scores that it does not know.
        location: where a key stands, as `file:line`.
    """
    if study.objectives:  # which say a direction each: see `segsweep.config.objective_checks`
        return []
    if "minimize" in study.model_fields_set:
        metric = metrics.metric_of(study.metric) if study.train is not None else None
        if study.minimize and metric and metric.own is None and metric.direction == "maximize":
            return [
                f"{location(('minimize',))}: minimize: of {study.metric} higher is better. Leave `minimize` out, or "
                "choose a loss."
            ]
        return []
    if not lower_is_better(study.metric):
        return []
    is_error = ERRORS.search(study.metric.lower())
    kind = "a loss" if "loss" in study.metric.lower() else "an error" if is_error else "a metric that is minimized"
    return [
        f"{location(('metric',))}: {study.metric} is {kind}: lower is better. Write `minimize: true`; "
        "`minimize: false` ranks the highest first."
    ]
