"""Why a segment must be trained: what differs from the last time its run was complete."""

import hashlib
import json
from pathlib import Path

from segsweep.planning.code_fingerprint import entries, fingerprint_of
from segsweep.planning.runs import Context, Plan, Run, Segment
from segsweep.store.segment_store import Store


def _facts(run: Run, segment: Segment, context: Context) -> dict:
    dump = run.cell.resolved.dump
    train = json.dumps([*run.cell.resolved.outcome(), json.dumps(segment.loss, sort_keys=True)])
    named = entries(dump | {"loss": segment.loss}, context.task)
    return {
        "setting": hashlib.sha256(train.encode()).hexdigest()[:12],
        "data": context.data(dump["data"]),
        "weights": context.weights(dump["model"]["encoder_weights"]),
        "code": {name.removeprefix("segsweep."): fingerprint_of(name) for name in sorted(named)},
    }


class History:
    """What each run of a study was made of when it was last complete, in a JSON file."""

    def __init__(self, path: Path, context: Context):
        self.path, self.context = path, context
        self.known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def remember(self, plan: Plan, store: Store) -> str:
        """The history with all runs that are complete now, as the text of its file."""
        for run in plan.runs:
            last = run.segments[-1]
            if last in store.complete and self.known.get(run.run, {}).get("segment") != last:
                self.known[run.run] = {"segment": last} | _facts(run, plan.segments[last], self.context)
        return json.dumps(self.known, sort_keys=True)

    def why(self, run: Run, segment: Segment, store: Store) -> str:
        """One reason: not trained yet, interrupted, changed data, setting or code, more epochs."""
        if segment.id in store.started:
            return "was interrupted, goes on"
        if segment.id in store.left_out:
            return f"ended out of memory, and on_oom is {run.cell.resolved.sections['on_oom'].dump} now"
        before = self.known.get(run.run)
        if before is None:
            return "not trained yet"
        now = _facts(run, segment, self.context)
        if before["data"] != now["data"]:
            return "the data changed"
        if before.get("weights", "") != now["weights"]:
            return "the file of the encoder's weights changed"
        if before["setting"] != now["setting"]:
            return "the setting changed"
        changed = [name for name, code in now["code"].items() if before["code"].get(name) != code]
        if changed:
            return f"the code of {', '.join(changed)} changed"
        return "no longer in the store" if before["segment"] == segment.id else "prolonged or cut anew"
