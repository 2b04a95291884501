"""Correction for many comparisons, over all of a study.

Source: Holm (1979), A simple sequentially rejective multiple test procedure; its weighted form is in section 4.
"""

import numpy as np

from segsweep.analysis.measures import is_measure
from segsweep.analysis.study_results import StudyResults
from segsweep.planning.plan_file import RANKED_ROLES

STUDY_ALPHA = 0.05  # share of studies without any effect that state one
SHARES = {"levels": 0.5, "cells": 0.2, "interaction": 0.2, "correlation": 0.1}


def shares_of(results: StudyResults) -> dict[str, float]:
    """Share of `STUDY_ALPHA` of each kind of finding, over the kinds that the study's design allows."""
    basis, runs = results.error_basis, results.runs
    several = runs.loc[runs["usable"] & runs["role"].isin(RANKED_ROLES), "cell"].nunique() > 1
    there = {
        "levels": bool(results.axes) and basis != "none",
        "cells": several and basis == "replicates",
        "interaction": len(results.axes) > 1 and basis != "none" and not results.pruned,
        "correlation": several and basis != "none" and any(map(is_measure, runs)),
    }
    total = sum(SHARES[kind] for kind, has in there.items() if has)
    return {kind: SHARES[kind] / total for kind, has in there.items() if has}


def alpha_of(results: StudyResults) -> float:
    """The level at which a study states something: seeds that race are looked at several times, which is paid for."""
    return STUDY_ALPHA / results.looks


def weighted_holm(p: np.ndarray, weights: np.ndarray, total: float) -> np.ndarray:
    """Adjusted p of several tests, not clipped at 1: at most a share alpha of studies without effects has one <= alpha.

    Args:
        p: of each test.
        weights: the share of alpha that each test starts with.
        total: sum of the weights of all tests that might have been made, at least that of `weights`.
    """
    p, weights = np.asarray(p, float), np.asarray(weights, float)
    order = np.argsort(p / weights, kind="stable")
    left = total - np.concatenate([[0.0], np.cumsum(weights[order])[:-1]])
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(p[order] * left / weights[order] / total)
    return adjusted
