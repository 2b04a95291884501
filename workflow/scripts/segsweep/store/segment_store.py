"""The store of trained segments: what is complete, what it came from, and the markers that Snakemake sees."""

import json
import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

STORE = Path("results/segments")
MARKERS = Path("results/markers")


def split_id(segment: str) -> tuple[str, int]:
    """The stretch and the last epoch that a segment's id is made of."""
    stretch, _, epoch = segment.rpartition("-")
    return stretch, int(epoch)


def selection_key(metric: str, minimize: bool) -> str:
    """By what an epoch is a run's best one, as `best` in segment.json names it: `max val/miou`."""
    return f"{'min' if minimize else 'max'} {metric}"


class Store:
    """Read-only view of a folder of segments, taken when it is first asked."""

    def __init__(self, root: Path = STORE):
        self.root = root
        self.left_out: set[str] = set()
        self._records: dict[str, dict[str, Any]] = {}

    @cached_property
    def complete(self) -> frozenset[str]:
        """Ids of all complete segments: a folder is renamed to its id when the last file is there."""
        if not self.root.is_dir():
            return frozenset()
        return frozenset(
            entry.name
            for entry in os.scandir(self.root)
            if not entry.name.endswith(".part") and os.path.exists(f"{entry.path}/segment.json")
        )

    @cached_property
    def started(self) -> frozenset[str]:
        """Ids of segments that are being trained, or were when something ended the training."""
        if not self.root.is_dir():
            return frozenset()
        return frozenset(
            entry.name.removesuffix(".part") for entry in os.scandir(self.root) if entry.name.endswith(".part")
        )

    @cached_property
    def ends(self) -> dict[str, list[int]]:
        """Last epochs of the complete segments of each stretch, ascending."""
        ends: dict[str, list[int]] = {}
        for segment in self.complete:
            stretch, epoch = split_id(segment)
            ends.setdefault(stretch, []).append(epoch)
        return {stretch: sorted(epochs) for stretch, epochs in ends.items()}

    def to_repeat(self, segments: Iterable[str], on_oom: str) -> set[str]:
        """Those of some complete segments that do not stand for a training with this `on_oom`."""
        if on_oom == "skip":  # which spares reading what each segment says of itself
            return set()
        return {segment for segment in segments if not stands(self.record(segment), on_oom)}

    def leave_out(self, segments: Iterable[str]) -> None:
        """Do not count these as complete from now on: they are to be trained again."""
        self.left_out |= set(segments)
        self.__dict__["complete"] = self.complete - self.left_out
        self.__dict__.pop("ends", None)

    def record(self, segment: str) -> dict[str, Any]:
        """The `segment.json` of a complete segment."""
        if segment not in self._records:
            self._records[segment] = json.loads((self.root / segment / "segment.json").read_text(encoding="utf-8"))
        return self._records[segment]

    def chain(self, segment: str) -> list[str]:
        """A complete segment and those of the same stretch that it was really trained from, the first one first."""
        chain = [segment]
        while len(self.ends[split_id(segment)[0]]) > 1:
            parent = self.record(chain[0])["parent"]
            if parent is None or split_id(parent)[0] != split_id(segment)[0]:
                break
            chain.insert(0, parent)
            if parent not in self.complete:
                break
        return chain


def stands(record: dict[str, Any], on_oom: str) -> bool:
    """Whether a complete segment stands for a training with this `on_oom`.

    What ended out of memory may end otherwise where the setting then was another one, unless that is to be recorded.
    """
    return record["status"] != "oom" or on_oom in ("skip", record["train"]["on_oom"])


def mark(store: Store, wanted: set[str], markers: Path = MARKERS) -> None:
    """Make the markers agree with the store: one for each wanted segment that is complete, none for one that is not.

    A marker that a job just made must not be touched again: its time says when the segment was finished.
    """
    markers.mkdir(parents=True, exist_ok=True)
    present = {entry.name for entry in os.scandir(markers)}
    for segment in (wanted & store.complete) - present:
        (markers / segment).touch()
    for segment in (wanted & present) - store.complete:
        (markers / segment).unlink()
