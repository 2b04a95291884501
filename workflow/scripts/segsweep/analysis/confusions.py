"""What the models of the best cells take each class for: confusions at the runs' best epochs.

Which cell is the best is decided later, by the analysis; so the confusions of all cells that it may choose are kept,
and of no more: those of ten thousand cells with 150 classes would be larger than all other tables together.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from segsweep.planning.plan_file import StudyPlan
from segsweep.statuses import FAILED, USABLE
from segsweep.store.segment_store import SegmentStore
from segsweep.tables import Column, Table

MOST_CELLS, FEWEST_CELLS, MOST_ROWS = 20, 3, 200_000


class Confusions(Table):
    """A class of the ground truth and a predicted class, of one of the best cells without failed runs; at most 20."""

    file = "confusions.csv"
    rules = ("collect_results",)
    columns = (
        Column("cell", "text", "Key of the cell."),
        Column("n", "integer", "Usable runs that were added up, each at its best epoch."),
        Column("class", "text", "Class of the ground truth; of several labels a pixel `label` and `not label`."),
        Column("predicted", "text", "Predicted class. Pairs without a pixel have no row."),
        Column("pixels", "integer", "Validation pixels, summed over the runs.", unit="px"),
    )


def confusion_rows(
    plan: StudyPlan, runs: Sequence[Mapping[str, Any]], store: SegmentStore, classes: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows of confusions.csv.

    Args:
        plan: the study as it was planned.
        runs: rows of runs.csv.
        store: the trained segments.
        classes: all of the data set; none where nothing is known of any.

    Raises:
        InputError: a segment's counts are unreadable.
    """
    if not classes:  # a program of the user's own counts nothing
        return []
    usable = defaultdict(list)
    for run in runs:
        if run["status"] in USABLE and run["role"] != "ensemble" and run.get(plan.metric) and run.get("best_epoch"):
            usable[run["cell"]].append(run)
    most = max(FEWEST_CELLS, min(MOST_CELLS, MOST_ROWS // len(classes) ** 2))
    rows = []
    for cell in _best_cells(plan, runs, usable)[:most]:
        parts = [_at_best_epoch(store, run["segments"].split(), int(run["best_epoch"])) for run in usable[cell]]
        counted = [part for part in parts if part is not None]
        if not counted:
            continue
        total = np.sum(counted, axis=0)
        by_label = total.ndim == 3  # (C, 2, 2)
        for names, pixels in zip(map(label_pair, classes), total, strict=True) if by_label else [(classes, total)]:
            rows += [
                {"cell": cell, "n": len(counted), "class": names[i], "predicted": names[j], "pixels": int(pixels[i, j])}
                for i, j in np.argwhere(pixels)
            ]
    return rows


def label_pair(label: str) -> tuple[str, str]:
    """What a pixel is by a label of which it may carry several: without it, and with it."""
    return f"not {label}", label


def _best_cells(
    plan: StudyPlan, runs: Iterable[Mapping[str, Any]], usable: Mapping[str, list[Mapping[str, Any]]]
) -> list[str]:
    """Cells with usable runs: those that were confirmed, those without a failed run, the rest; each by mean score."""
    confirmed = {run["cell"] for run in runs if run["role"] == "confirm"}
    unsound = {run["cell"] for run in runs if run["status"] in FAILED}
    sign = -1 if plan.minimize else 1
    means = {cell: np.mean([float(run[plan.metric]) for run in own]) for cell, own in usable.items()}
    return sorted(usable, key=lambda cell: (cell not in confirmed, cell in unsound, -sign * means[cell]))


def _at_best_epoch(store: SegmentStore, segments: list[str], epoch: int) -> np.ndarray | None:
    """int64 (C, C), of labels (C, 2, 2), of the segment that trained the epoch; None where it counted no pixels."""
    for segment in segments:
        record = store.record(segment)
        if record.first_epoch <= epoch <= record.last_epoch:
            counts = store.read_counts(segment) if store.counts(segment).is_file() else {}
            position = epoch - record.first_epoch
            found = counts.get("confusion", counts.get("labels"))
            return found[position] if found is not None and position < len(found) else None
    return None
