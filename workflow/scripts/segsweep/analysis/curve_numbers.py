"""What is computed of the values of one curve."""

import math


def index_of_best(values: list[float], minimize: bool) -> int | None:
    """Index of the first best finite value, None if there is none."""
    finite = [value for value in values if math.isfinite(value)]
    return values.index(min(finite) if minimize else max(finite)) if finite else None


def sample_std(values: list[float]) -> float | None:
    """Sample standard deviation (n - 1); None of fewer than two values."""
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
