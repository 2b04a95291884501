"""Levels as tables have them, texts, and the numbers that they are."""

import math


def same_text(text: str, texts: set[str]) -> bool:
    """Whether a level's text is one of these, numbers compared as numbers (`1e-3` is `0.001`)."""
    if text in texts:
        return True
    value = as_number(text)
    return value is not None and any(as_number(other) == value for other in texts)


def as_number(text: str) -> float | None:
    """The finite number that a level's text is, or None."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
