"""All that a script must know of a run: its settings by phase, its data, and what it scored."""

from dataclasses import dataclass
from typing import Any

from segsweep import metrics
from segsweep.config.losses import Loss
from segsweep.config.objectives import COST
from segsweep.config.train import Train
from segsweep.data.classes import class_names
from segsweep.data.prepared import Prepared
from segsweep.data.prepared_checks import open_checked
from segsweep.data.splits import Refs, images_of_run
from segsweep.errors import InputError
from segsweep.planning.plan_file import SegmentPlan, StudyPlan
from segsweep.store.best_epoch import best_of_run
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore
from segsweep.typed_commands import typed, typed_report


@dataclass(frozen=True)
class TrainedRun:
    """A run that was trained.

    Attributes:
        study: name of the study.
        run: name of the run.
        train: its settings; the loss is that of the last phase.
        losses: of each phase its last epoch and its loss, in order.
        segments: its segments' plans, in order.
        record: of its last segment.
        prepared: its data.
        training, validation: its images, as (split, index).
        metric, minimize: by which an epoch is the best one.
        scores: columns of the validation split that the study names, `val/miou`, losses left out.
        best: {"epoch", "value"} of its best epoch; None where no epoch has a value.
    """

    study: str
    run: str
    train: Train
    losses: list[tuple[int, Loss]]
    segments: list[SegmentPlan]
    record: SegmentRecord
    prepared: Prepared
    training: Refs
    validation: Refs
    metric: str
    minimize: bool
    scores: list[str]
    best: dict[str, Any] | None

    @property
    def is_binary(self) -> bool:
        """Whether its network has a binary output."""
        return self.prepared.task == "binary"

    @property
    def logits(self) -> int:
        """Outputs of the network a pixel."""
        return 1 if self.is_binary else len(self.prepared.classes)

    @property
    def logits_of_loss(self) -> int:
        """Outputs a pixel that a loss sees at once: of several labels each by itself."""
        return 1 if self.prepared.task == "multilabel" else self.logits

    @property
    def epochs(self) -> int:
        """The last epoch that it may train."""
        return self.segments[-1].last_epoch

    @property
    def total_epochs(self) -> int:
        """The epoch that its schedule takes for the end."""
        return self.segments[-1].total_epochs


def read_trained_run(plan: StudyPlan, name: str, store: SegmentStore) -> TrainedRun:
    """A run of a study, of which all segments are in the store.

    Raises:
        InputError: there is no such run, it was not trained by segsweep's own loop, or not to its end yet.
    """
    run = plan.run_named(name)
    segments = [plan.segments[one] for one in run.segments]
    if not segments:
        raise InputError(
            f"{plan.name}: the run {name} was read from a table: nothing here trained it, and there is nothing to "
            "write out. Choose a run of a study that trains."
        )
    if segments[0].trainer != "builtin":
        raise InputError(
            f"{plan.name}: the run {name} was trained by the program that the study's `command` names. That program is "
            "the script already: plan.json holds the command under `shared.segment.program`."
        )
    if missing := [one.id for one in segments if not store.has(one.id)]:
        raise InputError(
            f"{plan.name}: the run {name} is not trained to its end: {store.root} lacks {', '.join(missing)}. Train it "
            f"first (`{typed_report(plan.name)}`), or fetch it (`{typed('pull')}`)."
        )
    last = segments[-1]
    record = store.record(last.id)
    train, classes = Train.model_validate(record.as_trained(last.train)), class_names(plan.dataset)
    prepared = open_checked(last.data, classes)
    training, validation = images_of_run(prepared, train.data, last.fold)
    return TrainedRun(
        study=plan.name,
        run=name,
        train=train,
        losses=_phases(segments),
        segments=segments,
        record=record,
        prepared=prepared,
        training=training,
        validation=validation,
        metric=last.metric,
        minimize=last.minimize,
        scores=_scores(plan, train),
        best=best_of_run(store, run.segments, last.metric, last.minimize, prepared.task, classes),
    )


def _phases(segments: list[SegmentPlan]) -> list[tuple[int, Loss]]:
    """The last epoch and the loss of each phase; segments that go on with the same loss are one phase."""
    phases: list[tuple[int, Loss]] = []
    for segment in segments:
        loss = Train.model_validate(segment.train).loss
        if phases and phases[-1][1] == loss:
            phases.pop()
        phases.append((segment.last_epoch, loss))
    return phases


def _scores(plan: StudyPlan, train: Train) -> list[str]:
    asked = [plan.metric, *plan.objectives, *plan.study.get("also_report", [])]
    asked += [train.early_stopping.monitor] if train.early_stopping else []
    asked += [train.scheduler.monitor] if train.scheduler.monitors else []
    asked = [name for name in dict.fromkeys(asked) if name and not name.startswith(COST)]
    return [name for name in asked if not metrics.is_loss(name)]
