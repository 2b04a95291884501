"""What is written down of a trained segment, and how its id is made."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

ID = re.compile(r"[0-9a-f]{16}-\d{4}")
# How a training may have ended. `interrupted` is none: such a segment resumes.
ENDINGS = ("finished", "early_stopped", "diverged", "oom")


def split_id(segment: str) -> tuple[str, int]:
    """The hash of the phase and the last epoch that a segment's id is made of."""
    phase, _, epoch = segment.rpartition("-")
    return phase, int(epoch)


def selection_key(metric: str, minimize: bool) -> str:
    """By what an epoch is a run's best one, as `best` of a record names it: `max val/miou`."""
    return f"{'min' if minimize else 'max'} {metric}"


@dataclass(slots=True)
class SegmentRecord:
    """What is written down of a complete segment.

    Attributes:
        id, label, first_epoch, last_epoch, parent, metric, minimize, seed, fold, train, dataset, data, trainer,
            program, can_be_extended, data_fingerprint, code_fingerprint: as in the plan that it was trained by
            (`SegmentPlan`).
        status: `finished`, `early_stopped`, `diverged` or `oom`; of a segment that continues one that ended early, the
            same as of that one.
        detail: what happened, in words.
        epochs: that the run was trained for up to the segment's end.
        best: of the run up to the segment's end, for each selection (`max val/miou`) the best epoch, its value and the
            segment that holds its weights: {"epoch", "value", "segment"}; None where no epoch has a value.
        parameters: of the network.
        checkpoint_mb: of its weights, MiB.
        train_seconds: of the segment's epochs, validation and the writing of checkpoints included.
        peak_memory_mb: on the GPU, of the process on a CPU, MiB.
        effective_batch: images for a step of the optimizer.
        micro_batch: images passed through the network at once.
        state_without_weights: whether its complete state leaves out the weights, as those of its last epoch are kept.
        precision: arithmetic that it was trained in, which settings with `precision: auto` do not tell; None of a
            program, or of earlier versions.
        versions, host: what it was trained with.
        history: its starts, and what happened between.
    """

    id: str
    status: str
    first_epoch: int
    last_epoch: int
    epochs: int
    train: dict[str, Any]
    label: str = ""
    parent: str | None = None
    metric: str = ""
    minimize: bool = False
    seed: int = 0
    fold: dict[str, Any] | None = None
    dataset: dict[str, Any] = field(default_factory=dict)
    data: str = ""
    trainer: str = "builtin"
    program: dict[str, Any] | None = None
    can_be_extended: bool = True
    data_fingerprint: str = ""
    code_fingerprint: str = ""
    detail: str = ""
    best: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    parameters: int | None = None
    checkpoint_mb: float | None = None
    train_seconds: float | None = None
    peak_memory_mb: float | None = None
    effective_batch: int | None = None
    micro_batch: int | None = None
    state_without_weights: bool = False
    precision: str | None = None
    versions: dict[str, str | None] = field(default_factory=dict)
    host: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Of the content of segment.json; keys that are no fields are passed over.

        Raises:
            TypeError: a field without a default is missing.
        """
        return cls(**{name: value for name, value in content.items() if name in _FIELDS})

    def to_json(self) -> dict[str, Any]:
        """The content of segment.json."""
        return asdict(self)

    def check_kinds(self) -> None:
        """Check that fields are of their kinds: somebody else may have written it.

        Raises:
            TypeError, LookupError: one is not.
        """
        if self.status not in ENDINGS:
            raise TypeError(f"status {self.status!r}")
        for name, kind in _KINDS.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} {getattr(self, name)!r}")
        for best in filter(None, self.best.values()):
            for name, kind in (("epoch", int), ("segment", str), ("value", float | int | None)):
                if not isinstance(best[name], kind):
                    raise TypeError(f"best {best!r}")

    @property
    def trained_epochs(self) -> int:
        """Epochs that the segment itself trained."""
        return max(0, self.epochs - self.first_epoch + 1)

    def best_by(self, metric: str, minimize: bool) -> dict[str, Any] | None:
        """The run's best epoch so far by a metric: {"epoch", "value", "segment"}; None where none is known."""
        return self.best.get(selection_key(metric, minimize))

    def as_trained(self, train: Mapping[str, Any]) -> dict[str, Any]:
        """Its settings as a plan has them, with what `precision: auto` took."""
        taken = self.precision if train.get("precision") == "auto" else None
        return dict(train) | ({"precision": taken} if taken else {})

    def stands(self, on_oom: str, selections: Iterable[str] = ()) -> bool:
        """Whether it stands for a training with this `on_oom` that must know its best epoch by these selections.

        What ended out of memory may end otherwise where the setting then was another one, unless that is recorded.
        """
        repeatable = self.status == "oom" and on_oom not in ("skip", self.train.get("on_oom"))
        return not repeatable and set(selections) <= set(self.best)


_FIELDS = frozenset(one.name for one in fields(SegmentRecord))
# Of a record that somebody else wrote, what is read without looking first.
_KINDS = {
    "id": str,
    "label": str,
    "detail": str,
    "first_epoch": int,
    "last_epoch": int,
    "epochs": int,
    "train": dict,
    "best": dict,
    "parent": str | None,
    "program": dict | None,
    "train_seconds": float | int | None,
    "peak_memory_mb": float | int | None,
    "checkpoint_mb": float | int | None,
    "micro_batch": int | None,
    "state_without_weights": bool,
    "precision": str | None,
    "parameters": int | None,
    "versions": dict,
    "host": dict,
    "history": list,
}
