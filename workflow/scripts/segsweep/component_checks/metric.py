"""A metric: scores of drawn counts, of several epochs at once and of each by itself."""

from typing import Any

import numpy as np

from segsweep.component_checks.own_component import OwnComponent
from segsweep.metrics import Counts, scored_classes


def check_metric(component: OwnComponent, name: str, task: str, classes: list[str]) -> str:
    """Compute the scores of drawn counts.

    Args:
        component: the metric's; its settings are the class of its facts.
        name: of its column, without the split.
        task: of the data set.
        classes: all of the data set.
    """
    metric, scored = component.settings, scored_classes(task, classes)
    each = scored[1:] if metric.each_class == "objects" else scored
    names = [f"{name}/{one}" for one in each] if metric.each_class else [name]
    epochs = len(classes) + 2  # as many as no other axis has
    counts = drawn_counts(task, len(classes), epochs)
    together = _computed(component, counts, scored, names)
    alone = [_computed(component, {key: v[i] for key, v in counts.items()}, scored, names) for i in range(epochs)]
    for one in names:
        values = _numbers(component, one, together[one], (epochs,))
        for i, single in enumerate(alone):
            value = _numbers(component, one, single[one], ())
            if not np.isclose(value, values[i]):
                raise component.problem(
                    f"{one} of an epoch is {value:g}, and {values[i]:g} where its counts are one of {epochs}",
                    "Sum over the last axes of the counts only: the first ones are those of epochs or images",
                )
        _check_range(component, one, values)
    _check_empty(component, {key: np.zeros_like(value) for key, value in counts.items()}, scored, names)
    return f"{names[0]} of drawn counts is {float(together[names[0]][0]):.4g}"


def _computed(component: OwnComponent, counts: Counts, classes: list[str], names: list[str]) -> dict[str, Any]:
    shapes = ", ".join(f"{key} {value.shape}" for key, value in counts.items())
    with component.calls("compute", f"It takes counts ({shapes}) and names of classes"):
        found = component.functions.compute(counts, classes)
    if not isinstance(found, dict) or not found.keys() >= set(names):
        given = ", ".join(found) if isinstance(found, dict) else type(found).__name__
        raise component.problem(f"compute gives {given}", f"Let it give a dictionary with {', '.join(names)}")
    return found


def _numbers(component: OwnComponent, name: str, values: Any, leading: tuple[int, ...]) -> np.ndarray:
    """A score, float64 of the leading axes' shape."""
    with component.calls("compute", f"{name} is a number, or an array of them"):
        numbers = np.asarray(values, np.float64)
    if numbers.shape != leading:
        raise component.problem(
            f"{name} has the shape {numbers.shape} for counts with the leading axes {leading}",
            "Sum over the last axes of the counts only: the first ones are those of epochs or images",
        )
    if np.isnan(numbers).any():
        raise component.problem(f"{name} is not a number for counts of all classes", "Divide by no sum that is 0 there")
    return numbers


def _check_empty(component: OwnComponent, counts: Counts, classes: list[str], names: list[str]) -> None:
    """Where there is nothing to score, as in an image that is void, a score is not a number, or some number."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = _computed(component, counts, classes, names)
    if infinite := [name for name in names if np.isinf(np.asarray(found[name], np.float64)).any()]:
        raise component.problem(
            f"{infinite[0]} is infinite where all counts are 0", "Let it be nan there, as in an image that is void"
        )


def _check_range(component: OwnComponent, name: str, values: np.ndarray) -> None:
    low, high = (
        bound if bound is not None else end
        for bound, end in zip(component.settings.range, (-np.inf, np.inf), strict=True)
    )
    outside = values[(values < low) | (values > high) | np.isinf(values)]
    if outside.size:
        raise component.problem(
            f"{name} is {outside[0]:g}, and its range from {low:g} to {high:g}",
            "Correct the range of its class, or the formula",
        )


def drawn_counts(task: str, classes: int, epochs: int) -> dict[str, np.ndarray]:
    """Counts of some epochs as training makes them (see `segsweep.metrics`), drawn from a fixed seed.

    No class is without a pixel.
    """
    rng = np.random.default_rng(0)
    if task == "text":
        matched, more, missed = rng.integers(1, 9, (3, epochs))
        return {"words": np.stack([matched, matched + missed, matched + more], axis=-1)}
    if task == "multilabel":
        return {"labels": rng.integers(1, 99, (epochs, classes, 2, 2))}
    counts = {"confusion": rng.integers(1, 99, (epochs, classes, classes))}
    if task == "multitask":
        counts["precision"] = np.sort(rng.random((epochs, 10, 101, classes - 1)), axis=-2)[..., ::-1, :]
    return counts
