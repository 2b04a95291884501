"""float16 with a scaled gradient: the recipe of torch's documentation, to the bit, in whatever way a step is made."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from segsweep.config.losses import Loss
from segsweep.config.train import Train
from segsweep.data.void import VOID
from segsweep.inference.forward import Forward, micro_batches
from segsweep.losses.task_weights import GradNorm
from segsweep.store.checkpoints import read_state
from segsweep.store.segment_store import SegmentStore
from segsweep.training.gradient_scaling import GradientScaler
from segsweep.training.gradients import accumulate_gradients
from segsweep.training.loop import train_segment
from segsweep.training.seeding import WEIGHTS, reseed
from tests.fakes import Criterion, FakeBatches, FakeTask, Floats, Tiny, fake_loaders, segment_plan

CPU = torch.device("cpu")
OPTIMIZERS = {
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01, fused=True),
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9, fused=True),
}


class Large(FakeTask):
    """Its loss is so large that its gradient, times 65536, overflows in float16."""

    factor = 300.0

    def criterion(self):
        return Enlarged(self.factor)


class Enlarged(Criterion):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, outputs, batch):
        return {name: value * self.factor for name, value in super().forward(outputs, batch).items()}


def trained(tmp_path, settings, task, epochs=2):
    """Last state (none of a training that diverged), the rows of the epochs, and the outcome."""
    segment, rows = segment_plan({"precision": "fp16"} | settings, last=epochs), []
    outcome = train_segment(
        segment, SegmentStore(tmp_path), open_loaders=fake_loaders(task), report=lambda row, best: rows.append(row)
    )
    state = tmp_path / f"{segment.id}.part" / "last.pt"
    return read_state(state) if outcome["status"] == "finished" else None, rows, outcome


def plain_torch(optimizer, *, factor, clip, accumulate, epochs=2, seed=1):
    """The loop of torch's "Automatic mixed precision examples", written down once more."""
    reseed(seed, WEIGHTS)
    model, weight = Tiny(), nn.Parameter(torch.ones(()))
    optimizer = OPTIMIZERS[optimizer]([{"params": model.parameters()}, {"params": [weight]}])
    scaler, skipped = torch.amp.GradScaler("cpu"), []
    for epoch in range(1, epochs + 1):
        reseed(seed, epoch)
        model.train()
        skipped.append(0)
        batches = list(FakeBatches(10, 4, seed).epoch(epoch))
        for first in range(0, len(batches), accumulate):
            group = batches[first : first + accumulate]
            valid = [float((batch["mask"] != VOID).sum()) for batch in group]
            optimizer.zero_grad()
            for batch, count in zip(group, valid, strict=True):
                with torch.autocast("cpu", torch.float16):
                    logits = model(batch["image"].float() / 127.5 - 1)
                summed = F.cross_entropy(logits.float(), batch["mask"], ignore_index=VOID, reduction="sum")
                loss = summed / (batch["mask"] != VOID).sum() * weight * factor
                loss = loss * (count / sum(valid)) if len(group) > 1 else loss
                scaler.scale(loss).backward()
            if clip:
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            scaler.step(optimizer)
            before = scaler.get_scale()
            scaler.update()
            skipped[-1] += scaler.get_scale() < before
    return model.state_dict() | {"weight": weight.detach()}, scaler.state_dict(), skipped


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("clip", [None, 0.5])
@pytest.mark.parametrize(("accumulate", "factor"), [(1, 1.0), (1, 300.0), (2, 300.0)])
def test_the_recipe_of_torch_to_the_bit(tmp_path, optimizer, clip, accumulate, factor):
    task = Large()
    task.factor = factor
    settings = {"optimizer": {"name": optimizer, "lr": 0.01}, "clip_norm": clip, "accumulate": accumulate}
    weights, scaler, skipped = plain_torch(optimizer, factor=factor, clip=clip, accumulate=accumulate)
    state, rows, _ = trained(tmp_path, settings, task)
    found = state["model"] | state["criterion"]
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], value) for name, value in weights.items())
    assert state["scaler"] == scaler
    assert [row["train/skipped_steps"] for row in rows] == skipped
    assert (scaler["scale"] < 65536) == (sum(skipped) > 0) == (factor > 1)
    fp32 = trained(tmp_path / "fp32", settings | {"precision": "fp32"}, task, epochs=1)[0]  # the second may diverge
    assert "scaler" not in fp32
    weights = plain_torch(optimizer, factor=factor, clip=clip, accumulate=accumulate, epochs=1)[0]
    assert not torch.equal(fp32["model"]["first.weight"], weights["first.weight"])


def test_a_step_left_out_leaves_the_weights_and_halves_the_scale(tmp_path):
    task = Large()
    task.factor = 5e5  # a gradient that no step of the first epoch brings down to what float16 holds
    state, rows, outcome = trained(tmp_path, {"optimizer": {"lr": 0.01}}, task, epochs=1)
    reseed(1, WEIGHTS)
    before = Tiny()
    assert rows[0]["train/skipped_steps"] == 3
    assert all(torch.equal(state["model"][name], value) for name, value in before.named_parameters())
    assert not torch.equal(state["model"]["norm.running_mean"], before.norm.running_mean)  # from the forward pass
    assert state["scaler"]["scale"] == 65536 / 8
    assert outcome["status"] == "finished"


def test_a_gradient_that_no_scale_rescues_is_divergence(tmp_path):
    class NoNumber(Criterion):
        def forward(self, outputs, batch):
            losses = super().forward(outputs, batch)
            return losses | {"loss": losses["loss"] + 0 * (outputs.sum() * 0).sqrt()}  # 0, of slope 0 * inf

    class Task(FakeTask):
        def criterion(self):
            return NoNumber()

    _, rows, outcome = trained(tmp_path, {}, Task(), epochs=20)
    # 65536 / 2^30 is the first scale below 1e-4; there are three steps in an epoch.
    assert (outcome["status"], outcome["epochs"]) == ("diverged", 9)
    assert "overflows in float16 at all scales down to 6.10352e-05 in epoch 10, step 3" in outcome["detail"]
    assert [row["train/skipped_steps"] for row in rows] == [3] * 9


def test_a_loss_that_is_not_finite_is_divergence_as_in_fp32(tmp_path):
    class Overflowing(Tiny):
        def forward(self, image):
            return super().forward(image) * 1e5  # beyond what float16 holds

    class Task(FakeTask):
        def model(self):
            return Overflowing()

    segment = segment_plan({"precision": "fp16"}, last=2)
    outcome = train_segment(segment, SegmentStore(tmp_path), open_loaders=fake_loaders(Task()))
    assert (outcome["status"], outcome["epochs"]) == ("diverged", 0)
    assert outcome["detail"].startswith(("train/loss nan", "train/loss inf"))


@pytest.mark.parametrize("size", [2, 3])
def test_two_passes_carry_the_scaled_gradient(size):
    # A loss over the whole batch, so small that without a scale float16 would lose its gradient.
    class Small(Criterion):
        def forward(self, outputs, batch):
            return {name: value * 1e-6 for name, value in super().forward(outputs, batch).items()}

    def gradient(precision, parts):
        torch.manual_seed(0)
        model, criterion = Tiny("group", 0.0), Small("dice")
        forward = Forward(model, Floats(), Train(precision=precision), CPU)
        scaler = GradientScaler(precision, CPU)
        optimizer = torch.optim.SGD(model.parameters())
        loss = Loss.model_validate({"main": {"dice": 1.0}})
        losses = accumulate_gradients(FakeTask(), model, scaler.scaled(criterion), parts, forward, loss)
        scaler.unscale_(optimizer)
        return torch.cat([p.grad.flatten() for p in model.parameters()]), losses["loss"]

    parts = micro_batches(next(FakeBatches(7, 7).epoch(1)), size)
    (wanted, loss), (found, same_loss) = gradient("fp32", parts), gradient("fp16", parts)
    torch.testing.assert_close(found, wanted, rtol=0.02, atol=0.01 * float(wanted.abs().max()))
    torch.testing.assert_close(same_loss, loss, rtol=1e-3, atol=0)


def test_gradnorm_does_not_feel_the_scale():
    def after_two_steps(precision):
        torch.manual_seed(0)
        weighing, shared = GradNorm(2), nn.Parameter(torch.randn(4, 4))
        scaler = GradientScaler(precision, CPU)
        for factor in (1.0, 0.5):
            losses = {"seg": (shared * 3 * factor).square().sum(), "det": shared.abs().sum() * factor}
            losses = scaler.scaled(lambda losses=losses: losses)()
            weighing.update(list(losses.values()), [shared])
        return weighing.state_dict()

    plain, scaled = after_two_steps("fp32"), after_two_steps("fp16")
    assert plain["weights"].tolist() != [1, 1]
    assert all(torch.equal(plain[name], scaled[name]) for name in plain)


def test_losses_keep_their_value_and_their_gradient_is_scaled():
    weight = torch.tensor(3.0, requires_grad=True)
    losses = GradientScaler("fp16", CPU).scaled(lambda: {"loss": weight**2, "part": weight.detach()})()
    losses["loss"].backward()
    assert (losses["loss"].item(), losses["part"].item(), weight.grad.item()) == (9, 3, 6 * 65536)


@pytest.mark.parametrize(
    ("precision", "inside"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_the_forward_pass_computes_in_what_was_asked_for(precision, inside):
    class Noting(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv2d(3, 2, 1)

        def forward(self, images):
            self.seen = self.layer(images)
            return {"main": self.seen}

    model = Noting()
    forward = Forward(copy.deepcopy(model), Floats(), Train(precision=precision), CPU)
    outputs = forward(torch.zeros(1, 3, 4, 4, dtype=torch.uint8))
    assert (forward.model.seen.dtype, outputs["main"].dtype) == (inside, torch.float32)
