"""The loop: equal bits however it is cut or interrupted, large batches in parts, and endings that are results."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from segsweep.checksums import DamagedFile, write_sums
from segsweep.config.losses import Loss
from segsweep.errors import InputError
from segsweep.inference.forward import micro_batches
from segsweep.io import read_json, write_json
from segsweep.store.checkpoints import read_checkpoint, read_state, write_checkpoint
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore
from segsweep.training import checkpointing
from segsweep.training.gradients import accumulate_gradients
from segsweep.training.loop import train_segment
from tests.fakes import Criterion, FakeBatches, FakeTask, Floats, GreedyTask, Tiny, fake_loaders, segment_plan

PLATEAU = {
    "optimizer": {"name": "adam", "lr": 0.01},
    "scheduler": {"name": "plateau", "patience": 1, "factor": 0.5, "warmup": {"iterations": 5}},
    "accumulate": 2,
    "clip_norm": 1.0,
}
# All that a state can hold.
MIXED = PLATEAU | {"precision": "fp16", "ema": {"decay": 0.9, "warmup": True}}
MEASURED = ("seconds", "training_seconds", "images_per_second", "peak_memory_mb")


def train(segment, store, task=None, **more):
    """Train, and publish as the job does."""
    store = SegmentStore(store)
    outcome = train_segment(segment, store, open_loaders=fake_loaders(task), **more)
    if outcome["status"] != "interrupted":
        store.publish(SegmentRecord.from_json(segment.to_json() | outcome))
    return outcome


def content(folder: Path) -> dict:
    """The last state, without what differs from one clock to another."""
    found = read_state(folder / "last.pt")
    found["rows"] = [{k: v for k, v in row.items() if k not in MEASURED} for row in found["rows"]]
    found["started"] = {k: v for k, v in found["started"].items() if k not in MEASURED}
    return found


def files(folder: Path) -> dict:
    """What else a segment's folder holds: weights of the epochs that are kept, and counts."""
    weights = {path.name: read_checkpoint(path) for path in folder.glob("weights-*.pt")}
    counts = {path.name: dict(np.load(path)) for path in folder.glob("*.npz")}
    return weights | counts


def same(a, b) -> bool:
    if torch.is_tensor(a):
        return torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def after(calls: int):
    """A `should_stop` that says so from the given call on."""
    count = iter(range(10**6))
    return lambda: next(count) >= calls


@pytest.mark.parametrize(
    "settings", [PLATEAU, {"optimizer": {"name": "sgd"}, "scheduler": {"name": "poly"}, "precision": "bf16"}, MIXED]
)
def test_cut_into_segments_is_the_same_to_the_bit(tmp_path, settings):
    whole = segment_plan(settings, last=4)
    train(whole, tmp_path / "whole")
    parent, rows, counts, folders = None, [], [], []
    for last in (1, 3, 4):
        part = segment_plan(settings, last=last, total=4, parent=parent)
        train(part, tmp_path / "cut")
        parent = part.id
        found = content(tmp_path / "cut" / parent)
        rows += found.pop("rows")
        counts.append(found.pop("counts")["confusion"])
        folders.append(tmp_path / "cut" / parent)
    expected = content(tmp_path / "whole" / whole.id)
    assert torch.equal(torch.cat(counts), expected.pop("counts")["confusion"])
    assert rows == expected.pop("rows")
    (best,), (wanted,) = found.pop("best").values(), expected.pop("best").values()
    assert (best["epoch"], best["value"]) == (wanted["epoch"], wanted["value"])
    assert SegmentStore(tmp_path / "cut").weights(best["segment"], best["epoch"]).exists()
    counts = [np.load(folder / "counts.npz")["confusion"] for folder in folders]
    assert np.array_equal(np.concatenate(counts), np.load(tmp_path / "whole" / whole.id / "counts.npz")["confusion"])
    assert same(found, expected)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]


@pytest.fixture
def saves_always(monkeypatch):
    """States are saved before each step."""
    monkeypatch.setattr(checkpointing, "LONGEST_S", 0.0)


@pytest.mark.parametrize("settings", [PLATEAU, MIXED])
def test_interrupted_at_every_batch_is_the_same_to_the_bit(tmp_path, settings):
    whole = segment_plan(settings, last=3)
    train(whole, tmp_path / "whole")
    # Epochs have two groups of training batches and two validation batches: four questions each.
    for calls in range(12):
        store = tmp_path / f"at{calls}"
        outcome = train(whole, store, should_stop=after(calls))
        assert (outcome["status"], outcome["epochs"]) == ("interrupted", calls // 4)
        saved = read_state(store / f"{whole.id}.part" / "last.pt")
        assert (saved["epoch"], saved["started"]["steps"]) == (calls // 4, min(calls % 4, 2))
        assert train(whole, store)["status"] == "finished"
        assert same(content(store / whole.id), content(tmp_path / "whole" / whole.id))
        assert same(*(files(root / whole.id) for root in (store, tmp_path / "whole")))


def test_a_last_epoch_that_nothing_resumes_from_is_not_kept_and_can_be_trained_again(tmp_path, saves_always):
    final = segment_plan(PLATEAU, last=2, can_be_extended=False)
    part = tmp_path / f"{final.id}.part"
    first = train_segment(final, SegmentStore(tmp_path), open_loaders=fake_loaders())
    saved = read_state(part / "last.pt")
    assert (saved["epoch"], saved["started"]["steps"]) == (1, 1)
    held = files(part)
    again = train_segment(
        final, SegmentStore(tmp_path), open_loaders=fake_loaders()
    )  # as after a power cut before it was published
    assert again["epochs"] == first["epochs"] == 2
    assert again["best"] == first["best"]
    assert same(files(part), held)


def test_rates_follow_steps_and_plateaus_over_epochs(tmp_path):
    # Three steps an epoch; the rate is too small for the score to change, so each epoch after the first is bad.
    scheduler = {"name": "plateau", "patience": 1, "factor": 0.5, "warmup": {"iterations": 4, "lr": 0.0}}
    rows = []
    description = segment_plan({"optimizer": {"lr": 1e-12}, "scheduler": scheduler}, last=4)
    task = FakeTask(norm="group", dropout=0.0)
    train(description, tmp_path, task, report=lambda row, best: rows.append(row["lr"] / 1e-12))
    assert rows == pytest.approx([0.5, 1.0, 0.5, 0.25])


class Scripted(FakeTask):
    """Has the given pixel accuracies, and the opposite mIoU, epoch by epoch."""

    def __init__(self, *tenths: int):
        super().__init__()
        self.tenths = iter(tenths)

    def counter(self):
        return ScriptedCounter(next(self.tenths))


class ScriptedCounter:
    """10,000 pixels of one class, of which `tenths` / 10 are right: what is wrong adds to one other class or to two."""

    def __init__(self, tenths: int):
        wrong = 10 - tenths
        self.confusion = np.array([[tenths, wrong, 0], [0, 0, 0], [0, 0, 0]])

    def update(self, outputs, batch):
        pass

    def totals(self):
        return {"confusion": self.confusion}

    def images(self):
        return {"names": np.array(["all"]), "confusion": self.confusion[None]}


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(("weights-", "images-")))


def test_the_best_epoch_is_kept_across_segments(tmp_path):
    parent, found, task = None, [], Scripted(3, 5, 4, 5, 6)
    for last in (3, 4, 5):
        one = segment_plan({}, last=last, total=5, parent=parent)
        best = train(one, tmp_path, task)["best"]["max val/pixel_accuracy"]
        parent = one.id
        found.append((best["epoch"], best["value"], best["segment"], kept(tmp_path / parent)))
    first, third = f"{1:016x}-0003", f"{1:016x}-0005"
    assert found == [
        (2, 0.5, first, ["images-0002.npz", "weights-0002.pt"]),
        (2, 0.5, first, []),
        (5, 0.6, third, ["images-0005.npz", "weights-0005.pt"]),
    ]
    assert read_checkpoint(tmp_path / third / "weights-0005.pt")["epoch"] == 5
    assert np.load(tmp_path / first / "counts.npz")["confusion"][:, 0, 0].tolist() == [3, 5, 4]


def test_weights_of_a_last_epoch_that_is_the_best_lie_on_the_disk_once(tmp_path):
    """A state leaves them out, and is continued to the same bits as one of earlier versions, which held them."""
    first, second = segment_plan({}, last=2, total=3), segment_plan({}, last=3, parent=f"{1:016x}-0002")
    results = []
    for whole in (False, True):
        store = SegmentStore(tmp_path / str(whole))
        train(first, store.root, Scripted(3, 5))
        state, weights = store.state_files(first.id)
        assert "model" not in read_checkpoint(state)
        if whole:
            write_checkpoint(state, read_state(state))
            record = read_json(state.with_name("segment.json"))
            del record["state_without_weights"]
            write_json(state.with_name("segment.json"), record)
            weights.unlink()
            write_sums(state.parent)
            assert SegmentStore(store.root).state_files(first.id) == [state]
        train(second, store.root, Scripted(6))
        results.append((content(store.folder(second.id)), files(store.folder(second.id))))
    assert same(*results)
    (tmp_path / "False" / first.id / weights.name).unlink()
    with pytest.raises(DamagedFile, match=r"last\.pt: its weights are those of weights-0002\.pt, which is gone"):
        train(second, tmp_path / "False", Scripted(6))


@pytest.mark.parametrize(("settings", "tenths"), [({"ema": {"decay": 0.5}}, (3, 5)), ({}, (5, 3))])
def test_other_states_hold_their_weights(tmp_path, settings, tenths):
    """Averaged ones are kept, or an earlier epoch is the best."""
    one = segment_plan(settings, last=2, total=3)
    train(one, tmp_path, Scripted(*tenths))
    (state,) = SegmentStore(tmp_path).state_files(one.id)
    assert "model" in read_checkpoint(state)


def test_best_epochs_by_several_metrics_are_kept(tmp_path):
    one = segment_plan({}, last=3)
    outcome = train(one, tmp_path, Scripted(3, 5, 4), selections=["min val/pixel_accuracy"])
    best = {key: (found["epoch"], found["value"]) for key, found in outcome["best"].items()}
    assert best == {"max val/pixel_accuracy": (2, 0.5), "min val/pixel_accuracy": (1, 0.3)}
    assert kept(tmp_path / one.id) == ["images-0001.npz", "images-0002.npz", "weights-0001.pt", "weights-0002.pt"]


def test_a_metric_that_changed_between_two_segments_finds_its_best_in_the_counts(tmp_path):
    first = segment_plan({}, last=2, total=3)
    train(first, tmp_path, Scripted(3, 5))
    second = segment_plan({}, last=3, parent=first.id, metric="val/pixel_accuracy", minimize=True)
    best = train(second, tmp_path, Scripted(4))["best"]
    assert best["min val/pixel_accuracy"] == {"epoch": 1, "value": 0.3, "segment": first.id}
    assert best["max val/pixel_accuracy"] == {"epoch": 2, "value": 0.5, "segment": first.id}


@pytest.mark.parametrize(("minimize", "trained"), [(False, 1), (True, 3)])
def test_a_metric_that_changed_while_interrupted_trains_again_only_what_was_not_kept(tmp_path, minimize, trained):
    one = segment_plan({}, last=3)
    train(one, tmp_path, Scripted(3, 5, 4), should_stop=after(10))  # interrupted in the third epoch
    assert kept(tmp_path / f"{one.id}.part") == ["images-0002.npz", "weights-0002.pt"]
    epochs = []
    changed = replace(one, minimize=minimize)
    script = [3, 5, 4][-trained:]
    train(changed, tmp_path, Scripted(*script), report=lambda row, best: epochs.append(row["epoch"]))
    assert epochs == [1, 2, 3][-trained:]


def test_another_seed_is_another_run(tmp_path):
    first, second = (segment_plan({}, last=1, seed=seed) for seed in (1, 2))
    for description in (first, second):
        train(description, tmp_path)
    weights = [read_state(tmp_path / d.id / "last.pt")["model"]["first.weight"] for d in (first, second)]
    assert not torch.equal(*weights)


def test_a_new_phase_keeps_what_was_learned_and_takes_its_own_constants(tmp_path):
    class Weighted(Criterion):
        def __init__(self, constant):
            super().__init__()
            self.register_buffer("constant", torch.tensor(constant))

    class Task(FakeTask):
        def criterion(self):
            return Weighted(self.constant)

    task = Task()
    task.constant = 1.0
    first = segment_plan({}, last=1, total=2)
    train(first, tmp_path, task)
    task.constant = 2.0
    second = segment_plan({"loss": {"main": {"focal": 1.0}}}, last=2, parent=first.id)
    train(second, tmp_path, task)
    before, now = (read_state(tmp_path / d.id / "last.pt")["criterion"] for d in (first, second))
    assert (before["constant"], now["constant"]) == (1.0, 2.0)
    assert before["weight"] != 1.0
    assert now["weight"] != before["weight"]


def gradients(criterion, parts, loss, dropout=0.0):
    torch.manual_seed(0)
    model, normalize = Tiny("group", dropout).double(), Floats()
    criterion = copy.deepcopy(criterion).double()
    torch.manual_seed(1)

    def forward(images):
        return model(normalize(images).double())

    if len(parts) == 1:
        losses = criterion(forward(parts[0]["image"]), parts[0])
        losses["loss"].backward()
    else:
        losses = accumulate_gradients(FakeTask(), model, criterion, parts, forward, loss)
    return {name: p.grad for name, p in [*model.named_parameters(), *criterion.named_parameters()]}, losses


@pytest.mark.parametrize("kind", ["cross_entropy", "dice"])
@pytest.mark.parametrize("size", [1, 3, 4])
def test_micro_batches_make_the_gradient_of_the_large_batch(kind, size):
    # Group norm knows no batch; images differ in their valid pixels, and the last part is smaller.
    batch = next(FakeBatches(7, 7).epoch(1))
    loss = Loss.model_validate({"main": {kind: 1.0}})
    whole, expected = gradients(Criterion(kind), [batch], loss)
    parts, losses = gradients(Criterion(kind), micro_batches(batch, size), loss)
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(losses["loss"].detach(), expected["loss"].detach())


def test_two_passes_draw_the_same_dropout_and_count_statistics_once():
    batch = next(FakeBatches(6, 6).epoch(1))
    torch.manual_seed(0)
    model = Tiny("batch", dropout=0.5)
    twin = copy.deepcopy(model)
    seen = []

    def forward(images):
        seen.append(model(Floats()(images)))
        return seen[-1]

    loss = Loss.model_validate({"main": {"dice": 1.0}})
    accumulate_gradients(FakeTask(), model, Criterion("dice"), micro_batches(batch, 3), forward, loss)
    torch.testing.assert_close(seen[:2], seen[2:])
    for part in micro_batches(batch, 3):
        twin(Floats()(part["image"]))
    torch.testing.assert_close(model.norm.running_var, twin.norm.running_var)


def test_accumulated_batches_train_as_one_large_batch(tmp_path):
    # 10 images: groups of 4 + 4 and 2, as batches of 8 and 2.
    weights = []
    for settings in ({"batch_size": 8}, {"batch_size": 4, "accumulate": 2}, {"batch_size": 2, "accumulate": 4}):
        store = tmp_path / str(settings["batch_size"])
        description = segment_plan(settings | {"optimizer": {"name": "sgd", "lr": 0.1}}, last=2)
        assert train(description, store, FakeTask(norm="group", dropout=0.0))["effective_batch"] == 8
        weights.append(read_state(store / description.id / "last.pt")["model"])
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(weights[2], weights[0], rtol=1e-4, atol=1e-6)


def test_out_of_memory_skipped_is_a_result(tmp_path):
    outcome = train(segment_plan({"on_oom": "skip"}, last=2), tmp_path, GreedyTask())
    assert (outcome["status"], outcome["epochs"], outcome["best"]) == ("oom", 0, {"max val/pixel_accuracy": None})
    assert "epoch 1 with 4 images" in outcome["detail"]
    assert "20.00 GiB" in outcome["detail"]


def test_out_of_memory_fails_the_job_if_asked_to(tmp_path):
    with pytest.raises(torch.OutOfMemoryError):
        train(segment_plan({"on_oom": "fail"}, last=2), tmp_path, GreedyTask())


def test_out_of_memory_halves_what_is_computed_at_once_and_trains_the_same(tmp_path):
    description = segment_plan({"on_oom": "accumulate", "batch_size": 8}, last=2)
    train(description, tmp_path / "ample", FakeTask(norm="group", dropout=0.0))
    notes = []
    outcome = train(description, tmp_path / "tight", GreedyTask(), note=notes.append)
    assert (outcome["status"], outcome["effective_batch"], outcome["micro_batch"]) == ("finished", 8, 2)
    assert [note.split(", cont")[0] for note in notes] == [f"out of memory with {n} images at once" for n in (8, 4)]
    models = [content(tmp_path / store / description.id)["model"] for store in ("ample", "tight")]
    torch.testing.assert_close(*models, rtol=1e-4, atol=1e-6)
    child = segment_plan({"on_oom": "accumulate", "batch_size": 8}, last=3, parent=description.id)
    notes.clear()
    assert train(child, tmp_path / "tight", GreedyTask(), note=notes.append)["micro_batch"] == 2
    assert notes == []  # the parent has learned it


def test_an_image_too_large_for_memory_is_a_result(tmp_path):
    assert train(segment_plan({"on_oom": "accumulate"}, last=1), tmp_path, GreedyTask(most=0))["status"] == "oom"


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), 1e8])
def test_divergence_is_a_result_with_the_last_good_numbers(tmp_path, factor):
    class Exploding(FakeTask):
        def criterion(self):
            class Bad(Criterion):
                calls = 0

                def forward(self, outputs, batch):
                    losses = super().forward(outputs, batch)
                    self.calls += self.training
                    return {k: v * factor for k, v in losses.items()} if self.calls == 5 else losses

            return Bad()

    outcome = train(segment_plan({}, last=3), tmp_path, Exploding())  # three steps an epoch
    (best,) = outcome["best"].values()
    assert (outcome["status"], outcome["epochs"], best["epoch"]) == ("diverged", 1, 1)
    assert "epoch 2, step 2" in outcome["detail"]
    assert "last good: epoch 1" in outcome["detail"]
    assert (tmp_path / f"{1:016x}-0003" / "epochs.csv").read_text().count("\n") == 2


def test_early_stopping_counts_across_segments(tmp_path):
    # A rate of next to nothing: accuracy never improves on the first epoch's by 0.5.
    settings = {"optimizer": {"lr": 1e-12}, "early_stopping": {"patience": 3, "min_delta": 0.5}}
    whole = train(segment_plan(settings, last=9), tmp_path / "whole")
    first, second = (
        segment_plan(settings, last=2, total=9),
        segment_plan(settings, last=9, parent=f"{1:016x}-0002", first=3),
    )
    assert train(first, tmp_path / "cut")["status"] == "finished"
    cut = train(second, tmp_path / "cut")
    assert (whole["status"], whole["epochs"]) == (cut["status"], cut["epochs"]) == ("early_stopped", 4)


@pytest.mark.parametrize(
    ("monitor", "problem"),
    [
        ("val/miuo", r"early_stopping.monitor: `val/miuo` is not measured here; measured are .*val/pixel_accuracy"),
        (
            "val/loss_dice",
            r"early_stopping.monitor: `val/loss_dice` is not measured here; measured are .*val/loss, val/pl",
        ),
    ],
)
def test_a_column_that_is_not_measured_is_named(tmp_path, monitor, problem):
    with pytest.raises(InputError, match=problem):
        train(segment_plan({"early_stopping": {"monitor": monitor}}, last=2), tmp_path)


def test_validation_loss_is_a_mean_over_images(tmp_path):
    rows = []
    for size in (1, 5):
        loaders = fake_loaders(FakeTask(dropout=0.0), val_batch_size=size)
        train_segment(
            segment_plan({}, last=1),
            SegmentStore(tmp_path / str(size)),
            open_loaders=loaders,
            report=lambda row, best: rows.append(row),
        )
    assert rows[0]["val/loss"] == pytest.approx(rows[1]["val/loss"], rel=1e-6)
    assert rows[0]["val/plain"] == pytest.approx(rows[1]["val/plain"], rel=1e-6)
