"""Step files: where they lie, how they are read and written, and which of them still hold."""

import json
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from segsweep.config.study import Study
from segsweep.io import read_json
from segsweep.search.decision_inputs import asked, settings_digest
from segsweep.search.decisions import State


def step_file(folder: Path, step: int) -> Path:
    """The file of a step in results/<study>/sweep."""
    return folder / f"step_{step:03d}.json"


def read_steps(folder: Path) -> list[State]:
    """The states of steps 0, 1, ... as far as they go without a gap."""
    states: list[State] = []
    while (file := step_file(folder, len(states))).is_file():
        states.append(read_json(file))
    return states


def as_text(values: Any) -> str:
    """JSON with sorted keys: the same values are the same bytes."""
    return json.dumps(values, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(file: Path, values: Any) -> None:
    """Write under a temporary name, then rename: no reader ever sees a part of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{os.getpid()}.part")
    with partial.open("w", encoding="utf-8") as out:
        out.write(as_text(values))
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)


def valid_steps(
    study: Study,
    states: list[State],
    segments_of: Callable[[dict[str, Any]], Collection[str]] | None = None,
    lineage: dict[str, Any] | None = None,
) -> int:
    """How many of the first steps still hold for the study as it is now.

    Search steps hold as long as no setting of the search changed; raising `trials` changes none. Later ones depend on
    the number of trials and on `confirm` and `ensemble` too. No step holds after one that does not.

    Args:
        study: after `smoke`.
        states: in order from step 0.
        segments_of: ids of the segments of a wanted run as it is planned now; if given, a step whose results came
            from other segments (the base setting, the data or the code changed) does not hold.
        lineage: what narrows the study's space now; if given, no step holds whose space was narrowed otherwise.
    """
    digest = settings_digest(study)
    if lineage is not None and states and states[0].get("lineage") != lineage:
        return 0
    for number, state in enumerate(states):
        if state["settings"] != digest or state["step"] != number:
            return number
        searching = state["phase"] == "search"
        if study.sweep is not None and len(state["trials"]) > study.sweep.trials:
            return number
        if not searching and state["asked"] != asked(study, "confirm" if state["phase"] == "confirm" else "ensemble"):
            return number
        if segments_of is not None and number:
            wanted = {item["key"]: item for item in states[number - 1]["wanted"]}
            if any(segment not in segments_of(wanted[key]) for key, segment in state["evidence"].items()):
                return number
    return len(states)
