"""Keys of different sections that exclude each other: what is wrong with a complete setting."""

from collections.abc import Mapping
from typing import Any


def contradictions(values: Mapping[str, Any]) -> list[tuple[tuple[str, ...], str]]:
    """What is wrong with a complete setting whose sections are each in order.

    Args:
        values: checked sections of `segsweep.config.train.Train`, by name.

    Returns:
        The key that a problem is about, and the problem with a remedy.
    """
    found: list[tuple[tuple[str, ...], str]] = []
    model, optimizer = values["model"], values["optimizer"]
    if optimizer.names_parts and not model.has_encoder:
        name = "lr_factor" if optimizer.freeze is None else "freeze"
        found.append(
            (
                ("optimizer", name),
                f"optimizer.{name} speaks of an encoder, and model.arch {model.arch} has none. Leave out {name}, or "
                "choose an architecture with an encoder (unet).",
            )
        )
    if optimizer.freeze is not None and values["loss"].task_weights == "gradnorm":
        found.append(
            (
                ("optimizer", "freeze"),
                "optimizer.freeze: loss.task_weights gradnorm compares the tasks' gradients in the encoder, and a "
                "frozen one has none. Choose other task_weights (uncertainty), or leave out freeze.",
            )
        )
    start = vars(values["scheduler"]).get("start_epoch", 0)  # pydantic looks long for what is not there
    if start and start >= values["epochs"]:
        found.append(
            (
                ("scheduler", "start_epoch"),
                f"scheduler.start_epoch is {start}, and a run ends after {values['epochs']} epochs: the rate would "
                "never fall. Lower it, or leave it out.",
            )
        )
    if values["clip"] is not None and values["clip_norm"] is not None:
        found.append(
            (
                ("clip",),
                "clip and clip_norm are both set. Keep one: `clip_norm: 1.0` trains as `clip: {norm: 1.0}` does.",
            )
        )
    return found
