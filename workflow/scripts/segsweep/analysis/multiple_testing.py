"""Correction for many comparisons."""

import numpy as np


def holm(p: list[float] | np.ndarray) -> np.ndarray:
    """Adjusted p of each of several tests: at most a share alpha of studies without effects has one at or below alpha.

    statsmodels' `multipletests` gives the same and collects garbage of the whole process at each call, which takes
    longer than the rest of a small study's analysis.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    p = np.asarray(p, float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
