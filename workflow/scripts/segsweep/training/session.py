"""What is in memory while a segment is trained, how it comes about, and what is left of it at the end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from segsweep.config.train import Train
from segsweep.inference.batch_means import BatchMeans
from segsweep.inference.forward import Forward, memory_format
from segsweep.optimizers import build_optimizer
from segsweep.planning.plan_file import SegmentPlan
from segsweep.store.best_epoch import Selections
from segsweep.store.checkpoints import write_arrays
from segsweep.store.segment_store import STATE, SegmentStore
from segsweep.training import memory, run_state
from segsweep.training.checkpointing import CheckpointWriter
from segsweep.training.dataloaders import DataLoaders, prefetch
from segsweep.training.gradient_scaling import GradientScaler
from segsweep.training.run_state import RunState, StartedEpoch
from segsweep.training.seeding import WEIGHTS, all_generator_states, reseed
from segsweep.training.selections import add_best, are_written, batch_means, kept_epochs
from segsweep.training.stopwatch import Stopwatch
from segsweep.training.weight_averaging import averaged


@dataclass
class Session:
    """What is in memory while a segment is trained.

    Attributes:
        segment, train: the segment's plan and its settings.
        store: of all segments; `store.part(segment.id)` is the folder that is written.
        scaler: of the gradient; it does nothing but in float16.
        ema: the average of the weights; None where there is none.
        selections: of which the weights of the best epoch are kept.
        batch_means: the metrics of batches that the study names; None where it names none.
        order: of images and weights in memory.
        check_stop: raises `Interrupted` when the job is to end.
        writer: of states and of the weights of best epochs.
        watch: measures what `state.started.seconds` counts.
    """

    segment: SegmentPlan
    train: Train
    store: SegmentStore
    device: torch.device
    loaders: DataLoaders
    model: nn.Module
    criterion: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: GradientScaler
    ema: AveragedModel | None
    forward: Forward
    state: RunState
    selections: Selections
    batch_means: BatchMeans | None
    order: torch.memory_format
    check_stop: Callable[[], None]
    writer: CheckpointWriter
    watch: Stopwatch = field(default_factory=Stopwatch)

    def batches(self, loader: Any, epoch: int, start: int = 0) -> Iterator[dict]:
        """The batches of an epoch from the given one on, some of them made ahead while a GPU is busy."""
        return prefetch(loader.epoch(epoch, start), 4 if self.device.type == "cuda" else 0)

    @property
    def evaluated(self) -> nn.Module:
        """The network that is evaluated and kept: the averaged one if there is one."""
        return self.model if self.ema is None else self.ema.module

    @property
    def forward_evaluated(self) -> Forward:
        """The forward pass of the network that is evaluated."""
        return Forward(self.evaluated, self.forward.normalize, self.train, self.device)

    @property
    def weights_are_kept(self) -> bool:
        """Whether the network is as it was kept of the last epoch: that is one of the best, and no step followed."""
        kept = self.state.epoch in kept_epochs(self.state, self.segment.id)
        return kept and self.ema is None and not self.state.started.steps

    def content(self) -> dict[str, Any]:
        """The complete state as it is, between two steps or after the last one of an epoch."""
        done = self.state.started
        done.seconds += self.watch.lap()
        if done.steps:
            done.skipped_steps = self.scaler.skipped_steps
            if not done.is_trained:  # else they were taken then: an evaluation that was interrupted may have drawn
                done.generators = all_generator_states(self.device)
        loss = self.train.loss.model_dump(mode="json")
        modules = (None if self.weights_are_kept else self.model, self.criterion, self.optimizer)
        others = others_with_state(self.scaler, self.ema)
        return run_state.content_of(self.state, loss, *modules, others=others)

    def save(self) -> None:
        """Write the state, and what it refers to."""
        self.writer.write(self.content(), self.state.rows, kept_epochs(self.state, self.segment.id), flush=True)

    def drop_started_epoch(self) -> None:
        """Forget an epoch that does not come to its end."""
        self.state.started = StartedEpoch()
        self.watch.lap()

    def outcome(self, status: str, detail: str = "") -> dict:
        """How the training of the segment ended; what is left of it is written down.

        That is the state only where something may resume from it. What publishes the segment flushes the files.
        """
        if status == "interrupted":
            self.save()
        else:
            state = self.content() if status == "finished" and self.segment.can_be_extended else None
            is_last = (
                self.segment.last_epoch == self.segment.total_epochs
            )  # else what continues it reads the files next
            kept = kept_epochs(self.state, self.segment.id)
            self.writer.write(state, self.state.rows, kept, flush=False, set_aside=is_last)
            write_counts(self.store, self.segment, self.state)
        self.writer.wait()
        self.state.started.seconds += self.watch.lap()
        outcome = outcome_of(status, detail, self.state, self.train, self.model)
        return outcome | {"state_without_weights": self.weights_are_kept}


def set_up(
    segment: SegmentPlan,
    train: Train,
    store: SegmentStore,
    device: torch.device,
    loaders: DataLoaders,
    selections: Selections,
    check_stop: Callable[[], None],
) -> Session:
    """Weights, then the state: this segment's own, else its parent's, else the beginning of the run."""
    folder = store.part(segment.id)
    folder.mkdir(parents=True, exist_ok=True)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    order = memory_format(train)
    reseed(segment.seed, WEIGHTS)
    model = loaders.task.model().to(device)
    criterion = loaders.task.criterion().to(device)
    if train.channels_last:
        model = model.to(memory_format=order)
    optimizer = build_optimizer(train.optimizer, model, criterion)
    scaler = GradientScaler(train.precision, device)
    ema = averaged(model, train.ema) if train.ema else None
    in_background = device.type == "cuda"
    writer = CheckpointWriter(store, segment.id, sum(_bytes(model)), device, in_background)
    session = Session(
        segment,
        train,
        store,
        device,
        loaders,
        model,
        criterion,
        optimizer,
        scaler,
        ema,
        Forward(model, loaders.normalize.to(device), train, device),
        RunState(train.batch_size),
        selections,
        batch_means(segment, selections, train, loaders.kind, loaders.classes),
        order,
        check_stop,
        writer,
    )
    saved = saved_at(store, segment)
    if saved and not _restore(session, saved):
        saved.unlink()
        return set_up(segment, train, store, device, loaders, selections, check_stop)
    session.state.best = dict.fromkeys(selections) | session.state.best
    return session


def _restore(session: Session, saved: Path) -> bool:
    """Fill a session from a saved state; False where the segment must begin again.

    It must where an epoch of it that is a best one now is not there: it was trained under another metric, or ended, and
    was killed before it was published.
    """
    segment, loaders = session.segment, session.loaders
    is_own = saved.parent == session.store.part(segment.id)
    loss = session.train.loss.model_dump(mode="json")
    modules = (session.model, session.criterion, session.optimizer)
    others = others_with_state(session.scaler, session.ema)
    session.state = run_state.restore(saved, loss, *modules, session.device, others=others)
    if not is_own:
        _forget_parent(session.state)
    known = add_best(session.state, session.selections, segment, session.store, loaders.kind, loaders.classes)
    return not is_own or (known and are_written(session.state, segment.id, session.store))


def _forget_parent(state: RunState) -> None:
    """Leave out what a state of the parent tells of the parent alone."""
    state.rows, state.counts, state.started = [], [], StartedEpoch()


def others_with_state(scaler: GradientScaler, ema: AveragedModel | None) -> dict[str, Any]:
    """What has a state besides model, criterion and optimizer; nothing that is not in force."""
    found = {"scaler": scaler} if scaler.is_enabled() else {}
    return found if ema is None else found | {"ema": ema}


def saved_at(store: SegmentStore, segment: SegmentPlan) -> Path | None:
    """The state to resume from; none at the beginning of a run."""
    own = store.part(segment.id) / STATE
    if own.exists():
        return own
    return store.state(segment.parent) if segment.parent else None


def saved_state(segment: SegmentPlan, store: SegmentStore, train: Train, selections: Selections) -> RunState:
    """The plain part of the state to resume from, without a model."""
    saved = saved_at(store, segment)
    state = run_state.read(saved) if saved else RunState(train.batch_size)
    if saved and saved.parent != store.part(segment.id):
        _forget_parent(state)
    state.best = dict.fromkeys(selections) | state.best
    return state


def write_counts(store: SegmentStore, segment: SegmentPlan, state: RunState) -> None:
    """Write the counts of a segment that has ended."""
    write_arrays(store.part(segment.id) / store.counts(segment.id).name, state.stacked_counts())


def outcome_of(status: str, detail: str, state: RunState, train: Train, model: nn.Module | None = None) -> dict:
    """How a training ended; see `segsweep.trainers`. Without a model its size is not known."""
    rows = state.rows
    return {
        "status": status,
        "detail": detail,
        "epochs": state.epoch,
        "best": state.best,
        "parameters": sum(p.numel() for p in model.parameters()) if model else None,
        "checkpoint_mb": round(sum(_bytes(model)) / memory.MB, 3) if model else None,
        "train_seconds": round(sum(row["seconds"] for row in rows) + state.started.seconds, 3),
        "peak_memory_mb": max((row["peak_memory_mb"] for row in rows), default=None),
        "effective_batch": train.batch_size * train.accumulate,
        "micro_batch": min(state.micro_batch, train.batch_size),
    }


def _bytes(model: nn.Module) -> list[int]:
    """Of each tensor of its weights."""
    return [tensor.numel() * tensor.element_size() for tensor in model.state_dict().values()]
