"""Averaged weights, against an average kept by hand: what is evaluated and kept, while the weights train as ever."""

from dataclasses import replace

import pytest
import torch
from timm.utils import ModelEmaV3
from torch import nn

from segsweep.config.train import Ema
from segsweep.store.checkpoints import read_checkpoint, read_state
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore
from segsweep.training.loop import train_segment
from segsweep.training.weight_averaging import averaged, decay_at
from tests.fakes import Criterion, FakeBatches, FakeTask, Floats, Tiny, fake_loaders, segment_plan


def train(store, settings, task=None, *, last=3, **more):
    """State, rows, and the weights that are kept of the last epoch."""
    segment, rows = segment_plan({"optimizer": {"lr": 0.05}} | settings, last=last, **more), []
    segment = replace(segment, metric="val/loss", minimize=True)
    outcome = train_segment(
        segment, SegmentStore(store), open_loaders=fake_loaders(task), report=lambda row, best: rows.append(row)
    )
    SegmentStore(store).publish(SegmentRecord.from_json(segment.to_json() | outcome))
    kept = {path.name: read_checkpoint(path)["model"] for path in (store / segment.id).glob("weights-*.pt")}
    return read_state(store / segment.id / "last.pt"), rows, kept


class Steps(FakeTask):
    """Notes the weights after each step: as they are when the next batch comes, or an epoch is evaluated."""

    def __init__(self, **more):
        super().__init__(**more)
        self.seen = []

    def model(self):
        self.network = Tiny(self.norm, self.dropout)
        return self.network

    def before_backward(self, losses, model):
        self.note()

    def note(self):
        self.seen.append({name: value.clone() for name, value in self.network.state_dict().items()})


def by_hand(seen, decay_of):
    """The average of weights seen one after the other."""
    average = dict(seen[0])
    for n, weights in enumerate(seen[1:], start=1):
        for name, value in weights.items():
            kept = decay_of(n)
            average[name] = kept * average[name] + (1 - kept) * value if value.is_floating_point() else value
    return average


@pytest.mark.parametrize(
    ("settings", "decay_of"),
    [
        ({"decay": 0.9}, lambda n: 0.9),
        ({"decay": 0.5, "warmup": True}, lambda n: min(0.5, (1 + n) / (10 + n))),
        ({"decay": 0.0}, lambda n: 0.0),
    ],
)
def test_the_average_by_hand(settings, decay_of):
    torch.manual_seed(0)
    model = Tiny()
    ema, seen = averaged(model, Ema(**settings)), []
    for step in range(6):
        with torch.no_grad():
            for value in model.parameters():
                value.add_(torch.randn_like(value))
            model.norm.running_var.mul_(1.5)
            model.norm.num_batches_tracked.fill_(step)
        ema.update_parameters(model)
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
    torch.testing.assert_close(dict(ema.module.state_dict()), by_hand(seen, decay_of))
    assert ema.module.norm.num_batches_tracked == 5


@pytest.mark.parametrize("warmup", [False, True])
def test_the_second_step_is_the_first_that_averages(warmup):
    model = nn.Linear(1, 1)
    ema = averaged(model, Ema(decay=0.5, warmup=warmup))
    for value in (1.0, 0.0):
        nn.init.constant_(model.weight, value)
        ema.update_parameters(model)
    # The decay after one step: 0.5, with a warm-up 2 / 11.
    assert ema.module.weight.item() == pytest.approx(2 / 11 if warmup else 0.5)


@pytest.mark.parametrize("decay", [0.5, 0.99])
def test_timm_averages_the_same(decay):
    torch.manual_seed(0)
    model = Tiny()
    ours, theirs = averaged(model, Ema(decay=decay)), ModelEmaV3(model, decay=decay)
    for step in range(1, 8):
        with torch.no_grad():
            for value in model.parameters():
                value.add_(torch.randn_like(value))
        model(torch.randn(2, 3, 8, 8))  # moves the statistics of batch norm
        ours.update_parameters(model)
        theirs.update(model, step=step)
    wanted = dict(theirs.module.state_dict())
    assert wanted["norm.num_batches_tracked"] == 7
    torch.testing.assert_close(dict(ours.module.state_dict()), wanted, rtol=0, atol=0)


def test_warm_up_ends_at_the_decay():
    assert [decay_at(Ema(decay=0.5, warmup=True), n) for n in (0, 1, 8, 9)] == [0.1, 2 / 11, 0.5, 0.5]
    assert decay_at(Ema(decay=0.5), 0) == 0.5


def test_what_is_kept_and_scored_is_the_average_and_training_goes_on_from_the_weights(tmp_path):
    plain, plain_rows, _ = train(tmp_path / "plain", {})
    task = Steps()
    state, rows, kept = train(tmp_path / "ema", {"ema": {"decay": 0.8}}, task)
    for name in ("model", "criterion", "optimizer"):
        torch.testing.assert_close(state[name], plain[name], rtol=0, atol=0)
    assert [row["train/loss"] for row in rows] == [row["train/loss"] for row in plain_rows]
    assert [row["val/loss"] for row in rows] != [row["val/loss"] for row in plain_rows]
    assert "ema" not in plain

    # What was seen is before each step, so the first is none of the average, and the last step is in the state.
    # Statistics are noted before the batch's own forward pass is over: compare weights, whose steps are whole.
    seen = [*task.seen[1:], state["model"]]
    wanted = by_hand(seen, lambda n: 0.8)
    found = {name.removeprefix("module."): value for name, value in state["ema"].items()}
    for name in dict(Tiny().named_parameters()):
        torch.testing.assert_close(found[name], wanted[name])
    assert found["n_averaged"] == 9

    best = f"weights-{min(rows, key=lambda row: row['val/loss'])['epoch']:04d}.pt"
    assert list(kept) == [best] == ["weights-0003.pt"]
    assert all(torch.equal(value, found[name]) for name, value in kept[best].items())

    model, criterion = Tiny().eval(), Criterion()
    model.load_state_dict(kept[best])
    criterion.load_state_dict(state["criterion"])
    batch = next(FakeBatches(6, 6, training=False).epoch(1))
    outputs = model(Floats()(batch["image"]))
    losses = [criterion(outputs[i : i + 1], {"mask": batch["mask"][i : i + 1]})["loss"].item() for i in range(6)]
    assert rows[-1]["val/loss"] == pytest.approx(sum(losses) / 6, rel=1e-6)


@pytest.mark.parametrize("warmup", [False, True])
def test_two_phases_of_the_loss_and_segments_carry_the_average_over(tmp_path, warmup):
    settings = {"ema": {"decay": 0.8, "warmup": warmup}}
    whole = train(tmp_path / "whole", settings, last=4)[0]
    first = segment_plan(settings, last=2).id
    train(tmp_path / "cut", settings, last=2, total=4)
    cut = train(tmp_path / "cut", settings, last=4, parent=first)[0]
    torch.testing.assert_close(cut["ema"], whole["ema"], rtol=0, atol=0)

    second_loss = settings | {"loss": {"main": {"focal": 1.0}}}
    train(tmp_path / "phases", settings, last=2, total=4)
    phases = train(tmp_path / "phases", second_loss, last=4, parent=first)[0]
    assert phases["ema"]["n_averaged"] == 12


def test_a_step_left_out_in_float16_is_none_of_the_average(tmp_path):
    class Overflowing(FakeTask):
        def criterion(self):
            class Huge(Criterion):
                def forward(self, outputs, batch):
                    return {name: value * 5e3 for name, value in super().forward(outputs, batch).items()}

            return Huge()

    state, rows, _ = train(tmp_path, {"precision": "fp16", "ema": {"decay": 0.5}}, Overflowing(), last=4)
    skipped = sum(row["train/skipped_steps"] for row in rows)
    assert 0 < skipped < 12
    assert state["ema"]["n_averaged"] == 12 - skipped


def test_weights_that_do_not_train_stay_to_the_bit():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    frozen = [value.clone() for value in model.state_dict().values()]
    ema = averaged(model, Ema(decay=0.999))
    for _ in range(50):
        ema.update_parameters(model)
    assert all(map(torch.equal, ema.module.state_dict().values(), frozen))


def test_the_average_computes_in_the_order_of_memory_of_its_model():
    model = Tiny().to(memory_format=torch.channels_last)
    assert averaged(model, Ema()).module.first.weight.is_contiguous(memory_format=torch.channels_last)
