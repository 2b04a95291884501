"""The loop: equal bits however it is cut or cut off, large batches in parts, and endings that are results."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from segsweep.config.losses import Loss
from segsweep.errors import InputError
from segsweep.store.checkpoints import read_checkpoint
from segsweep.training import loop
from segsweep.training.gradients import add_gradients, in_parts
from tests.fakes import Criterion, FakeBatches, FakeTask, Floats, Greedy, GreedyTask, Scores, Tiny, describe, fake_feed

PLATEAU = {
    "optimizer": {"name": "adam", "lr": 0.01},
    "scheduler": {"name": "plateau", "patience": 0, "factor": 0.5, "warmup": {"iterations": 5}},
    "accumulate": 2,
    "clip_norm": 1.0,
}
MEASURED = ("seconds", "images_per_second", "peak_memory_mb")


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setattr(loop, "open_feed", fake_feed())


def train(description, store, **more):
    """Train and give the folder its name, as the job does."""
    outcome = loop.train_segment(description, store, **more)
    if outcome["status"] != "interrupted":
        (store / f"{description['id']}.part").rename(store / description["id"])
    return outcome


def content(folder: Path) -> dict:
    """The last state, without what differs from one clock to another."""
    found = read_checkpoint(folder / "last.pt")
    found["rows"] = [{k: v for k, v in row.items() if k not in MEASURED} for row in found["rows"]]
    return found


def same(a, b) -> bool:
    if torch.is_tensor(a):
        return torch.equal(a, b)
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
    "settings", [PLATEAU, {"optimizer": {"name": "sgd"}, "scheduler": {"name": "poly"}, "precision": "bf16"}]
)
def test_cut_into_segments_is_the_same_to_the_bit(tmp_path, settings):
    whole = describe(settings, last=4)
    train(whole, tmp_path / "whole")
    parent, rows = None, []
    for last in (1, 3, 4):
        part = describe(settings, last=last, total=4, parent=parent)
        train(part, tmp_path / "cut")
        parent = part["id"]
        found = content(tmp_path / "cut" / parent)
        rows += found.pop("rows")
    expected = content(tmp_path / "whole" / whole["id"])
    assert rows == expected.pop("rows")
    best, wanted = found.pop("best"), expected.pop("best")
    assert (best["epoch"], best["value"]) == (wanted["epoch"], wanted["value"])
    assert (tmp_path / "cut" / best["segment"] / "best.pt").exists()
    assert same(found, expected)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]


def test_interrupted_at_every_batch_is_the_same_to_the_bit(tmp_path):
    whole = describe(PLATEAU, last=3)
    train(whole, tmp_path / "whole")
    # Epochs have two groups of training batches and two validation batches: four questions each.
    for calls in range(12):
        store = tmp_path / f"at{calls}"
        outcome = train(whole, store, should_stop=after(calls))
        assert (outcome["status"], outcome["epochs"]) == ("interrupted", calls // 4)
        assert train(whole, store)["status"] == "finished"
        assert same(content(store / whole["id"]), content(tmp_path / "whole" / whole["id"]))
        assert same(*(read_checkpoint(root / whole["id"] / "best.pt") for root in (store, tmp_path / "whole")))


def test_a_last_epoch_that_nothing_goes_on_from_is_not_kept_and_can_be_trained_again(tmp_path):
    final = describe(PLATEAU, last=2) | {"can_be_prolonged": False}
    part = tmp_path / f"{final['id']}.part"
    first = loop.train_segment(final, tmp_path)
    assert read_checkpoint(part / "last.pt")["epoch"] == 1
    best = read_checkpoint(part / "best.pt")
    again = loop.train_segment(final, tmp_path)  # as after a power cut before the job had published it
    assert again["epochs"] == first["epochs"] == 2
    assert again["best"] == first["best"]
    assert same(read_checkpoint(part / "best.pt"), best)


def test_killed_in_mid_epoch_goes_on_to_the_same_bits(tmp_path):
    program = """
import os, signal, sys
from pathlib import Path
from segsweep.training import loop
from tests.fakes import describe, fake_feed
loop.open_feed = fake_feed()
calls = iter(range(100))
def stop():
    if next(calls) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
loop.train_segment(describe({"optimizer": {"lr": 0.01}}, last=3), Path(sys.argv[1]), should_stop=stop)
"""
    root = Path(__file__).parents[2]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "workflow/scripts")])}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "killed")], env=environ, capture_output=True, text=True
    )
    assert done.returncode == -9, done.stderr
    description = describe({"optimizer": {"lr": 0.01}}, last=3)
    assert read_checkpoint(tmp_path / "killed" / f"{description['id']}.part" / "last.pt")["epoch"] == 1
    for store in ("killed", "whole"):
        train(description, tmp_path / store)
    assert same(*(content(tmp_path / store / description["id"]) for store in ("killed", "whole")))


def test_rates_follow_steps_and_plateaus_over_epochs(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "open_feed", fake_feed(FakeTask(norm="group", dropout=0.0)))
    # Three steps an epoch; the rate is too small for the score to change, so each epoch after the first is bad.
    scheduler = {"name": "plateau", "patience": 0, "factor": 0.5, "warmup": {"iterations": 4, "lr": 0.0}}
    rows = []
    description = describe({"optimizer": {"lr": 1e-12}, "scheduler": scheduler}, last=4)
    train(description, tmp_path, report=lambda row, best: rows.append(row["lr"] / 1e-12))
    assert rows == pytest.approx([0.5, 1.0, 0.5, 0.25])


def test_the_best_epoch_is_kept_across_segments(tmp_path, monkeypatch):
    values = iter([0.3, 0.5, 0.4, 0.5, 0.6])
    monkeypatch.setattr(Scores, "compute", lambda self: {"accuracy": next(values)})
    parent, found = None, []
    for last in (3, 4, 5):
        one = describe({}, last=last, total=5, parent=parent)
        best = train(one, tmp_path)["best"]
        parent = one["id"]
        held = tmp_path / parent / "best.pt"
        found.append((best["epoch"], best["segment"], read_checkpoint(held)["epoch"] if held.exists() else None))
        assert held.exists() == (tmp_path / parent / "images.csv").exists()
    first, third = f"{1:016x}-0003", f"{1:016x}-0005"
    assert found == [(2, first, 2), (2, first, None), (5, third, 5)]


def test_another_seed_is_another_run(tmp_path):
    first, second = (describe({}, last=1, seed=seed) for seed in (1, 2))
    for description in (first, second):
        train(description, tmp_path)
    weights = [read_checkpoint(tmp_path / d["id"] / "last.pt")["model"]["first.weight"] for d in (first, second)]
    assert not torch.equal(*weights)


def test_a_new_phase_keeps_what_was_learned_and_takes_its_own_constants(tmp_path, monkeypatch):
    class Weighted(Criterion):
        def __init__(self, constant):
            super().__init__()
            self.register_buffer("constant", torch.tensor(constant))

    class Task(FakeTask):
        def criterion(self):
            return Weighted(self.constant)

    task = Task()
    monkeypatch.setattr(loop, "open_feed", fake_feed(task))
    task.constant = 1.0
    first = describe({}, last=1, total=2)
    train(first, tmp_path)
    task.constant = 2.0
    second = describe({"loss": {"main": {"focal": 1.0}}}, last=2, parent=first["id"])
    train(second, tmp_path)
    before, now = (read_checkpoint(tmp_path / d["id"] / "last.pt")["criterion"] for d in (first, second))
    assert (before["constant"], now["constant"]) == (1.0, 2.0)
    assert before["weight"] != 1.0
    assert now["weight"] != before["weight"]


def gradients(criterion, parts, loss, dropout=0.0):
    torch.manual_seed(0)
    model, normalize = Tiny("group", dropout).double(), Floats()
    criterion = copy.deepcopy(criterion).double()
    torch.manual_seed(1)
    losses = add_gradients(FakeTask(), model, criterion, parts, lambda b: model(normalize(b["image"]).double()), loss)
    return {name: p.grad for name, p in [*model.named_parameters(), *criterion.named_parameters()]}, losses


@pytest.mark.parametrize("kind", ["cross_entropy", "dice"])
@pytest.mark.parametrize("size", [1, 3, 4])
def test_parts_make_the_gradient_of_the_large_batch(kind, size):
    # Group norm knows no batch; pictures differ in their valid pixels, and the last part is smaller.
    batch = next(FakeBatches(7, 7).epoch(1))
    loss = Loss.model_validate({"main": {kind: 1.0}})
    whole, expected = gradients(Criterion(kind), [batch], loss)
    parts, losses = gradients(Criterion(kind), in_parts(batch, size), loss)
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(losses["loss"], expected["loss"])


def test_two_passes_draw_the_same_dropout_and_count_statistics_once():
    batch = next(FakeBatches(6, 6).epoch(1))
    torch.manual_seed(0)
    model = Tiny("batch", dropout=0.5)
    twin = copy.deepcopy(model)
    seen = []

    def forward(part):
        seen.append(model(Floats()(part["image"])))
        return seen[-1]

    loss = Loss.model_validate({"main": {"dice": 1.0}})
    add_gradients(FakeTask(), model, Criterion("dice"), in_parts(batch, 3), forward, loss)
    torch.testing.assert_close(seen[:2], seen[2:])
    for part in in_parts(batch, 3):
        twin(Floats()(part["image"]))
    torch.testing.assert_close(model.norm.running_var, twin.norm.running_var)


def test_accumulated_batches_train_as_one_large_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "open_feed", fake_feed(FakeTask(norm="group", dropout=0.0)))
    # 10 pictures: groups of 4 + 4 and 2, as batches of 8 and 2.
    weights = []
    for settings in ({"batch_size": 8}, {"batch_size": 4, "accumulate": 2}, {"batch_size": 2, "accumulate": 4}):
        store = tmp_path / str(settings["batch_size"])
        description = describe(settings | {"optimizer": {"name": "sgd", "lr": 0.1}}, last=2)
        assert train(description, store)["effective_batch"] == 8
        weights.append(read_checkpoint(store / description["id"] / "last.pt")["model"])
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(weights[2], weights[0], rtol=1e-4, atol=1e-6)


def test_out_of_memory_skipped_is_a_result(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "open_feed", fake_feed(GreedyTask()))
    outcome = train(describe({"on_oom": "skip"}, last=2), tmp_path)
    assert (outcome["status"], outcome["epochs"], outcome["best"]) == ("oom", 0, None)
    assert "epoch 1 with 4 pictures" in outcome["detail"]
    assert "20.00 GiB" in outcome["detail"]


def test_out_of_memory_fails_the_job_if_asked_to(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "open_feed", fake_feed(GreedyTask()))
    with pytest.raises(torch.OutOfMemoryError):
        train(describe({"on_oom": "fail"}, last=2), tmp_path)


def test_out_of_memory_halves_what_is_computed_at_once_and_trains_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "open_feed", fake_feed(FakeTask(norm="group", dropout=0.0)))
    description = describe({"on_oom": "accumulate", "batch_size": 8}, last=2)
    train(description, tmp_path / "ample")
    monkeypatch.setattr(loop, "open_feed", fake_feed(GreedyTask()))
    notes = []
    outcome = train(description, tmp_path / "tight", note=notes.append)
    assert (outcome["status"], outcome["effective_batch"], outcome["micro_batch"]) == ("finished", 8, 2)
    assert [note.split(", going")[0] for note in notes] == [f"out of memory with {n} pictures at once" for n in (8, 4)]
    models = [content(tmp_path / store / description["id"])["model"] for store in ("ample", "tight")]
    torch.testing.assert_close(*models, rtol=1e-4, atol=1e-6)
    child = describe({"on_oom": "accumulate", "batch_size": 8}, last=3, parent=description["id"])
    notes.clear()
    assert train(child, tmp_path / "tight", note=notes.append)["micro_batch"] == 2
    assert notes == []  # the parent has learned it


def test_a_picture_too_large_for_memory_is_a_result(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "open_feed", fake_feed(GreedyTask()))
    monkeypatch.setattr(Greedy, "most", 0)
    assert train(describe({"on_oom": "accumulate"}, last=1), tmp_path)["status"] == "oom"


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), 1e8])
def test_divergence_is_a_result_with_the_last_good_numbers(tmp_path, monkeypatch, factor):
    class Exploding(FakeTask):
        def criterion(self):
            class Bad(Criterion):
                calls = 0

                def forward(self, outputs, batch):
                    losses = super().forward(outputs, batch)
                    self.calls += self.training
                    return {k: v * factor for k, v in losses.items()} if self.calls == 5 else losses

            return Bad()

    monkeypatch.setattr(loop, "open_feed", fake_feed(Exploding()))
    outcome = train(describe({}, last=3), tmp_path)  # three steps an epoch
    assert (outcome["status"], outcome["epochs"], outcome["best"]["epoch"]) == ("diverged", 1, 1)
    assert "epoch 2, step 2" in outcome["detail"]
    assert "last good: epoch 1" in outcome["detail"]
    assert (tmp_path / f"{1:016x}-0003" / "epochs.csv").read_text().count("\n") == 2


def test_early_stopping_counts_across_segments(tmp_path):
    # A rate of next to nothing: accuracy never improves on the first epoch's by 0.5.
    settings = {"optimizer": {"lr": 1e-12}, "early_stopping": {"patience": 3, "min_delta": 0.5}}
    whole = train(describe(settings, last=9), tmp_path / "whole")
    first, second = describe(settings, last=2, total=9), describe(settings, last=9, parent=f"{1:016x}-0002", first=3)
    assert train(first, tmp_path / "cut")["status"] == "finished"
    cut = train(second, tmp_path / "cut")
    assert (whole["status"], whole["epochs"]) == (cut["status"], cut["epochs"]) == ("early_stopped", 4)


def test_a_column_that_is_not_measured_is_named(tmp_path):
    description = describe({"early_stopping": {"monitor": "val/miuo"}}, last=2)
    with pytest.raises(
        InputError, match=r"early_stopping.monitor: `val/miuo` is not measured here; measured are .*val/accuracy"
    ):
        train(description, tmp_path)


def test_validation_loss_is_a_mean_over_pictures(tmp_path, monkeypatch):
    rows = []
    for size in (1, 5):
        monkeypatch.setattr(FakeBatches, "batch_size", size, raising=False)

        def feed(description, train, size=size):
            found = fake_feed(FakeTask(dropout=0.0))(description, train)
            found.val.batch_size = size
            return found

        monkeypatch.setattr(loop, "open_feed", feed)
        train(describe({}, last=1), tmp_path / str(size), report=lambda row, best: rows.append(row))
    assert rows[0]["val/loss"] == pytest.approx(rows[1]["val/loss"], rel=1e-6)
    assert rows[0]["val/plain"] == pytest.approx(rows[1]["val/plain"], rel=1e-6)
