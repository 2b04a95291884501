"""Why a segment must be trained: what differs from the last time its run was complete."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segsweep.config.dotted_keys import flat
from segsweep.config.train import Train
from segsweep.formatting import plural
from segsweep.io import read_json_or_none
from segsweep.planning.addresses import as_text, default_components
from segsweep.planning.code_fingerprint import Code
from segsweep.planning.program_fingerprint import ProgramCode
from segsweep.planning.runs import Phase, Plan, Segment
from segsweep.store.segment_record import split_id
from segsweep.store.segment_store import SegmentStore

FORMAT = 2
SHOWN = 3
WEIGHTS = "model.encoder_weights.content"


class History:
    """What each run of a study was made of when it was last complete. It can be lost: reasons are then vaguer."""

    def __init__(
        self, code: Code | ProgramCode, known: Mapping[str, Any] | None = None, *, data_in_words: str = "the data"
    ):
        """
        Args:
            code: the code as it is now.
            known: what `read_history` gave.
            data_in_words: what the address of a run's data stands for.
        """
        self.code, self.data_in_words = code, data_in_words
        known = known or {"runs": {}, "code": {}}
        self._runs: dict[str, dict[str, Any]] = dict(known["runs"])
        self._code: dict[str, dict[str, str]] = dict(known["code"])

    def remember(self, plan: Plan, store: SegmentStore) -> None:
        """Take in all runs that are complete now."""
        for run in plan.runs:
            last = run.segments[-1]
            if last not in store.complete or self._runs.get(run.run, {}).get("segment") == last:
                continue
            self._runs[run.run] = {
                "segment": last,
                "data": run.data,
                "phases": [{"first": one.first, "setting": one.setting, "code": one.code} for one in run.phases],
            }
            for phase in run.phases:
                if phase.code not in self._code:
                    self._code[phase.code] = self.code.hashes(phase.roots)

    def text(self) -> str:
        """Everything known, as the text of a file for `read_history`."""
        used = {phase["code"] for run in self._runs.values() for phase in run["phases"]}
        code = {name: hashes for name, hashes in self._code.items() if name in used}
        return json.dumps({"format": FORMAT, "runs": self._runs, "code": code}, sort_keys=True)

    def checked(self, run: str, segment: str, selection: str) -> str | None:
        """Under which version of a metric it was seen that a complete run keeps its best epoch; None if never."""
        known = self._runs.get(run, {})
        return known.get("selections", {}).get(selection) if known.get("segment") == segment else None

    def note_checked(self, run: str, segment: str, selection: str, version: str) -> None:
        """Note that a complete run keeps its best epoch by a selection, under a version of its metric."""
        known = self._runs.get(run, {})
        if known.get("segment") == segment:
            known.setdefault("selections", {})[selection] = version

    def why(self, segment: Segment, store: SegmentStore, left_out: Mapping[str, str]) -> str:
        """One reason.

        Args:
            segment: that is not complete, or does not stand.
            store: what there is.
            left_out: why complete segments do not stand, by their ids.
        """
        if segment.id in store.started:
            return "was interrupted, resumes"
        if segment.id in left_out:
            return left_out[segment.id]
        run = segment.run
        before = self._runs.get(run.run)
        if before is None:
            return "not trained yet"
        if before["data"] != run.data:
            return f"{self.data_in_words} changed"
        for phase in run.phases[: run.phases.index(segment.phase) + 1]:
            if reason := self._changed(phase, before["phases"]):
                return reason
        hash_, end = split_id(before["segment"])
        if hash_ == segment.phase.hash and end < segment.last_epoch:
            return f"extended from epoch {end}"
        if hash_ in [phase.hash for phase in run.phases]:
            return "no longer in the store"
        return "its epochs are divided otherwise"

    def _changed(self, phase: Phase, before: list[dict[str, Any]]) -> str | None:
        """What differs between a phase and that which held its first epoch before."""
        then = [one for one in before if one["first"] <= phase.first][-1]
        if then["setting"] != json.loads(as_text(phase.setting)):
            return _setting_changed(flat(then["setting"]), flat(json.loads(as_text(phase.setting))))
        if then["code"] == phase.code:
            return None
        old, new = self._code.get(then["code"], {}), self.code.hashes(phase.roots)
        changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        return f"the code of {_listed(changed)} changed" if old else "the code changed"


def read_history(path: Path) -> dict[str, Any] | None:
    """The content of a history file; None where there is none that can be used."""
    known = read_json_or_none(path)
    try:
        if known["format"] != FORMAT:
            return None
        for run in known["runs"].values():
            split_id(run["segment"])
            run["data"], [(phase["first"], phase["setting"], phase["code"]) for phase in run["phases"]]
        return {"runs": known["runs"], "code": dict(known["code"])}
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _setting_changed(then: dict[str, Any], now: dict[str, Any]) -> str:
    by_default = default_components(Train)
    then, now = by_default | then, by_default | now
    changed = sorted(name for name in then.keys() | now.keys() if then.get(name, then) != now.get(name, now))
    # An empty section that now has keys: these say it.
    changed = [name for name in changed if not any(other.startswith(f"{name}.") for other in changed)]
    if changed == [WEIGHTS]:
        return "the file of the encoder's weights changed"
    if len(changed) == 1:
        (name,) = changed
        return f"the setting {name} changed from {_shown(then, name)} to {_shown(now, name)}"
    return f"the settings {_listed(changed)} changed"


def _shown(values: dict[str, Any], name: str) -> str:
    return as_text(values[name]) if name in values else "its default"


def _listed(names: list[str]) -> str:
    if len(names) <= SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[: SHOWN - 1])} and {plural(len(names) - SHOWN + 1, 'other')}"
