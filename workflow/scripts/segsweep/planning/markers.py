"""What Snakemake sees of the store: a small file for each segment that is trained."""

import os
from pathlib import Path

from segsweep.store.segment_store import SegmentStore

MARKERS = Path("results/markers")


def mark(store: SegmentStore, wanted: set[str], markers: Path = MARKERS) -> None:
    """Make the markers agree with the store: one for each wanted segment that is complete, none for one that is not.

    A marker that a job just made must not be touched again: its time says when the segment was finished.
    """
    markers.mkdir(parents=True, exist_ok=True)
    present = {entry.name for entry in os.scandir(markers)}
    for segment in (wanted & set(store.complete)) - present:
        (markers / segment).touch()
    for segment in (wanted & present) - set(store.complete):
        (markers / segment).unlink()
