"""The scores of a run: functions of the pixels that were counted."""

from segsweep import metrics, registry
from segsweep.plain_script.copied_code import CopiedCode

# The package adds in an order of its own, so that old scores stay equal to the bit; the last digit may be another one.
SIMPLER = {
    ("segsweep.metrics.class_scores", "class_mean"): (
        "def class_mean(scores: np.ndarray, classes: list[str]) -> np.ndarray:\n"
        '    """Mean over those of the last `len(classes)` that have a score: float64 (..., C) to (...)."""\n'
        "    return np.nanmean(scores[..., -len(classes) :], axis=-1)"
    ),
}


def score_functions(code: CopiedCode, columns: list[str]) -> list[str]:
    """Names of the functions, copied, that compute the columns `val/miou`, `val/iou/car` from counts and classes."""
    found = dict.fromkeys(metrics.metric_of(column) for column in columns)
    return [
        code.add(module, "compute", f"{module.rpartition('.')[2]}_score")
        for module in (registry.module_name(metric) for metric in found)
    ]


def batch_scores(code: CopiedCode, columns: list[str]) -> list[dict[str, str]]:
    """Scores that are means over batches: {"name", "count", "score"}, the functions' names, which are copied."""
    found = []
    for column in columns:
        module = registry.module_name(metrics.metric_of(column))
        name = column.partition("/")[2]
        count = code.add(module, "count", f"{name}_counts")
        found.append({"name": name, "count": count, "score": code.add(module, "compute", f"{name}_score")})
    return found
