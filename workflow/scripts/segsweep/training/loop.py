"""Training one segment, from top to bottom."""

from collections.abc import Callable
from math import ceil, isfinite, nan
from pathlib import Path
from time import perf_counter

import torch

from segsweep.config.train import Train
from segsweep.optimizers import build_optimizer
from segsweep.store.checkpoints import read_checkpoint, write_checkpoint, write_table
from segsweep.training import early_stopping, memory, run_state
from segsweep.training.dataloaders import ahead, open_feed, placing
from segsweep.training.evaluation import evaluate
from segsweep.training.gradients import add_gradients, grouped, in_parts, map_tensors
from segsweep.training.lr_schedule import learning_rate
from segsweep.training.seeding import WEIGHTS, reseed, set_determinism

# No sensible loss of a mean over pixels comes near it; what is above does not come back.
EXPLOSION = 1e6
# Looking at a loss waits for the GPU.
STEPS_BETWEEN_LOOKS = 25
# Less than this is lost in a power cut; a killed process loses nothing.
SECONDS_BETWEEN_FLUSHES = 30.0
COLUMNS = ["epoch", "lr", "train/loss", "val/loss", "seconds", "images_per_second", "peak_memory_mb"]


class Interrupted(Exception):
    """`should_stop` said so. The last finished epoch is saved."""


class Diverged(Exception):
    """The loss is not a number, infinite or beyond `EXPLOSION`."""


def train_segment(
    description: dict,
    store: Path,
    *,
    device: str = "cpu",
    threads: int = 1,
    should_stop: Callable[[], bool] = lambda: False,
    report: Callable[[dict, dict | None], None] = lambda row, best: None,
    note: Callable[[str], None] = lambda text: None,
) -> dict:
    """Train the epochs of a segment in `store/<id>.part`, going on after the last one finished there.

    Args:
        description: the segment, as the plan wrote it.
        store: folder of all segments; the parent's complete folder lies in it.
        device: "cpu", "cuda" or "cuda:N".
        threads: threads of torch on the CPU.
        should_stop: asked at each batch.
        report: told of each finished epoch, with the best one so far.
        note: told of what happens besides (out of memory).

    Returns:
        {"status": finished | early_stopped | diverged | oom | interrupted, "detail", "epochs", "best", "parameters",
        "checkpoint_mb", "train_seconds", "peak_memory_mb", "effective_batch", "micro_batch"}

    Raises:
        InputError: data or settings do not fit.
        torch.OutOfMemoryError, MemoryError: out of memory with `on_oom: fail`.
    """
    train = Train.model_validate(description["train"])
    device = torch.device(device)
    torch.set_num_threads(threads)
    set_determinism(train.deterministic)
    part_size = None  # as the state says
    while True:
        try:
            return _train(description, train, store, device, part_size, should_stop, report)
        except Exception as error:
            if not memory.is_out_of_memory(error) or train.on_oom == "fail":
                raise
            said = memory.asked_and_there(error, device)
        memory.release(device)  # only now, when the error and with it the failed step's tensors are gone
        folder = store / f"{description['id']}.part"
        held = _plain(folder, store, description, train)
        tried = min(part_size or held["micro_batch"], train.batch_size)
        if train.on_oom == "skip" or tried == 1:
            detail = f"out of memory in epoch {held['epoch'] + 1} with {tried} pictures at once; {said}"
            return _outcome("oom", detail, held, train)
        part_size = ceil(tried / 2)
        again = f"going on with {part_size} from epoch {held['epoch'] + 1}"
        note(f"out of memory with {tried} pictures at once, {again}; {said}")


def _train(
    description: dict,
    train: Train,
    store: Path,
    device: torch.device,
    part_size: int | None,
    should_stop: Callable,
    report: Callable,
) -> dict:
    folder = store / f"{description['id']}.part"
    folder.mkdir(parents=True, exist_ok=True)
    metric, minimize, seed = description["metric"], description["minimize"], description["seed"]
    loss = train.loss.model_dump(mode="json")
    feed = open_feed(description, train)
    task = feed.task
    normalize = feed.normalize.to(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    place = placing(device, train.channels_last)
    depth = 4 if device.type == "cuda" else 0

    # Weights, then the state: this segment's own, else its parent's, else the beginning.
    reseed(seed, WEIGHTS)
    model = task.model().to(device)
    criterion = task.criterion().to(device)
    if train.channels_last:
        model = model.to(memory_format=torch.channels_last)
    optimizer = build_optimizer(train.optimizer, model, criterion)
    saved = _where(folder, store, description)
    now = (
        run_state.restore(saved, loss, model, criterion, optimizer, device)
        if saved
        else run_state.fresh(train.batch_size)
    )
    if saved and saved.parent != folder:
        now["rows"] = []
    now["micro_batch"] = part_size or min(now["micro_batch"], train.batch_size)
    write_table(folder / "epochs.csv", now["rows"], COLUMNS)

    steps_per_epoch = ceil(len(feed.train) / train.accumulate)
    sizes = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "checkpoint_mb": round(sum(t.numel() * t.element_size() for t in model.state_dict().values()) / memory.MB, 3),
    }

    def forward(batch: dict):
        """Pictures (B, 3, H, W) uint8 to outputs in float32, whatever the precision in between."""
        with torch.autocast(device.type, torch.bfloat16, enabled=train.precision == "bf16"):
            outputs = model(normalize(batch["image"]))
        return map_tensors(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor, outputs)

    def stop_if_asked() -> None:
        if should_stop():
            raise Interrupted

    flushed = perf_counter()
    try:
        while now["epoch"] < description["last_epoch"]:
            if early_stopping.should_end(now, train.early_stopping):
                break
            epoch = now["epoch"] + 1
            began = perf_counter()
            reseed(seed, epoch)
            model.train()
            criterion.train()
            sums, pictures = {}, 0
            worst = torch.zeros((), device=device)
            for i, group in enumerate(grouped(ahead(feed.train.epoch(epoch), depth), train.accumulate)):
                stop_if_asked()
                rate = learning_rate(
                    train.scheduler,
                    train.optimizer.lr,
                    (epoch - 1) * steps_per_epoch + i,
                    steps_per_epoch=steps_per_epoch,
                    total_epochs=description["total_epochs"],
                    reductions=now["plateau"]["reductions"],
                )
                for parameters in optimizer.param_groups:
                    parameters["lr"] = rate
                parts = [part for batch in group for part in in_parts(place(batch), now["micro_batch"])]
                optimizer.zero_grad(set_to_none=True)
                losses = add_gradients(task, model, criterion, parts, forward, train.loss)
                if train.clip_norm:
                    torch.nn.utils.clip_grad_norm_(model.parameters(), train.clip_norm)
                optimizer.step()

                count = sum(len(part["image"]) for part in parts)
                pictures += count
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + count * value.double()
                worst = torch.maximum(worst, losses["loss"].abs())  # keeps a NaN
                if device.type == "cpu" or i % STEPS_BETWEEN_LOOKS == 0:
                    _look(float(worst), "train/loss", f"epoch {epoch}, step {i + 1}")
            _look(float(worst), "train/loss", f"epoch {epoch}")
            trained = perf_counter()

            scores, images = evaluate(
                task,
                model,
                criterion,
                ahead(feed.val.epoch(epoch), depth),
                forward=forward,
                place=place,
                part_size=now["micro_batch"],
                device=device,
                checkpoint=stop_if_asked,
            )
            # Batch norm's statistics may be far off in the first epochs: a large validation loss comes back.
            _look(scores.get("loss", 0.0), "val/loss", f"epoch {epoch}", most=float("inf"))

            row = {"epoch": epoch, "lr": rate}
            row |= {f"train/{name}": float(value) / pictures for name, value in sums.items()}
            row |= {f"val/{name}": value for name, value in scores.items()}
            row |= {
                "seconds": round(perf_counter() - began, 4),
                "images_per_second": round(pictures / (trained - began), 3),
                "peak_memory_mb": round(memory.peak_memory_mb(device), 1),
            }
            flush = perf_counter() - flushed > SECONDS_BETWEEN_FLUSHES
            flushed = perf_counter() if flush else flushed
            value = early_stopping.value_of(row, metric, "metric")
            if early_stopping.improves(value, now["best"] and now["best"]["value"], minimize):
                now["best"] = {"epoch": epoch, "value": value, "segment": description["id"]}
                write_checkpoint(folder / "best.pt", {"model": model.state_dict(), "epoch": epoch}, flush=flush)
                write_table(folder / "images.csv", images, ["image"], flush=flush)
            now |= early_stopping.after_epoch(now, row, train.scheduler, train.early_stopping, metric, minimize)
            now |= {"epoch": epoch, "rows": [*now["rows"], row]}
            if epoch < description["last_epoch"] or description.get("can_be_extended", True):
                run_state.save(folder / "last.pt", now, loss, model, criterion, optimizer, flush=flush)
            write_table(folder / "epochs.csv", now["rows"], COLUMNS, flush=flush)
            report(row, now["best"])
    except Interrupted:
        return _outcome("interrupted", f"stopped in epoch {now['epoch'] + 1}, to be gone on with", now, train, sizes)
    except Diverged as error:
        return _outcome("diverged", f"{error}; {_last_good(now)}", now, train, sizes)

    if early_stopping.should_end(now, train.early_stopping) and now["epoch"] < description["total_epochs"]:
        detail = f"no improvement in {now['stopping']['bad']} epochs"
        return _outcome("early_stopped", detail, now, train, sizes)
    return _outcome("finished", "", now, train, sizes)


def _where(folder: Path, store: Path, description: dict) -> Path | None:
    """The state to go on from; none at the beginning of a run."""
    own = folder / "last.pt"
    if own.exists():
        return own
    return store / description["parent"] / "last.pt" if description["parent"] else None


def _plain(folder: Path, store: Path, description: dict, train: Train) -> dict:
    """The plain part of the state to go on from, without a model."""
    saved = _where(folder, store, description)
    if saved is None:
        return run_state.fresh(train.batch_size)
    held = read_checkpoint(saved)
    return held if saved.parent == folder else held | {"rows": []}


def _look(loss: float, column: str, place: str, most: float = EXPLOSION) -> None:
    if not isfinite(loss) or loss > most:
        raise Diverged(f"{column} {loss:g} in {place}")


def _last_good(now: dict) -> str:
    if not now["rows"]:
        return f"nothing good in this segment, {now['epoch']} good epochs before it"
    row = now["rows"][-1]
    return (
        f"last good: epoch {row['epoch']} with train/loss {row['train/loss']:g}, val/loss {row.get('val/loss', nan):g}"
    )


def _outcome(status: str, detail: str, now: dict, train: Train, sizes: dict | None = None) -> dict:
    rows = now["rows"]
    return {
        "status": status,
        "detail": detail,
        "epochs": now["epoch"],
        "best": now["best"],
        **(sizes or {"parameters": None, "checkpoint_mb": None}),
        "train_seconds": round(sum(row["seconds"] for row in rows), 3),
        "peak_memory_mb": max((row["peak_memory_mb"] for row in rows), default=None),
        "effective_batch": train.batch_size * train.accumulate,
        "micro_batch": min(now["micro_batch"], train.batch_size),
    }
