"""Training one segment, from top to bottom."""

from collections.abc import Callable, Iterable
from math import ceil, inf, isfinite, nan
from typing import Any

import torch

from segsweep.config.train import Train
from segsweep.inference.evaluation import evaluate
from segsweep.inference.forward import micro_batches, read, to_device
from segsweep.io import write_csv
from segsweep.planning.plan_file import SegmentPlan
from segsweep.schedules import Progress, learning_rate
from segsweep.store.best_epoch import selections_of
from segsweep.store.epoch_reports import drop_reports
from segsweep.store.segment_record import selection_key
from segsweep.store.segment_store import STATE, SegmentStore
from segsweep.training import early_stopping, memory
from segsweep.training.checkpointing import COLUMNS
from segsweep.training.clipping import clip_gradients, clip_of
from segsweep.training.dataloaders import DataLoaders, open_dataloaders
from segsweep.training.freezing import freeze_or_thaw
from segsweep.training.fused_steps import InOrderOfMemory
from segsweep.training.gradient_scaling import SMALLEST_SCALE
from segsweep.training.gradients import accumulate_gradients, grouped
from segsweep.training.run_state import RunState, StartedEpoch
from segsweep.training.seeding import all_generator_states, reseed, set_all_generator_states, set_determinism
from segsweep.training.selections import drop_other_epochs, kept_epochs, steering_scores, update_best
from segsweep.training.session import Session, outcome_of, saved_state, set_up, write_counts
from segsweep.training.stopwatch import Stopwatch

# No sensible loss of a mean over pixels comes near it; what is above does not come back.
EXPLOSION = 1e6
# Reading a loss waits for the GPU.
STEPS_BETWEEN_CHECKS = 25
# A clock may be too coarse for an epoch.
SHORTEST_S = 1e-6


class Interrupted(Exception):
    """`should_stop` said so."""


class Diverged(Exception):
    """The loss is not a number, infinite or beyond `EXPLOSION`, or float16 holds its gradient at no scale."""


def train_segment(
    segment: SegmentPlan,
    store: SegmentStore,
    *,
    device: str = "cpu",
    threads: int = 1,
    selections: Iterable[str] = (),
    should_stop: Callable[[], bool] = lambda: False,
    report: Callable[[dict, dict | None], None] = lambda row, best: None,
    note: Callable[[str], None] = lambda text: None,
    open_loaders: Callable[[SegmentPlan, Train, torch.device], DataLoaders] = open_dataloaders,
) -> dict:
    """Train the epochs of a segment in the store, resuming from the state that was last saved there.

    It is saved from time to time, between two steps, and when the segment ends or is to stop.

    Args:
        segment: its plan.
        store: of all segments; the parent is complete in it.
        device: "cpu", "cuda" or "cuda:N".
        threads: threads of torch on the CPU.
        selections: whose best epochs are kept besides that of the segment's own metric: `max val/dice`.
        should_stop: asked at each batch. What it raises ends the training, and nothing more is written.
        report: told of each finished epoch, with the scores that steer the run, and of the best one so far.
        note: told of what happens besides (out of memory, where it resumes).
        open_loaders: opens the data of a segment that trains on a device.

    Returns:
        {"status": finished | early_stopped | diverged | oom | interrupted, "detail", "epochs", "best", "parameters",
        "checkpoint_mb", "train_seconds", "peak_memory_mb", "effective_batch", "micro_batch"}

    Raises:
        InputError: data or settings do not fit.
        torch.OutOfMemoryError, MemoryError: out of memory with `on_oom: fail`.
    """
    train = Train.model_validate(segment.train)
    device = torch.device(device)
    torch.set_num_threads(threads)
    set_determinism(train.deterministic)
    wanted = selections_of([selection_key(segment.metric, segment.minimize), *selections])
    micro_batch, session = None, None  # as the state says

    def check_stop() -> None:
        if should_stop():
            raise Interrupted

    while True:
        try:
            loaders = open_loaders(segment, train, device)
            session = set_up(segment, train, store, device, loaders, wanted, check_stop)
            session.state.micro_batch = micro_batch or min(session.state.micro_batch, train.batch_size)
            if micro_batch is None and (store.part(segment.id) / STATE).exists():
                note(f"resumes at {session.state.resumes_at}")
            return run_epochs(session, report)
        except Exception as error:
            if not memory.is_out_of_memory(error) or train.on_oom == "fail":
                raise
            said = memory.asked_and_available(error, device)
        state = session.state if session else saved_state(segment, store, train, wanted)
        tried = min(micro_batch or state.micro_batch, train.batch_size)
        if train.on_oom == "skip" or tried == 1:
            detail = f"out of memory in epoch {state.epoch + 1} with {tried} images at once; {said}"
            if session is None:
                write_counts(store, segment, state)
                return outcome_of("oom", detail, state, train)
            session.drop_started_epoch()
            return session.outcome("oom", detail)
        loaders = session = None
        memory.release(device)  # only now, when the error and with it the failed step's tensors are gone
        micro_batch = ceil(tried / 2)
        resumes_at = saved_state(segment, store, train, wanted).resumes_at
        note(f"out of memory with {tried} images at once, continuing with {micro_batch} from {resumes_at}; {said}")


def run_epochs(session: Session, report: Callable[[dict, dict | None], None]) -> dict:
    """Train and evaluate epoch after epoch; returns the outcome of the segment."""
    segment, train, state = session.segment, session.train, session.state
    folder = session.store.part(segment.id)
    write_csv(folder / "epochs.csv", state.rows, COLUMNS)
    drop_reports(folder, after=state.epoch)
    drop_other_epochs(session.store, segment.id, kept_epochs(state, segment.id))
    session.watch.lap()
    with session.writer:
        try:
            while state.epoch < segment.last_epoch and not early_stopping.should_end(state, train.early_stopping):
                train_losses = train_epoch(session)
                measured, counter = evaluate_epoch(session)
                steering = finish_epoch(session, train_losses, measured, counter)
                report(steering, state.best.get(selection_key(segment.metric, segment.minimize)))
        except Interrupted:
            return session.outcome("interrupted", f"stopped in epoch {state.epoch + 1}, to be resumed")
        except Diverged as error:
            session.drop_started_epoch()
            return session.outcome("diverged", f"{error}; {_last_good(state)}")
        if early_stopping.should_end(state, train.early_stopping) and state.epoch < segment.total_epochs:
            return session.outcome("early_stopped", f"no improvement in {state.stopping['bad']} epochs")
        return session.outcome("finished")


def train_epoch(session: Session) -> dict[str, float]:
    """The next pass through the training split, or what is left of it.

    Returns:
        The means of the losses over the images; what else there is to know of the epoch is in `state.started`.
    """
    train, device, state, task = session.train, session.device, session.state, session.loaders.task
    model, criterion, optimizer, forward = session.model, session.criterion, session.optimizer, session.forward
    scaler, ema = session.scaler, session.ema
    epoch, done = state.epoch + 1, state.started
    batches_per_epoch = len(session.loaders.train)
    steps_per_epoch = ceil(batches_per_epoch / train.accumulate)
    reseed(session.segment.seed, epoch)
    model.train()
    criterion.train()
    freeze_or_thaw(train.optimizer.freeze, model, optimizer, epoch, begins=done.steps == 0)
    criterion = scaler.scaled(criterion)
    scaler.begin_epoch(done.skipped_steps)
    if done.steps:
        set_all_generator_states(done.generators, device)
    else:
        done.max_abs_loss = torch.zeros((), device=device)
    loaded = session.batches(session.loaders.train, epoch, start=done.steps * train.accumulate)
    watch = Stopwatch()
    for step, batches in enumerate(grouped(loaded, train.accumulate), start=done.steps):
        session.check_stop()
        if session.writer.is_due():
            session.save()
            watch.lap()
        progress = Progress(
            (epoch - 1) * steps_per_epoch + step,
            batches_per_epoch,
            session.segment.total_epochs,
            state.plateau["reductions"],
            train.accumulate,
        )
        lr = learning_rate(train.scheduler, train.optimizer.lr, progress)
        for group in optimizer.param_groups:
            group["lr"] = lr * group.get("lr_factor", 1.0)
        batches = [to_device(batch, device, session.order) for batch in batches]
        batches = [part for batch in batches for part in micro_batches(batch, state.micro_batch)]
        optimizer.zero_grad(set_to_none=True)
        if len(batches) == 1:
            (batch,) = batches
            images = batch["image"]  # (B, C, H, W) as stored
            outputs = forward(images)  # logits, float32 (B, C, H, W), or what else the task's network gives
            losses = criterion(outputs, batch)  # scalars: "loss" and its parts
            task.before_backward(losses, model)
            losses["loss"].backward()
        else:
            losses = accumulate_gradients(task, model, criterion, batches, forward, train.loss)
        scaler.unscale_(optimizer)
        clip_gradients(model.parameters(), clip_of(train))
        with InOrderOfMemory():
            scaler.step(optimizer)  # optimizer.step(), unless the gradient overflowed in float16
        scaler.update()
        if ema is not None and scaler.took_step:
            ema.update_parameters(model)

        size = sum(len(batch["image"]) for batch in batches)
        for name, value in losses.items():
            done.sums[name] = done.sums.get(name, 0.0) + size * value.detach().double()
        done.max_abs_loss = torch.maximum(done.max_abs_loss, losses["loss"].detach().abs())  # keeps a NaN
        done.steps, done.images, done.lr = step + 1, done.images + size, lr
        done.training_seconds += watch.lap()
        if device.type == "cpu" or step % STEPS_BETWEEN_CHECKS == 0:
            check_diverged(float(done.max_abs_loss), "train/loss", f"epoch {epoch}, step {step + 1}")
            check_scale(scaler.get_scale(), f"epoch {epoch}, step {step + 1}")
    check_diverged(float(done.max_abs_loss), "train/loss", f"epoch {epoch}")
    done.is_trained, done.generators = True, all_generator_states(device)
    return {name: value / done.images for name, value in read(done.sums).items()}


def evaluate_epoch(session: Session) -> tuple[dict[str, float], Any]:
    """Losses, scores and counts of the validation split after an epoch; see `evaluate`."""
    loaders, epoch = session.loaders, session.state.epoch + 1
    measured, counter = evaluate(
        loaders.task,
        session.criterion,
        session.batches(loaders.val, epoch),
        session.forward_evaluated,
        micro_batch=session.state.micro_batch,
        order=session.order,
        check_stop=session.check_stop,
        batch_means=session.batch_means,
    )
    # Batch norm's statistics may be far off in the first epochs: a large validation loss comes back.
    check_diverged(measured.get("loss", 0.0), "val/loss", f"epoch {epoch}", most=inf)
    return measured, counter


def finish_epoch(
    session: Session, train_losses: dict[str, float], measured: dict[str, float], counter: Any
) -> dict[str, Any]:
    """Compare an epoch with those before, and note it in the state.

    Returns:
        Its row of epochs.csv with the scores that steer the run.
    """
    segment, train, state = session.segment, session.train, session.state
    row, counts = _row_of(session, train_losses, measured), counter.totals()
    scored = (session.loaders.kind, session.loaders.classes)
    steering = row | steering_scores(row, counts, session.selections, train, *scored)
    early_stopping.value_of(steering, segment.metric, "metric")
    if update_best(state, session.selections, steering, segment.id):
        weights = {"model": session.evaluated.state_dict(), "epoch": row["epoch"]}
        session.writer.hold(row["epoch"], weights, counter.images(), kept_epochs(state, segment.id))
    early_stopping.after_epoch(state, steering, train.scheduler, train.early_stopping, segment.metric, segment.minimize)
    state.epoch, state.started = row["epoch"], StartedEpoch()
    state.rows.append(row)
    state.counts.append(counts)
    return steering


def _row_of(session: Session, train_losses: dict[str, float], measured: dict[str, float]) -> dict[str, Any]:
    done = session.state.started
    done.seconds += session.watch.lap()
    row = {"epoch": session.state.epoch + 1, "lr": done.lr}
    row |= {f"train/{name}": value for name, value in train_losses.items()}
    row |= {f"val/{name}": value for name, value in measured.items()}
    row |= session.scaler.columns()
    return row | {
        "seconds": round(done.seconds, 4),
        "images_per_second": round(done.images / max(done.training_seconds, SHORTEST_S), 3),
        "peak_memory_mb": round(memory.peak_memory_mb(session.device), 1),
    }


def check_diverged(loss: float, column: str, when: str, most: float = EXPLOSION) -> None:
    """Raises `Diverged` for a loss that is not a number, infinite or above `most`."""
    if not isfinite(loss) or loss > most:
        raise Diverged(f"{column} {loss:g} in {when}")


def check_scale(scale: float, when: str) -> None:
    """Raises `Diverged` where the gradient has overflowed in float16 at all scales down to `SMALLEST_SCALE`."""
    if scale < SMALLEST_SCALE:
        raise Diverged(f"the gradient overflows in float16 at all scales down to {scale:g} in {when}")


def _last_good(state: RunState) -> str:
    if not state.rows:
        return f"no good epoch in this segment, {state.epoch} good epochs before it"
    row = state.rows[-1]
    return (
        f"last good: epoch {row['epoch']} with train/loss {row['train/loss']:g}, val/loss {row.get('val/loss', nan):g}"
    )
