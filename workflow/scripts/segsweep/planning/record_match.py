"""Whether the record of a segment that somebody else trained is of the training that a plan means.

Its address says what was trained, but anybody can write any address into a record. So what the record says is compared
with what the plan holds. What a person named (an augmentation, weights, the column that a monitor watches) may have
another name there, and how many epochs follow may be another number: the fingerprints and the address speak of these.
"""

from typing import Any

from segsweep.config.train import Train
from segsweep.errors import InputError
from segsweep.own_code.names import without_folder
from segsweep.planning.addresses import InForce, Meaning, differences
from segsweep.planning.plan_file import SegmentPlan
from segsweep.store.segment_record import ID, SegmentRecord, split_id

NAMED = ("monitor", "augmentation", "augmentation_backend", "encoder_weights")
EQUAL = ("seed", "fold", "trainer", "data_fingerprint", "code_fingerprint")
OF_PROGRAM = ("command", "environment")


def disagreement(record: SegmentRecord, planned: SegmentPlan) -> str:
    """What a record says otherwise than a plan; empty where they agree.

    Args:
        record: of a segment.
        planned: the segment, or another one of the same phase.
    """
    try:
        return _disagreement(record, planned)
    except (InputError, ValueError, TypeError, LookupError, AttributeError) as error:  # it may hold anything
        return f"it cannot be read ({' '.join(str(error).split())[:200]})"


def _disagreement(record: SegmentRecord, planned: SegmentPlan) -> str:
    for name in EQUAL:
        said, meant = getattr(record, name), getattr(planned, name)
        if said != meant:
            return f"it says {name} {_shown(said)}, the plan {_shown(meant)}"
    last = split_id(record.id)[1]
    if record.last_epoch != last or not 1 <= record.first_epoch <= last:
        return f"it says epochs {record.first_epoch} to {record.last_epoch}"
    if record.parent != planned.parent and not _continues_phase(record):
        return f"it says that it continues {record.parent}, the plan {planned.parent}"
    if planned.program is not None:
        program = record.program or {}
        other = [name for name in OF_PROGRAM if program.get(name) != planned.program[name]]
        return f"it was called with another {other[0]}" if other else ""
    task = planned.dataset["task"]
    said, meant = _settings(record.train, task), _settings(planned.train, task)
    other = [name for name in {**meant, **said} if said.get(name) != meant.get(name)]
    return f"it was trained with another {other[0]}" if other else ""


def _settings(train: dict[str, Any], task: str) -> dict[str, Any]:
    """What settings add to an address, but for what a person named and the number of epochs."""
    in_force = InForce(task, dict.fromkeys(NAMED, lambda value: Meaning()), name_of=without_folder)
    found = differences(Train.model_validate(train), in_force)
    return {name: value for name, value in found.items() if name != "epochs"}


def _continues_phase(record: SegmentRecord) -> bool:
    """Whether it continues a segment of its own phase that ends right before it: a phase may be cut elsewhere."""
    if not ID.fullmatch(record.parent or ""):
        return False
    phase, last = split_id(record.parent)
    return phase == split_id(record.id)[0] and last == record.first_epoch - 1


def _shown(value: Any) -> str:
    text = str(value) if value not in ("", None) else "nothing"
    return text if len(text) <= 60 else f"{text[:60]}..."
