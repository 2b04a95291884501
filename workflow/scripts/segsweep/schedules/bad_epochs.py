"""Counting the epochs in a row that did not improve, for the plateau and for early stopping alike."""

from typing import Any

from segsweep.metrics import improves


def count_bad_epochs(state: dict[str, Any], value: float, minimize: bool, min_delta: float) -> dict[str, Any]:
    """The state after an epoch: "best", the best value so far, and "bad", the epochs since it; the rest as it was.

    Args:
        state: {"best" (None before the first epoch), "bad"}, and what else it holds.
        value: of the column watched, in this epoch.
        minimize: whether lower is better.
        min_delta: a value improves if it is better than the best one by more than this.
    """
    if improves(value, state["best"], minimize, min_delta):
        return state | {"best": value, "bad": 0}
    return state | {"bad": state["bad"] + 1}
