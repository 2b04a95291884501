"""What is for one logit only."""

from segsweep.errors import InputError


def require_one_logit(place: str, classes: int, instead: str) -> None:
    """Raises InputError naming `place` in the settings unless the network has one logit."""
    if classes != 1:
        raise InputError(
            f"{place} is for one logit (a data set with task: binary), but there are {classes} classes; {instead}"
        )
