"""Losses, a file each: a class of settings, and

build(settings, classes, class_weights=None) -> torch.nn.Module

for a loss that is a term of a weighted sum (`segsweep.config.components.Term`). The module's `forward(logits, target)`
takes logits (B, classes, H, W) of any floating type and target int64 (B, H, W) with classes 0 to C - 1 (binary output:
one logit, classes 0 and 1) and 255 for void; a float32 scalar comes back. Void pixels count nowhere. If all are void,
the loss is 0 and so are its gradients. `class_weights` are float32 (C,) or None. The losses `detection` and `db` belong
to a task, which says what they take.
"""

from segsweep.errors import InputError


def require_binary(key: str, classes: int, instead: str) -> None:
    """Raises InputError naming `key` of the settings unless the network has a binary output."""
    if classes != 1:
        raise InputError(
            f"{key} is for a binary output (a data set with task: binary), but there are {classes} classes; {instead}"
        )
