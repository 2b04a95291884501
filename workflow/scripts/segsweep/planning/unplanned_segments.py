"""Segments that were pulled while no plan here asked for them: the first plan that does compares them.

Each is noted by an empty file of its name in `.unplanned` of the store, before it is there, until a plan agrees.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from segsweep.io import write_text
from segsweep.planning.plan_file import SegmentPlan
from segsweep.planning.record_match import disagreement
from segsweep.store.segment_store import SegmentStore

FOLDER = ".unplanned"


def note_unplanned(store: Path, segment: str) -> None:
    """Note that a segment is about to come into the store, and was compared with no plan."""
    write_text(store / FOLDER / segment, "")


def compare_unplanned(store: SegmentStore, planned: Mapping[str, SegmentPlan]) -> list[str]:
    """Compare those of a plan that were compared with none so far; what is wrong, a line for each.

    Args:
        store: of all segments.
        planned: the segments of the plan, by id.
    """
    try:
        noted = os.listdir(store.root / FOLDER)
    except FileNotFoundError:
        return []
    found = []
    for segment in sorted(planned.keys() & set(noted) & store.complete.keys()):
        record = store.record_or_none(segment)
        if record is None:  # whoever must read it says so
            continue
        if wrong := disagreement(record, planned[segment]):
            found.append(
                f"{store.folder(segment)}: was pulled while no plan asked for it, and is not what this plan means: "
                f"{wrong}. Remove that folder, and start again: it trains."
            )
        else:
            with suppress(OSError):  # a store that may only be read: compared again then
                (store.root / FOLDER / segment).unlink()
    return found
